"""How far a crystal lies from the training crystals, where the network looks.

Knows numpy and scipy. Knows no network: latent vectors are handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

Array = NDArray[np.float64]

AXES = 16
NEAREST = 5
LEAF = 80
"""Points a leaf: in sixteen dimensions a tree prunes little, and large leaves are quickest."""
PERCENTILE = 99.0
"""Of held-out crystals, how many count as near."""


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
    points: Array
    unit: float

    def of(self, latent: Array) -> Array:
        """Mean distance to the five nearest training crystals, `(n_crystals,)`, in the unit above."""
        return _distances((latent - self.centre) @ self.axes, self._tree) / self.unit

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self.points, leafsize=LEAF)


def fit_novelty(training: Array, held_out: Array) -> Novelty:
    """Learn the axes from training crystals and the unit from held-out ones, latent vectors `(n, n_features)`."""
    centre = training.mean(0)
    _, spread, directions = np.linalg.svd(training - centre, full_matrices=False)
    n_axes = int(min(AXES, (spread > 1e-6 * spread[0]).sum()))
    axes = directions[:n_axes].T / (spread[:n_axes] / np.sqrt(len(training)))
    points = (training - centre) @ axes
    unit = float(np.percentile(_distances((held_out - centre) @ axes, KDTree(points)), PERCENTILE))
    return Novelty(centre, axes, points, max(unit, 1e-9))


def _distances(asked: Array, tree: KDTree) -> Array:
    nearest = min(NEAREST, tree.n)
    found: Array = tree.query(asked, k=list(range(1, nearest + 1)))[0].mean(axis=1)
    return found
