"""Which points of a space an acquisition function wants most.

Knows spaces, sampling, local moves and what an acquisition function looks like. Must not know goals or surrogates.

Few points are all scored. Otherwise the best of many samples and of points near the best known are starts; each goes up
by gradients in its continuous values and by single steps in its discrete ones, in turn. Points are found one after
another, and each is pending for the next.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from botorch.acquisition import AcquisitionFunction

from ...memory.records import Point, content_hash
from .encode import encode
from .finite import points
from .leaves import Value
from .moves import climb, nearby, neighbours
from .parameter_space import ParameterSpace
from .sample import keeps, sample

SAMPLES = 256
STARTS = 4
NEAR_BEST = 32
"""Starts drawn around the best known points."""
ROUNDS = 6
CHUNK = 512
REJECTED = 0.05
"""A rejected point takes with it all that differ in no column by more than this share of the range."""


@dataclass(frozen=True)
class Suggestion:
    """A point that is worth trying.

    Attributes:
        acquisition: The acquisition function's value where the points before it in the batch are pending.
    """

    point: Point
    acquisition: float


def suggest(
    space: ParameterSpace,
    acquisition: AcquisitionFunction,
    q: int,
    seed: int,
    taken: Sequence[Point] = (),
    around: Sequence[Point] = (),
    fixed: Mapping[str, Value] | None = None,
    rejected: Sequence[Point] = (),
    among: Sequence[Point] | None = None,
) -> tuple[Suggestion, ...]:
    """Find up to `q` allowed points, the most wanted first; fewer where no more are left.

    Args:
        acquisition: Takes encoded rows `(n, 1, n_columns)`; what is pending for it stays pending.
        seed: The same seed gives the same answer.
        taken: Points that must not come back: tried and pending ones.
        around: Good points, near which the search starts too.
        fixed: Values that variables keep wherever they are there.
        rejected: Points that a person does not want, nor their like.
        among: Allowed points to choose from; None for all of the space.

    Raises:
        RetryError: Nothing is allowed with these fixed values.
    """
    fixed = fixed or {}
    held = {content_hash(p) for p in (*taken, *rejected)}
    waiting = getattr(acquisition, "X_pending", None)
    found: list[Suggestion] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for turn in range(q):
            best = _best(space, acquisition, seed + 7919 * turn, held, around, fixed, rejected, among)
            if best is None:
                break
            found.append(best)
            held.add(content_hash(best.point))
            chosen = torch.from_numpy(encode(space, [s.point for s in found]))
            if turn + 1 < q:
                acquisition.set_X_pending(chosen if waiting is None else torch.cat([waiting, chosen]))
    if q > 1:
        acquisition.set_X_pending(waiting)
    return tuple(found)


def _best(
    space: ParameterSpace,
    acquisition: AcquisitionFunction,
    seed: int,
    held: Collection[str],
    around: Sequence[Point],
    fixed: Mapping[str, Value],
    rejected: Sequence[Point],
    among: Sequence[Point] | None,
) -> Suggestion | None:
    rng = np.random.default_rng(seed)
    listed = points(space) if among is None else among
    if among is None:
        starts = list(sample(space, SAMPLES if listed is None else len(listed), seed, held, fixed))
    else:
        starts = [p for p in among if keeps(p, fixed)]
    if listed is None:
        near = (nearby(space, around[i % len(around)], rng, fixed) for i in range(NEAR_BEST if around else 0))
        starts += [p for p in near if p is not None]
    seen: dict[str, Suggestion] = {}

    values = _look_at(space, acquisition, starts, seen)
    if listed is None and starts:
        leaders = [starts[i] for i in np.argsort(values)[::-1][:STARTS]]
        _ascend(space, acquisition, leaders, rng, fixed, seen)
    ranked = sorted(seen.items(), key=lambda item: (-item[1].acquisition, item[0]))
    for name, suggestion in ranked:
        if name not in held and not is_like(space, suggestion.point, rejected):
            return suggestion
    return None


def _ascend(
    space: ParameterSpace,
    acquisition: AcquisitionFunction,
    leaders: list[Point],
    rng: np.random.Generator,
    fixed: Mapping[str, Value],
    seen: dict[str, Suggestion],
) -> None:
    """Climb from each leader and step to its best neighbour, in turn, until nothing is gained."""
    moving = list(leaders)
    for _ in range(ROUNDS):
        onward = []
        for top, value in climb(space, acquisition, moving, fixed):
            seen[content_hash(top)] = Suggestion(top, value)
            about = neighbours(space, top, rng, fixed)
            values = _look_at(space, acquisition, about, seen)
            if values and max(values) > value:
                onward.append(about[int(np.argmax(values))])
        moving = onward
        if not moving:
            return


def _look_at(
    space: ParameterSpace, acquisition: AcquisitionFunction, some: Sequence[Point], seen: dict[str, Suggestion]
) -> list[float]:
    """Score points, and write them down among those seen."""
    if not some:
        return []
    rows = torch.from_numpy(encode(space, some))[:, None]
    with torch.no_grad():
        values = torch.cat([acquisition(part) for part in rows.split(CHUNK)]).tolist()
    for point, value in zip(some, values, strict=True):
        seen[content_hash(point)] = Suggestion(point, value)
    return list(values)


def is_like(space: ParameterSpace, point: Point, others: Sequence[Point]) -> bool:
    """Whether a point is one of some others, or so near to one that it would tell the same.

    Where nothing is continuous, only the same point is.
    """
    if not others:
        return False
    if not any(leaf.is_continuous for leaf in space.leaves):
        return content_hash(point) in {content_hash(other) for other in others}
    return bool((np.abs(encode(space, [point]) - encode(space, others)).max(axis=1) < REJECTED).any())
