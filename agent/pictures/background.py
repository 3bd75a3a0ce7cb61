"""What a latent map has beneath it: training crystals where the model brings a sample of them, else its prior.

Knows latent models and reference samples. Must not know drawing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...models.vae.reference import ReferenceSample
from .generated_distributions import Population
from .mapped import Mapped

if TYPE_CHECKING:
    from ...models.vae.latent_model import LatentModel

POINTS = 2000


def reference_of(model: LatentModel) -> ReferenceSample | None:
    """The sample of training crystals that a model brings with its weights, if it does."""
    found = getattr(model, "reference", None)
    return found if isinstance(found, ReferenceSample) else None


def background(model: LatentModel) -> tuple[Mapped, str]:
    """Where known crystals lie, and what they are called."""
    reference = reference_of(model)
    if reference is not None:
        n = len(reference.formula)
        values = {name: column.astype(float) for name, column in reference.properties.items()}
        origins = ["training crystal, values of its data set"] * n
        points = reference.mean.astype(float)
        return Mapped(points, reference.formula, reference.spacegroup.tolist(), values, origins), "training crystals"
    points = model.sample(POINTS, 0)
    values = {name: np.asarray(column, dtype=float) for name, column in model.properties(points).items()}
    origins = ["point of the prior, not decoded; values predicted"] * POINTS
    return Mapped(points, [""] * POINTS, [0] * POINTS, values, origins), "points of the prior"


def training_population(model: LatentModel) -> Population | None:
    """The training crystals that a model brings, to be counted."""
    reference = reference_of(model)
    if reference is None:
        return None
    return Population(
        "training crystals",
        reference.formula,
        reference.spacegroup.tolist(),
        reference.volume_per_atom.astype(float),
        reference.n_atoms,
    )
