"""Which samples are the same crystal as an earlier one, and which are known already.

Knows the project's rule for when two crystals are the same. Must not know generators.

Only crystals of one reduced formula are compared: no others can match.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..generators.duplicate import reduced_formula, same_crystal

if TYPE_CHECKING:
    from ...memory.records import Crystal
    from .known_crystals import KnownCrystals

Tell = Callable[[int, int], object]
"""Is told how many of how many samples are done."""


def are_unique(crystals: Sequence[Crystal | None], tell: Tell = lambda done, total: None) -> tuple[bool, ...]:
    """Whether each crystal is there and is no twin of an earlier one; the first of several twins is unique."""
    seen: dict[str, list[Crystal]] = defaultdict(list)
    verdicts = []
    for done, crystal in enumerate(crystals, start=1):
        earlier = seen[reduced_formula(crystal)] if crystal is not None else []
        is_first = crystal is not None and not any(same_crystal(crystal, one) for one in earlier)
        if is_first and crystal is not None:
            earlier.append(crystal)
        verdicts.append(is_first)
        tell(done, len(crystals))
    return tuple(verdicts)


def are_novel(
    crystals: Sequence[Crystal | None], known: KnownCrystals, tell: Tell = lambda done, total: None
) -> tuple[bool, ...]:
    """Whether each crystal is there and matches none of the known ones."""
    verdicts = []
    for done, crystal in enumerate(crystals, start=1):
        rivals = known.of_formula(reduced_formula(crystal)) if crystal is not None else ()
        verdicts.append(crystal is not None and not any(same_crystal(crystal, rival) for rival in rivals))
        tell(done, len(crystals))
    return tuple(verdicts)
