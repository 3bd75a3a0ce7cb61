"""One answer from given features: blocks of rows, their weights, and the least-squares fit.

Knows posed problems, features and the fit. Must not know which features are worth trying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .features import Features
from .fit import Fit, Objective
from .graded_features import GradedFeatures, graded_points
from .hard_conditions import Masked, mask_of
from .posed import Fields, Parameters, Posed, Value
from .rows import (
    Block,
    FieldLift,
    condition_blocks,
    default_lift,
    evaluate,
    inner_points,
    lift_jets,
    orders,
    places,
    prepare,
    typical_size,
    unit_factors,
)

Array = NDArray[np.float64]
_CONDITION_WEIGHT = 100.0
_POINTS_PER_FEATURE, _GRADED_POINTS = 3.0, 1.3


@dataclass(frozen=True)
class Weights:
    """What the parts of the objective weigh.

    Attributes:
        residual: λ.
        deviation: Standard deviation of each datum, `(n_points,)`; None without data.
        is_reduced: Whether the coefficients follow the law and the conditions alone, and the data the unknowns alone:
            the limit of a large λ.
        is_guessed: Whether the deviation is a first guess, to be replaced by what the misfit shows.
    """

    residual: float
    deviation: Array | None
    is_reduced: bool = False
    is_guessed: bool = False


@dataclass(frozen=True)
class Field:
    """A field `lift + features · coefficients` with its derivatives and its residual anywhere in the box."""

    posed: Posed
    lift: FieldLift
    features: Features
    coefficients: Array
    theta: Array

    def jets(self, unit: Array, derivatives: tuple[str, ...]) -> list[torch.Tensor]:
        """The field and its derivatives at points of the unit box, in the problem's units, each `(n_points,)`."""
        theta = torch.as_tensor(np.broadcast_to(self.theta, (len(unit), len(self.theta))).copy())
        base = lift_jets(self.posed, self.lift, unit, derivatives, theta)
        needed = orders(self.posed, derivatives)
        own = (self.features.jets(unit, needed) @ self.coefficients) * unit_factors(self.posed, needed)[:, None]
        return [one.detach() + torch.as_tensor(part) for one, part in zip(base, own, strict=True)]

    def __call__(self, points: Array) -> Array:
        """The field at points in the problem's units."""
        found: Array = self.jets(self._unit(points), ())[0].numpy()
        return found

    def residual(self, points: Array) -> Array:
        """The non-dimensional residual at points in the problem's units."""
        unit = self._unit(points)
        jet = [part.requires_grad_() for part in self.jets(unit, self.posed.derivatives)]
        theta = torch.as_tensor(np.broadcast_to(self.theta, (len(unit), len(self.theta))).copy())
        du = dict(zip(self.posed.derivatives, jet[1:], strict=True))
        value = evaluate(self.posed.residual, jet[0], du, places(self.posed, unit), self.posed.parameters(theta))
        found: Array = value.detach().numpy() / typical_size(self.posed, self.posed.derivatives, self.posed.residual)
        return found

    def _unit(self, points: Array) -> Array:
        found: Array = (points - self.posed.low) / self.posed.span
        return found


def collocate(
    posed: Posed,
    features: Features,
    hard: tuple[Value, ...],
    weights: Weights,
    is_linear: bool,
    theta: Array,
    other_starts: Sequence[Array] = (),
) -> tuple[Field, Fit]:
    """Fit the coefficients and the unknowns.

    Args:
        posed: The problem.
        features: On the unit box, without the mask of hard conditions.
        hard: Conditions that are kept exactly.
        weights: λ and the data's deviations.
        is_linear: Whether all laws are linear in the field.
        theta: Where the search for unknowns starts.
        other_starts: Other places to start from, if they look promising.
    """
    masked = Masked(features, mask_of(posed, hard))
    field_lift = default_lift(posed, hard)
    blocks = [prepare(posed, block, masked) for block in blocks_of(posed, hard, weights, features)]
    objective = Objective(posed, field_lift, masked, blocks, is_linear, weights.is_reduced)
    fit = objective.minimise_from_many(theta, other_starts) if other_starts else objective.minimise(theta)
    return Field(posed, field_lift, masked, fit.coefficients, fit.theta), fit


def blocks_of(posed: Posed, hard: tuple[Value, ...], weights: Weights, features: Features) -> list[Block]:
    """Residual, conditions and data, weighted so that their squares sum to N times the total loss."""
    n_data = 0 if weights.deviation is None else len(weights.deviation)
    of_residual = weights.residual * max(n_data, 1)
    points = _points(posed, features)
    each = np.sqrt(of_residual / len(points)) * _pace(points, features)
    size = typical_size(posed, posed.derivatives, posed.residual)
    blocks = [Block("residual", points, posed.residual, posed.derivatives, size, each)]
    n_face = max(8, round(len(points) ** (1 - 1 / len(posed.coordinates)) * 2))
    stretched = features.shortest if isinstance(features, GradedFeatures) else None
    blocks += condition_blocks(posed, hard, n_face, _CONDITION_WEIGHT * of_residual, stretched)
    if posed.observations is not None and weights.deviation is not None:
        unit = (posed.observations.points - posed.low) / posed.span
        values = torch.as_tensor(posed.observations.values)

        def misfit(u: torch.Tensor, _du: Fields, _at: Fields, _p: Parameters) -> torch.Tensor:
            return u - values

        blocks.append(Block("data", unit, misfit, (), 1.0, 1 / weights.deviation))
    return blocks


def _points(posed: Posed, features: Features) -> Array:
    """Collocation points, about three for each feature."""
    if isinstance(features, GradedFeatures):
        counts = [round(_GRADED_POINTS * (degree + 1)) for degree in features.degrees]
        return graded_points(counts, features.shortest)
    return inner_points(len(posed.coordinates), round(_POINTS_PER_FEATURE * features.n_features))


def _pace(points: Array, features: Features) -> Array:
    """What residuals are multiplied with, `(n_points,)`: with a stretched time, the time that has passed.

    So the residual is that of the derivative by the stretched time, which is as large early as late.
    """
    if isinstance(features, GradedFeatures):
        found: Array = np.sqrt(points[:, -1] ** 2 + features.shortest**2)
        return found
    return np.ones(len(points))
