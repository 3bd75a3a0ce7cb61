"""Which generator makes the next candidates: a share for each, after what its evaluated candidates came to.

Knows goals, finished trials and merit. Must not know how a generator works, nor make or pick candidates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...memory.records import Goal
from ...memory.state import Trial
from ..acquisition import merit

FLOOR = 0.1
"""Share that every generator keeps, whatever it has come to."""
_GRID = 2001


@dataclass(frozen=True)
class Tally:
    """What a generator's candidates came to.

    Attributes:
        evaluated: Trials with an answer, failed ones too.
        hits: Those that keep all constraints.
        improved: Hits that no earlier trial of the campaign beat in all objectives: they entered the Pareto set.
    """

    evaluated: int = 0
    hits: int = 0
    improved: int = 0

    @property
    def earned(self) -> float:
        """One for each improvement, a half for every other hit."""
        return self.improved + (self.hits - self.improved) / 2


def tool_of(generator: str) -> str:
    """The tool in the provenance of what a generator has made."""
    return f"generate/{generator}"


def tallies(goal: Goal, trials: Iterable[Trial], generators: Sequence[str]) -> dict[str, Tally]:
    """Count what came of each generator's candidates; those of other campaigns (batch 0) count for none.

    "Earlier" is by the number of the trial: when an answer came in makes no difference.
    """
    finished = sorted((t for t in trials if t.is_finished), key=lambda t: t.number)
    hits = {t.number for t in merit.feasible(goal, finished)}
    improved = set(_improvements(goal, finished))
    made = {
        name: {t.number for t in finished if t.batch and t.candidate.provenance.tool == tool_of(name)}
        for name in generators
    }
    return {name: Tally(len(own), len(own & hits), len(own & improved)) for name, own in made.items()}


def _improvements(goal: Goal, finished: Sequence[Trial]) -> list[int]:
    front = np.empty((0, len(goal.objectives)))
    found = []
    for trial in merit.feasible(goal, finished):
        row = merit.values(goal, trial)
        if row is None:
            continue
        gains = row * merit.signs(goal)
        if not (front >= gains).all(axis=1).any():
            found.append(trial.number)
            front = np.vstack([front, gains])
            front = front[merit.non_dominated(front)]
    return found


def shares(known: Mapping[str, Tally]) -> dict[str, float]:
    """Share of the raw candidates that each generator is to make; they sum to one.

    A generator's worth for each evaluation has the posterior Beta(1 + earned, 1 + evaluated - earned). Its share is the
    probability that it is the most worthy one, which is how often Thompson sampling draws it, and above that the floor.

    Source: Thompson, Biometrika 25, 285 (1933), doi:10.1093/biomet/25.3-4.285.
    """
    # Imported here because a question to memory must load no scipy.
    from scipy.special import betainc

    names = list(known)
    if len(names) < 2:
        return dict.fromkeys(names, 1.0)
    grid = np.linspace(0.0, 1.0, _GRID)
    below = np.array([betainc(1 + t.earned, 1 + t.evaluated - t.earned, grid) for t in known.values()])
    middle = (below[:, 1:] + below[:, :-1]) / 2
    best = np.array([(np.diff(below[k]) * np.delete(middle, k, axis=0).prod(axis=0)).sum() for k in range(len(names))])
    floor = min(FLOOR, 1 / len(names))
    given = floor + (1 - floor * len(names)) * best / best.sum()
    return {name: float(share) for name, share in zip(names, given, strict=True)}
