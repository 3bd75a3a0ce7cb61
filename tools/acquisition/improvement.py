"""The expected gain beyond the best that is known, for any model and any goal; and what weighs it.

Knows the goal and BoTorch's acquisition functions. Must not know where rows come from, nor how the best are found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from botorch.acquisition import AcquisitionFunction
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective import logei
from botorch.acquisition.multi_objective.objective import GenericMCMultiOutputObjective
from botorch.acquisition.objective import GenericMCObjective
from botorch.models.model import Model
from botorch.posteriors import GPyTorchPosterior
from botorch.sampling import SobolQMCNormalSampler
from scipy.stats import norm
from torch import Tensor

from ...memory.records import Constraint, Goal
from . import merit
from .merit import Array

Weight = Callable[[Tensor, Model], Tensor]
"""Candidates `(n, 1, n_columns)` and the model to the log of a factor, `(n,)`, which autograd can follow."""
Hold = Callable[[Tensor], tuple[Model, Tensor]]
"""Pending rows to the model that has taken some of them in, and the rows that are left pending."""

# Left alone, BoTorch compiles a kernel by the C++ compiler it finds when an acquisition is first made: seconds,
# a file in the user's cache, and a result that depends on the machine.
logei._load_attempted = True


class Improvement(AcquisitionFunction):
    """Log of the expected improvement, or hypervolume improvement, times some factors.

    Attributes:
        name: What it is, in words.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[Tensor | None], AcquisitionFunction],
        pending: Tensor | None,
        weights: Sequence[Weight],
        lift: Callable[[Tensor], Tensor] | None,
    ) -> None:
        """Build what is weighed.

        Args:
            name: What it is, in words.
            build: Makes an acquisition function that gives logs, from the rows that are pending.
            pending: Rows that are pending from the start, `(n, n_columns)`.
            weights: Of each candidate.
            lift: Candidates to the rows at which the gain counts; None where those are the same.
        """
        base = build(pending)
        super().__init__(base.model)
        self.name = name
        self._build, self._base, self._weights, self._lift = build, base, tuple(weights), lift
        # BoTorch's own acquisitions forget the pending rows they were made with as soon as more are set.
        self.X_pending = pending  # type: ignore[assignment]

    def set_X_pending(self, X_pending: Tensor | None = None) -> None:  # noqa: N802, N803 - BoTorch's names
        """Replace the rows that are pending."""
        if X_pending is not self.X_pending:
            self.X_pending, self._base = X_pending, self._build(X_pending)  # type: ignore[assignment]

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803
        """Log of the weighed gain of candidates `(n, 1, n_columns)`, `(n,)`."""
        value: Tensor = self._base(X if self._lift is None else self._lift(X))
        for weight in self._weights:
            value = value + weight(X, self._base.model)
        return value


def improvement(
    goal: Goal,
    properties: Sequence[str],
    model: Model,
    known: Tensor,
    pending: Tensor | None,
    reference: Array,
    draws: int,
    seed: int,
    weights: Sequence[Weight] = (),
    lift: Callable[[Tensor], Tensor] | None = None,
    hold: Hold | None = None,
) -> Improvement:
    """The expected gain, each objective in units of what the best gain over the reference point.

    Args:
        properties: Name of each output of the model.
        known: Rows of the best trials, over whose uncertainty it averages, `(n_known, n_columns)`.
        pending: Rows of unfinished trials; None where there are none.
        reference: Point that gains are measured from, in the goal's units.
        draws: Samples of the joint belief.
        seed: Of the samples.
        weights: Factors of each candidate.
        lift: Candidates to the rows at which their gain counts.
        hold: What the model makes of pending rows; None where all of them only take the gain off their like.
    """
    place = {name: k for k, name in enumerate(properties)}
    columns = [place[o.property] for o in goal.objectives]
    sign, origin = torch.from_numpy(merit.signs(goal)), torch.from_numpy(reference)
    with torch.no_grad():
        belief = model.posterior(known)
        if not isinstance(belief, GPyTorchPosterior):
            raise TypeError(f"{type(belief).__name__} is no normal distribution")
        means, deviations = belief.mean, belief.variance.clamp_min(0).sqrt()
    reach = (_amounts(goal, means[:, columns]) - origin).abs().amax(dim=0).clamp_min(1e-9)

    def gains(samples: Tensor, X: Tensor | None = None) -> Tensor:  # noqa: N803, ARG001 - BoTorch's signature
        return (_amounts(goal, samples[..., columns]) - origin) * sign / reach

    def excess(bound: Constraint) -> Callable[[Tensor], Tensor]:
        k, toward = place[bound.property], 1.0 if bound.comparison == "<=" else -1.0
        spread = float(means[:, k].std(correction=0) + deviations[:, k].mean())
        scale = max(spread, 1e-9 * max(1.0, abs(bound.value)))
        return lambda samples: toward * (samples[..., k] - bound.value) / scale

    constraints = [excess(c) for c in goal.constraints] or None

    def build(pending: Tensor | None) -> AcquisitionFunction:
        now, waiting = (model, pending) if hold is None or pending is None else hold(pending)
        waiting = waiting if waiting is not None and len(waiting) else None
        sampler = SobolQMCNormalSampler(torch.Size([draws]), seed=seed)
        if len(columns) == 1:
            return qLogNoisyExpectedImprovement(
                now,
                known,
                sampler,
                GenericMCObjective(lambda samples, X: gains(samples)[..., 0]),  # noqa: N803
                X_pending=waiting,
                constraints=constraints,
                prune_baseline=False,
            )
        return logei.qLogNoisyExpectedHypervolumeImprovement(
            now,
            torch.zeros(len(columns), dtype=torch.float64),
            known,
            sampler,
            GenericMCMultiOutputObjective(gains),
            constraints,
            X_pending=waiting,
        )

    return Improvement(_name(goal, reference), build, pending, weights, lift)


def _name(goal: Goal, reference: Array) -> str:
    if len(goal.objectives) == 1:
        return "expected improvement"
    wanted = ", ".join(
        f"{o.property} {amount:.4g} {o.unit}" + ("" if o.target is None else " off its target")
        for o, amount in zip(goal.objectives, reference, strict=True)
    )
    return f"expected hypervolume beyond {wanted} (the reference point)"


def _amounts(goal: Goal, values: Tensor) -> Tensor:
    """Values of the objectives, `(…, n_objectives)`, with the distance from a target in place of the value."""
    columns = [
        column if objective.target is None else (column - objective.target).abs()
        for objective, column in zip(goal.objectives, values.unbind(dim=-1), strict=True)
    ]
    return torch.stack(columns, dim=-1)


def keeps(goal: Goal, predicted: Mapping[str, tuple[float, float]]) -> float:
    """Probability that all constraints are kept, the properties taken as independent."""
    chance = 1.0
    for name in dict.fromkeys(c.property for c in goal.constraints):
        mean, deviation = predicted[name]
        low, high = merit.bounds(goal, name)
        chance *= float(np.diff(norm.cdf((np.array([low, high]) - mean) / max(deviation, 1e-12)))[0].clip(0.0))
    return chance
