"""Piecewise polynomials of the place with continuous derivatives: features of short reach, so that matrices are sparse.

Knows numpy. Must not know equations.

Each element carries the value and slopes at its two ends, shared with its neighbours, and bubbles that vanish there
with those slopes. The coefficients lie in order along the axis.
Collocation at Gauss points: C. de Boor, B. Swartz, SIAM J. Numer. Anal. 10, 582 (1973), doi:10.1137/0710052.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import Legendre, Polynomial
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Piecewise:
    """Polynomials on equal elements of [0, 1].

    Attributes:
        n_elements: How many.
        n_gauss: Gauss points in each.
        smoothness: Conditions at each joint: 2 for continuous value and slope.
    """

    n_elements: int
    n_gauss: int
    smoothness: int

    @property
    def reach(self) -> int:
        """Features that are not zero on an element: one more than the degree of the polynomials."""
        return self.n_gauss + self.smoothness

    @property
    def n_features(self) -> int:
        """All: as many as Gauss points and conditions at the two ends together."""
        return self.n_elements * self.n_gauss + self.smoothness

    def local(self, z: Array, order: int) -> Array:
        """Features that reach a point, differentiated `order` times, `(n_points, reach)`."""
        inside = z * self.n_elements - self._element(z)
        basis = _basis(self.n_gauss, self.smoothness)
        # A coefficient is a slope by the element's own coordinate.
        found: Array = np.column_stack([one.deriv(order)(inside) for one in basis]) * float(self.n_elements) ** order
        return found

    def columns(self, z: Array) -> NDArray[np.int64]:
        """Which features these are, `(n_points, reach)`."""
        found: NDArray[np.int64] = self._element(z)[:, None] * self.n_gauss + np.arange(self.reach)
        return found

    def gauss(self) -> Array:
        """Gauss points of all elements, `(n_elements · n_gauss,)`."""
        nodes = (np.polynomial.legendre.leggauss(self.n_gauss)[0] + 1) / 2
        found: Array = ((np.arange(self.n_elements)[:, None] + nodes) / self.n_elements).ravel()
        return found

    def _element(self, z: Array) -> NDArray[np.int64]:
        found: NDArray[np.int64] = np.clip((z * self.n_elements).astype(np.int64), 0, self.n_elements - 1)
        return found


@lru_cache
def _basis(n_gauss: int, smoothness: int) -> tuple[Polynomial, ...]:
    """Hermite polynomials of the low end, bubbles, Hermite polynomials of the high end, on [0, 1]."""
    powers = [Polynomial.basis(k) for k in range(2 * smoothness)]
    ends = np.array([[one.deriv(k)(end) for one in powers] for end in (0.0, 1.0) for k in range(smoothness)])
    hermite = [Polynomial(column) for column in np.linalg.inv(ends).T]
    bubble = Polynomial([0.0, 4.0, -4.0]) ** smoothness
    legendre = [Legendre.basis(j, domain=[0, 1]).convert(kind=Polynomial) for j in range(n_gauss - smoothness)]
    return (*hermite[:smoothness], *(bubble * one for one in legendre), *hermite[smoothness:])
