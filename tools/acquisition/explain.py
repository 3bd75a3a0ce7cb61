"""What a surrogate has learnt: which variables matter to it, how noisy it finds the oracle, how well it foretells.

Knows the goal, trials and the surrogate. Must not know how any of it is shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...memory.records import Candidate, Goal
from ...memory.state import Trial
from ...models.threads import configure_torch
from ..properties.predicted import Chosen
from .acquire import ROWS, informative
from .merit import Array
from .process import Process
from .surrogate import describe, fit

INTERVAL = 1.6449
"""Standard deviations to either side that hold 90 % of a normal distribution."""


@dataclass(frozen=True)
class Learnt:
    """What is believed of one property.

    Attributes:
        name: Of the property.
        noise: Standard deviation of an answer about the truth, in the property's unit.
        weights: Variable to its part in how fast the property changes, over the pool's range of each; they sum to one,
            the largest first. Empty for crystals, whose embedding has no variables with names.
        left_out: Mean, standard deviation and value of each answer, predicted from all others, `(n_trials, 3)`.
    """

    name: str
    noise: float
    weights: tuple[tuple[str, float], ...]
    left_out: Array

    @property
    def r2(self) -> float:
        """Share of the variance that predictions of left-out answers explain; below zero they are worse than a mean."""
        mean, _, value = self.left_out.T
        total = float(((value - value.mean()) ** 2).sum())
        return 1.0 - float(((value - mean) ** 2).sum()) / total if total > 0 else 0.0

    @property
    def coverage(self) -> float:
        """Share of left-out answers within their 90 % interval."""
        mean, deviation, value = self.left_out.T
        return float((np.abs(value - mean) <= INTERVAL * deviation).mean())


def learnt(
    goal: Goal, trials: Sequence[Trial], others: Sequence[Candidate], predictor: Chosen | None = None
) -> tuple[Learnt, ...]:
    """What a surrogate learns from trials, one entry for each property of the goal; none before there is a surrogate.

    Args:
        goal: Names the properties.
        trials: Those that are completed count.
        others: Untried candidates, which fix the ranges of the variables together with those of the trials.
        predictor: Estimates what the fast potential cannot say of crystals.
    """
    rows = informative(goal, [t for t in trials if t.status == "completed"], ROWS)
    candidates = [*(t.candidate for t in rows), *others]
    if not rows:
        return ()
    configure_torch()
    described = describe(candidates, predictor)
    usable = {t.number: i for i, t in enumerate(rows) if i not in described.refused}
    names = dict.fromkeys([*(o.property for o in goal.objectives), *(c.property for c in goal.constraints)])
    answers = {
        name: {usable[t.number]: t.values[name] for t in rows if t.number in usable and name in t.values}
        for name in names
    }
    if min(map(len, answers.values())) < described.least:
        return ()
    surrogate = fit(described, answers)
    return tuple(
        learnt_of(name, process, described.columns)
        for name, process in zip(surrogate.properties, surrogate.processes, strict=True)
    )


def learnt_of(name: str, process: Process, owners: Sequence[str]) -> Learnt:
    """What a process has learnt of a property.

    Args:
        owners: The variable that each feature belongs to; empty where features have no names.
    """
    noise = process.scale * math.sqrt(process.noise)
    return Learnt(name, noise, _weights(process, owners), process.left_out().numpy())


def _weights(process: Process, owners: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """The inverse length scales by variable, as shares; of a category the columns of its labels together."""
    if not owners:
        return ()
    found: dict[str, float] = {}
    for name, length in zip(owners, process.lengths.expand(len(owners)).tolist(), strict=True):
        found[name] = max(found.get(name, 0.0), 1.0 / length)
    total = sum(found.values())
    return tuple(sorted(((name, value / total) for name, value in found.items()), key=lambda one: -one[1]))
