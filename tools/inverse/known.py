"""Crystals that a person starts from: read from a file and found in latent space.

Knows files, Wyckoff crystals and the latent model's Protocol. Must not know what is made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...memory.errors import UserError
from ...memory.records import Candidate, Provenance
from ...models.vae.latent_model import LatentModel
from ...models.vae.wish import MAX_ATOMS
from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal
from ..crystals.read import read_crystals
from ..crystals.structure import to_crystal, to_structure
from ..crystals.wyckoff import from_wyckoff, to_wyckoff

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """A crystal that was there before.

    Attributes:
        name: As a person knows it.
        candidate: Its primitive cell.
        crystal: Its occupied Wyckoff positions.
        point: Where it lies in latent space, `(n_latent,)`.
    """

    name: str
    candidate: Candidate
    crystal: WyckoffCrystal
    point: Array


def read_known(path: Path, model: LatentModel) -> Known:
    """Read the one crystal of a file and find it in latent space.

    Raises:
        UserError: It cannot be read, is none or several, or is none that the model can know.
    """
    named = read_crystals(path)
    if len(named) != 1:
        raise UserError(f"{path}: holds {len(named)} crystals; a file with one is needed")
    try:
        return known(path.name, to_wyckoff(to_structure(named[0].crystal)), model)
    except (UserError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error


def known(name: str, crystal: WyckoffCrystal, model: LatentModel) -> Known:
    """Find a crystal in latent space.

    Raises:
        UserError: It has more atoms, or other elements, than the model knows.
    """
    structure = from_wyckoff(crystal)
    if len(structure) > MAX_ATOMS:
        raise UserError(f"{len(structure)} atoms in the primitive cell; the model knows crystals of up to {MAX_ATOMS}")
    unknown = sorted(crystal.elements - set(model.elements))
    if unknown:
        raise UserError(f"{', '.join(unknown)}: never seen in training; the model knows {', '.join(model.elements)}")
    try:
        point = model.encode([crystal]).mean[0]
    except ValueError as error:
        raise UserError(str(error)) from error
    candidate = Candidate(content=to_crystal(structure), provenance=Provenance(tool="known", note=name))
    return Known(name, candidate, crystal, point)
