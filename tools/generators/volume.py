"""The volume a crystal takes when its sites are given to other elements.

Knows pymatgen's table of data-mined bond lengths and the project's table of atomic volumes. Knows nothing of
candidates or generators. Why these two: docs/decisions/0004.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pymatgen.core
import yaml
from ase.data import atomic_numbers, covalent_radii
from pymatgen.core import Element

from .charge import CHARGED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# pymatgen's DLSVolumePredictor searches neighbours anew for each crystal, in milliseconds; from a table of shortest
# distances its rule takes microseconds. The bond lengths are read from the file that it reads.
_BONDS = Path(pymatgen.core.__file__).parent / "structure_prediction" / "DLS_bond_params.yaml"


def predicted_volume(volume: float, old: Sequence[str], new: Sequence[str], distances: NDArray[np.float64]) -> float:
    """Volume of a crystal with new elements on its sites, Å³.

    The geometric mean of two estimates: by the tightest bond, which knows how open the structure is, and by the sum
    of atomic volumes, which knows the atoms that the tightest bond does not touch. Unchanged elements keep the volume.

    Args:
        volume: Volume of the crystal as it is, Å³.
        old: Chemical symbols it has, `(n_atoms,)`.
        new: Chemical symbols it is to have, `(n_atoms,)`.
        distances: Shortest distance between each pair of sites as it is, `(n_atoms, n_atoms)` in Å.
    """
    if tuple(new) == tuple(old):
        return volume
    by_bonds = volume * (tightness(new, distances) / tightness(old, distances)) ** 3
    return math.sqrt(by_bonds * atomic_volume(new))


def tightness(species: Sequence[str], distances: NDArray[np.float64]) -> float:
    """Largest ratio of the expected bond length of a pair of atoms to their distance: above one, the cell is small.

    The radii are linear in the standard deviation of the electronegativities, a measure of how ionic the crystal is.

    Source: Chu et al., Comput. Mater. Sci. 146, 184 (2018), doi:10.1016/j.commatsci.2018.01.018.
    """
    spread = float(np.std([_electronegativity(symbol) for symbol in species]))
    radii = np.array([_radius(symbol, spread) for symbol in species])
    return float(((radii[:, None] + radii[None, :]) / distances).max())


def atomic_volume(species: Sequence[str]) -> float:
    """Sum of the volumes that atoms take in an ionic compound, or in any other, Å³."""
    table = _volumes()["ionic" if len(set(species)) > 1 and CHARGED & set(species) else "other"]
    return sum(table[symbol] for symbol in species)


@lru_cache(maxsize=1)
def estimable_elements() -> frozenset[str]:
    """Chemical symbols whose volume in a crystal can be estimated: H to Pu without He, Ne and Ar."""
    return frozenset(_volumes()["ionic"])


@lru_cache(maxsize=1)
def _volumes() -> dict[str, dict[str, float]]:
    text = files("athanor.tools").joinpath("reference", "atomic_volumes.json").read_text(encoding="utf-8")
    content = json.loads(text)
    return {kind: content[kind] for kind in ("ionic", "other")}


@lru_cache(maxsize=1)
def _bond_table() -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = yaml.safe_load(_BONDS.read_text(encoding="utf-8"))
    return table


@lru_cache(maxsize=4096)
def _radius(symbol: str, spread: float) -> float:
    table = _bond_table()
    if symbol in table:
        return table[symbol]["r"] + table[symbol]["k"] * spread
    return float(covalent_radii[atomic_numbers[symbol]])


@lru_cache(maxsize=128)
def _electronegativity(symbol: str) -> float:
    return float(Element(symbol).X)
