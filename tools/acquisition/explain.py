"""What a surrogate has learnt: which variables matter to it, how noisy it finds the oracle, how well it foretells.

Knows the goal, trials and the surrogate. Must not know how any of it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...memory.records import Candidate, Goal
from ...memory.state import Trial
from ...models.threads import configure_torch
from ..properties.predicted import Chosen
from .acquire import ROWS, informative
from .merit import Array
from .surrogate import LEAST, Surrogate, describe, fit

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
    if min(map(len, answers.values())) < LEAST:
        return ()
    surrogate = fit(described, answers)
    return tuple(
        Learnt(name, _noise(surrogate, k), _weights(surrogate, k, described.columns), _left_out(surrogate, k))
        for k, name in enumerate(answers)
    )


def _noise(surrogate: Surrogate, k: int) -> float:
    return float(surrogate.noise[k].sqrt() * surrogate.scale[k])


def _weights(surrogate: Surrogate, k: int, columns: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """The inverse length scales by variable, as shares; of a category the columns of its labels together."""
    if not columns:
        return ()
    steepness = 1.0 / surrogate.models[k].covar_module.lengthscale.detach().reshape(-1)
    found: dict[str, float] = {}
    for name, value in zip(columns, steepness.expand(len(columns)).tolist(), strict=True):
        found[name] = max(found.get(name, 0.0), value)
    total = sum(found.values())
    return tuple(sorted(((name, value / total) for name, value in found.items()), key=lambda one: -one[1]))


def _left_out(surrogate: Surrogate, k: int) -> Array:
    """Each answer as the others foretell it, the hyperparameters kept.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), eqs. 5.12 and 5.13.
    """
    model = surrogate.models[k]
    with torch.no_grad():
        inputs, targets = model.train_inputs[0], model.train_targets
        covariance: Tensor = model.covar_module(inputs).to_dense() + surrogate.noise[k] * torch.eye(len(inputs))
        inverse = torch.linalg.inv(covariance)
        spread = 1.0 / inverse.diagonal()
        mean = targets - spread * (inverse @ (targets - model.mean_module(inputs)))
    columns = [mean, spread.sqrt(), targets]
    told = torch.stack(columns, dim=-1) * surrogate.scale[k]
    told[:, [0, 2]] += surrogate.shift[k]
    found: Array = told.numpy()
    return found
