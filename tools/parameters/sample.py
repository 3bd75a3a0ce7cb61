"""Random and space-filling points of a space, all of them allowed and no two the same.

Knows spaces, repair and polytopes. Must not know results or acquisition.

Scrambled Sobol points are drawn first, and those that keep the constraints are taken: without constraints that is all
of them, with compositions too, whose parts follow a flat Dirichlet distribution once their number (each as likely) is
drawn. What is then missing comes from walks: a guess is repaired, and hit-and-run goes on from there through the
polytope that its discrete values leave.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...memory.records import Point, content_hash
from .check import problems
from .encode import encode
from .finite import points
from .leaves import Leaf, Value, is_active
from .parameter_space import ParameterSpace
from .repair import filled, remaining, repair
from .variables import Composition, Continuous, Integer

TRIES = 4
"""Sobol points looked at for each point wanted."""
WALKS = 16
ROUNDS = 12
"""Of walks, after which what is there is given back."""
FILL = 8
"""Points drawn for each one that a space-filling start keeps."""


def sample(
    space: ParameterSpace,
    n: int,
    seed: int,
    taken: Collection[str] = (),
    fixed: Mapping[str, Value] | None = None,
) -> tuple[Point, ...]:
    """Draw up to `n` different points; fewer come back where no more can be found.

    Args:
        seed: The same seed gives the same points.
        taken: Content hashes of points that must not come back.
        fixed: Values that variables keep wherever they are there.

    Raises:
        RetryError: Nothing is allowed with these fixed values.
    """
    fixed = fixed or {}
    listed = points(space)
    if listed is not None:
        left = [p for p in listed if keeps(p, fixed) and content_hash(p) not in taken]
        return tuple(left[i] for i in np.random.default_rng(seed).permutation(len(left))[:n])
    found: dict[str, Point] = {}
    guesses = _guesses(space, TRIES * n, seed, fixed)
    if not any(c.comparison == "=" for c in space.constraints):
        for values in guesses:
            if len(found) < n and not problems(space.leaves, space.constraints, values):
                _add(found, Point(values=values), taken)
    for turn in range(ROUNDS):
        if len(found) >= n:
            break
        before = len(found)
        for point in _walks(space, _guesses(space, WALKS, seed + 1 + turn, fixed), n - before, seed + turn, fixed):
            _add(found, point, taken)
        if len(found) == before and turn >= ROUNDS // 4:
            break
    return tuple(found.values())[:n]


def spread(
    space: ParameterSpace,
    n: int,
    seed: int,
    taken: Sequence[Point] = (),
    fixed: Mapping[str, Value] | None = None,
    among: Sequence[Point] | None = None,
) -> tuple[Point, ...]:
    """A space-filling start: each point is the one of many samples that lies farthest from all before.

    Args:
        taken: Points that must not come back, and that the new ones keep away from.
        fixed: Values that variables keep wherever they are there.
        among: Allowed points to choose from; None for all of the space.
    """
    held = {content_hash(p) for p in taken}
    if among is None:
        drawn = sample(space, FILL * n, seed, held, fixed)
    else:
        drawn = tuple(p for p in among if keeps(p, fixed or {}) and content_hash(p) not in held)
    if len(drawn) <= 1:
        return drawn
    rows = encode(space, [*drawn, *taken])
    fresh, known = rows[: len(drawn)], rows[len(drawn) :]
    distance = np.full(len(fresh), np.inf)
    for row in known:
        distance = np.minimum(distance, np.linalg.norm(fresh - row, axis=1))
    chosen: list[int] = []
    for _ in range(min(n, len(drawn))):
        # Sobol's first point is as good as any other while nothing is taken.
        best = int(np.argmax(distance))
        chosen.append(best)
        distance = np.minimum(distance, np.linalg.norm(fresh - fresh[best], axis=1))
        distance[chosen] = -1.0
    return tuple(drawn[i] for i in chosen)


def _add(found: dict[str, Point], point: Point, taken: Collection[str]) -> None:
    name = content_hash(point)
    if name not in taken:
        found.setdefault(name, point)


def keeps(point: Point, fixed: Mapping[str, Value]) -> bool:
    """Whether a point has these values, wherever it has the variables."""
    return all(point.values.get(name, value) == value for name, value in fixed.items())


def _walks(
    space: ParameterSpace, guesses: Sequence[dict[str, Value]], n: int, seed: int, fixed: Mapping[str, Value]
) -> Iterator[Point]:
    share = math.ceil(n / len(guesses))
    for i, guess in enumerate(guesses):
        start = repair(space, guess, fixed)
        free, polytope = remaining(space, start.values, fixed)
        if not free:
            yield start
            continue
        for numbers in polytope.draws(share, seed * WALKS + i):
            point = filled(space, start.values, free, numbers)
            if point is not None:
                yield point


def _guesses(space: ParameterSpace, n: int, seed: int, fixed: Mapping[str, Value]) -> list[dict[str, Value]]:
    """Values from scrambled Sobol points; they keep the variables' own bounds."""
    from scipy.stats import qmc

    compositions = [v for v in space.variables if isinstance(v, Composition)]
    width = len(space.leaves) + sum(1 + len(c.parts) for c in compositions)
    unit = qmc.Sobol(width, rng=np.random.default_rng(seed)).random_base2(max(0, math.ceil(math.log2(n))))[:n]
    offset, columns = len(space.leaves), {}
    for composition in compositions:
        columns[composition.name] = slice(offset, offset + 1 + len(composition.parts))
        offset += 1 + len(composition.parts)
    found = []
    for row in unit:
        values: dict[str, Value] = {}
        for i, leaf in enumerate(space.leaves):
            if not is_active(leaf, values):
                continue
            source = leaf.source
            if not isinstance(source, Composition):
                values[leaf.name] = fixed.get(leaf.name, _value(leaf, float(row[i])))
            elif leaf.name == source.parts[0]:
                shares = row[i : i + len(source.parts)]
                values |= _amounts(source, shares, row[columns[source.name]])
        found.append(values | {name: value for name, value in fixed.items() if name in values})
    return found


def _value(leaf: Leaf, u: float) -> Value:
    source = leaf.source
    if isinstance(source, Continuous) and source.scale == "log":
        return min(max(source.low * float((source.high / source.low) ** u), source.low), source.high)
    if isinstance(source, Continuous):
        return min(source.low + (source.high - source.low) * u, source.high)
    place = min(int(u * leaf.n_choices), leaf.n_choices - 1)
    return float(source.low + place) if isinstance(source, Integer) else leaf.choices[place]


def _amounts(composition: Composition, shares: NDArray[np.float64], order: NDArray[np.float64]) -> dict[str, Value]:
    n = len(composition.parts)
    room = n if composition.minimum == 0 else min(n, math.floor(composition.total / composition.minimum * (1 + 1e-9)))
    room = min(room, composition.at_most or room)
    count = min(1 + int(order[0] * room), room) if composition.is_sparse else n
    there = np.argsort(-order[1:], kind="stable")[:count]
    # Exponential variables divided by their sum are uniform on the simplex.
    weights = -np.log(np.clip(shares[there], 1e-12, 1 - 1e-12))
    amounts = np.zeros(n)
    amounts[there] = composition.minimum + max(composition.total - count * composition.minimum, 0.0) * (
        weights / weights.sum()
    )
    return {name: float(x) for name, x in zip(composition.parts, amounts, strict=True)}
