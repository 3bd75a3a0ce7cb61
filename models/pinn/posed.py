"""A boundary-value problem with its unknowns and data, in numbers of one coherent system of units.

Knows torch tensors and numpy arrays. Must not know units, files or how the problem is solved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import qmc

from .curve import UnknownCurve

Array = NDArray[np.float64]
_STARTS = 8
Fields = Mapping[str, torch.Tensor]
Parameters = Mapping[str, Any]
Side = Literal["low", "high"]
Residual = Callable[[torch.Tensor, Fields, Fields, Parameters], torch.Tensor]
"""`residual(u, du, at, p)`, pointwise: the field `(n,)`, its derivatives by name (`du["xx"]`), the coordinates by name,
the parameters by name (a tensor, or a curve that can be called and has a `slope`); zero where the law holds."""
FaceValue = Callable[[Fields, Parameters], torch.Tensor]
"""`value(at, p)`: what the field is on a face, `(n,)`; or a whole field that keeps the hard conditions."""


class ResidualError(ValueError):
    """A residual that cannot be used: wrong shape, not differentiable, not a number."""


class NotFiniteError(ResidualError):
    """A residual that is not a number for a field that was tried; a smaller step may mend it."""


@dataclass(frozen=True)
class Value:
    """The field is known on a face of the box: a Dirichlet or initial condition."""

    coordinate: str
    side: Side
    value: FaceValue


@dataclass(frozen=True)
class Law:
    """A law on a face: flux, heat loss, a gauge. `derivatives` names those that its residual reads."""

    coordinate: str
    side: Side
    residual: Residual
    derivatives: tuple[str, ...]


@dataclass(frozen=True)
class Periodic:
    """The field and its slope are the same on the two faces of a coordinate."""

    coordinate: str


Condition = Value | Law | Periodic


@dataclass(frozen=True)
class Observations:
    """Measured values of the field.

    Attributes:
        points: Where, `(n_points, n_coordinates)`.
        values: The field there, `(n_points,)`.
        deviation: Standard deviation of each, `(n_points,)`; None where it is not known, 0 where the value is exact.
    """

    points: Array
    values: Array
    deviation: Array | None


@dataclass(frozen=True)
class UnknownScalar:
    """A number to be inferred, between two bounds; on a logarithmic scale where both are above zero."""

    name: str
    start: float
    low: float
    high: float

    @property
    def is_logarithmic(self) -> bool:
        """Whether it is sought on a logarithmic scale."""
        return self.low > 0


@dataclass(frozen=True)
class Posed:
    """A problem on a box.

    Attributes:
        coordinates: Names, one letter each; `t` is the time and comes last.
        low: Lower corner of the box, `(n_coordinates,)`.
        high: Upper corner.
        residual: The law inside.
        derivatives: Those that the law reads: `x`, `xx`, `t`, `xy` …
        conditions: On the faces.
        known: Parameters by name.
        unknown: Scalars to be inferred.
        curves: Functions to be inferred.
        observations: Data, if there are any.
        scale: Typical size of the field.
        lift: A field near the solution that has its jump in a corner or its layer; what is left is smooth.
        graded: Shortest time that matters at the start, where it is far shorter than the whole; None where it is not.
    """

    coordinates: tuple[str, ...]
    low: Array
    high: Array
    residual: Residual
    derivatives: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    known: Mapping[str, float] = field(default_factory=dict)
    unknown: tuple[UnknownScalar, ...] = ()
    curves: tuple[UnknownCurve, ...] = ()
    observations: Observations | None = None
    scale: float = 1.0
    lift: FaceValue | None = None
    graded: float | None = None

    @property
    def span(self) -> Array:
        """Edges of the box, `(n_coordinates,)`."""
        return self.high - self.low

    @property
    def n_unknowns(self) -> int:
        """Numbers to be inferred: scalars and the coefficients of curves."""
        return len(self.unknown) + sum(curve.terms for curve in self.curves)

    @property
    def is_complete(self) -> bool:
        """Whether the conditions determine the field, once the unknowns are known: all faces, and the start."""
        for name in self.coordinates:
            own = [c for c in self.conditions if c.coordinate == name]
            sides = {c.side for c in own if not isinstance(c, Periodic)}
            if name == "t":
                if not any(isinstance(c, Periodic) or (isinstance(c, Value) and c.side == "low") for c in own):
                    return False
            elif len(sides) < 2 and not any(isinstance(c, Periodic) for c in own):
                return False
        return True

    def start(self) -> Array:
        """Where the search for the unknowns starts, as `theta`, `(n_unknowns,)`."""
        return np.zeros(self.n_unknowns)

    def other_starts(self) -> list[Array]:
        """Where else a search may start: Sobol points of the unknown scalars' ranges, each `(n_unknowns,)`."""
        if not self.unknown:
            return []
        n = len(self.unknown)
        low, high = self.bounds()
        shares = qmc.Sobol(n, rng=0).random(_STARTS)
        within = low[:n] + (high[:n] - low[:n]) * shares
        return [np.concatenate([one, np.zeros(self.n_unknowns - n)]) for one in within]

    def parameters(self, theta: torch.Tensor) -> dict[str, Any]:
        """Parameters by name from `theta`, `(n_points, n_unknowns)` or `(n_unknowns,)`: zero is each one's start."""
        found: dict[str, Any] = {
            name: torch.as_tensor(value, dtype=torch.float64) for name, value in self.known.items()
        }
        for k, one in enumerate(self.unknown):
            if one.is_logarithmic:
                found[one.name] = one.start * torch.exp(theta[..., k])
            else:
                found[one.name] = one.start + (one.high - one.low) * theta[..., k]
        first = len(self.unknown)
        for curve in self.curves:
            found[curve.name] = curve.at(theta[..., first : first + curve.terms])
            first += curve.terms
        return found

    def bounds(self) -> tuple[Array, Array]:
        """Least and greatest `theta`, each `(n_unknowns,)`; curves have none."""
        low, high = np.full(self.n_unknowns, -np.inf), np.full(self.n_unknowns, np.inf)
        for k, one in enumerate(self.unknown):
            if one.is_logarithmic:
                low[k], high[k] = np.log(one.low / one.start), np.log(one.high / one.start)
            else:
                low[k], high[k] = (np.array([one.low, one.high]) - one.start) / (one.high - one.low)
        return low, high

    def prior(self) -> Array:
        """Standard deviation of `theta` before any data, `(n_unknowns,)`: none for scalars, smoothness for curves."""
        parts = [np.full(len(self.unknown), np.inf), *(curve.prior() for curve in self.curves)]
        return np.concatenate(parts)
