"""Crystals as padded tensors, and the tables a network needs to know Wyckoff positions and elements by.

Knows Wyckoff crystals and torch. Must not know networks.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import torch
from pymatgen.core import Element
from torch import Tensor

from ..wyckoff.tables import GROUPS, LETTERS, crystal_system, sites
from ..wyckoff.wyckoff_crystal import WyckoffCrystal
from .lattice import N_LATTICE, n_atoms, to_numbers
from .wish import MAX_ATOMS

N_SITES = len(LETTERS)
STOP = N_SITES
"""Stands where a site would, after the last orbit."""
_SYSTEMS = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic")


@dataclass(frozen=True)
class Tokens:
    """Crystals of at most `n_orbits` orbits; padded places hold zeros, and STOP for the site.

    Attributes:
        group: Space group less one, `(n_crystals,)`.
        site: Index of the Wyckoff position in its group, `(n_crystals, n_orbits)`.
        element: Index of the element, `(n_crystals, n_orbits)`.
        free: Free coordinates at their axes x, y, z, `(n_crystals, n_orbits, 3)`.
        lattice: `(n_crystals, 6)`, scaled so that its range is 0 to 1.
        length: Number of orbits, `(n_crystals,)`.
    """

    group: Tensor
    site: Tensor
    element: Tensor
    free: Tensor
    lattice: Tensor
    length: Tensor

    def __len__(self) -> int:
        return len(self.group)

    def part(self, rows: Tensor) -> Tokens:
        """Some of the crystals, padded no more than they need."""
        chosen = [getattr(self, field.name)[rows] for field in fields(self)]
        longest = int(chosen[-1].max())
        return Tokens(chosen[0], *(values[:, :longest] for values in chosen[1:4]), *chosen[4:])

    def to(self, device: torch.device) -> Tokens:
        """The same crystals where a network is."""
        return Tokens(*(getattr(self, field.name).to(device) for field in fields(self)))

    def shaken(self, width: float) -> Tokens:
        """The same crystals with normal noise on free coordinates, and a third of it on the lattice's numbers."""
        free = (self.free + width * torch.randn_like(self.free)) % 1.0
        lattice = (self.lattice + width / 3 * torch.randn_like(self.lattice)).clamp(0.0, 1.0)
        return replace(self, free=free, lattice=lattice)


@dataclass(frozen=True)
class SiteTable:
    """What there is to know of each Wyckoff position, by group and index.

    Attributes:
        features: `(230, 27, n_features)`.
        exists: Whether the group has such a position, `(230, 27)`.
        is_free: Whether x, y, z are free, `(230, 27, 3)`.
        multiplicity: Atoms in the primitive cell, `(230, 27)`.
        lattice: Which of the six numbers of the lattice are free, `(230, 6)`.
    """

    features: Tensor
    exists: Tensor
    is_free: Tensor
    multiplicity: Tensor
    lattice: Tensor


def tokens(crystals: Sequence[WyckoffCrystal], elements: Sequence[str]) -> Tokens:
    """Write crystals as tensors.

    Args:
        crystals: At least one.
        elements: Symbols in the order of their indices.

    Raises:
        ValueError: An element was never learnt, or a crystal has more atoms or another cell than the network knows.
    """
    index = {symbol: k for k, symbol in enumerate(elements)}
    for crystal in crystals:
        unknown = sorted(crystal.elements - index.keys())
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: never seen in training, which held {len(elements)} elements")
        if n_atoms(crystal) > MAX_ATOMS:
            raise ValueError(f"{n_atoms(crystal)} atoms in the primitive cell; at most {MAX_ATOMS} are known")
    n, longest = len(crystals), max(len(crystal.orbits) for crystal in crystals)
    site = np.full((n, longest), STOP)
    element = np.zeros((n, longest), dtype=np.int64)
    free = np.zeros((n, longest, 3), dtype=np.float32)
    for row, crystal in enumerate(crystals):
        table = sites(crystal.spacegroup)
        for place, orbit in enumerate(crystal.orbits):
            k = LETTERS.index(orbit.letter)
            site[row, place], element[row, place] = k, index[orbit.element]
            free[row, place, list(table[k].free)] = orbit.free
    lattice = np.array([to_numbers(crystal) for crystal in crystals])
    return Tokens(
        torch.tensor([crystal.spacegroup - 1 for crystal in crystals]),
        torch.from_numpy(site),
        torch.from_numpy(element),
        torch.from_numpy(free),
        torch.from_numpy(lattice).float(),
        torch.tensor([len(crystal.orbits) for crystal in crystals]),
    )


@lru_cache(maxsize=1)
def site_table() -> SiteTable:
    """Features of all 1,731 Wyckoff positions: where they lie, how symmetric they are, how many atoms they hold."""
    from .lattice import free_lattice

    symmetries = sorted({site.symmetry for group in GROUPS for site in sites(group)})
    n_features = len(symmetries) + len(_SYSTEMS) + 3 + 9 + 6 + 1 + N_SITES
    features = torch.zeros(len(GROUPS), N_SITES, n_features)
    exists = torch.zeros(len(GROUPS), N_SITES, dtype=torch.bool)
    is_free = torch.zeros(len(GROUPS), N_SITES, 3, dtype=torch.bool)
    multiplicity = torch.zeros(len(GROUPS), N_SITES, dtype=torch.long)
    lattice = torch.zeros(len(GROUPS), N_LATTICE, dtype=torch.bool)
    for row, group in enumerate(GROUPS):
        lattice[row, list(free_lattice(group))] = True
        for k, site in enumerate(sites(group)):
            exists[row, k] = True
            is_free[row, k, list(site.free)] = True
            multiplicity[row, k] = site.multiplicity
            # The number among positions of equal symmetry carries over from group to group, the letter does not.
            enumeration = sum(other.symmetry == site.symmetry for other in sites(group)[:k])
            parts = [
                np.eye(len(symmetries))[symmetries.index(site.symmetry)],
                np.eye(len(_SYSTEMS))[_SYSTEMS.index(crystal_system(group))],
                np.isin(np.arange(3), site.free),
                site.linear.ravel(),
                np.cos(2 * np.pi * site.constant),
                np.sin(2 * np.pi * site.constant),
                [np.log(site.multiplicity)],
                np.eye(N_SITES)[enumeration],
            ]
            features[row, k] = torch.from_numpy(np.concatenate(parts)).float()
    return SiteTable(features, exists, is_free, multiplicity, lattice)


def element_features(elements: Sequence[str]) -> Tensor:
    """Row and column of the periodic table, electronegativity and radius, `(n_elements, n_features)`."""
    rows = []
    for symbol in elements:
        element = Element(symbol)
        with warnings.catch_warnings():
            # Noble gases have no electronegativity, and pymatgen says so each time.
            warnings.simplefilter("ignore")
            electronegativity = element.X if np.isfinite(element.X) else 2.0
        numbers = [element.row - 1, element.group - 1]
        one_hot = np.concatenate(
            [np.eye(9)[numbers[0]], np.eye(18)[numbers[1]], [element.is_lanthanoid, element.is_actinoid]]
        )
        radius = element.atomic_radius or 1.5
        rows.append([*one_hot, electronegativity - 2.0, float(radius) - 1.5])
    return torch.tensor(np.array(rows, dtype=np.float32))
