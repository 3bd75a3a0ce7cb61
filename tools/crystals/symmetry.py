"""Symmetry of a crystal: space group, Wyckoff letters, and the label that names its structure type.

Knows pymatgen and moyopy. Knows nothing of energies or candidates.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pymatgen.analysis.prototypes import get_protostructure_label_from_moyopy

if TYPE_CHECKING:
    from pymatgen.core import Structure

SYMPREC = 0.1

# It warns of every supercell, to people who asked for none of its details.
logging.getLogger("moyo").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Symmetry:
    """Where the elements of a crystal sit.

    Attributes:
        spacegroup: International number, 1 to 230.
        wyckoff: Occupied Wyckoff letters, elements in alphabetical order and parted by `_` (`a_c` for fluorite),
            the lowest of the equivalent choices of origin.
        pearson: Pearson symbol.
    """

    spacegroup: int
    wyckoff: str
    pearson: str


def symmetry_of(structure: Structure, symprec: float = SYMPREC) -> Symmetry:
    """Find space group and Wyckoff letters, the same for every choice of cell and origin.

    Args:
        structure: The crystal.
        symprec: Tolerance in Å.

    Raises:
        ValueError: The symmetry search failed.

    Source: Hicks et al., Comput. Mater. Sci. 161, S1 (2019), doi:10.1016/j.commatsci.2018.10.043 (the label).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        label = get_protostructure_label_from_moyopy(structure, raise_errors=True, symprec=symprec)
    if label is None:
        raise ValueError(f"no symmetry found for {structure.composition.reduced_formula} at symprec {symprec} Å")
    aflow, _, _elements = label.partition(":")
    _formula, pearson, spacegroup, *letters = aflow.split("_")
    return Symmetry(int(spacegroup), "_".join(letters), pearson)
