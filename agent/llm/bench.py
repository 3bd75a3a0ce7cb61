"""What lies on the table while one batch is planned: candidates that may be chosen, and what was said about them.

Knows candidates, the acquisition and the rules of a space. Must not know chat models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...memory.errors import RetryError
from ...memory.records import Candidate, Condition, Goal
from ...tools.crystals.feature import FEATURES, meets
from ...tools.generators.duplicate import Seen
from ..planner import Pick

if TYPE_CHECKING:
    from ...memory.state import State, Trial
    from ...tools.acquisition.acquire import Choice
    from ...tools.properties.predicted import Chosen
    from ...tools.space import CrystalSpace, PoolSpace

SCORED = 300
"""Candidates that the acquisition is asked about at a time; of more, a random sample."""


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
        offered: Candidates that may be picked, by id.
        ranking: What the acquisition would pick from what was offered at first, best first.
    """

    goal: Goal
    space: CrystalSpace | PoolSpace
    state: State
    n: int
    seed: int
    predictor: Chosen | None = None
    offered: dict[str, Candidate] = field(default_factory=dict)
    ranking: tuple[Choice, ...] = ()

    def lay_out(self, candidates: Iterable[Candidate]) -> None:
        """Offer candidates that were screened, and have the acquisition rank them."""
        self.offered |= {candidate.id: candidate for candidate in candidates}
        self.ranking = self.ranked(self.n)

    def candidate(self, name: str) -> Candidate:
        """The candidate of an id.

        Raises:
            RetryError: None of that id is offered.
        """
        if name not in self.offered:
            raise RetryError(f"no candidate {name[:40]!r} is offered; ids have 16 digits and come from rank_candidates")
        return self.offered[name]

    def trial(self, number: int) -> Trial:
        """The trial of a number.

        Raises:
            RetryError: There is none.
        """
        if number not in self.state.trials:
            raise RetryError(f"there is no trial #{number}; the last one is #{max(self.state.trials, default=0)}")
        return self.state.trials[number]

    def ranked(self, n: int, conditions: Sequence[Condition] = ()) -> tuple[Choice, ...]:
        """What the acquisition wants most among the offered candidates that meet some conditions, best first.

        Of settings nothing can be estimated before the first answer; then they come in random order.
        """
        from ...tools.acquisition.acquire import Choice, acquire

        pool = [candidate for candidate in self.offered.values() if meets(candidate, conditions)]
        random = np.random.default_rng([self.seed, len(pool)])
        if self.space.kind == "pool" and not self.state.completed:
            drawn = random.permutation(len(pool))[:n].tolist()
            return tuple(Choice(at, pool[at], 0.0, {}, None) for at in drawn)
        if len(pool) > SCORED:
            pool = [pool[int(at)] for at in random.choice(len(pool), size=SCORED, replace=False)]
        trials = list(self.state.trials.values())
        return acquire(self.goal, trials, pool, n, int(random.integers(2**31)), self.predictor).picks

    def expected(self, candidate: Candidate) -> Mapping[str, tuple[float, float]]:
        """What the surrogate expects of an offered candidate: property to (mean, standard deviation)."""
        from ...tools.acquisition.acquire import acquire

        found = acquire(self.goal, list(self.state.trials.values()), [candidate], 1, self.seed, self.predictor).picks
        return found[0].predicted if found else {}

    def is_untried(self, candidate: Candidate) -> bool:
        """Whether neither a trial nor the bench holds the same candidate."""
        relaxed = [trial.outcome.crystal for trial in self.state.trials.values() if trial.outcome]
        seen = Seen([*(trial.candidate for trial in self.state.trials.values()), *self.offered.values()])
        for crystal in relaxed:
            if crystal is not None:
                seen.add(candidate.model_copy(update={"content": crystal}))
        return not seen.holds(candidate)

    @property
    def features(self) -> Sequence[str]:
        """Names that a condition may speak about."""
        return list(FEATURES) if self.space.kind == "crystal" else list(self.space.variables)

    def pick(self, choice: Choice, reason: str, hypothesis: str | None = None) -> Pick:
        """A choice of the acquisition as a pick."""
        return Pick(choice.candidate, reason, hypothesis, choice.predicted)
