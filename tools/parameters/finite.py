"""How many points a space holds, and all of them where they are few.

Knows spaces. Must not know sampling or acquisition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ...memory.records import Point
from .check import problems
from .leaves import Leaf, Value, is_active
from .parameter_space import ParameterSpace

ENUMERABLE = 20_000
"""Settings of the discrete variables that are listed one by one."""


def size(space: ParameterSpace) -> int | None:
    """Number of allowed points.

    Returns:
        None where it is infinite, and where constraints leave more than `ENUMERABLE` settings to be looked at.
    """
    if space.allowed is not None:
        return len(space.allowed)
    if any(leaf.is_continuous for leaf in space.leaves):
        return None
    settings = _count(space.leaves)
    if not space.constraints:
        return settings
    found = points(space)
    return None if found is None else len(found)


def points(space: ParameterSpace) -> tuple[Point, ...] | None:
    """All allowed points; None where they are infinitely many or more than `ENUMERABLE`."""
    if space.allowed is not None:
        return space.allowed
    if any(leaf.is_continuous for leaf in space.leaves) or _count(space.leaves) > ENUMERABLE:
        return None
    settings = _settings(space.leaves, {})
    return tuple(Point(values=v) for v in settings if not problems(space.leaves, space.constraints, v))


def _count(leaves: tuple[Leaf, ...]) -> int:
    """Settings of discrete leaves; only the values that others depend on are told apart."""
    parents = {leaf.when.variable for leaf in leaves if leaf.when}
    counts: Counter[frozenset[tuple[str, Value]]] = Counter({frozenset(): 1})
    for leaf in leaves:
        after: Counter[frozenset[tuple[str, Value]]] = Counter()
        for known, count in counts.items():
            if not is_active(leaf, dict(known)):
                after[known] += count
            elif leaf.name in parents:
                for value in leaf.choices:
                    after[known | {(leaf.name, value)}] += count
            else:
                after[known] += count * leaf.n_choices
        counts = after
    return counts.total()


def _settings(leaves: tuple[Leaf, ...], values: dict[str, Value]) -> Iterator[dict[str, Value]]:
    if not leaves:
        yield values
    elif not is_active(leaves[0], values):
        yield from _settings(leaves[1:], values)
    else:
        for value in leaves[0].choices:
            yield from _settings(leaves[1:], values | {leaves[0].name: value})
