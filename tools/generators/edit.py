"""Edits of one crystal: elements exchanged, replaced, removed or added, one at a time.

Knows crystals and the volumes that elements take. Must not know spaces, screens, or who asks for an edit.

The four edits are those of Jia et al., arXiv:2406.13163 (LLMatDesign).
"""

from __future__ import annotations

from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree, Voronoi

from ...memory.errors import AthanorError, RetryError
from ...memory.records import Candidate, Crystal, Provenance
from ..crystals.cell import primitive_crystal
from .prototype import parent_of, recast
from .volume import atomic_volume, estimable_elements

EditKind = Literal["exchange", "replace", "remove", "add"]
TOOL = "generate/edit"


def edited(candidate: Candidate, kind: EditKind, element: str, other: str = "") -> Candidate:
    """Make one edit of a candidate's crystal; its cell takes the volume of the elements it then has.

    Args:
        candidate: Holds a crystal.
        kind: `exchange` swaps two elements, `replace` puts one in place of another, `remove` takes all atoms of an
            element away, `add` puts one atom into the largest hole.
        element: The element that is edited, or added.
        other: The second one, for `exchange` and `replace`.

    Raises:
        RetryError: The edit is not possible, and why.
    """
    crystal = candidate.content
    if not isinstance(crystal, Crystal):
        raise RetryError("only crystals can be edited")
    present = set(crystal.species)
    if kind != "add" and element not in present:
        raise RetryError(f"{element or 'nothing'} does not occur; the crystal holds {', '.join(sorted(present))}")
    if kind == "exchange" and (other not in present or other == element):
        raise RetryError(f"exchange needs two elements of the crystal, which holds {', '.join(sorted(present))}")
    new = other if kind == "replace" else element if kind == "add" else ""
    if new and new not in estimable_elements():
        raise RetryError(f"{new!r}: no crystal can be made with it; H to Pu without He, Ne, Ar are allowed")
    if kind == "replace" and not other:
        raise RetryError("replace needs the element that takes the other one's place")
    try:
        made, note = _made(crystal, kind, element, other)
    except (AthanorError, ValueError) as error:
        raise RetryError(f"{kind} {element} {other}: no sound crystal comes of it ({error})") from error
    provenance = Provenance(tool=TOOL, parents=(candidate.id,), note=note)
    return Candidate(content=made, provenance=provenance)


def _made(crystal: Crystal, kind: EditKind, element: str, other: str) -> tuple[Crystal, str]:
    if kind in ("exchange", "replace"):
        new = {element: other, other: element} if kind == "exchange" else {element: other}
        parent = parent_of(crystal, "")
        note = f"{element} and {other} exchanged" if kind == "exchange" else f"{element}→{other}"
        return recast(parent, [new.get(symbol, symbol) for symbol in parent.species]), note
    if kind == "remove":
        kept = [at for at, symbol in enumerate(crystal.species) if symbol != element]
        if not kept:
            raise RetryError("nothing would be left")
        species = tuple(crystal.species[at] for at in kept)
        places = tuple(crystal.coordinates[at] for at in kept)
        return _resized(crystal, species, places), f"{element} removed"
    hole = largest_hole(crystal)
    species, places = (*crystal.species, element), (*crystal.coordinates, tuple(hole.tolist()))
    return _resized(crystal, species, places), f"{element} added in the largest hole"


def largest_hole(crystal: Crystal) -> NDArray[np.float64]:
    """Fractional coordinates of the point that is farthest from all atoms, `(3,)`."""
    lattice = np.array(crystal.lattice)
    shifts = np.array(list(product((-1, 0, 1), repeat=3)))
    images = (np.array(crystal.coordinates)[:, None] + shifts[None]).reshape(-1, 3)
    vertices = Voronoi(images @ lattice).vertices @ np.linalg.inv(lattice)
    inside = vertices[((vertices > -1e-6) & (vertices < 1 - 1e-6)).all(axis=1)]
    distances, _ = KDTree(images @ lattice).query(inside @ lattice)
    # Equally large holes differ by rounding alone; the first in order is taken on every machine.
    widest = inside[distances > distances.max() - 1e-4].round(6) % 1.0
    found: NDArray[np.float64] = widest[np.lexsort(widest.T[::-1])][0]
    return found


def _resized(crystal: Crystal, species: tuple[str, ...], places: tuple[tuple[float, ...], ...]) -> Crystal:
    """A crystal with other atoms in the same cell, scaled by the volumes that both take."""
    scale = (atomic_volume(species) / atomic_volume(crystal.species)) ** (1 / 3)
    lattice = (np.array(crystal.lattice) * scale).tolist()
    return primitive_crystal(Crystal(lattice=lattice, species=species, coordinates=places))
