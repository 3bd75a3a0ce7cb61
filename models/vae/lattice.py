"""The lattice as numbers a network can learn: volume per atom, ratios of edges and cosines, as far as they are free.

Knows crystal systems. Must not know networks.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..wyckoff.tables import LETTERS, centring_vectors, crystal_system, sites
from ..wyckoff.wyckoff_crystal import WyckoffCrystal

Array = NDArray[np.float64]

N_LATTICE = 6
RANGES = np.array([(1.6, 5.4), (-2.4, 3.6), (-2.4, 3.6), (-0.75, 0.75), (-0.75, 0.75), (-0.75, 0.75)])
"""Of log(volume per atom / Å³), log(b/a), log(c/a), cos alpha, cos beta, cos gamma, `(6, 2)`.

From 5 to 221 Å³ an atom: diamond has 5.7, the loosest of 30,000 known crystals 203.
"""
_ROUNDING = 1e-4
"""Part of a range by which a number may lie outside for rounding."""
_FREE = {
    "triclinic": (0, 1, 2, 3, 4, 5),
    "monoclinic": (0, 1, 2, 4),
    "orthorhombic": (0, 1, 2),
    "tetragonal": (0, 2),
    "trigonal": (0, 2),
    "hexagonal": (0, 2),
    "cubic": (0,),
}


@cache
def free_lattice(spacegroup: int) -> tuple[int, ...]:
    """Which of the six numbers a space group leaves free."""
    return _FREE[crystal_system(spacegroup)]


def n_atoms(crystal: WyckoffCrystal) -> int:
    """Atoms in the primitive cell."""
    table = sites(crystal.spacegroup)
    return sum(table[LETTERS.index(orbit.letter)].multiplicity for orbit in crystal.orbits)


def to_numbers(crystal: WyckoffCrystal) -> Array:
    """The six numbers of a crystal's lattice, each from 0 to 1 over its range, `(6,)`.

    Those that are not free have the values of the symmetry.

    Raises:
        ValueError: The cell is larger, smaller or longer than the ranges allow.
    """
    a, b, c, *angles = crystal.lattice
    cosines = np.cos(np.radians(angles))
    per_atom = a * b * c * _skewness(cosines) / (len(centring_vectors(crystal.spacegroup)) * n_atoms(crystal))
    numbers = np.array([np.log(per_atom), np.log(b / a), np.log(c / a), *cosines])
    scaled = (numbers - RANGES[:, 0]) / (RANGES[:, 1] - RANGES[:, 0])
    if np.any((scaled < -_ROUNDING) | (scaled > 1 + _ROUNDING)):
        raise ValueError(
            f"a cell of {per_atom:.1f} Å³ an atom with edges of {a:.1f}, {b:.1f} and {c:.1f} Å: "
            "larger, smaller or longer than the model can write"
        )
    return np.asarray(scaled.clip(0.0, 1.0))


def volume_per_atom(scaled: Array) -> Array:
    """Å³ an atom, `(n,)`, of the six numbers of lattices `(n, 6)`."""
    low, high = RANGES[0]
    return np.asarray(np.exp(low + (high - low) * scaled[:, 0]))


def from_numbers(scaled: Array, spacegroup: int, atoms: int) -> tuple[float, float, float, float, float, float]:
    """Edges in Å and angles in degrees of the conventional cell; what is not free comes from the symmetry.

    Args:
        scaled: As `to_numbers` gives them, `(6,)`.
        spacegroup: International number.
        atoms: In the primitive cell.

    Raises:
        ValueError: The three angles close no cell.
    """
    numbers = RANGES[:, 0] + scaled * (RANGES[:, 1] - RANGES[:, 0])
    free = free_lattice(spacegroup)
    hexagonal = crystal_system(spacegroup) in ("trigonal", "hexagonal")
    fixed = np.array([0.0, 0.0, 0.0, 0.0, 0.0, -0.5 if hexagonal else 0.0])
    values = np.where(np.isin(np.arange(N_LATTICE), free), numbers, fixed)
    volume = np.exp(values[0]) * atoms * len(centring_vectors(spacegroup))
    b, c = np.exp(values[1:3])
    skewness = _skewness(values[3:])
    if not skewness > 0.1:
        raise ValueError(f"cosines {values[3:].round(3).tolist()} close no cell")
    a = float((volume / (b * c * skewness)) ** (1 / 3))
    alpha, beta, gamma = np.degrees(np.arccos(values[3:])).tolist()
    return a, a * float(b), a * float(c), alpha, beta, gamma


def _skewness(cosines: Array) -> float:
    """Volume of a cell with edges of one, from the cosines of its angles."""
    x, y, z = cosines
    return float(np.sqrt(max(1 - x * x - y * y - z * z + 2 * x * y * z, 0.0)))
