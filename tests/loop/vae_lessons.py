"""Rock salts and caesium chlorides as files, and networks small enough to be taught in a test."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from athanor.models.vae.network import Shape
from athanor.models.vae.settings import VaeSettings

METALS, ANIONS = ("Li", "Na", "K", "Rb", "Cs", "Ag"), ("F", "Cl", "Br", "I")
SMALL = Shape(width=16, heads=2, encoder_blocks=1, kind_blocks=1, frame_blocks=1, place_blocks=1, latent=4)
LEARNING = {"shape": SMALL, "batch": 16, "learning_rate": 5e-3}


def salt(k: int, stretched: float = 1.0) -> Structure:
    """Crystal `k` of 48: 24 rock salts, then 24 caesium chlorides."""
    metal, anion = METALS[k % 6], ANIONS[k // 6 % 4]
    length = stretched * (4.5 + 0.2 * (k % 6) + 0.15 * (k // 6 % 4))
    half = length / 2
    vectors = [[0, half, half], [half, 0, half], [half, half, 0]] if k < 24 else np.eye(3) * 0.65 * length
    return Structure(Lattice(vectors), [metal, anion], [[0, 0, 0], [0.5, 0.5, 0.5]])


@cache
def salt_cif(k: int, stretched: float = 1.0) -> str:
    """The same as CIF."""
    return str(salt(k, stretched).to(fmt="cif"))


def salts(stretched: float = 1.0) -> list[dict[str, Any]]:
    """Rows of all 48, with the column names of the collections that generative models are compared on."""
    return [
        {
            "material_id": f"x-{k}",
            "formation_energy_per_atom": -2.0 + 0.1 * (k % 6),
            "band_gap": max(0.0, 3.0 - 0.6 * (k % 6)),
            "e_above_hull": 0.01 * (k // 24),
            "cif": salt_cif(k, stretched),
        }
        for k in range(48)
    ]


def use_small_networks(patch: pytest.MonkeyPatch) -> None:
    """Make small networks the default."""
    original = VaeSettings.__init__

    def small(self: VaeSettings, **given: Any) -> None:
        original(self, **(LEARNING | given))

    patch.setattr(VaeSettings, "__init__", small)
