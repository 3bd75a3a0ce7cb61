"""Products of Legendre polynomials of the place and of a stretched time: fine at the start, coarse later.

Knows numpy. Must not know equations.

The time enters as s = asinh(t/τ)/asinh(1/τ): linear below τ, logarithmic above, so a pulse of length τ and a decay that
lasts a thousand times as long are equally well resolved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from .features import Order

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GradedFeatures:
    """Products of polynomials, one for each coordinate.

    Attributes:
        degrees: Highest degree in each coordinate, the time last.
        shortest: τ, in units of the whole time.
    """

    degrees: tuple[int, ...]
    shortest: float

    @property
    def n_features(self) -> int:
        """All products."""
        return int(np.prod([degree + 1 for degree in self.degrees]))

    def jets(self, points: Array, orders: Sequence[Order]) -> Array:
        """Derivatives; by the time at most one, with ds/dt = 1/(asinh(1/τ) √(t² + τ²))."""
        found = np.empty((len(orders), len(points), self.n_features))
        for row, order in enumerate(orders):
            parts = [
                _polynomials(points[:, axis], degree, k)
                for axis, (degree, k) in enumerate(zip(self.degrees[:-1], order[:-1], strict=True))
            ]
            parts.append(self._times(points[:, -1], order[-1]))
            found[row] = reduce(lambda a, b: (a[:, :, None] * b[:, None, :]).reshape(len(points), -1), parts)
        return found

    def _times(self, t: Array, order: int) -> Array:
        if order > 1:
            raise ValueError(f"a stretched time is differentiated once at most, not {order} times")
        whole = np.arcsinh(1 / self.shortest)
        values = _polynomials(np.arcsinh(t / self.shortest) / whole, self.degrees[-1], order)
        if order == 0:
            return values
        rate: Array = values / (whole * np.sqrt(t**2 + self.shortest**2))[:, None]
        return rate


def graded_points(counts: Sequence[int], shortest: float) -> Array:
    """Gauss-Chebyshev points for such features, stretched in the last coordinate, `(n_points, n_coordinates)`."""
    lines = [0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n) for n in counts]
    lines[-1] = shortest * np.sinh(lines[-1] * np.arcsinh(1 / shortest))
    return np.array(list(product(*lines)))


def _polynomials(z: Array, degree: int, order: int) -> Array:
    """Legendre polynomials of 2z − 1, differentiated `order` times by z, `(n_points, degree + 1)`."""
    coefficients = legendre.legder(np.eye(degree + 1), order, scl=2.0) if order else np.eye(degree + 1)
    found: Array = np.asarray(legendre.legval(2 * z - 1, coefficients).T, dtype=np.float64)
    return found
