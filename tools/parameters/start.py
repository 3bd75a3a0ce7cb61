"""What to try before there is a surrogate.

Knows spaces, sampling and trials. Must not know surrogates or acquisition.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ...memory.records import Goal, Point, content_hash
from ..acquisition.acquire import best_first
from .believe import Earlier, completed_inside, point_of
from .leaves import Value
from .parameter_space import ParameterSpace
from .repair import check
from .sample import keeps, spread


def start(
    space: ParameterSpace,
    goal: Goal,
    q: int,
    seed: int,
    taken: Sequence[Point],
    rejected: Sequence[Point],
    fixed: Mapping[str, Value],
    among: Sequence[Point] | None,
    earlier: Earlier,
) -> tuple[Point, ...]:
    """Up to `q` points: the best of an earlier campaign, then a space-filling start, at all levels of fidelity.

    Args:
        taken: Tried and pending points.
        rejected: Points that a person does not want.
    """
    names = {content_hash(p) for p in (*taken, *rejected)}
    best = _best_of(space, goal, earlier)
    found = [] if best is None or not _may_be(best, names, fixed, among) else [best]
    # What an earlier campaign brought does not move the points of this one's own start.
    held = [p for p in (*taken, *rejected) if best is None or content_hash(p) != content_hash(best)]
    names |= {content_hash(p) for p in found}
    fidelity = space.fidelity
    if fidelity is None or fidelity.name in fixed or among is not None:
        more = spread(space, q, seed, held, fixed, among)
        return (*found, *(p for p in more if content_hash(p) not in names))[:q]
    meant = {fidelity.name: fidelity.labels[-1]}
    settings = {content_hash(_at(p, meant)): _at(p, meant) for p in (*taken, *found)}
    away = [*settings.values(), *(_at(p, meant) for p in rejected)]
    more = spread(space, q, seed, away, {**fixed, **meant})
    # Asked at all levels, settings show how far these go together.
    levels = [_at(p, {fidelity.name: level}) for p in (*settings.values(), *more) for level in fidelity.labels]
    rest = [p for p in levels if content_hash(p) not in names and not check(space, p)]
    return tuple({content_hash(p): p for p in rest}.values())[:q]


def _at(point: Point, level: Mapping[str, Value]) -> Point:
    return Point(values={**point.values, **level})


def _best_of(space: ParameterSpace, goal: Goal, earlier: Earlier) -> Point | None:
    """The best point of the earlier campaign with most results in this space."""
    inside = {name: completed_inside(space, earlier[name]) for name in sorted(earlier)}
    best = next(iter(best_first(goal, max(inside.values(), key=len, default=[]))), None)
    return point_of(best) if best else None


def _may_be(
    point: Point,
    names: Collection[str],
    fixed: Mapping[str, Value],
    among: Sequence[Point] | None,
) -> bool:
    """Whether a point may be tried."""
    if content_hash(point) in names or not keeps(point, fixed):
        return False
    return among is None or content_hash(point) in {content_hash(p) for p in among}
