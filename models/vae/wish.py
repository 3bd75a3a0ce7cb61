"""What a decoded crystal must be like: hard wishes, which become masks while it is decoded.

Knows elements and space groups. Must not know networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..wyckoff.tables import GROUPS
from ..wyckoff.wyckoff_crystal import WyckoffCrystal

MAX_ATOMS = 20
"""Atoms in the primitive cell that a decoder knows."""


@dataclass(frozen=True)
class DecodingWish:
    """What every decoded crystal has to keep; an empty wish allows all that the decoder knows.

    Attributes:
        only: Elements that may occur; None for all that were learnt.
        with_all: Elements that must all occur.
        without: Elements that must not occur.
        spacegroups: Allowed space groups; None for all.
        atoms: Smallest and largest number of atoms in the primitive cell.
        n_elements: Smallest and largest number of different elements.
    """

    only: frozenset[str] | None = None
    with_all: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    spacegroups: frozenset[int] | None = None
    atoms: tuple[int, int] = (1, MAX_ATOMS)
    n_elements: tuple[int, int] = (1, 99)

    def __post_init__(self) -> None:
        """Refuse wishes that contradict themselves.

        Raises:
            ValueError: Says which wishes do, and what is allowed.
        """
        clash = self.with_all & self.without
        if clash:
            raise ValueError(f"{', '.join(sorted(clash))}: both wanted and banned; one of the two is allowed")
        if self.only is not None and self.with_all - self.only:
            raise ValueError(
                f"{', '.join(sorted(self.with_all - self.only))}: wanted, but not among the only elements allowed "
                f"({', '.join(sorted(self.only))})"
            )
        if self.only is not None and not self.only - self.without:
            raise ValueError("no element is left: all those allowed are banned")
        if self.spacegroups is not None and not self.spacegroups <= set(GROUPS):
            wrong = sorted(self.spacegroups - set(GROUPS))
            raise ValueError(f"space group {wrong[0]}; 1 to 230 are allowed")
        if self.spacegroups is not None and not self.spacegroups:
            raise ValueError("no space group is left; at least one is needed")
        for name, (low, high), most in (("atoms", self.atoms, MAX_ATOMS), ("n_elements", self.n_elements, 99)):
            if not 1 <= low <= high <= most:
                raise ValueError(f"{name}: {low} to {high}; 1 <= smallest <= largest <= {most} is allowed")
        if len(self.with_all) > self.n_elements[1]:
            raise ValueError(
                f"{len(self.with_all)} elements are wanted in crystals of at most {self.n_elements[1]}; "
                "as many or fewer are allowed"
            )

    def broken(self, crystal: WyckoffCrystal, n_atoms: int) -> str | None:
        """Name the first wish that a crystal does not keep; None where it keeps all."""
        elements = crystal.elements
        if self.only is not None and not elements <= self.only:
            return "only"
        if not self.with_all <= elements:
            return "with_all"
        if elements & self.without:
            return "without"
        if self.spacegroups is not None and crystal.spacegroup not in self.spacegroups:
            return "spacegroups"
        if not self.atoms[0] <= n_atoms <= self.atoms[1]:
            return "atoms"
        if not self.n_elements[0] <= len(elements) <= self.n_elements[1]:
            return "n_elements"
        return None

    def allows(self, known: Sequence[str]) -> tuple[str, ...]:
        """Which of the known elements may occur, in their order."""
        return tuple(e for e in known if (self.only is None or e in self.only) and e not in self.without)
