"""How near atoms come to each other while a crystal is laid out.

Knows Wyckoff positions and radii. Must not know networks.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray
from pymatgen.core import Lattice

from ..wyckoff.tables import images, sites

Array = NDArray[np.float64]

_AROUND = np.array(list(product((-1, 0, 1), repeat=3)), dtype=float)
_SELF = 1e-3
"""In fractions of the cell; nearer images of an atom are the atom itself."""


@cache
def radius(symbol: str) -> float:
    """Covalent radius in Å (Cordero et al. 2008, doi:10.1039/b801115j)."""
    return float(covalent_radii[atomic_numbers[symbol]])


class Layout:
    """Atoms placed so far in the conventional cell of one crystal."""

    def __init__(self, spacegroup: int, lattice: tuple[float, float, float, float, float, float]) -> None:
        self.spacegroup = spacegroup
        self.matrix: Array = Lattice.from_parameters(*lattice).matrix
        self.positions: Array = np.empty((0, 3))
        self.radii: Array = np.empty(0)
        self.nearest = np.inf

    def orbit(self, site: int, free: Array) -> Array:
        """All atoms of an orbit with free coordinates at their axes `(3,)`, more than once where they coincide."""
        position = sites(self.spacegroup)[site]
        return images(self.spacegroup, position.linear @ free + position.constant)

    def ratio(self, orbit: Array, symbol: str) -> float:
        """Shortest distance from an orbit to itself and all atoms, over the sum of the covalent radii."""
        # One atom of the orbit speaks for all: the others see the same from where they are.
        own = radius(symbol)
        others = np.concatenate([orbit, self.positions])
        radii = np.concatenate([np.full(len(orbit), own), self.radii])
        gaps = others - orbit[0]
        gaps -= np.round(gaps)
        steps = (gaps[:, None] + _AROUND).reshape(-1, 3)
        sums = np.repeat(own + radii, len(_AROUND))
        another = np.abs(steps).max(axis=1) > _SELF
        distances = np.linalg.norm(steps[another] @ self.matrix, axis=1)
        return float((distances / sums[another]).min())

    def add(self, orbit: Array, symbol: str) -> None:
        """Place an orbit."""
        self.nearest = min(self.nearest, self.ratio(orbit, symbol))
        self.positions = np.concatenate([self.positions, orbit])
        self.radii = np.concatenate([self.radii, np.full(len(orbit), radius(symbol))])
