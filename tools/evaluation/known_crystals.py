"""Crystals that generated ones are compared with: those a generator has learnt from, and others that are known.

Knows Wyckoff descriptions. Must not know generators, files or what is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..crystals.structure import to_crystal
from ..crystals.wyckoff import from_wyckoff
from .sample import formula_of

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ...memory.records import Crystal
    from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal


@dataclass(frozen=True)
class KnownCrystals:
    """What is known before a generator is asked.

    Attributes:
        training: Crystals that generators learn from; templates and distributions are compared with these.
        others: Further crystals that are not novel.
    """

    training: tuple[WyckoffCrystal, ...] = field(repr=False)
    others: tuple[WyckoffCrystal, ...] = field(default=(), repr=False)

    @cached_property
    def templates(self) -> frozenset[str]:
        """Space group and Wyckoff letters of the training crystals."""
        return frozenset(crystal.template for crystal in self.training)

    @cached_property
    def spacegroups(self) -> tuple[int, ...]:
        """Of the training crystals, one each."""
        return tuple(crystal.spacegroup for crystal in self.training)

    def of_formula(self, formula: str) -> tuple[Crystal, ...]:
        """All known crystals with a reduced formula, in their primitive cells."""
        return tuple(_placed(crystal) for crystal in self._by_formula.get(formula, ()))

    def some(self, n: int, seed: int) -> list[Structure]:
        """So many training crystals at random, each at most once."""
        chosen = np.random.default_rng(seed).permutation(len(self.training))[:n]
        return [from_wyckoff(self.training[k]) for k in chosen]

    @cached_property
    def _by_formula(self) -> Mapping[str, list[WyckoffCrystal]]:
        found: dict[str, list[WyckoffCrystal]] = defaultdict(list)
        for crystal in (*self.training, *self.others):
            found[formula_of(crystal)].append(crystal)
        return dict(found)


@lru_cache(maxsize=4096)
def _placed(crystal: WyckoffCrystal) -> Crystal:
    return to_crystal(from_wyckoff(crystal))
