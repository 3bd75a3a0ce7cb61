"""Decoration: give the symmetry-distinct positions of a prototype to allowed elements, drawn at random.

Knows prototypes and charge balance. Must not know which substitutions nature prefers (substitute.py).
"""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from ...memory.records import Candidate, Provenance
from .charge import is_balanced
from .prototype import Parent, aflow_prototypes, recast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..space import CrystalSpace
    from .generate import Wish

# Draws in a row without a balanced composition, after which the space counts as exhausted.
_FRUITLESS = 2000


class Decorate:
    """Raw candidates by giving a prototype's positions to allowed elements."""

    name = "decorate"

    def __init__(self, space: CrystalSpace) -> None:
        self._space = space

    def generate(self, wish: Wish) -> Iterator[Candidate]:
        """Yield decorations endlessly, repeats included; ends where no draw gives a balanced composition."""
        random = np.random.default_rng(wish.seed)
        low, high = self._space.n_elements
        prototypes = [p for p in aflow_prototypes(self._space.max_atoms) if max(p.orbits) + 1 >= low]
        fruitless = 0
        while prototypes and fruitless < _FRUITLESS:
            parent = prototypes[random.integers(len(prototypes))]
            most = min(high, max(parent.orbits) + 1, len(self._space.elements))
            parts = _partition(parent, int(random.integers(low, most + 1)), random)
            elements = _elements(self._space, max(parts) + 1, random)
            species = [elements[part] for part in parts]
            if is_balanced(Counter(species).items()):
                fruitless = 0
                yield _decorated(parent, species, wish.seed)
            else:
                fruitless += 1


def _partition(parent: Parent, n_elements: int, random: np.random.Generator) -> list[int]:
    """Part of each site, `(n_atoms,)`: the prototype's own parts where their number fits, else orbits at random."""
    own = list(dict.fromkeys(parent.species))
    if len(own) == n_elements:
        return [own.index(symbol) for symbol in parent.species]
    n_orbits = max(parent.orbits) + 1
    parts = random.permutation([*range(n_elements), *random.integers(n_elements, size=n_orbits - n_elements)])
    return [int(parts[orbit]) for orbit in parent.orbits]


def _elements(space: CrystalSpace, n: int, random: np.random.Generator) -> list[str]:
    """Distinct allowed elements in random order, one of the required ones among them."""
    if not space.required:
        return [str(symbol) for symbol in random.permutation(sorted(set(space.elements)))[:n]]
    first = str(random.choice(sorted(set(space.required))))
    others = random.permutation(sorted(set(space.elements) - {first}))[: n - 1]
    return [str(symbol) for symbol in random.permutation([first, *others])]


def _decorated(parent: Parent, species: list[str], seed: int) -> Candidate:
    given = dict(zip(zip(parent.species, parent.orbits, strict=True), species, strict=True))
    words = ", ".join(dict.fromkeys(f"{new} on {old}" for (old, _), new in given.items()))
    provenance = Provenance(
        tool="generate/decorate",
        parents=(parent.name,),
        seed=seed,
        version=f"pymatgen {version('pymatgen')}",
        note=f"{words} in {parent.name}",
    )
    return Candidate(content=recast(parent, species), provenance=provenance)
