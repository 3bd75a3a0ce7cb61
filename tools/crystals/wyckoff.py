"""The bridge between pymatgen's structures and crystals as occupied Wyckoff positions.

Knows both sides; the only place where one becomes the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymatgen.core import Structure

from ...memory.errors import UserError
from ...models.wyckoff.describe import SYMPREC, describe
from ...models.wyckoff.expand import expand

if TYPE_CHECKING:
    from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal


def to_wyckoff(structure: Structure, symprec: float = SYMPREC) -> WyckoffCrystal:
    """Describe a structure by its occupied Wyckoff positions; symprec in Å.

    Raises:
        UserError: A site holds several elements or none for certain.
        ValueError: No symmetry is found, not even that of the lattice.
    """
    if not structure.is_ordered:
        site = next(site for site in structure if not site.is_ordered)
        raise UserError(f"partial occupancy: {site.species_string}; every site must hold one element")
    return describe(structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers, symprec)


def from_wyckoff(crystal: WyckoffCrystal) -> Structure:
    """Make the primitive cell of a crystal.

    Raises:
        ValueError: Two atoms of an orbit fall together.
    """
    atoms = expand(crystal)
    return Structure(atoms.lattice, atoms.elements, atoms.positions)
