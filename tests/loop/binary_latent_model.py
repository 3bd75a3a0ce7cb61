"""A latent model without a network that knows many binary compounds, and decodes some points to nonsense.

Four coordinates, each normally distributed: one for each element, one for the structure type, one for the size. Points
far out give cells that are too small or too large, and atoms that overlap, as those of a network do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from athanor.models.target import BAND_GAP, FORMATION_ENERGY, Target
from athanor.models.vae.latent_model import Decoded, Latent
from athanor.models.vae.wish import DecodingWish
from athanor.models.wyckoff.wyckoff_crystal import Orbit, WyckoffCrystal

Array = NDArray[np.float64]
Choice = TypeVar("Choice")

ELEMENTS = ("Na", "K", "Mg", "Ca", "Ti", "Zn", "Si", "C", "S", "O", "Cl", "F")
TYPES = ((225, "ab", 2, 2.0), (216, "ac", 2, 2.31), (221, "ab", 2, 1.155), (225, "ac", 3, 2.31))
"""Space group, letters, atoms in the primitive cell, and edge of the cell in sums of radii."""


class BinaryLatentModel:
    """Decodes any point to a binary compound; some of them are no crystals."""

    name = "binary latent model 1"
    n_latent = 4
    elements: tuple[str, ...] = ELEMENTS
    targets: tuple[Target, ...] = (FORMATION_ENERGY, BAND_GAP)

    def encode(self, crystals: Sequence[WyckoffCrystal]) -> Latent:
        """The middle of what is decoded to these elements and this type."""
        return Latent(np.array([_encoded(one) for one in crystals]).reshape(-1, 4), np.full((len(crystals), 4), 0.1))

    def decode(self, points: Array, wish: DecodingWish, temperature: float = 0.0, seed: int = 0) -> tuple[Decoded, ...]:
        """What keeps the wish; a dead end where no type or no two elements do."""
        noise = np.random.default_rng(seed).normal(size=np.shape(points)) * temperature
        return tuple(_decoded(row, wish) for row in ndtr(points + noise))

    def sample(self, n: int, seed: int) -> Array:
        """Normal latent points."""
        return np.random.default_rng(seed).normal(size=(n, 4))

    def log_density(self, points: Array) -> Array:
        """Of the standard normal distribution, without its constant."""
        return np.asarray(-0.5 * (points**2).sum(axis=1))

    def properties(self, points: Array) -> Mapping[str, Array]:
        """Straight lines in two of the coordinates."""
        return {"formation_energy": -2.0 + points[:, 0], "band_gap": np.maximum(2.0 + points[:, 1], 0.0)}

    def promise(self, points: Array, wish: DecodingWish) -> Array:
        """Zero where the point unforced holds what is wished for, lower where it does not."""
        free = [_decoded(row, DecodingWish()).crystal for row in ndtr(points)]
        return np.array([0.0 if one and wish.broken(one, _atoms(one)) is None else -4.0 for one in free])


def _decoded(row: Array, wish: DecodingWish) -> Decoded:
    types = [
        one
        for one in TYPES
        if (wish.spacegroups is None or one[0] in wish.spacegroups) and wish.atoms[0] <= one[2] <= wish.atoms[1]
    ]
    allowed = list(wish.allows(ELEMENTS))
    wanted = sorted(wish.with_all, key=ELEMENTS.index)
    if not types or len(allowed) < 2 or not wish.n_elements[0] <= 2 <= wish.n_elements[1] or len(wanted) > 2:
        return Decoded(None, "dead_end")
    first = wanted[0] if wanted else _pick(allowed, row[0])
    others = [wanted[1]] if len(wanted) == 2 else [one for one in allowed if one != first]
    group, letters, _, ratio = _pick(types, row[2])
    pair = (first, _pick(others, row[1]))
    edge = float(ratio * sum(covalent_radii[atomic_numbers[one]] for one in pair) * (0.5 + row[3]))
    orbits = tuple(Orbit(letter, element) for letter, element in zip(letters, pair, strict=True))
    return Decoded(WyckoffCrystal(group, orbits, (edge, edge, edge, 90.0, 90.0, 90.0)))


def _pick(choices: Sequence[Choice], share: float) -> Choice:
    return choices[min(int(share * len(choices)), len(choices) - 1)]


def _encoded(crystal: WyckoffCrystal) -> Array:
    pair = [one.element for one in crystal.orbits[:2]]
    letters = "".join(one.letter for one in crystal.orbits)
    kind = next(k for k, one in enumerate(TYPES) if one[0] == crystal.spacegroup and len(one[1]) == len(letters))
    ratio = crystal.lattice[0] / (TYPES[kind][3] * sum(covalent_radii[atomic_numbers[one]] for one in pair)) - 0.5
    others = [one for one in ELEMENTS if one != pair[0]]
    shares = [
        (ELEMENTS.index(pair[0]) + 0.5) / len(ELEMENTS), (others.index(pair[-1]) + 0.5) / len(others),
        (kind + 0.5) / len(TYPES), np.clip(ratio, 0.01, 0.99),
    ]  # fmt: skip
    return np.asarray(ndtri(shares))


def _atoms(crystal: WyckoffCrystal) -> int:
    letters = "".join(one.letter for one in crystal.orbits)
    return next(one[2] for one in TYPES if one[0] == crystal.spacegroup and one[1] == letters)
