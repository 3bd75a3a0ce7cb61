"""The standard primitive cell of a crystal: one cell for all its supercells, settings and origins.

Knows moyopy and pymatgen. Knows nothing of candidates or spaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import moyopy
import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from ...memory.errors import TerminalError
from ...memory.records import Crystal
from .structure import to_crystal, to_structure

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

# Tight enough to keep a real distortion, loose enough for coordinates rounded to three decimals.
SYMPREC = 0.01


def primitive_cell(structure: Structure) -> Structure:
    """Reduce an ordered crystal to its standard primitive cell, with the positions its symmetry asks for.

    Raises:
        TerminalError: No symmetry can be found, as when two atoms sit on one place.
    """
    return to_structure(primitive_crystal(to_crystal(structure)))


def primitive_crystal(crystal: Crystal) -> Crystal:
    """Reduce a crystal record to its standard primitive cell.

    Raises:
        TerminalError: No symmetry can be found, as when two atoms sit on one place.
    """
    cell = _dataset(crystal).prim_std_cell
    positions = np.asarray(cell.positions) % 1.0
    positions[positions > 1 - 1e-9] = 0.0
    return Crystal(
        lattice=tuple(map(tuple, cell.basis)),
        species=tuple(chemical_symbols[number] for number in cell.numbers),
        coordinates=tuple(map(tuple, positions.tolist())),
    )


def orbits_of(crystal: Crystal) -> tuple[int, ...]:
    """Number the symmetry-distinct positions: one number per site, from 0 in order of first occurrence.

    Raises:
        TerminalError: No symmetry can be found.
    """
    first = _dataset(crystal).orbits
    numbers = {site: number for number, site in enumerate(dict.fromkeys(first))}
    return tuple(numbers[site] for site in first)


def _dataset(crystal: Crystal) -> moyopy.MoyoDataset:
    numbers = [atomic_numbers[symbol] for symbol in crystal.species]
    basis, positions = [list(row) for row in crystal.lattice], [list(row) for row in crystal.coordinates]
    cell = moyopy.Cell(basis=basis, positions=positions, numbers=numbers)
    try:
        return moyopy.MoyoDataset(cell, symprec=SYMPREC)
    except ValueError as error:
        formula = "".join(sorted(set(crystal.species)))
        raise TerminalError(f"no symmetry found for a crystal of {formula} at {SYMPREC} Å: {error}") from error


def shortest_distances(structure: Structure, cutoff: float = 6.0) -> NDArray[np.float64]:
    """Shortest distance between every pair of sites, periodic images included.

    Returns:
        `(n_atoms, n_atoms)` in Å; infinite where the pair lies beyond the cutoff.
    """
    centres, neighbours, _images, distances = structure.get_neighbor_list(cutoff)
    shortest = np.full((len(structure), len(structure)), np.inf)
    np.minimum.at(shortest, (centres, neighbours), distances)
    return shortest
