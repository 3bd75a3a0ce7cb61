"""One sample of a generator, looked at once: its structure, its symmetry and its formula, or that it failed.

Knows crystals and Wyckoff descriptions. Must not know generators or what is counted.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...memory.errors import AthanorError
from ...models.wyckoff.tables import LETTERS, sites
from ..crystals.structure import to_crystal
from ..crystals.wyckoff import to_wyckoff
from ..generators.duplicate import reduced_formula

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pymatgen.core import Structure

    from ...memory.records import Crystal
    from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal


@dataclass(frozen=True)
class Sample:
    """What a generator gave.

    Attributes:
        structure: None where the generator failed, or gave something that is no crystal.
        crystal: The same as a record.
        described: By its Wyckoff positions; None where no symmetry was found, as when two atoms sit on one place.
        formula: Reduced formula, a key that is not for people; empty for a failed sample.
    """

    structure: Structure | None = None
    crystal: Crystal | None = None
    described: WyckoffCrystal | None = None
    formula: str = ""


def look(structure: Structure | None) -> Sample:
    """Find out what a sample is; the space group is found, whatever the structure says of itself."""
    if structure is None:
        return Sample()
    try:
        crystal = to_crystal(structure)
    except (AthanorError, ValueError):
        return Sample()
    try:
        described = to_wyckoff(structure)
    except ValueError:
        described = None
    return Sample(structure, crystal, described, reduced_formula(crystal))


def formula_of(crystal: WyckoffCrystal) -> str:
    """Reduced formula of a description, the same key as that of a sample."""
    counts = counts_of(crystal)
    divisor = math.gcd(*counts.values())
    return " ".join(f"{symbol}{count // divisor}" for symbol, count in sorted(counts.items()))


def counts_of(crystal: WyckoffCrystal) -> Mapping[str, int]:
    """Atoms of each element in the primitive cell."""
    table = sites(crystal.spacegroup)
    counts: Counter[str] = Counter()
    for orbit in crystal.orbits:
        counts[orbit.element] += table[LETTERS.index(orbit.letter)].multiplicity
    return counts
