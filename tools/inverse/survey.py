"""What latent space looks like where crystals are: scales, and the density below which there are none.

Knows the Protocol of a latent model. Must not know what is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.vae.latent_model import LatentModel

Array = NDArray[np.float64]

POINTS = 2000
FLOOR = 0.01
"""Quantile of the log density at sampled points, below which a point counts as off the crystals."""


@dataclass(frozen=True)
class Survey:
    """Latent space as its samples show it.

    Attributes:
        points: Samples, `(2000, n_latent)`.
        floor: Log density that 99 of 100 samples have.
        spread: Standard deviation of the samples, `(n_latent,)`.
        scales: Property to its standard deviation over the samples, in its unit.
    """

    points: Array
    floor: float
    spread: Array
    scales: Mapping[str, float]


def survey(model: LatentModel, seed: int) -> Survey:
    """Draw samples and look at them."""
    points = model.sample(POINTS, seed)
    values = model.properties(points)
    return Survey(
        points,
        float(np.quantile(model.log_density(points), FLOOR)),
        np.maximum(points.std(axis=0), 1e-9),
        {name: max(float(own.std()), 1e-9) for name, own in values.items()},
    )
