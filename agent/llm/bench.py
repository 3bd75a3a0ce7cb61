"""What lies on the table while one batch is planned: candidates that may be chosen, and what was said about them.

Knows candidates, the acquisition and the rules of a space. Must not know chat models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...memory.errors import RetryError
from ...memory.records import Candidate, Condition, Crystal, Goal, Point
from ...tools.crystals.feature import FEATURES, meets
from ...tools.generators.duplicate import Seen
from ...tools.generators.screen import broken_rule
from ...tools.parameters.parameter_space import ParameterSpace
from ...tools.parameters.repair import check
from ...tools.space import CrystalSpace, Space, units_of
from ..guidance import guidance
from ..labels import crystal_of
from ..planner import Pick
from ..planners.builtin import SCORED, SCORED_POINTS
from ..planners.settings import PLAIN, Lessons, acquired

if TYPE_CHECKING:
    from ...memory.recall import Passage
    from ...memory.state import State, Trial
    from ...tools.acquisition.acquire import Acquired, Choice
    from ...tools.properties.predicted import Chosen

Ask = Callable[[str], "Sequence[Passage]"]
"""Asks memory in words; may raise RecallError."""


@dataclass
class Bench:
    """The candidates of one planning step.

    Attributes:
        goal: What is wanted.
        space: What may vary.
        state: What is known.
        n: Picks wanted.
        seed: Of this step.
        predictor: Of the oracle's properties, if it has one.
        recall: Asks memory; None where there is none.
        lessons: How a search over process parameters learns.
        offered: Candidates that may be picked, by id.
        made: Ids of those that were made in this step.
        calls: How often crystals were asked for, so that asking again gives others.
    """

    goal: Goal
    space: Space
    state: State
    n: int
    seed: int
    predictor: Chosen | None = None
    recall: Ask | None = None
    lessons: Lessons = PLAIN
    offered: dict[str, Candidate] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    calls: int = 0
    _ranking: tuple[int, Acquired] | None = None

    def lay_out(self, candidates: Iterable[Candidate]) -> None:
        """Offer candidates that were screened."""
        self.offered |= {candidate.id: candidate for candidate in candidates}

    def take(self, made: Iterable[Candidate], most: int = 1) -> tuple[list[Candidate], Counter[str]]:
        """Offer up to `most` candidates that were made in this step, as far as they keep all rules and are new.

        Returns:
            Those that are offered now, and why the others are not, with how many each.
        """
        told, seen = guidance(self.state, self.state.batches + 1), Seen(self.known)
        taken: list[Candidate] = []
        refused: Counter[str] = Counter()
        for one in made:
            if len(taken) >= most:
                break
            broken = self._broken(one)
            if broken is None and not told.allows(one):
                broken = "ruled out by a person"
            if broken is None and seen.holds(one):
                broken = "tried or offered already"
            if broken is not None:
                refused[broken] += 1
                continue
            seen.add(one)
            taken.append(one)
            self.offered[one.id] = one
            self.made.append(one.id)
        return taken, refused

    def _broken(self, made: Candidate) -> str | None:
        if isinstance(self.space, ParameterSpace) and isinstance(made.content, Point):
            return "; ".join(check(self.space, made.content)) or None
        if not isinstance(self.space, CrystalSpace) or not isinstance(made.content, Crystal):
            return "no crystal"
        rule = broken_rule(made.content, self.space)
        return rule and f"breaks the rule on {rule.replace('_', ' ')}"

    @property
    def ranking(self) -> tuple[Choice, ...]:
        """What the acquisition would pick from all that is offered now, best first."""
        return self._ranked_now().picks

    @property
    def gain(self) -> float | None:
        """What all that is offered now may still gain, as `Acquired.gain`."""
        return self._ranked_now().gain

    def _ranked_now(self) -> Acquired:
        if self._ranking is None or self._ranking[0] != len(self.offered):
            self._ranking = len(self.offered), self._acquired(list(self.offered.values()), self.n)
        return self._ranking[1]

    def candidate(self, name: str) -> Candidate:
        """The candidate of an id.

        Raises:
            RetryError: None of that id is offered.
        """
        if name not in self.offered:
            raise RetryError(
                f"no candidate {name[:40]!r} is offered; trials are named as #12, candidates by the 16 digits that "
                "rank_candidates and what makes new ones tell"
            )
        return self.offered[name]

    def trial(self, number: int) -> Trial:
        """The trial of a number.

        Raises:
            RetryError: There is none.
        """
        if number not in self.state.trials:
            raise RetryError(f"there is no trial #{number}; the last one is #{max(self.state.trials, default=0)}")
        return self.state.trials[number]

    def named(self, name: str) -> Candidate:
        """A trial's candidate where the name is as `#12`, or an offered one by its id.

        Raises:
            RetryError: There is none.
        """
        if not name.startswith("#"):
            return self.candidate(name)
        return self.trial(int(name[1:]) if name[1:].isdecimal() else 0).candidate

    def crystal(self, name: str) -> Crystal:
        """The crystal of a trial, relaxed where it was, or of an offered candidate.

        Raises:
            RetryError: There is none.
        """
        outcome = self.trial(int(name[1:])).outcome if name[:1] == "#" and name[1:].isdecimal() else None
        found = crystal_of(self.named(name), outcome)
        if found is None:
            raise RetryError(f"{name} is no crystal")
        return found

    def ranked(self, n: int, conditions: Sequence[Condition] = ()) -> tuple[Choice, ...]:
        """What the acquisition wants most among the offered candidates that meet some conditions, best first.

        Without conditions it begins with `ranking`, though a longer list chosen at once might begin otherwise.
        """
        pool = [candidate for candidate in self.offered.values() if meets(candidate, conditions)]
        if conditions:
            return self._acquired(pool, n).picks
        first = self.ranking
        if n <= len(first):
            return first[:n]
        ids = {choice.candidate.id for choice in first}
        return (*first, *(choice for choice in self._acquired(pool, n).picks if choice.candidate.id not in ids))[:n]

    def _acquired(self, pool: list[Candidate], n: int) -> Acquired:
        """What the acquisition takes of a pool, best first.

        Of settings nothing can be estimated before the first answer; then they come in random order.
        """
        from ...tools.acquisition.acquire import Acquired, Choice, acquire

        random = np.random.default_rng([self.seed, len(pool)])
        if isinstance(self.space, ParameterSpace):
            return acquired(
                self.goal, self.space, self.state, n, int(random.integers(2**31)), among=pool, lessons=self.lessons
            )
        if self.space.kind == "pool" and not self.state.completed:
            drawn = random.permutation(len(pool))[:n].tolist()
            return Acquired(tuple(Choice(at, pool[at], 0.0, {}, None) for at in drawn), ())
        most = SCORED_POINTS if self.space.kind == "pool" else SCORED
        if len(pool) > most:
            # Those made in this step, and a random sample of the rest.
            own = [candidate for candidate in pool if candidate.id in self.made]
            rest = [candidate for candidate in pool if candidate.id not in self.made]
            pool = [*own, *(rest[int(at)] for at in random.permutation(len(rest)))][:most]
        trials = list(self.state.trials.values())
        return acquire(self.goal, trials, pool, n, int(random.integers(2**31)), self.predictor)

    def expected(self, candidate: Candidate) -> Mapping[str, tuple[float, float]]:
        """What the surrogate expects of an offered candidate: property to (mean, standard deviation)."""
        from ...tools.acquisition.acquire import acquire

        if isinstance(self.space, ParameterSpace):
            found = acquired(
                self.goal, self.space, self.state, 1, self.seed, among=[candidate], lessons=self.lessons
            ).picks
        else:
            trials = list(self.state.trials.values())
            found = acquire(self.goal, trials, [candidate], 1, self.seed, self.predictor).picks
        return found[0].predicted if found else {}

    @property
    def known(self) -> list[Candidate]:
        """All that was tried, as proposed and as relaxed, and all that is offered."""
        trials = self.state.trials.values()
        relaxed = [
            trial.candidate.model_copy(update={"content": trial.outcome.crystal})
            for trial in trials
            if trial.outcome and trial.outcome.crystal is not None
        ]
        return [*(trial.candidate for trial in trials), *relaxed, *self.offered.values()]

    @property
    def features(self) -> Sequence[str]:
        """Names that a condition may speak about."""
        return list(FEATURES) if self.space.kind == "crystal" else list(units_of(self.space))

    def pick(self, choice: Choice, reason: str, hypothesis: str | None = None) -> Pick:
        """A choice of the acquisition as a pick."""
        return Pick(choice.candidate, reason, hypothesis, choice.predicted)
