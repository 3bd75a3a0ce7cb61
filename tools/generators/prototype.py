"""Parents: crystals whose sites can be given to other elements, the AFLOW prototypes before all.

Knows pymatgen's copy of the AFLOW library. Must not know which elements a campaign allows.

Source: Mehl et al., Comput. Mater. Sci. 136, S1 (2017), doi:10.1016/j.commatsci.2017.01.017.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pymatgen.core
from pymatgen.core import Structure

from ..crystals.cell import orbits_of, primitive_crystal, shortest_distances
from ..crystals.structure import to_crystal, to_structure
from .volume import predicted_volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...memory.records import Crystal

# The file behind pymatgen.analysis.prototypes.AFLOW_PROTOTYPE_LIBRARY. That import parses 288 bibliographies,
# which takes five seconds; reading the structures alone takes a tenth of one.
_LIBRARY = Path(pymatgen.core.__file__).parents[1] / "analysis" / "prototypes" / "aflow_prototypes.json.gz"


@dataclass(frozen=True, eq=False)
class Parent:
    """A crystal in its standard primitive cell.

    Attributes:
        name: As shown in a provenance: `CaTiO3 perovskite (AFLOW AB3C_cP5_221_a_c_b)`, or a candidate's id.
        crystal: The crystal.
        volume: Volume of the cell in Å³.
        orbits: Number of the symmetry-distinct position of each site, `(n_atoms,)`.
        distances: Shortest distance between each pair of sites, `(n_atoms, n_atoms)` in Å.
    """

    name: str
    crystal: Crystal
    volume: float
    orbits: tuple[int, ...]
    distances: NDArray[np.float64]

    @property
    def species(self) -> tuple[str, ...]:
        """Chemical symbols, `(n_atoms,)`."""
        return self.crystal.species


@lru_cache(maxsize=2048)
def parent_of(crystal: Crystal, name: str) -> Parent:
    """Make a parent of a crystal.

    Raises:
        TerminalError: No symmetry can be found.
    """
    cell = primitive_crystal(crystal)
    structure = to_structure(cell)
    return Parent(name, cell, float(structure.volume), orbits_of(cell), shortest_distances(structure))


def recast(parent: Parent, species: Sequence[str]) -> Crystal:
    """Give a parent's sites to other elements and scale its cell to the volume they take.

    Args:
        parent: The crystal as it is.
        species: Chemical symbols it is to have, `(n_atoms,)`.

    Returns:
        The standard primitive cell; smaller than the parent's where the new elements make it more symmetric.
    """
    volume = predicted_volume(parent.volume, parent.species, species, parent.distances)
    scale = (volume / parent.volume) ** (1 / 3)
    lattice = (np.array(parent.crystal.lattice) * scale).tolist()
    return primitive_crystal(parent.crystal.model_copy(update={"lattice": lattice, "species": tuple(species)}))


@lru_cache(maxsize=8)
def aflow_prototypes(max_atoms: int) -> tuple[Parent, ...]:
    """The AFLOW prototypes whose primitive cell has at most so many atoms, in the order of the library."""
    entries = orjson.loads(gzip.decompress(_LIBRARY.read_bytes()))
    parents = []
    for entry in entries:
        structure = Structure.from_dict(entry["snl"])
        # The library's cells are primitive already; the few large ones would cost most of the time.
        if len(structure) <= max_atoms:
            parents.append(parent_of(to_crystal(structure), _name(structure, entry["tags"])))
    return tuple(parents)


def _name(structure: Structure, tags: dict[str, str]) -> str:
    words = [structure.composition.reduced_formula]
    if tags["mineral"]:
        words.append(tags["mineral"].lower())
    return f"{' '.join(words)} (AFLOW {tags['aflow']})"
