"""Edits as a source of candidates: elements exchanged, replaced, removed or added in crystals that are known.

Knows single edits (edit.py) and a user's crystals. Must not know who asks, nor what an edit is good for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np

from ...memory.errors import RetryError, UserError
from ...memory.records import Candidate, Crystal, Provenance
from ..crystals.read import read_crystals
from .edit import EditKind, edited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..space import CrystalSpace
    from .generate import Wish

# Draws in a row of which no crystal came, after which the source counts as exhausted.
_FRUITLESS = 500


class Edits:
    """Raw candidates by one edit of a campaign's best crystals or, where none are told, of any that is known."""

    name = "edit"

    def __init__(self, space: CrystalSpace) -> None:
        """Read the user's crystals.

        Raises:
            UserError: A seed cannot be read.
        """
        self._space = space
        self._seeds = [
            Candidate(content=one.crystal, provenance=Provenance(tool="read", parents=(one.name,)))
            for path in space.seeds
            for one in read_crystals(path)
        ]

    def generate(self, wish: Wish) -> Iterator[Candidate]:
        """Yield edits endlessly, repeats included; each kind is as likely as the others, and each element.

        Raises:
            UserError: There is nothing to edit.
        """
        random = np.random.default_rng(wish.seed)
        known = [*(wish.parents or wish.exclude), *self._seeds]
        parents = [one for one in known if isinstance(one.content, Crystal)]
        if not parents:
            raise UserError("generators: edit needs crystals to begin with; name their files in seeds")
        fruitless = 0
        while fruitless < _FRUITLESS:
            parent = parents[random.integers(len(parents))]
            try:
                made = edited(parent, *self._drawn(parent.content, random))
            except RetryError:
                fruitless += 1
                continue
            fruitless = 0
            yield made.model_copy(update={"provenance": made.provenance.model_copy(update={"seed": wish.seed})})

    def _drawn(self, crystal: object, random: np.random.Generator) -> tuple[EditKind, str, str]:
        """Kind and elements of an edit."""
        present = sorted(set(crystal.species)) if isinstance(crystal, Crystal) else []
        kind: EditKind = random.choice(get_args(EditKind))
        own, new = str(random.choice(present)), str(random.choice(sorted(set(self._space.elements))))
        if kind == "add":
            return kind, new, ""
        if kind == "exchange":
            return kind, own, str(random.choice(present))
        return kind, own, new if kind == "replace" else ""
