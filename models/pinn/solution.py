"""What a solver answers: a field, the unknowns with their deviations, the loss, and how far it can be trusted.

Knows numpy. Must not know how the field was found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fit import Step

Array = NDArray[np.float64]
FieldOf = Callable[[Array], Array]


@dataclass(frozen=True)
class Estimate:
    """An inferred scalar.

    Attributes:
        name: Of the parameter.
        value: In the problem's units.
        deviation: Standard deviation; infinite where the data do not tell.
    """

    name: str
    value: float
    deviation: float


@dataclass(frozen=True)
class CurveEstimate:
    """An inferred function: arguments, values and standard deviations, each `(n_arguments,)`."""

    name: str
    argument: Array
    value: Array
    deviation: Array


@dataclass(frozen=True)
class Solution:
    """A solved problem.

    Attributes:
        solver: Name of the rung of the ladder that answered.
        why: Why this one.
        field: The field at points `(n_points, n_coordinates)` in the problem's units.
        residual: The non-dimensional residual at such points.
        theta: Unknowns, `(n_unknowns,)`.
        covariance: Of `theta`.
        scalars: Inferred scalars.
        curves: Inferred functions.
        history: Data MSE and residual MSE after each iteration.
        weight: λ of the objective.
        is_reduced: Whether the limit of a large λ was taken.
        deviation: Standard deviation of a datum that was used; None without data.
        error_estimate: Relative L2 difference from a second answer of the same kind.
        residual_rms: Root mean square of the residual at points that were not used.
        warnings: What a reader must know.
        cpu_seconds: Spent, by all rungs tried.
    """

    solver: str
    why: str
    field: FieldOf
    residual: FieldOf
    theta: Array
    covariance: Array
    scalars: tuple[Estimate, ...]
    curves: tuple[CurveEstimate, ...]
    history: tuple[Step, ...]
    weight: float
    is_reduced: bool
    deviation: Array | None
    error_estimate: float
    residual_rms: float
    warnings: tuple[str, ...] = ()
    cpu_seconds: float = 0.0
    tried: tuple[str, ...] = ()
