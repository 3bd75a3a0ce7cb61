"""Whether a crystal is already there: by content hash, then by structure matching within a reduced formula.

Knows pymatgen's matcher. Knows nothing of generators.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from pymatgen.core.structure_matcher import StructureMatcher

from ...memory.records import Candidate, Crystal, Point
from ..crystals.structure import to_structure

if TYPE_CHECKING:
    from pymatgen.core import Structure


class Seen:
    """The candidates seen so far; supercells, shifted origins and permuted atoms count as the same crystal.

    Two crystals that differ by a uniform scaling alone are the same too: relaxing makes them so.
    """

    def __init__(self, candidates: Iterable[Candidate] = ()) -> None:
        self._ids: set[str] = set()
        self._crystals: dict[str, list[Crystal]] = defaultdict(list)
        for candidate in candidates:
            self.add(candidate)

    def add(self, candidate: Candidate) -> None:
        """Remember a candidate."""
        self._ids.add(candidate.id)
        if isinstance(candidate.content, Crystal):
            self._crystals[reduced_formula(candidate.content)].append(candidate.content)

    def holds(self, candidate: Candidate) -> bool:
        """Whether the same point or the same crystal was seen."""
        if candidate.id in self._ids:
            return True
        if isinstance(candidate.content, Point):
            return False
        rivals = self._crystals.get(reduced_formula(candidate.content), [])
        return any(same_crystal(candidate.content, rival) for rival in rivals)


def same_crystal(one: Crystal, other: Crystal) -> bool:
    """Whether two crystals of one reduced formula match, at pymatgen's default tolerances."""
    return bool(_MATCHER.fit(_structure(one), _structure(other)))


def reduced_formula(crystal: Crystal) -> str:
    """Elements in alphabetical order with their smallest whole numbers, `Mg1 O1`: a key, not for people."""
    counts = Counter(crystal.species)
    divisor = math.gcd(*counts.values())
    return " ".join(f"{symbol}{count // divisor}" for symbol, count in sorted(counts.items()))


_MATCHER = StructureMatcher()


@lru_cache(maxsize=4096)
def _structure(crystal: Crystal) -> Structure:
    return to_structure(crystal)
