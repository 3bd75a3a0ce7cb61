"""The planner without a chat model: claims, tests its claims, and otherwise follows the acquisition.

Knows the supply of candidates, hypotheses and the acquire tool by their functions. Must not spend anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...memory.records import Candidate, Crystal, Goal, Hypothesis
from ...memory.state import Trial
from ...tools.crystals.feature import meets
from ...tools.parameters.parameter_space import ParameterSpace
from ...tools.properties.predicted import PREDICTED
from ...tools.space import units_of
from ..guidance import guidance
from ..labels import counted, percent, wording
from ..planner import Pick, Proposal, Reflection
from ..standing import columns_of
from .hypothesise import hypothesise
from .reflect import number, open_hypotheses, reflection, skill
from .settings import PLAIN, Lessons, acquired
from .still_to_gain import still_to_gain
from .supply import Offer, Supply

if TYPE_CHECKING:
    from ...memory.state import State
    from ...tools.acquisition.acquire import Choice
    from ...tools.properties.predicted import Chosen
    from ...tools.space import Space

NEW_CRYSTALS = 60
"""Crystals made anew for each batch."""
TESTS = 2
"""One in so many picks, or more, is about the open hypothesis."""
ASKED = 2
"""One in so many picks holds an element that people have asked for, while they do."""
BLIND = 4
"""One in so many picks is drawn at random while nothing is known, or what is predicted is worse than a mean."""


FOUND = 8
"""Points that the search of a space of parameters adds to the samples of it that a chat model chooses from."""
SCORED, SCORED_POINTS = 300, 2000
"""Crystals, which are estimated, and points that the acquisition is asked about; of more, a random sample a batch."""


class BuiltinPlanner:
    """States typed hypotheses and weighs testing them against what the acquisition wants."""

    name = "builtin"

    def __init__(
        self, goal: Goal, space: Space, seed: int, predictor: Chosen | None = None, lessons: Lessons = PLAIN
    ) -> None:
        """Build a planner for a campaign.

        Args:
            goal: What is wanted.
            space: What may vary.
            seed: The campaign's seed.
            predictor: The oracle's, which sifts what is made before anything costly is paid.
            lessons: How a search over process parameters learns.

        Raises:
            UserError: A file that the space names cannot be used.
        """
        self.goal, self.space, self.seed, self._predictor = goal, space, seed, predictor
        self.lessons = lessons
        self._supply = Supply(goal, space, seed, NEW_CRYSTALS, predictor)

    def offer(self, state: State) -> Offer:
        """Untried candidates for the next batch; of a space of parameters the most wanted ones come first."""
        offered = self._supply.offer(state)
        if not isinstance(self.space, ParameterSpace) or not offered.candidates:
            return offered
        seed = int(np.random.default_rng([self.seed, state.batches + 1]).integers(2**31))
        found = acquired(self.goal, self.space, state, FOUND, seed, lessons=self.lessons)
        wanted = {choice.candidate.id: choice.candidate for choice in found.picks}
        others = [one for one in offered.candidates if one.id not in wanted]
        return replace(offered, candidates=(*wanted.values(), *others))

    def propose(self, state: State, n: int) -> Proposal:
        """Choose up to `n` candidates by acquisition, half of them or more about the open hypothesis."""
        offered = self._supply.offer(state)
        pool, batch = offered.candidates, state.batches + 1
        if not pool or n < 1:
            return Proposal((), notes=("no untried candidate is left",))
        waiting = open_hypotheses(state)
        units = units_of(self.space)
        new = None if waiting else hypothesise(self.goal, state, pool, units, PREDICTED if self._predictor else ())
        claim = state.hypotheses[waiting[0]] if waiting else new
        drawn = self._drawn(state, pool, _share(n, batch, BLIND))
        hinted = self._hinted(state, pool, n, drawn)
        picks, notes, gain = self._wanted(state, pool, claim, n, [*drawn, *hinted])
        events = still_to_gain(self.goal, state, gain)
        return Proposal((*hinted, *picks, *drawn), new, (*_offer(offered), *notes), offered.generators, events)

    def reflect(self, state: State, batch: int) -> Reflection:
        """Say what came back, how good the best is, how far predictions were off, and what the verdicts are."""
        text = reflection(self.goal, state, batch)
        if self._predictor is None:
            return Reflection(text)
        return Reflection(f"{text} {_sifted(self._supply.made_for(state, batch), batch)}")

    def _drawn(self, state: State, pool: Sequence[Candidate], n: int) -> list[Pick]:
        """Candidates at random, while there is nothing better to go by."""
        known = skill(self.goal, state)
        if known is not None and known <= 0:
            why = f"so far the surrogate predicts worse than a mean (R² {known:.2f})"
        elif self.space.kind == "pool" and not state.completed:
            why = "nothing is known of these settings yet"
        else:
            return []
        random = np.random.default_rng([self.seed, state.batches + 1])
        reason = f"drawn at random of {len(pool)}: {why}"
        at = random.choice(len(pool), size=min(n, len(pool)), replace=False)
        return [Pick(pool[int(i)], reason) for i in at]

    def _hinted(self, state: State, pool: Sequence[Candidate], n: int, drawn: Sequence[Pick]) -> list[Pick]:
        """What the acquisition wants most of what people have asked for, half of the batch while they do."""
        told = guidance(state, state.batches + 1)
        if not told.wanted:
            return []
        share = min(n - len(drawn), _share(n, state.batches + 1, ASKED))
        picks, _, _ = self._acquired(state, [c for c in pool if told.wants(c)], share, drawn, None)
        asked = " or ".join(sorted(told.wanted))
        return [replace(pick, reason=f"asked for {asked}; {pick.reason}") for pick in picks]

    def _wanted(
        self, state: State, pool: Sequence[Candidate], claim: Hypothesis | None, n: int, drawn: Sequence[Pick]
    ) -> tuple[list[Pick], tuple[str, ...], float | None]:
        """What the acquisition wants most, with as many tests of the claim as its share of a batch of `n`."""
        tests_wanted = _share(n, state.batches + 1, TESTS)
        n -= len(drawn)
        everything, notes, gain = self._acquired(state, pool, n, drawn, None)
        if claim is None:
            return everything, notes, gain
        conditions = claim.prediction.conditions
        inside = [_as_test(pick, claim) for pick in everything if meets(pick.candidate, conditions)]
        outside = [pick for pick in everything if not meets(pick.candidate, conditions)]
        missing = max(0, min(n, tests_wanted) - len(inside))
        kept = [*inside, *outside[: max(0, len(outside) - missing)]]
        members = [candidate for candidate in pool if meets(candidate, conditions)] if missing else []
        tests, _, _ = self._acquired(state, members, n - len(kept), [*drawn, *kept], claim)
        spare = outside[len(kept) - len(inside) :][: n - len(kept) - len(tests)]
        return [*kept, *(_as_test(pick, claim) for pick in tests), *spare], notes, gain

    def _acquired(
        self, state: State, pool: Sequence[Candidate], n: int, taken: Sequence[Pick], claim: Hypothesis | None
    ) -> tuple[list[Pick], tuple[str, ...], float | None]:
        """Up to `n` picks of a pool, and what that pool may gain; those already taken are pending."""
        ids = {pick.candidate.id for pick in taken}
        rest = [candidate for candidate in pool if candidate.id not in ids]
        if n < 1 or not rest:
            return [], (), None
        random = np.random.default_rng([self.seed, state.batches + 1, len(taken)])
        own = _as_pending(state, taken)
        if isinstance(self.space, ParameterSpace):
            seed = int(random.integers(2**31))
            found = acquired(self.goal, self.space, state, n, seed, own, rest if claim else None, self.lessons)
            whom = f" of what {claim.id} speaks about" if claim else ""
        else:
            from ...tools.acquisition.acquire import acquire

            most = SCORED if isinstance(rest[0].content, Crystal) else SCORED_POINTS
            if len(rest) > most:
                rest = [rest[int(i)] for i in random.choice(len(rest), size=most, replace=False)]
            seed = int(random.integers(2**31))
            found = acquire(self.goal, [*state.trials.values(), *own], rest, n, seed, self._predictor)
            whom = f" of {len(rest)}" + (f" that {claim.id} speaks about" if claim else "")
        picks = [
            Pick(
                choice.candidate,
                self._why(choice, f"acquisition rank {rank}{whom}", found.notes[0]),
                None,
                choice.predicted,
            )
            for rank, choice in enumerate(found.picks, start=1)
        ]
        return picks, found.notes, found.gain

    def _why(self, choice: Choice, rank: str, wanted: str) -> str:
        """Why a candidate is chosen.

        Args:
            rank: In words.
            wanted: What the rank goes by: the acquisition, or what is done where there is nothing to predict by.
        """
        if not choice.predicted:
            return f"{rank}, last: it cannot be estimated" if choice.acquisition == -math.inf else wanted
        units = dict(columns_of(self.goal))
        listed = ", ".join(
            f"{wording(name)} {number(mean, deviation, units.get(name, '1'))}"
            for name, (mean, deviation) in choice.predicted.items()
        )
        is_bound = choice.keeps is not None and self.goal.constraints
        keeps = f"; keeps the constraints: {percent(choice.keeps or 0.0)}" if is_bound else ""
        made = "" if choice.made is None else f"; can be made: {percent(choice.made)}"
        return f"{rank} by {wanted}; predicted by the surrogate: {listed}{keeps}{made}"


def _share(n: int, batch: int, parts: int) -> int:
    """The whole number of picks out of `n` that makes one in `parts` over the batches."""
    return n * batch // parts - n * (batch - 1) // parts


def _as_test(pick: Pick, claim: Hypothesis) -> Pick:
    return Pick(pick.candidate, f"tests {claim.id}; {pick.reason}", claim.id, pick.predicted)


def _as_pending(state: State, picks: Sequence[Pick]) -> list[Trial]:
    """Picks as trials without an answer, so that the acquisition keeps away from them."""
    first = max(state.trials, default=0) + 1
    return [
        Trial(first + rank, state.batches + 1, "", pick.candidate, pick.hypothesis, pick.reason, pick.predicted)
        for rank, pick in enumerate(picks)
    ]


def _offer(offered: Offer) -> Iterator[str]:
    yield f"{counted(len(offered.candidates), 'untried candidate')} on offer"
    if offered.rejected:
        listed = ", ".join(f"{reason} {count}" for reason, count in sorted(offered.rejected.items()))
        yield f"thrown away by the screens: {listed}"
    if offered.thrown:
        listed = ", ".join(f"{reason} {count}" for reason, count in sorted(offered.thrown.items()))
        yield f"thrown away by the predictor: {listed}"


def _sifted(made: Offer, batch: int) -> str:
    """What the predictor did to the crystals made for a batch, before anything was paid for them."""
    thrown = sum(made.thrown.values())
    why = ", ".join(f"{reason} {count}" for reason, count in sorted(made.thrown.items()))
    return (
        f"Of {counted(len(made.candidates) + thrown + made.left, 'crystal')} made for batch {batch} the predictor "
        f"threw away {thrown}{f' ({why})' if why else ''} and left {made.left} aside as less promising."
    )
