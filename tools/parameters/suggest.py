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
from torch import Tensor

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
    starts, is_whole = _starts(space, seed, held, around, fixed, among)
    found: list[Suggestion] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for turn in range(q):
            seen = dict(zip(starts.names, _scores(acquisition, starts.rows), strict=True))
            met = {name: starts.points[name] for name in seen}
            if not is_whole:
                leaders = [met[name] for name in sorted(seen, key=lambda name: (-seen[name], name))[:STARTS]]
                rng = np.random.default_rng([seed, turn])
                for suggestion in _ascend(space, acquisition, leaders, rng, fixed):
                    name = content_hash(suggestion.point)
                    seen[name], met[name] = suggestion.acquisition, suggestion.point
            ranked = sorted(seen, key=lambda name: (-seen[name], name))
            free = (n for n in ranked if n not in held and not is_like(space, met[n], rejected))
            best = next(free, None)
            if best is None:
                break
            found.append(Suggestion(met[best], seen[best]))
            held.add(best)
            chosen = torch.from_numpy(encode(space, [s.point for s in found]))
            if turn + 1 < q:
                acquisition.set_X_pending(chosen if waiting is None else torch.cat([waiting, chosen]))
    if q > 1:
        acquisition.set_X_pending(waiting)
    return tuple(found)


@dataclass(frozen=True)
class _Starts:
    """Points that a search starts from, by content hash, and their rows."""

    points: Mapping[str, Point]
    rows: Tensor

    @property
    def names(self) -> list[str]:
        """Content hashes, in the order of the rows."""
        return list(self.points)


def _starts(
    space: ParameterSpace,
    seed: int,
    held: Collection[str],
    around: Sequence[Point],
    fixed: Mapping[str, Value],
    among: Sequence[Point] | None,
) -> tuple[_Starts, bool]:
    """Points to start from, and whether they are all there are."""
    listed = points(space) if among is None else among
    if among is None:
        found = list(sample(space, SAMPLES if listed is None else len(listed), seed, held, fixed))
    else:
        found = [p for p in among if keeps(p, fixed)]
    if listed is None and around:
        rng = np.random.default_rng(seed)
        near = (nearby(space, around[i % len(around)], rng, fixed) for i in range(NEAR_BEST))
        found += [p for p in near if p is not None]
    unique = {content_hash(p): p for p in found}
    return _Starts(unique, torch.from_numpy(encode(space, list(unique.values())))), listed is not None


def _ascend(
    space: ParameterSpace,
    acquisition: AcquisitionFunction,
    leaders: list[Point],
    rng: np.random.Generator,
    fixed: Mapping[str, Value],
) -> list[Suggestion]:
    """Climb from each leader and step to its best neighbour, in turn, until nothing is gained; all tops and steps."""
    found, moving = list[Suggestion](), list(leaders)
    for _ in range(ROUNDS):
        onward = []
        for top, value in climb(space, acquisition, moving, fixed) if moving else ():
            found.append(Suggestion(top, value))
            about = neighbours(space, top, rng, fixed)
            values = _scores(acquisition, torch.from_numpy(encode(space, about)))
            found += [Suggestion(p, v) for p, v in zip(about, values, strict=True)]
            if values and max(values) > value:
                onward.append(about[int(np.argmax(values))])
        moving = onward
    return found


def _scores(acquisition: AcquisitionFunction, rows: Tensor) -> list[float]:
    if not len(rows):
        return []
    with torch.no_grad():
        return list(torch.cat([acquisition(part) for part in rows[:, None].split(CHUNK)]).tolist())


def is_like(space: ParameterSpace, point: Point, others: Sequence[Point]) -> bool:
    """Whether a point is one of some others, or so near to one that it would tell the same.

    Where nothing is continuous, only the same point is.
    """
    if not others:
        return False
    if not any(leaf.is_continuous for leaf in space.leaves):
        return content_hash(point) in {content_hash(other) for other in others}
    return bool((np.abs(encode(space, [point]) - encode(space, others)).max(axis=1) < REJECTED).any())
