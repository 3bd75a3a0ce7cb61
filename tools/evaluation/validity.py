"""Whether a sample can be a crystal at all: by its distances, by its volume and by its charges.

Knows geometry and the SMACT rules. Must not know generators.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..oracles.guards import check_geometry

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from .sample import Sample

SHORTEST = 0.5  # Å
SMALLEST = 0.1  # Å³
STATES = "smact14"
"""Oxidation states of SMACT by which compositions are judged: those that CDVAE's figures were computed with."""


def is_apart(structure: Structure) -> bool:
    """Whether no pair of atoms is nearer than 0.5 Å and the cell has 0.1 Å³; next to nothing fails this.

    Source: Xie et al., ICLR 2022, arXiv:2110.06197 (structural validity).
    """
    if not (np.isfinite(structure.lattice.matrix).all() and structure.volume >= SMALLEST):
        return False
    distances = structure.distance_matrix + np.diag(np.full(len(structure), np.inf))
    return bool(distances.min() >= SHORTEST)


def is_sound(sample: Sample) -> bool:
    """Whether a sample is a crystal that the simulation oracle would take: volume, overlaps, lonely atoms."""
    return sample.structure is not None and is_apart(sample.structure) and check_geometry(sample.structure) is None


def is_neutral(sample: Sample) -> bool | None:
    """Whether some choice of oxidation states is neutral and in Pauling's order; elements and alloys always are.

    Returns:
        None where an element has no oxidation state in SMACT's table, or is not in it.

    Source: Davies et al., Chem 1, 617 (2016), doi:10.1016/j.chempr.2016.09.010, with the exceptions of Xie et al.,
        ICLR 2022, arXiv:2110.06197.
    """
    return _is_neutral(sample.formula) if sample.formula else False


@lru_cache(maxsize=100_000)
def _is_neutral(formula: str) -> bool | None:
    from pymatgen.core import Composition
    from smact.screening import smact_validity

    composition = Composition(formula)
    try:
        verdict = bool(smact_validity(composition, oxidation_states_set=STATES))
    except KeyError:  # an element beyond its table
        return None
    # SMACT says no of an element without states; that is another no than that of a formula.
    return verdict if verdict or all(_has_states(element.symbol) for element in composition.elements) else None


@lru_cache(maxsize=128)
def _has_states(symbol: str) -> bool:
    import smact

    return bool(smact.Element(symbol).oxidation_states_smact14)
