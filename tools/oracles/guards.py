"""Guards before and after a relaxation: what an interatomic potential must not be asked, or not be believed.

Knows geometry and the failure record. Knows nothing of potentials' insides, energies or campaigns.

A machine-learned potential has no wall at short distance: relaxed from overlapping atoms it gives 0.14 Å pairs with
plausible energies. The limits leave all but a few of 16,831 Materials Project cells in (smallest pair ratio 0.624,
volumes 7.3 to 74.5 Å³/atom at 0.1 and 99.9 %, no atom lonelier than 5.04 Å).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from ase.data import covalent_radii

from ...memory.records import Failure

if TYPE_CHECKING:
    from pymatgen.core import Structure

MAX_ATOMS = 200
VOLUME_PER_ATOM = (5.0, 100.0)  # Å³
PAIR_RATIO = 0.6  # of the sum of the covalent radii (Cordero et al. 2008, doi:10.1039/b801115j)
LONELY = 6.0  # Å; the cutoff of CHGNet's atom graph
VOLUME_CHANGE = (0.5, 2.0)


def check_elements(structure: Structure, elements: Collection[str] | None) -> Failure | None:
    """Refuse elements the potential was not trained on; `None` for a potential that does not say."""
    unknown = sorted({site.specie.symbol for site in structure} - set(elements)) if elements is not None else []
    if unknown:
        return Failure(kind="unsupported_element", message=f"{', '.join(unknown)}: never seen by the potential")
    return None


def check_geometry(structure: Structure) -> Failure | None:
    """Refuse cells that are too large, too dense or too thin, with atoms that overlap or stand alone."""
    n_atoms = len(structure)
    if n_atoms > MAX_ATOMS:
        return Failure(kind="size", message=f"{n_atoms} atoms; 1 to {MAX_ATOMS} are allowed")
    low, high = VOLUME_PER_ATOM
    volume = structure.volume / n_atoms
    if not low <= volume <= high:
        return Failure(kind="volume", message=f"{volume:.3g} Å³/atom; {low:g} to {high:g} are allowed")
    radii = covalent_radii[np.array(structure.atomic_numbers)]
    shortest = min(structure.lattice.get_lll_reduced_lattice().abc)
    if shortest < 2 * PAIR_RATIO * radii.min():
        return Failure(kind="overlap", message=f"an atom is {shortest:.2f} Å from its own periodic image")
    return _check_pairs(structure, radii)


def _check_pairs(structure: Structure, radii: np.ndarray) -> Failure | None:
    centres, others, _, distances = structure.get_neighbor_list(LONELY)
    ratios = distances / (radii[centres] + radii[others])
    if len(ratios) and ratios.min() < PAIR_RATIO:
        k = int(ratios.argmin())
        a, b = (structure[int(i)].specie.symbol for i in (centres[k], others[k]))
        return Failure(
            kind="overlap",
            message=f"{a} and {b} are {distances[k]:.2f} Å apart, {ratios[k]:.2f} of the sum of their covalent radii; "
            f"{PAIR_RATIO} or more is allowed",
        )
    lonely = sorted(set(range(len(structure))) - set(centres.tolist()))
    if lonely:
        return Failure(
            kind="isolated_atoms",
            message=f"{structure[lonely[0]].specie.symbol} (atom {lonely[0] + 1}) has no neighbour within {LONELY:g} Å",
        )
    return None


def check_change(volume_before: float, volume_after: float) -> Failure | None:
    """Refuse a relaxation that has blown the cell up or crushed it; both volumes in Å³."""
    low, high = VOLUME_CHANGE
    ratio = volume_after / volume_before
    if ratio > high:
        return Failure(kind="exploded", message=f"the cell grew to {ratio:.2f} of its volume; {high:g} is allowed")
    if ratio < low:
        return Failure(kind="collapsed", message=f"the cell shrank to {ratio:.2f} of its volume; {low:g} is allowed")
    return None
