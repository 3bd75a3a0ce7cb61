"""What to try before there is a surrogate.

Knows spaces, sampling and trials. Must not know surrogates or acquisition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...memory.records import Goal, Point, content_hash
from ...memory.state import Trial
from ..acquisition.acquire import best_first
from .believe import LEAST, Earlier
from .leaves import Value
from .parameter_space import ParameterSpace
from .repair import check
from .sample import keeps, spread

PAIRS = 3
"""Settings that all levels of fidelity are asked for at the start, so that it shows how far they go together."""


def start(
    space: ParameterSpace,
    goal: Goal,
    q: int,
    seed: int,
    held: Sequence[Point],
    fixed: Mapping[str, Value],
    among: Sequence[Point] | None,
    earlier: Earlier,
) -> tuple[Point, ...]:
    """Up to `q` points: the best of earlier campaigns, then a space-filling start, at all levels of fidelity.

    Args:
        held: Points that must not come back: tried, pending and rejected.
    """
    names = {content_hash(p) for p in held}
    found = list[Point]()
    for source in sorted(earlier):
        best = next(iter(best_first(goal, [t for t in earlier[source] if t.status == "completed"])), None)
        if len(held) + len(found) < LEAST and best is not None:
            found += _allowed(space, best, names, fixed, among)
            names |= {content_hash(p) for p in found}
    fidelity = space.fidelity
    if fidelity is None or fidelity.name in fixed or among is not None:
        more = spread(space, q, seed, [*held, *found], fixed, among) if len(found) < q else ()
        return (*found, *more)[:q]
    meant = {fidelity.name: fidelity.labels[-1]}
    settings = {content_hash(_at(p, meant)): _at(p, meant) for p in (*held, *found)}
    wanted = max(PAIRS, len(settings) + q)
    pairs = [*settings.values(), *spread(space, wanted, seed, list(settings.values()), {**fixed, **meant})]
    levels = [_at(p, {fidelity.name: level}) for p in pairs[:PAIRS] for level in fidelity.labels]
    rest = [p for p in (*levels, *pairs) if content_hash(p) not in names and not check(space, p)]
    return tuple({content_hash(p): p for p in rest}.values())[:q]


def _at(point: Point, level: Mapping[str, Value]) -> Point:
    return Point(values={**point.values, **level})


def _allowed(
    space: ParameterSpace,
    trial: Trial,
    names: set[str],
    fixed: Mapping[str, Value],
    among: Sequence[Point] | None,
) -> list[Point]:
    """The point of a trial where it may be tried here, else none."""
    point = trial.candidate.content
    if not isinstance(point, Point) or check(space, point) or content_hash(point) in names or not keeps(point, fixed):
        return []
    return [point] if among is None or content_hash(point) in {content_hash(p) for p in among} else []
