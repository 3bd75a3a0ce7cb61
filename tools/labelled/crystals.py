"""Many crystals as a few flat arrays: their cells end to end, and their graphs.

Knows graph stores and pymatgen's structure. Knows no labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from ...models.graphs.batch import GraphStore, part, store
from .parse import Cell

if TYPE_CHECKING:
    from pymatgen.core import Structure

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Crystals:
    """Crystals end to end.

    Attributes:
        graphs: Their graphs.
        lattices: Å, vectors in rows `(n_crystals, 3, 3)`.
        coordinates: Fractional `(sum n_atoms, 3)`.
        species: Atomic numbers `(sum n_atoms,)`.
        bounds: Where each crystal's atoms begin, `(n_crystals + 1,)`.
    """

    graphs: GraphStore
    lattices: NDArray[np.float64]
    coordinates: NDArray[np.float64]
    species: NDArray[np.uint8]
    bounds: Numbers

    def __post_init__(self) -> None:
        n_crystals, n_atoms = len(self.lattices), len(self.species)
        if not len(self.graphs) == n_crystals == len(self.bounds) - 1 or not n_atoms == self.bounds[-1]:
            raise ValueError(f"{len(self.graphs)} graphs, {n_crystals} lattices and bounds {len(self.bounds)} disagree")

    def __len__(self) -> int:
        return len(self.lattices)

    @property
    def n_atoms(self) -> Numbers:
        """Atoms of each cell, `(n_crystals,)`."""
        return np.diff(self.bounds)

    def structure(self, crystal: int) -> Structure:
        """One crystal as pymatgen's structure, in the cell that its file gives."""
        from pymatgen.core import Lattice, Structure

        atoms = slice(self.bounds[crystal], self.bounds[crystal + 1])
        species = [chemical_symbols[number] for number in self.species[atoms]]
        return Structure(Lattice(self.lattices[crystal]), species, self.coordinates[atoms])

    def symbols(self) -> list[list[str]]:
        """Chemical symbols of the elements in each crystal."""
        return [
            [chemical_symbols[number] for number in np.unique(self.species[a:b])]
            for a, b in zip(self.bounds[:-1], self.bounds[1:], strict=True)
        ]

    def compositions(self) -> list[str]:
        """A key for each crystal that all crystals of its reduced formula share."""
        return [_reduced(self.species[a:b]) for a, b in zip(self.bounds[:-1], self.bounds[1:], strict=True)]

    def take(self, chosen: Numbers) -> Crystals:
        """Some of the crystals, `(n_chosen,)` by number, in that order."""
        sizes = self.n_atoms[chosen]
        bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        atoms = np.repeat(self.bounds[:-1][chosen] - bounds[:-1], sizes) + np.arange(bounds[-1])
        graphs = part(self.graphs, chosen)
        return Crystals(graphs, self.lattices[chosen], self.coordinates[atoms], self.species[atoms], bounds)

    def joined(self, other: Crystals) -> Crystals:
        """These crystals and then others."""
        mine, others = self.graphs.arrays(), other.graphs.arrays()
        graphs = {
            name: _end_to_end(mine[name], others[name])
            if name.endswith("_bounds")
            else np.concatenate([mine[name], others[name]])
            for name in mine
        }
        return Crystals(
            graphs=GraphStore(**graphs),
            lattices=np.concatenate([self.lattices, other.lattices]),
            coordinates=np.concatenate([self.coordinates, other.coordinates]),
            species=np.concatenate([self.species, other.species]),
            bounds=_end_to_end(self.bounds, other.bounds),
        )


def store_cells(cells: Sequence[Cell]) -> Crystals:
    """Put parsed crystals end to end."""
    return Crystals(
        graphs=store([cell.graph for cell in cells]),
        lattices=np.array([cell.lattice for cell in cells], dtype=float).reshape(-1, 3, 3),
        coordinates=np.concatenate([np.empty((0, 3)), *(cell.coordinates for cell in cells)]),
        species=np.concatenate([np.empty(0, np.uint8), *(cell.species for cell in cells)]),
        bounds=np.cumsum([0, *(len(cell.species) for cell in cells)]),
    )


def _reduced(species: Iterable[int]) -> str:
    elements, counts = np.unique(np.asarray(species), return_counts=True)
    divisor = math.gcd(*counts.tolist())
    return " ".join(f"{element}:{count // divisor}" for element, count in zip(elements, counts, strict=True))


def _end_to_end(bounds: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([bounds, others[1:] + bounds[-1]])
