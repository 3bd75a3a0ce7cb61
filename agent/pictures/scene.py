"""Where things stand in a picture of a crystal: atoms with their copies on the cell's faces, bonds, edges of the cell.

Knows numpy and ASE's table of radii. Knows no drawing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from ase.data import covalent_radii
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEAREST = 1.12
"""A bond is at most this many times as long as the way from either of its atoms to the nearest neighbour."""
_FARTHEST = 1.5
"""And at most this many times the sum of the covalent radii, lest lonely atoms be bonded."""
_ON_FACE = 0.01


@dataclass(frozen=True)
class Scene:
    """A crystal to be drawn; lengths in Å.

    Attributes:
        places: `(n_drawn, 3)`; an atom on a face, edge or corner of the cell is drawn on all that are like it.
        atoms: Number of the atom in the cell, `(n_drawn,)`.
        radii: That atoms are drawn with, `(n_drawn,)`; they differ less than atoms do, so that letters fit.
        bonds: Pairs of drawn atoms, `(n_bonds, 2)`.
        edges: Ends of the cell's edges, `(12, 2, 3)`.
        lattice: Vectors of the cell in rows, `(3, 3)`.
    """

    places: Array
    atoms: NDArray[np.int64]
    radii: Array
    bonds: NDArray[np.int64]
    edges: Array
    lattice: Array


def scene_of(lattice: Array, coordinates: Array, numbers: NDArray[np.int64]) -> Scene:
    """Make the scene of a crystal: lattice vectors in rows, fractional coordinates, atomic numbers."""
    wrapped = np.asarray(coordinates) % 1.0
    wrapped[wrapped > 1 - 1e-6] = 0.0
    places, atoms = _copied(wrapped)
    cartesian = places @ lattice
    return Scene(
        places=cartesian,
        atoms=atoms,
        radii=0.3 + 0.17 * covalent_radii[numbers[atoms]],
        bonds=_bonds(cartesian, numbers[atoms], _nearest(lattice, wrapped)[atoms]),
        edges=_edges() @ lattice,
        lattice=lattice,
    )


def _copied(coordinates: Array) -> tuple[Array, NDArray[np.int64]]:
    """Fractional coordinates of all drawn atoms, and the atom each is a copy of."""
    places, atoms = [], []
    for shift in product((-1, 0, 1), repeat=3):
        moved = coordinates + shift
        inside = ((moved > -_ON_FACE) & (moved < 1 + _ON_FACE)).all(1)
        places.append(moved[inside])
        atoms.append(np.flatnonzero(inside))
    return np.concatenate(places), np.concatenate(atoms)


def _nearest(lattice: Array, coordinates: Array) -> Array:
    """Way from each atom to its nearest neighbour, `(n_atoms,)`."""
    shortest = np.full(len(coordinates), np.inf)
    apart = coordinates[:, None] - coordinates
    for shift in product((-1, 0, 1), repeat=3):
        ways = np.linalg.norm((apart + shift) @ lattice, axis=2)
        shortest = np.minimum(shortest, np.where(ways > 1e-3, ways, np.inf).min(1))
    return shortest


def _bonds(places: Array, numbers: NDArray[np.int64], nearest: Array) -> NDArray[np.int64]:
    ways = np.linalg.norm(places[:, None] - places, axis=2)
    radii = covalent_radii[numbers]
    longest = np.minimum(NEAREST * np.maximum(nearest[:, None], nearest), _FARTHEST * (radii[:, None] + radii))
    return np.argwhere(np.triu((ways <= longest) & (ways > 1e-3), 1))


def _edges() -> Array:
    corners = np.array(list(product((0.0, 1.0), repeat=3)))
    return np.array([(p, q) for p in corners for q in corners if (q - p).sum() == 1 and (q >= p).all()])
