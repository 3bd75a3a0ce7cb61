"""The random-search baseline: a template of the training crystals, everything else drawn at random.

Knows Wyckoff descriptions and the table of atomic volumes. Must not know what is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...models.wyckoff.tables import crystal_system
from ..crystals.wyckoff import from_wyckoff
from ..generators.volume import atomic_volume, estimable_elements
from ..oracles.guards import check_geometry

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal
    from .known_crystals import KnownCrystals

TRIES = 20
"""Cells and positions drawn for one crystal until its atoms keep apart, as random structure search does."""
_STRETCH = np.log(2.0)
"""Edges differ by a factor of four at most."""
_ANGLES = (60.0, 120.0)


@dataclass(frozen=True)
class RandomSearch:
    """Symmetric random structure search among the templates of the training crystals.

    Space group, occupied positions and which of them share an element are those of a training crystal at random;
    elements are drawn by their frequency, free coordinates evenly, the shape of the cell as far as its system leaves
    it free, and its volume is the sum of atomic volumes. Cells are drawn up to twenty times until atoms keep apart;
    the last one counts if none does.

    Source: Pickard and Needs, J. Phys. Condens. Matter 23, 053201 (2011), doi:10.1088/0953-8984/23/5/053201.
    """

    known: KnownCrystals
    name: str = "random"
    version: str = f"random elements and coordinates in the template of a random training crystal, {TRIES} tries"

    def sample(self, n: int, seed: int) -> Sequence[Structure | None]:
        """Draw templates, elements, cells and coordinates."""
        random = np.random.default_rng(seed)
        training = self.known.training
        present = [sorted(crystal.elements & estimable_elements()) for crystal in training]
        symbols, counts = np.unique([symbol for own in present for symbol in own], return_counts=True)
        drawn = random.integers(len(training), size=n)
        return [_searched(_recoloured(training[k], symbols, counts / counts.sum(), random), random) for k in drawn]


def _recoloured(
    crystal: WyckoffCrystal, symbols: np.ndarray, chances: np.ndarray, random: np.random.Generator
) -> WyckoffCrystal:
    """The same positions with other elements; those that shared one share one again."""
    old = sorted(crystal.elements)
    new = dict(zip(old, random.choice(symbols, size=len(old), replace=False, p=chances).tolist(), strict=True))
    return replace(crystal, orbits=tuple(replace(orbit, element=new[orbit.element]) for orbit in crystal.orbits))


def _searched(crystal: WyckoffCrystal, random: np.random.Generator) -> Structure | None:
    structure: Structure | None = None
    for _ in range(TRIES):
        orbits = tuple(replace(o, free=tuple(random.random(len(o.free)).tolist())) for o in crystal.orbits)
        cell = _shape(crystal_system(crystal.spacegroup), random)
        try:
            structure = from_wyckoff(replace(crystal, orbits=orbits, lattice=cell))
        except ValueError:
            continue
        species = [site.specie.symbol for site in structure]
        structure.scale_lattice(atomic_volume(species))
        if check_geometry(structure) is None:
            break
    return structure


def _shape(system: str, random: np.random.Generator) -> tuple[float, float, float, float, float, float]:
    """Conventional edges of any length that fit each other, and angles in degrees."""
    a, b, c = np.exp(random.uniform(-_STRETCH, _STRETCH, size=3)).tolist()
    alpha, beta, gamma = random.uniform(*_ANGLES, size=3).tolist()
    if system == "triclinic":
        while not _closes(alpha, beta, gamma):
            alpha, beta, gamma = random.uniform(*_ANGLES, size=3).tolist()
        return a, b, c, alpha, beta, gamma
    if system == "monoclinic":
        return a, b, c, 90.0, beta, 90.0
    if system == "orthorhombic":
        return a, b, c, 90.0, 90.0, 90.0
    if system == "tetragonal":
        return a, a, c, 90.0, 90.0, 90.0
    if system == "cubic":
        return a, a, a, 90.0, 90.0, 90.0
    return a, a, c, 90.0, 90.0, 120.0


def _closes(alpha: float, beta: float, gamma: float) -> bool:
    """Whether three angles enclose a cell that is not almost flat."""
    cosines = np.cos(np.radians([alpha, beta, gamma]))
    return bool(1 - (cosines**2).sum() + 2 * cosines.prod() > 0.1)
