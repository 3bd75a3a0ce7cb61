"""From occupied Wyckoff positions to atoms in a primitive cell.

Knows Wyckoff tables. Must not know networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Lattice

from .tables import LETTERS, are_one, centring_vectors, images, sites
from .wyckoff_crystal import WyckoffCrystal

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Atoms:
    """Atoms in a primitive cell.

    Attributes:
        lattice: Lattice vectors as rows, `(3, 3)` in Å.
        positions: Fractional coordinates, `(n_atoms, 3)`.
        elements: Chemical symbols, `(n_atoms,)`.
    """

    lattice: Array
    positions: Array
    elements: tuple[str, ...]


def expand(crystal: WyckoffCrystal) -> Atoms:
    """Place all atoms of a crystal in the primitive cell.

    Raises:
        ValueError: Two atoms of an orbit fall together: a free coordinate has the value of a more special position.
    """
    conventional = Lattice.from_parameters(*crystal.lattice).matrix
    basis = _primitive_basis(crystal.spacegroup)
    back = np.linalg.inv(basis)
    positions: list[Array] = []
    elements: list[str] = []
    for orbit in crystal.orbits:
        site = sites(crystal.spacegroup)[LETTERS.index(orbit.letter)]
        point = site.linear[:, site.free] @ np.array(orbit.free) + site.constant
        found = _distinct((images(crystal.spacegroup, point) @ back) % 1.0)
        if len(found) != site.multiplicity:
            raise ValueError(
                f"{orbit.element} on {orbit.letter} of space group {crystal.spacegroup} with free coordinates "
                f"{orbit.free} gives {len(found)} atoms; the position holds {site.multiplicity}"
            )
        positions.append(found)
        elements += [orbit.element] * len(found)
    return Atoms(basis @ conventional, np.concatenate(positions), tuple(elements))


def _distinct(points: Array) -> Array:
    return np.asarray(points[np.argmax(are_one(points[:, None], points), axis=1) == np.arange(len(points))])


def _primitive_basis(spacegroup: int) -> Array:
    """Primitive lattice vectors as rows, in fractions of the conventional ones, `(3, 3)`."""
    vectors = centring_vectors(spacegroup)
    basis = np.eye(3)
    if len(vectors) == 2:
        basis[np.flatnonzero(vectors[1])[0]] = vectors[1]
    if len(vectors) == 3:  # rhombohedral, in the hexagonal cell
        basis = vectors[1] - np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0]])
    if len(vectors) == 4:
        basis = vectors[1:]
    return basis
