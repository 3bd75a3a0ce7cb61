"""What was asked for, in words: for provenance, and for people.

Knows wishes and aims. Must not know what comes of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pymatgen.core import Composition

from ...models.vae.wish import DecodingWish
from ...models.wyckoff.tables import GROUPS, crystal_system

if TYPE_CHECKING:
    from .aims import Aim
    from .generated import Made

_FREE = DecodingWish()


def asked_for(wish: DecodingWish, aims: Sequence[Aim]) -> str:
    """Wishes and aims in one line; `anything` where there are none.

    >>> asked_for(DecodingWish(only=frozenset({"Zn", "S"}), spacegroups=frozenset({216})), ())
    'only S, Zn; space group 216'
    """
    parts = [str(aim) for aim in aims]
    if wish.only is not None:
        parts.append(f"only {', '.join(sorted(wish.only))}")
    if wish.with_all:
        parts.append(f"with {', '.join(sorted(wish.with_all))}")
    if wish.without:
        parts.append(f"without {', '.join(sorted(wish.without))}")
    if wish.spacegroups is not None:
        parts.append(_groups(wish.spacegroups))
    for noun, span, free in (("atoms", wish.atoms, _FREE.atoms), ("elements", wish.n_elements, _FREE.n_elements)):
        if span != free:
            parts.append(f"{_span(span, free)} {noun}")
    return "; ".join(parts) or "anything"


def missed(wanted: int, found: int, nearest: Made | None, aims: Sequence[Aim]) -> str:
    """What the nearest miss was where fewer crystals than wanted meet the aims; empty where there is nothing to say."""
    if found >= wanted or nearest is None:
        return ""
    formula = Composition(Counter(nearest.cell.species)).reduced_formula
    values = {**nearest.values, **nearest.judged}
    own = dict.fromkeys(aim.target for aim in aims)
    told = ", ".join(f"{one.name} {values[one.name]:.3g} {one.unit}" for one in own if one.name in values)
    return f"The nearest miss was {formula} in space group {nearest.spacegroup}: {told} (predicted)."


def _groups(groups: frozenset[int]) -> str:
    systems = list(dict.fromkeys(crystal_system(number) for number in sorted(groups)))
    if len(groups) > 1 and groups == {number for number in GROUPS if crystal_system(number) in systems}:
        return " or ".join(systems)
    return f"space group {' or '.join(map(str, sorted(groups)))}"


def _span(span: tuple[int, int], free: tuple[int, int]) -> str:
    if span[0] == span[1]:
        return str(span[0])
    return f"{span[0]} or more" if span[1] == free[1] else f"{span[0]} to {span[1]}"
