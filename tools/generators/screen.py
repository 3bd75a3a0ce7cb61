"""Screens: the cheap reasons for which a raw crystal is thrown away before anything is spent on it.

Knows the rules of a space and of solid matter. Knows nothing of energies.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..crystals.structure import to_structure
from ..oracles.guards import check_geometry
from .charge import is_balanced

if TYPE_CHECKING:
    from ...memory.records import Crystal
    from ..space import CrystalSpace


def broken_rule(crystal: Crystal, space: CrystalSpace) -> str | None:
    """Name the first rule that a crystal in its primitive cell breaks; None where it breaks none.

    Cheap rules come first: `elements`, `required`, `n_elements`, `size`, `charge`. Then come the failures with which
    the oracle would refuse the geometry: `volume`, `overlap`, `isolated_atoms`.
    """
    counts = Counter(crystal.species)
    low, high = space.n_elements
    if not counts.keys() <= set(space.elements):
        return "elements"
    if space.required and not counts.keys() & set(space.required):
        return "required"
    if not low <= len(counts) <= high:
        return "n_elements"
    if len(crystal.species) > space.max_atoms:
        return "size"
    if not is_balanced(counts.items()):
        return "charge"
    failure = check_geometry(to_structure(crystal))
    return failure.kind if failure else None
