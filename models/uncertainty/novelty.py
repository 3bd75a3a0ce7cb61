"""How far a crystal lies from the training crystals, where the network looks.

Knows numpy. Knows no network: latent vectors are handed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

AXES = 16
NEAREST = 5
PERCENTILE = 99.0
"""Of held-out crystals, how many count as near."""
CHUNK = 512


@dataclass(frozen=True)
class Novelty:
    """Training crystals in the whitened main axes of the latent space.

    Attributes:
        centre: Mean of the latent vectors, `(n_features,)`.
        axes: Main axes, each divided by its standard deviation, `(n_features, n_axes)`.
        points: Training crystals, `(n_training, n_axes)`.
        unit: Distance that 99 of 100 held-out crystals keep.
    """

    centre: Array
    axes: Array
    points: NDArray[np.float32]
    unit: float

    def of(self, latent: Array) -> Array:
        """Mean distance to the five nearest training crystals, `(n_crystals,)`, in the unit above."""
        return _distances((latent - self.centre) @ self.axes, self.points) / self.unit


def fit_novelty(training: Array, held_out: Array) -> Novelty:
    """Learn the axes from training crystals and the unit from held-out ones, latent vectors `(n, n_features)`."""
    centre = training.mean(0)
    _, spread, directions = np.linalg.svd(training - centre, full_matrices=False)
    n_axes = int(min(AXES, (spread > 1e-6 * spread[0]).sum()))
    axes = directions[:n_axes].T / (spread[:n_axes] / np.sqrt(len(training)))
    points = ((training - centre) @ axes).astype(np.float32)
    unit = float(np.percentile(_distances((held_out - centre) @ axes, points), PERCENTILE))
    return Novelty(centre, axes, points, max(unit, 1e-9))


def _distances(asked: Array, points: NDArray[np.float32]) -> Array:
    nearest = min(NEAREST, len(points))
    lengths = (points.astype(np.float64) ** 2).sum(1)
    found = np.empty(len(asked))
    for first in range(0, len(asked), CHUNK):
        rows = asked[first : first + CHUNK]
        squares = (rows**2).sum(1)[:, None] + lengths - 2.0 * rows @ points.T.astype(np.float64)
        closest = np.partition(squares, nearest - 1, axis=1)[:, :nearest]
        found[first : first + CHUNK] = np.sqrt(closest.clip(min=0.0)).mean(1)
    return found
