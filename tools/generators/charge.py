"""Whether a composition can be neutral: which oxidation states its elements may take, and when that matters.

Knows pymatgen's tables of oxidation states. Knows nothing of structures.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from pymatgen.core import Element

# Compounds of these are ionic enough for a missing neutral assignment to speak against them. Borides, carbides,
# silicides, phosphides and alloys are not: TiB2, B4C, Fe3C, CrSi2 have none (docs/decisions/0004).
CHARGED = frozenset({"N", "O", "F", "S", "Cl", "Se", "Br", "I"})


def is_balanced(counts: Iterable[tuple[str, int]]) -> bool:
    """Whether some choice of oxidation states is neutral, or none is called for.

    An element, and a compound without any of `CHARGED`, is balanced as it is. Otherwise the electronegative elements
    must be able to take what the others give, negative charges on the more electronegative ones (Pauling's order).
    One element may sit in two oxidation states, as iron in Fe3O4.

    Args:
        counts: Chemical symbol and number of atoms.

    Source: Davies et al., Chem 1, 617 (2016), doi:10.1016/j.chempr.2016.09.010, here with mixed valence.
    """
    return _is_balanced(tuple(sorted(counts)))


@lru_cache(maxsize=200_000)
def _is_balanced(counts: tuple[tuple[str, int], ...]) -> bool:
    symbols = {symbol for symbol, _ in counts}
    if len(symbols) == 1 or not symbols & CHARGED:
        return True
    ordered = sorted(counts, key=lambda item: (_electronegativity(item[0]), item[0]))
    for split in range(1, len(ordered)):
        given, taken = {0}, {0}
        for symbol, count in ordered[:split]:
            given = {a + b for a in given for b in _totals(symbol, count, 1)}
        for symbol, count in ordered[split:]:
            taken = {a + b for a in taken for b in _totals(symbol, count, -1)}
        if given & {-charge for charge in taken}:
            return True
    return False


@lru_cache(maxsize=10_000)
def _totals(symbol: str, count: int, sign: int) -> frozenset[int]:
    """Total charges that so many atoms of an element can have, each in one of two neighbouring states."""
    states = sorted(state for state in oxidation_states(symbol) if state * sign > 0)
    totals = {state * count for state in states}
    if Element(symbol).is_transition_metal:
        for low, high in pairwise(states):
            totals |= {low * (count - n) + high * n for n in range(count + 1)}
    return frozenset(totals)


@lru_cache(maxsize=128)
def oxidation_states(symbol: str) -> tuple[int, ...]:
    """Oxidation states an element has in inorganic crystals."""
    element = Element(symbol)
    return tuple(sorted({*element.common_oxidation_states, *element.icsd_oxidation_states} - {0}))


@lru_cache(maxsize=128)
def _electronegativity(symbol: str) -> float:
    return float(Element(symbol).X)
