"""The Wyckoff positions of the 230 space groups in their standard settings, and what follows from them.

Knows moyopy's operations, and the table that scripts/build_wyckoff_table.py made with it. Must not know crystals.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

import numpy as np
from moyopy import SpaceGroupType, operations_from_number
from numpy.typing import NDArray

Array = NDArray[np.float64]

LETTERS = "abcdefghijklmnopqrstuvwxyzA"
GROUPS = range(1, 231)
_TOLERANCE = 1e-3
"""In fractions of the cell; refined positions keep to their Wyckoff position far better."""

# It warns of every supercell, to people who asked for none of its details.
logging.getLogger("moyo").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Site:
    """A Wyckoff position; its first representative is `linear @ (x, y, z) + constant`.

    Attributes:
        letter: Wyckoff letter.
        multiplicity: Atoms in the primitive cell.
        symmetry: Site-symmetry symbol.
        linear: `(3, 3)`; a column of zeros belongs to a coordinate that is not free.
        constant: `(3,)`, fractions of the conventional cell.
        free: Indices of the free coordinates among x, y, z.
    """

    letter: str
    multiplicity: int
    symmetry: str
    linear: Array
    constant: Array
    free: tuple[int, ...]


@dataclass(frozen=True)
class Operations:
    """Symmetry operations of a space group on the conventional cell, those of its centring among them.

    Attributes:
        rotations: `(n_operations, 3, 3)`.
        translations: `(n_operations, 3)`.
    """

    rotations: Array
    translations: Array


@cache
def sites(spacegroup: int) -> tuple[Site, ...]:
    """The Wyckoff positions of a space group, by letter.

    Raises:
        ValueError: No such space group.
    """
    if spacegroup not in GROUPS:
        raise ValueError(f"space group {spacegroup}; 1 to 230 are allowed")
    centring = len(centring_vectors(spacegroup))
    return tuple(
        _site(letter, multiplicity // centring, symmetry, coordinates)
        for letter, multiplicity, symmetry, coordinates in _table()[str(spacegroup)]
    )


@cache
def operations(spacegroup: int) -> Operations:
    """The symmetry operations of a space group in its standard setting."""
    found = operations_from_number(spacegroup)
    return Operations(np.array(found.rotations, dtype=float), np.array(found.translations, dtype=float))


def images(spacegroup: int, point: Array) -> Array:
    """All images of a point in the conventional cell, one for each operation, `(n_operations, 3)`."""
    group = operations(spacegroup)
    return np.asarray((group.rotations @ point + group.translations) % 1.0)


def are_one(points: Array, others: Array) -> NDArray[np.bool_]:
    """Whether points are the same but for whole cells, `(..., 3)` each, in fractions of the cell."""
    gaps = points - others
    found: NDArray[np.bool_] = np.abs(gaps - np.round(gaps)).max(axis=-1) < _TOLERANCE
    return found


@cache
def centring_vectors(spacegroup: int) -> Array:
    """The translations of the conventional cell that are shorter than its edges, zero first, `(n, 3)`."""
    group = operations(spacegroup)
    pure = np.abs(group.rotations - np.eye(3)).max(axis=(1, 2)) < 1e-9
    vectors = group.translations[pure] % 1.0
    order = np.argsort(vectors.sum(axis=1))
    return np.asarray(vectors[order])


@cache
def polar_axes(spacegroup: int) -> tuple[int, ...]:
    """The axes along which the origin may be chosen at will."""
    rotations = operations(spacegroup).rotations
    return tuple(k for k in range(3) if np.abs(rotations[:, :, k] - np.eye(3)[k]).max() < 1e-9)


@cache
def crystal_system(spacegroup: int) -> str:
    """`triclinic`, `monoclinic`, `orthorhombic`, `tetragonal`, `trigonal`, `hexagonal` or `cubic`."""
    return str(SpaceGroupType(spacegroup).crystal_system).lower()


@lru_cache(maxsize=1)
def _table() -> dict[str, list[tuple[str, int, str, str]]]:
    """Space group to letter, multiplicity in the conventional cell, site symmetry and first representative."""
    text = (files(__package__) / "wyckoff_positions.json").read_text(encoding="utf-8")
    table: dict[str, list[tuple[str, int, str, str]]] = json.loads(text)
    return table


def _site(letter: str, multiplicity: int, symmetry: str, coordinates: str) -> Site:
    linear, constant = np.zeros((3, 3)), np.zeros(3)
    for row, text in enumerate(coordinates.split(",")):
        for term in text.replace("-", "+-").split("+"):
            sign, bare = (-1.0, term[1:]) if term.startswith("-") else (1.0, term)
            if not bare:
                continue
            if bare[-1] in "xyz":
                linear[row, "xyz".index(bare[-1])] += sign * float(bare[:-1] or 1)
            else:
                above, _, below = bare.partition("/")
                constant[row] += sign * float(above) / float(below or 1)
    free = tuple(k for k in range(3) if linear[:, k].any())
    return Site(letter, multiplicity, symmetry, linear, constant, free)
