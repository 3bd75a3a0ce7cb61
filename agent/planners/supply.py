"""Where planners get candidates from: the space's generators, seeded by the batch, and what was left over before.

Knows the generate tool, the sift, state and merit. Must not know surrogates or hypotheses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ...memory.events import GeneratorShare
from ...memory.records import Candidate, Goal, Provenance
from ...tools.acquisition import merit
from ...tools.acquisition.scalar import scalarised
from ...tools.generators.bandit import Tally, shares, tallies
from ...tools.generators.duplicate import Seen
from ...tools.generators.generate import Wish, Yield, generate, generators_for
from ...tools.generators.latent import Decode
from ...tools.parameters.parameter_space import ParameterSpace
from ...tools.properties.disagreement import Correction, correction, disagreements
from ...tools.space import CrystalSpace, Space
from ..guidance import Guidance, guidance, narrowed
from ..standing import best_first
from .settings import sampled

if TYPE_CHECKING:
    from ...memory.state import State, Trial
    from ...tools.properties.predicted import Chosen

MAX_PARENTS = 8
MAX_RECALLED = 4
"""Materials of other campaigns that are parents too."""
KEPT_BATCHES = 2
"""Earlier batches whose unpicked crystals stay on offer."""
WHOLE_POOL = 1_000_000
TOLD = 300
"""Completed trials whose scores the search of latent space is told, at most."""
LESSONS = 24
"""Best results that the latent model learns, at most; of fewer than `LEAST_LESSONS` it learns none."""
LEAST_LESSONS = 8
LOOKED_AT = 4
"""New crystals that a predictor looks at for each one that is offered; a look costs a fiftieth of an estimate."""


@dataclass(frozen=True)
class Offer:
    """Untried candidates.

    Attributes:
        candidates: What a planner may choose from.
        rejected: Reason of the screens to number of new candidates thrown away.
        thrown: Reason of the predictor to number of new candidates thrown away.
        left: New candidates left aside as less promising to the predictor.
        generators: Which generator made how many of the new candidates; empty where there is one generator.
    """

    candidates: tuple[Candidate, ...]
    rejected: Mapping[str, int] = field(default_factory=dict)
    thrown: Mapping[str, int] = field(default_factory=dict)
    left: int = 0
    generators: tuple[GeneratorShare, ...] = ()


class Supply:
    """Untried candidates of a space; a pure function of the state, however often it is asked.

    A finite pool is read once and always offered whole; a space of parameters is sampled anew for each batch. So are
    crystals made; those made for the last few batches and not picked stay on offer. They are not kept but made again
    from the same seeds, so that a resumed campaign is offered the same ones. What earlier candidates came to decides
    how much each generator makes.
    """

    def __init__(self, goal: Goal, space: Space, seed: int, size: int, predictor: Chosen | None = None) -> None:
        """Build the generators of a space.

        Args:
            goal: What makes a trial a good parent.
            space: What may vary.
            seed: The campaign's seed.
            size: New crystals wanted for each batch.
            predictor: Sifts several times as many crystals; without one, all that are made are offered.

        Raises:
            UserError: A file that the space names cannot be used.
        """
        self.goal, self.space, self.seed, self.size, self.predictor = goal, space, seed, size, predictor
        self._generators = generators_for(space)
        self._made = lru_cache(maxsize=2 * (KEPT_BATCHES + 1))(self._make)

    def offer(self, state: State, kept_batches: int = KEPT_BATCHES, is_informed: bool = True) -> Offer:
        """Candidates for batch `state.batches + 1`, none of them tried, pending or the same as a relaxed one.

        Args:
            state: What is known.
            kept_batches: Earlier batches whose unpicked crystals are offered too.
            is_informed: Whether results count: the best trials are varied, and generators have shares by their yield.
        """
        if isinstance(self.space, ParameterSpace):
            return Offer(sampled(self.space, state, _seed(self.seed, state.batches + 1)))
        if self.space.kind == "pool":
            tried_ids = {trial.candidate.id for trial in state.trials.values()}
            rows = self._made(_Order.of(0, (), ()))
            return replace(rows, candidates=tuple(c for c in rows.candidates if c.id not in tried_ids))
        batch = state.batches + 1
        newest = self._made(self._order(state, batch, is_informed))
        kept = list(newest.candidates)
        seen = Seen([*_tried(state.trials.values()), *kept])
        for earlier in range(batch - 1, max(0, batch - 1 - kept_batches), -1):
            # What batch b was planned from: the running batch b - 1 had no results yet.
            view = state.before(earlier - 1)
            for candidate in self._made(self._order(view, earlier, is_informed)).candidates:
                if not seen.holds(candidate):
                    seen.add(candidate)
                    kept.append(candidate)
        told = guidance(state, batch)
        return replace(newest, candidates=tuple(c for c in kept if told.allows(c)))

    def made_for(self, state: State, batch: int) -> Offer:
        """What was made for a batch that is finished."""
        return self._made(self._order(state.before(batch - 1), batch, is_informed=True))

    def _order(self, state: State, batch: int, is_informed: bool) -> _Order:
        earlier = [trial for trial in state.trials.values() if trial.batch < batch]
        parents = (*self._parents(earlier), *_recalled(state, batch)) if is_informed else ()
        known = tallies(self.goal, earlier, [generator.name for generator in self._generators])
        told = self._told(earlier, batch) if is_informed and Decode.name in known else ()
        return replace(
            _Order.of(batch, parents, _tried(earlier)),
            correction=correction(disagreements(earlier)),
            known=tuple(known.items()),
            is_informed=is_informed,
            told=told,
            scores=tuple(score for _, score in told),
            lessons=self._lessons(earlier, batch) if is_informed else (),
            guidance=guidance(state, batch),
        )

    def _told(self, trials: Sequence[Trial], batch: int) -> tuple[tuple[Candidate, float], ...]:
        """What was evaluated, relaxed, with one score each; the weights of the objectives change with the batch."""
        from ...tools.acquisition.acquire import informative

        completed = informative(self.goal, [trial for trial in trials if trial.status == "completed"], TOLD)
        scored = scalarised(self.goal, completed, _seed(self.seed, batch))
        return tuple((_relaxed(trial) or trial.candidate, score) for trial, score in scored)

    def _lessons(self, trials: Sequence[Trial], batch: int) -> tuple[Candidate, ...]:
        """The better half of what had come back when the latent model was last to learn."""
        every = self.space.fine_tune_every if self.space.kind == "crystal" else None
        if every is None:
            return ()
        # The batch before may still be running; all earlier ones have their answers.
        last = max(0, batch - 2) // every * every
        told = self._told([trial for trial in trials if trial.batch <= last], last)
        best = sorted(told, key=lambda one: -one[1])[: min(LESSONS, len(told) // 2)]
        return tuple(candidate for candidate, _ in best) if len(best) >= LEAST_LESSONS else ()

    def _make(self, order: _Order) -> Offer:
        seed = _seed(self.seed, order.batch)
        n = WHOLE_POOL if self.space.kind == "pool" else self.size * (LOOKED_AT if self.predictor else 1)
        chances = shares(dict(order.known)) if order.is_informed else {}
        wish = Wish(n, seed, order.parents, order.exclude, chances, order.told, order.lessons)
        made = self._guided(wish, order.guidance)
        parts = _parts(made, order.known, chances) if len(order.known) > 1 else ()
        if self.predictor is None:
            return Offer(made.candidates, made.rejected, generators=parts)
        from ...tools.acquisition.sift import sift

        sifted = sift(self.goal, made.candidates, self.predictor, self.size, order.correction)
        return Offer(sifted.candidates, made.rejected, sifted.thrown, sifted.left, parts)

    def _guided(self, wish: Wish, told: Guidance) -> Yield:
        """Make candidates without what people have banned, half of them with what they want."""
        if not isinstance(self.space, CrystalSpace) or not told.hints:
            return generate(wish, self._generators, self.space)
        allowed = narrowed(self.space, told.banned)
        if not told.wanted:
            return generate(wish, self._generators, allowed)
        first = generate(replace(wish, n=wish.n // 2), self._generators, narrowed(self.space, told.banned, told.wanted))
        left = replace(wish, n=wish.n - len(first.candidates), exclude=(*wish.exclude, *first.candidates))
        second = generate(left, self._generators, allowed)
        return Yield(
            (*first.candidates, *second.candidates),
            *(dict(Counter(one) + Counter(two)) for one, two in zip(first.counts, second.counts, strict=True)),
        )

    def _parents(self, trials: Sequence[Trial]) -> tuple[Candidate, ...]:
        """The best completed trials, relaxed: the Pareto set, then other hits, then the rest."""
        front = merit.pareto(self.goal, trials)
        ranked = [
            *best_first(self.goal, front),
            *best_first(self.goal, merit.feasible(self.goal, trials)),
            *best_first(self.goal, trials),
        ]
        best = {trial.number: trial for trial in ranked}
        return tuple(_relaxed(trial) or trial.candidate for trial in list(best.values())[:MAX_PARENTS])


@dataclass(frozen=True)
class _Order:
    """What is to be made. Candidates can hold a dict and are compared by their ids."""

    batch: int
    parents: tuple[Candidate, ...] = field(compare=False)
    exclude: tuple[Candidate, ...] = field(compare=False)
    ids: tuple[tuple[str, ...], frozenset[str]] = ((), frozenset())
    correction: Correction = field(default_factory=Correction)
    known: tuple[tuple[str, Tally], ...] = ()
    is_informed: bool = False
    told: tuple[tuple[Candidate, float], ...] = field(default=(), compare=False)
    scores: tuple[float, ...] = ()
    lessons: tuple[Candidate, ...] = field(default=(), compare=False)
    guidance: Guidance = field(default_factory=Guidance)

    @classmethod
    def of(cls, batch: int, parents: tuple[Candidate, ...], exclude: tuple[Candidate, ...]) -> _Order:
        return cls(batch, parents, exclude, (tuple(c.id for c in parents), frozenset(c.id for c in exclude)))


def _seed(seed: int, batch: int) -> int:
    """A seed of a batch's own."""
    return int(np.random.SeedSequence([seed, batch]).generate_state(1)[0])


