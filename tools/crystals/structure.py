"""The bridge between the crystal record and the objects of pymatgen and ASE.

Knows both sides; the only place where one becomes the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from pymatgen.core import Lattice, Structure

from ...memory.errors import TerminalError
from ...memory.records import Crystal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...memory.records import Vector


def to_structure(crystal: Crystal) -> Structure:
    """Make a pymatgen structure of a crystal record."""
    return Structure(Lattice(crystal.lattice), list(crystal.species), list(crystal.coordinates))


def as_structure(crystal: Structure | Crystal) -> Structure:
    """A crystal as a pymatgen structure, if it is none already."""
    return to_structure(crystal) if isinstance(crystal, Crystal) else crystal


def to_crystal(structure: Structure) -> Crystal:
    """Make a crystal record of a pymatgen structure; coordinates are wrapped into the cell.

    Raises:
        TerminalError: The structure holds a site with partial occupancy.
    """
    if not structure.is_ordered:
        raise TerminalError(
            f"{structure.composition.reduced_formula} has partial occupancies; an ordered cell is needed"
        )
    species = tuple(site.specie.symbol for site in structure)
    return _crystal(structure.lattice.matrix, species, structure.frac_coords)


def to_atoms(crystal: Crystal) -> Atoms:
    """Make ASE atoms, periodic in three directions, of a crystal record."""
    return Atoms(crystal.species, scaled_positions=crystal.coordinates, cell=crystal.lattice, pbc=True)


def from_atoms(atoms: Atoms) -> Crystal:
    """Make a crystal record of ASE atoms; coordinates are wrapped into the cell."""
    return _crystal(atoms.cell.array, tuple(atoms.get_chemical_symbols()), atoms.get_scaled_positions())


def _crystal(lattice: np.ndarray, species: tuple[str, ...], coordinates: np.ndarray) -> Crystal:
    wrapped = np.asarray(coordinates, dtype=float) % 1.0
    wrapped[wrapped > 1 - 1e-9] = 0.0
    return Crystal(lattice=_vectors(lattice), species=species, coordinates=_vectors(wrapped))


def _vectors(rows: np.ndarray) -> Sequence[Vector]:
    return tuple((float(x), float(y), float(z)) for x, y, z in rows)
