"""From the text of a crystal to its cell and its graph, or the reason why it is left out; in several processes.

Knows the readers, what is sound, and the graph. Loads no torch, for every process would load it.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from ...memory.children import mapped
from ...memory.foreign import clean
from ...models.graphs.crystal_graph import CrystalGraph, crystal_graph
from ..crystals import read
from ..crystals.soundness import examine
from ..oracles.guards import MAX_ATOMS
from .rows import Row

if TYPE_CHECKING:
    from pymatgen.core import Structure

CHUNK = 64
"""Crystals that a process is handed at once."""


@dataclass(frozen=True)
class Cell:
    """A parsed crystal.

    Attributes:
        lattice: Å, vectors in rows `(3, 3)`.
        coordinates: Fractional `(n_atoms, 3)`.
        species: Atomic numbers `(n_atoms,)`.
        graph: What a network reads.
    """

    lattice: NDArray[np.float64]
    coordinates: NDArray[np.float64]
    species: NDArray[np.uint8]
    graph: CrystalGraph


@dataclass(frozen=True)
class Refusal:
    """Why a crystal is left out: in general, and in this case."""

    reason: str
    detail: str


Tell = Callable[[int, int], None]
"""Is told how many of how many crystals are done."""


def parse_rows(rows: Sequence[Row], workers: int, tell: Tell | None = None) -> list[Cell | Refusal]:
    """Parse crystals in `workers` processes, with 1 in this one; the order is kept.

    Raises:
        TerminalError: A process was killed.
    """
    chunks = [[(row.kind, row.text) for row in rows[start : start + CHUNK]] for start in range(0, len(rows), CHUNK)]
    found: list[Cell | Refusal] = []
    killed = "a process that parsed crystals was killed; --workers 1 needs the least memory"
    for part in mapped(parse_texts, chunks, workers, killed):
        found += part
        if tell:
            tell(len(found), len(rows))
    return found


def parse_texts(texts: Sequence[tuple[str, str]]) -> list[Cell | Refusal]:
    """Parse crystals, each given as the name of a file that would hold it and its text."""
    return [_parsed(kind, text) for kind, text in texts]


def _parsed(kind: str, text: str) -> Cell | Refusal:
    reader = read.reader_of(Path(kind))
    if reader is None:
        return Refusal("unknown kind of file", f"{clean(kind, 40)}; allowed: {read.ALLOWED}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            structures = [parse() for _, parse in reader(io.StringIO(text))]
    except Exception as error:  # noqa: BLE001 - the readers of two libraries raise whatever they meet
        told = clean(str(error) or type(error).__name__, 120)
        return Refusal("0 atoms" if "0 atoms" in told else "does not parse", told)
    if len(structures) != 1:
        return Refusal("not one crystal", f"{len(structures)} crystals; one is needed")
    return _broken(structures[0]) or _cell(structures[0])


def _broken(structure: Structure) -> Refusal | None:
    """Refuse what could not be predicted either."""
    refusal = examine(structure, chemical_symbols[1:]).refusal
    if refusal is None:
        return None
    if not 1 <= len(structure) <= MAX_ATOMS:
        return Refusal(f"more than {MAX_ATOMS} atoms" if len(structure) else "0 atoms", refusal)
    return Refusal("impossible geometry" if structure.is_ordered else "partial occupancy", refusal)


def _cell(structure: Structure) -> Cell:
    return Cell(
        lattice=np.array(structure.lattice.matrix),
        coordinates=np.array(structure.frac_coords),
        species=np.array(structure.atomic_numbers, dtype=np.uint8),
        graph=crystal_graph(structure),
    )
