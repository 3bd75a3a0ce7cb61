"""What to try before there is a surrogate.

Knows spaces and sampling. Must not know trials, surrogates or acquisition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...memory.records import Point, content_hash
from .leaves import Value
from .parameter_space import ParameterSpace
from .repair import check
from .sample import spread


def start(
    space: ParameterSpace,
    q: int,
    seed: int,
    taken: Sequence[Point],
    rejected: Sequence[Point],
    fixed: Mapping[str, Value],
    among: Sequence[Point] | None,
) -> tuple[Point, ...]:
    """Up to `q` points that fill the space; where there are levels of fidelity, each setting at all of them.

    Args:
        taken: Tried and pending points.
        rejected: Points that a person does not want.
    """
    fidelity = space.fidelity
    if fidelity is None or fidelity.name in fixed or among is not None:
        return spread(space, q, seed, [*taken, *rejected], fixed, among)
    meant = {fidelity.name: fidelity.labels[-1]}
    settings = {content_hash(_at(p, meant)): _at(p, meant) for p in taken}
    away = [*settings.values(), *(_at(p, meant) for p in rejected)]
    more = spread(space, q, seed, away, {**fixed, **meant})
    # Asked at all levels, settings show how far these go together.
    levels = [_at(p, {fidelity.name: level}) for p in (*settings.values(), *more) for level in fidelity.labels]
    names = {content_hash(p) for p in (*taken, *rejected)}
    rest = [p for p in levels if content_hash(p) not in names and not check(space, p)]
    return tuple({content_hash(p): p for p in rest}.values())[:q]


def _at(point: Point, level: Mapping[str, Value]) -> Point:
    return Point(values={**point.values, **level})
