"""The substitution baseline: likely other elements in place of those of a training crystal.

Knows the project's substitution rule and Wyckoff descriptions. Must not know what is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...memory.errors import TerminalError
from ...memory.records import Crystal
from ..crystals.structure import to_crystal, to_structure
from ..crystals.wyckoff import from_wyckoff
from ..generators.prototype import parent_of
from ..generators.substitute import likely, substituted
from ..generators.volume import estimable_elements

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal
    from .known_crystals import KnownCrystals


@dataclass(frozen=True)
class SubstitutionSource:
    """A training crystal at random, and in it a substitution drawn by its probability, never the crystal itself.

    All elements of the training crystals may come in. A draw that gives no crystal counts as failed.
    """

    known: KnownCrystals
    name: str = "substitution"
    version: str = "likely elements in a random training crystal, volume from bonds and atoms"

    def sample(self, n: int, seed: int) -> Sequence[Structure | None]:
        """Draw crystals and substitutions."""
        random = np.random.default_rng(seed)
        usable = [crystal for crystal in self.known.training if crystal.elements <= estimable_elements()]
        allowed = sorted({symbol for crystal in usable for symbol in crystal.elements})
        return [_changed(usable[k], allowed, random) for k in random.integers(len(usable), size=n)]


def _changed(known: WyckoffCrystal, allowed: Sequence[str], random: np.random.Generator) -> Structure | None:
    try:
        parent = parent_of(to_crystal(from_wyckoff(known)), "training crystal")
        choices = [(new, p) for new, p in likely(parent.species, allowed) if any(a != b for a, b in new)]
        if not choices:
            return None
        chances = np.array([p for _, p in choices])
        chosen, _ = choices[int(random.choice(len(choices), p=chances / chances.sum()))]
        content = substituted(parent, chosen, seed=0).content
    except TerminalError:
        return None
    return to_structure(content) if isinstance(content, Crystal) else None
