"""Random tanh features with all their derivatives in closed form: a network of one hidden layer that is not trained.

Knows numpy. Must not know equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

Array = NDArray[np.float64]
Order = tuple[int, ...]
"""How often a function is differentiated by each coordinate."""


class Features(Protocol):
    """A family of functions on the unit box that a field is a sum of."""

    @property
    def n_features(self) -> int:
        """How many."""
        ...

    def jets(self, points: Array, orders: Sequence[Order]) -> Array:
        """Derivatives `(n_orders, n_points, n_features)` at points `(n_points, n_coordinates)` of the unit box."""
        ...


def order_of(derivative: str, coordinates: Sequence[str]) -> Order:
    """The order that a name stands for.

    >>> order_of("xxt", ("x", "t")), order_of("", ("x", "t"))
    ((2, 1), (0, 0))
    """
    return tuple(derivative.count(name) for name in coordinates)


@dataclass(frozen=True)
class TanhFeatures:
    """`φ_j(z) = tanh(w_j · z + b_j)`, and one constant.

    Attributes:
        weights: `(n_coordinates, n_tanh)`.
        offsets: `(n_tanh,)`.
    """

    weights: Array
    offsets: Array

    @property
    def n_features(self) -> int:
        """The tanh functions and the constant."""
        return len(self.offsets) + 1

    def jets(self, points: Array, orders: Sequence[Order]) -> Array:
        """Derivatives: `∂^k φ_j = tanh^(|k|)(w_j · z + b_j) · Π_i w_ij^k_i`."""
        y = np.tanh(points @ self.weights + self.offsets)
        found = np.zeros((len(orders), len(points), self.n_features))
        by_degree: dict[int, Array] = {}
        for row, order in enumerate(orders):
            degree = sum(order)
            if degree not in by_degree:
                by_degree[degree] = tanh_derivative(degree)(y)
            found[row, :, :-1] = by_degree[degree] * np.prod(self.weights ** np.array(order)[:, None], axis=0)
            found[row, :, -1] = degree == 0
        return found


@lru_cache
def tanh_derivative(degree: int) -> Polynomial:
    """The n-th derivative of tanh as a polynomial in y = tanh: y' = 1 − y², so p(y)' = p'(y) (1 − y²)."""
    found = Polynomial([0.0, 1.0])
    for _ in range(degree):
        found = found.deriv() * Polynomial([1.0, 0.0, -1.0])
    return found


def draw_tanh(n_coordinates: int, n_tanh: int, steepness: float, seed: int) -> TanhFeatures:
    """Draw weights and offsets uniformly from ±steepness: bends of all directions within the unit box and around it."""
    rng = np.random.default_rng([seed, n_tanh])
    weights = rng.uniform(-steepness, steepness, (n_coordinates, n_tanh))
    return TanhFeatures(weights, rng.uniform(-steepness, steepness, n_tanh))
