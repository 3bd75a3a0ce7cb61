"""Many dimensions on paper: the plane in which points vary most.

Knows numpy. Must not know what the points are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEWEST = 3
"""Points that span a plane."""


@dataclass(frozen=True, eq=False)
class Projection:
    """A plane through the middle of points.

    Attributes:
        middle: Mean of the points, `(n_latent,)`.
        axes: Principal axes, the stronger first, orthonormal, `(2, n_latent)`.
        shares: Of the points' variance, along each axis, `(2,)`.
    """

    middle: Array
    axes: Array
    shares: Array

    def __call__(self, points: Array) -> Array:
        """Project points `(n, n_latent)` onto the plane, `(n, 2)`."""
        flat: Array = (np.asarray(points, dtype=float) - self.middle) @ self.axes.T
        return flat


def principal_plane(points: Array) -> Projection:
    """Find the plane by principal component analysis; the same points give the same plane, its signs included.

    Raises:
        ValueError: There are fewer than three points, they have one dimension, or all are the same.
    """
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or len(points) < FEWEST or points.shape[1] < 2:
        raise ValueError(f"points of shape {points.shape}: a map needs at least {FEWEST} points of 2 dimensions")
    middle = points.mean(0)
    _, lengths, axes = np.linalg.svd(points - middle, full_matrices=False)
    if lengths[0] < 1e-12:
        raise ValueError("all points of the map are the same; at least two different ones are needed")
    axes = axes[:2]
    # A decomposition leaves signs open: the largest component of each axis is positive.
    axes *= np.sign(axes[np.arange(2), np.abs(axes).argmax(1)])[:, None]
    return Projection(middle, axes, lengths[:2] ** 2 / (lengths**2).sum())
