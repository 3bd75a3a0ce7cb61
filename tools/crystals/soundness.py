"""Whether a structure is one that a predictor can be asked about: what must be refused, and what must be doubted.

Knows geometry and the guards' limits. Must not know what is predicted, or by what.

Of 3,000 Materials Project cells seven have a pair nearer than 0.7 of its covalent radii, none one nearer than 0.65,
and twelve have a gap wider than 8 Å; no widest gap lies between 5.4 and 12.5 Å.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from ase.data import covalent_radii

from ...memory.foreign import clean
from ..oracles.guards import LONELY, MAX_ATOMS, PAIR_RATIO, VOLUME_PER_ATOM

if TYPE_CHECKING:
    from pymatgen.core import Structure

LEAST_VOLUME = 1.0  # Å³/atom; no solid below some TPa
NEAR_RATIO = 0.7
WIDEST_GAP = 8.0  # Å; the cutoff of the crystal graph, beyond which nothing is heard
_SUMS = np.array([sums for sums in product((-1, 0, 1), repeat=3) if sums > (0, 0, 0)])


@dataclass(frozen=True)
class Soundness:
    """What is wrong with a structure.

    Attributes:
        refusal: Why nothing can be predicted of it, with what is allowed; None where something can.
        doubts: Why a prediction must not be trusted.
    """

    refusal: str | None
    doubts: tuple[str, ...] = ()


def examine(structure: Structure, elements: Collection[str]) -> Soundness:
    """Look for everything that would make a prediction a number without meaning.

    Args:
        structure: In any cell.
        elements: Chemical symbols that the predictor was trained on.
    """
    reason = _wrong_content(structure, elements) or _wrong_cell(structure)
    return Soundness(reason) if reason else _judged(structure)


def _wrong_content(structure: Structure, elements: Collection[str]) -> str | None:
    if not 1 <= len(structure) <= MAX_ATOMS:
        return f"{len(structure)} atoms; 1 to {MAX_ATOMS} are allowed"
    if not structure.is_ordered:
        number, site = next((n, site) for n, site in enumerate(structure, start=1) if not site.is_ordered)
        return f"partial occupancy: {site.species_string} (atom {number}); every site must hold one element"
    unknown = sorted({site.specie.symbol for site in structure} - set(elements))
    if unknown:
        names = clean(", ".join(unknown), 60)
        return f"{names}: never seen in training, which held {len(elements)} elements"
    return None


def _wrong_cell(structure: Structure) -> str | None:
    lattice = structure.lattice
    if not (np.isfinite(lattice.matrix).all() and np.isfinite(structure.frac_coords).all()):
        return "a number of the cell or of a position is not finite"
    if not all(lattice.pbc):
        return "not periodic in all three directions, as a crystal must be"
    volume = lattice.volume / len(structure)
    if volume < LEAST_VOLUME:
        return f"{volume:.3g} Å³/atom; {LEAST_VOLUME:g} or more is allowed"
    shortest = min(lattice.get_lll_reduced_lattice().abc)
    if shortest < 2 * PAIR_RATIO * _radii(structure).min():
        return f"an atom is {shortest:.2f} Å from its own periodic image"
    return None


def _judged(structure: Structure) -> Soundness:
    """Judge distances, gap and volume of a cell that has a bounded number of neighbours."""
    centres, others, _, distances = structure.get_neighbor_list(LONELY)
    lonely = np.flatnonzero(np.bincount(centres, minlength=len(structure)) == 0)
    radii = _radii(structure)
    ratios = distances / (radii[centres] + radii[others])
    doubts = []
    if len(ratios) and ratios.min() < NEAR_RATIO:
        k = int(ratios.argmin())
        pair = " and ".join(
            f"{structure[n].specie.symbol} (atom {n + 1})" for n in sorted((int(centres[k]), int(others[k])))
        )
        found = f"{pair} are {distances[k]:.2f} Å apart, {ratios[k]:.2f} of the sum of their covalent radii"
        if ratios[k] < PAIR_RATIO:
            return Soundness(f"atoms overlap: {found}; {PAIR_RATIO} or more is allowed")
        doubts.append(f"atoms nearly overlap: {found} (below {NEAR_RATIO} is rare)")
    if len(lonely):
        first = int(lonely[0])
        symbol = structure[first].specie.symbol
        return Soundness(f"{symbol} (atom {first + 1}) stands alone: no neighbour within {LONELY:g} Å")
    gap = widest_gap(structure)
    if gap > WIDEST_GAP:
        doubts.append(f"a vacuum of {gap:.1f} Å (beyond {WIDEST_GAP:g} Å no side hears the other)")
    low, high = VOLUME_PER_ATOM
    volume = structure.volume / len(structure)
    if not low <= volume <= high:
        doubts.append(f"{volume:.3g} Å³/atom ({low:g} to {high:g} is usual)")
    return Soundness(None, tuple(doubts))


def widest_gap(structure: Structure) -> float:
    """Width in Å of the widest flat layer that holds no atom's centre, whatever cell the structure is given in.

    Looked for across the lattice planes that lie widest apart: sums of the three shortest reciprocal vectors.
    """
    shortest = structure.lattice.reciprocal_lattice_crystallographic.get_lll_reduced_lattice().matrix
    normals = _SUMS @ shortest
    heights = np.sort((structure.cart_coords @ normals.T) % 1.0, axis=0)
    steps = np.diff(heights, axis=0, append=heights[:1] + 1.0)
    return float((steps.max(axis=0) / np.linalg.norm(normals, axis=1)).max())


def _radii(structure: Structure) -> np.ndarray:
    """Covalent radii in Å, `(n_atoms,)`."""
    radii: np.ndarray = covalent_radii[np.array(structure.atomic_numbers)]
    return radii
