"""The record of a crystal as its occupied Wyckoff positions.

Knows the numbering of space groups. Must not know how a crystal is found to be symmetric, nor how its atoms follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Orbit:
    """Equivalent atoms of a crystal.

    Attributes:
        letter: Wyckoff letter in the standard setting; `A` follows `z` (space group 47).
        element: Chemical symbol.
        free: The coordinates that the position leaves free, in the order x, y, z of its first representative,
            fractions of the conventional cell in [0, 1).
    """

    letter: str
    element: str
    free: tuple[float, ...] = ()


@dataclass(frozen=True)
class WyckoffCrystal:
    """A crystal in the standard setting of its space group, the same for every choice of cell and origin.

    Attributes:
        spacegroup: International number, 1 to 230.
        orbits: Sorted by letter, then by Mendeleev number, then by coordinates.
        lattice: Conventional a, b, c in Å and alpha, beta, gamma in degrees.
    """

    spacegroup: int
    orbits: tuple[Orbit, ...]
    lattice: tuple[float, float, float, float, float, float]

    @property
    def elements(self) -> frozenset[str]:
        """Chemical symbols."""
        return frozenset(orbit.element for orbit in self.orbits)

    @property
    def template(self) -> str:
        """Space group and letters, without elements: `225:abc`."""
        return f"{self.spacegroup}:{''.join(orbit.letter for orbit in self.orbits)}"


def to_row(crystal: WyckoffCrystal) -> list[Any]:
    """A crystal as JSON keeps it: space group; letter, element and free coordinates of each orbit; lattice."""
    orbits = [[orbit.letter, orbit.element, *orbit.free] for orbit in crystal.orbits]
    return [crystal.spacegroup, orbits, list(crystal.lattice)]


def from_row(row: Sequence[Any]) -> WyckoffCrystal:
    """The crystal of a row.

    Raises:
        ValueError: It is no such row.
        TypeError: The same.
    """
    spacegroup, orbits, (a, b, c, alpha, beta, gamma) = row
    found = tuple(Orbit(letter, element, tuple(free)) for letter, element, *free in orbits)
    return WyckoffCrystal(spacegroup, found, (a, b, c, alpha, beta, gamma))
