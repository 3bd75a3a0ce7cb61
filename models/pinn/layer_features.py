"""Adaptive tanh features of one coordinate: narrow where a field bends sharply, wide where it is smooth.

Knows numpy. Must not know equations.

The centres share out the integral of a monitor equally; each width is a multiple of the distance to the neighbours.
Source: equidistribution, C. de Boor, in Lecture Notes in Mathematics 363, 12 (1974), doi:10.1007/BFb0069121.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Legendre
from numpy.typing import NDArray

from .features import Order, tanh_derivative

Array = NDArray[np.float64]
_OVERLAP = 6.0
"""Width of a feature in distances between centres: wide ones together are nearly a spectral basis."""
_SMOOTHING = 8
_SMEARED, _SMEARED_SHARE = 0.02, 0.05


@dataclass(frozen=True)
class LayerFeatures:
    """`1`, `z` and `tanh((z − c_i)/h_i)` on [0, 1].

    Attributes:
        centres: `(n_centres,)`.
        widths: `(n_centres,)`.
    """

    centres: Array
    widths: Array

    @property
    def n_features(self) -> int:
        """The tanh functions, the constant and the line."""
        return len(self.centres) + 2

    def derivative(self, z: Array, order: int) -> Array:
        """The features differentiated `order` times, `(n_points, n_features)`."""
        y = np.tanh((z[:, None] - self.centres) / self.widths)
        lines = {0: (np.ones_like(z), z), 1: (np.zeros_like(z), np.ones_like(z))}
        constant, line = lines.get(order, (np.zeros_like(z), np.zeros_like(z)))
        return np.column_stack([constant, line, tanh_derivative(order)(y) / self.widths**order])


@dataclass(frozen=True)
class SlabFeatures:
    """Products of features of the place with `1` and with `τ P_j(2τ − 1)`, j < degree, of the time within a slab.

    Those with 1 hold the field at the slab's start; all others vanish there.
    """

    place: LayerFeatures
    degree: int

    @property
    def n_features(self) -> int:
        """Those of the place times one more than the degree."""
        return self.place.n_features * (self.degree + 1)

    def jets(self, points: Array, orders: Sequence[Order]) -> Array:
        """Derivatives at points `(n_points, 2)`: place, then time."""
        by_place = {k: self.place.derivative(points[:, 0], k) for k in {order[0] for order in orders}}
        by_time = {k: self._times(points[:, 1], k) for k in {order[1] for order in orders}}
        found = np.empty((len(orders), len(points), self.n_features))
        for row, (k, n) in enumerate(orders):
            products = by_time[n][:, :, None] * by_place[k][:, None, :]
            found[row] = products.reshape(len(points), -1)
        return found

    def _times(self, tau: Array, order: int) -> Array:
        line = Legendre([0.5, 0.5], domain=[0, 1])
        parts = [np.full_like(tau, float(order == 0))]
        for j in range(self.degree):
            own = line * Legendre.basis(j, domain=[0, 1])
            parts.append((own.deriv(order) if order else own)(tau))
        return np.stack(parts, axis=1)


def monitor(z: Array, values: Array, is_periodic: bool) -> Array:
    """How densely centres should lie on a uniform grid, `(n_points,)`: by the root of the bending, and some everywhere.

    The bending is smeared out as well, so that around a kink, which has no width of its own, there are centres too.
    """
    size = max(float(np.ptp(values)), 1e-12)
    step = z[1] - z[0]
    inner = np.diff(values, 2) / step**2
    edge = (values[1] - values[0] + values[-2] - values[-1]) / step**2
    ends = (edge, edge) if is_periodic else (inner[0], inner[-1])
    bending = np.abs(np.concatenate([[ends[0]], inner, [ends[1]]])) / size
    width = max(1, round(_SMEARED / step))
    padded = np.pad(bending, width, mode="wrap" if is_periodic else "edge")
    kernel = np.hanning(2 * width + 1)
    smeared = np.convolve(padded, kernel / kernel.sum(), "valid")
    found: Array = np.sqrt(1 + bending + _SMEARED_SHARE * smeared)
    return found


def equidistribute(z: Array, density: Array, n: int) -> Array:
    """`n` points that share out the integral of a density equally, both ends among them."""
    steps = (density[1:] + density[:-1]) / 2 * np.diff(z)
    share = np.concatenate([[0.0], np.cumsum(steps)])
    return np.interp(np.linspace(0, share[-1], n), share, z)


def layer_features(z: Array, density: Array, n: int) -> LayerFeatures:
    """Features for a density."""
    centres = equidistribute(z, density, n)
    gaps = np.gradient(centres)
    for _ in range(_SMOOTHING):
        gaps = np.convolve(np.pad(gaps, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    return LayerFeatures(centres, _OVERLAP * gaps)