def _parts(made: Yield, known: Sequence[tuple[str, Tally]], chances: Mapping[str, float]) -> tuple[GeneratorShare, ...]:
    """What each generator has made, and what its share followed from."""
    return tuple(
        GeneratorShare(
            generator=name,
            share=chances.get(name, 1 / len(known)),
            made=made.made.get(name, 0),
            kept=made.kept.get(name, 0),
            evaluated=tally.evaluated,
            hits=tally.hits,
            improved=tally.improved,
        )
        for name, tally in known
    )


def _recalled(state: State, batch: int) -> tuple[Candidate, ...]:
    """Materials that memory gave when a batch was planned and that their oracle could evaluate, as parents."""
    given = state.reminded(batch)
    found = [seen for seen in given.materials if seen.measurements] if given else []
    return tuple(
        Candidate(
            content=seen.crystal,
            provenance=Provenance(tool="recall", note=f"trial {seen.origin.trial} of campaign {seen.origin.campaign}"),
        )
        for seen in found[:MAX_RECALLED]
    )


def _tried(trials: Iterable[Trial]) -> tuple[Candidate, ...]:
    """All candidates of the trials, as proposed and as relaxed."""
    relaxed = [candidate for trial in trials if (candidate := _relaxed(trial)) is not None]
    return (*(trial.candidate for trial in trials), *relaxed)


def _relaxed(trial: Trial) -> Candidate | None:
    if trial.outcome is None or trial.outcome.crystal is None:
        return None
    return Candidate(
        content=trial.outcome.crystal,
        provenance=Provenance(tool="relax", parents=(trial.candidate.id,), note=f"trial {trial.number}, relaxed"),
    )
