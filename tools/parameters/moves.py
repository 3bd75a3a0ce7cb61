"""Local search in a space: one step in a discrete value, and ascent in the continuous ones.

Knows spaces, repair, encoding and torch. Must not know what is climbed: that comes as a function of encoded rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ...memory.errors import RetryError
from ...memory.records import Point
from .check import problems
from .encode import Array, continuous_columns, decode, encode
from .leaves import Value
from .parameter_space import ParameterSpace
from .repair import complete, filled, remaining, repair
from .variables import Categorical, Composition, Integer

Score = Callable[[Tensor], Tensor]
"""Encoded rows `(n, 1, n_columns)` to values `(n,)`, which autograd can follow."""

STEPS = 24
LEAST_STEP = 1e-4
FIRST_STEP = 0.1
"""In shares of a variable's range."""
NEIGHBOURS = 24
"""Neighbours of one point that are looked at."""


def neighbours(
    space: ParameterSpace, point: Point, rng: np.random.Generator, fixed: Mapping[str, Value]
) -> tuple[Point, ...]:
    """Allowed points that differ in one discrete value, or in which parts are there, from a point.

    A number of whole steps goes by one and by about a fifth of its range; what depends on the change is mended.
    """
    if space.allowed is not None:
        return ()
    values, changes = point.values, list[dict[str, Value]]()
    for leaf in space.leaves:
        if leaf.name not in values or leaf.name in fixed:
            continue
        if isinstance(leaf.source, Categorical):
            changes += [{leaf.name: label} for label in leaf.source.labels if label != values[leaf.name]]
        elif isinstance(leaf.source, Integer):
            far = max(2, round((leaf.high - leaf.low) / 5))
            numbers = (float(values[leaf.name]) + step for step in (-far, -1, 1, far))
            changes += [{leaf.name: number} for number in numbers if leaf.low <= number <= leaf.high]
        elif leaf.choices:
            place = leaf.choices.index(values[leaf.name])
            changes += [{leaf.name: leaf.choices[i]} for i in (place - 1, place + 1) if 0 <= i < len(leaf.choices)]
    for composition in space.variables:
        if isinstance(composition, Composition) and composition.is_sparse and composition.parts[0] in values:
            changes += _other_parts(composition, values)
    order = rng.permutation(len(changes))[:NEIGHBOURS]
    found = (_changed(space, values, changes[i], fixed) for i in order)
    return tuple(p for p in found if p is not None and p != point)


def nearby(space: ParameterSpace, point: Point, rng: np.random.Generator, fixed: Mapping[str, Value]) -> Point | None:
    """An allowed point about a tenth of each range away from a point."""
    row = encode(space, [point])
    guess = decode(space, row + 0.1 * rng.standard_normal(row.shape) * (rng.random(row.shape) < 0.5))[0]
    try:
        return repair(space, guess, fixed)
    except RetryError:
        return None


def climb(
    space: ParameterSpace, score: Score, points: Sequence[Point], fixed: Mapping[str, Value]
) -> tuple[tuple[Point, float], ...]:
    """Raise the score of points in their continuous values, each step projected onto what is allowed.

    Returns:
        The best point met from each start, and its score.

    Source: spectral projected gradients, Birgin, Martínez and Raydan, SIAM J. Optim. 10, 1196 (2000),
    doi:10.1137/S1052623497330963; here a step that does not raise the score is shortened.
    """
    current = list(points)
    rows = encode(space, current)
    values, slopes = _valued(score, rows)
    left = {k: remaining(space, p.values, fixed) for k, p in enumerate(current)}
    place = continuous_columns(space)
    where = {k: [place[leaf.name] for leaf in free] for k, (free, _) in left.items() if free}
    steps = dict.fromkeys(where, 0.0)
    for k, columns in where.items():
        steps[k] = FIRST_STEP / max(float(np.abs(slopes[k, columns]).max()), 1e-12)
    for _ in range(STEPS if space.allowed is None else 0):
        tries: dict[int, Point] = {}
        for k in list(steps):
            free, polytope = left[k]
            wanted = rows[k].copy()
            move = np.clip(steps[k] * slopes[k, where[k]], -1.0, 1.0)
            wanted[where[k]] += move
            guess = decode(space, wanted[None])[0]
            numbers = polytope.nearest(np.array([float(guess[leaf.name]) for leaf in free]))
            point = None if numbers is None else filled(space, current[k].values, free, numbers)
            if point is None or np.abs(move).max() < LEAST_STEP:
                del steps[k]
            else:
                tries[k] = point
        if not tries:
            break
        new_rows = encode(space, list(tries.values()))
        new_values, new_slopes = _valued(score, new_rows)
        for i, (k, point) in enumerate(tries.items()):
            gone = (new_rows[i] - rows[k])[where[k]]
            if not new_values[i] > values[k]:
                steps[k] /= 4
                continue
            turned = float(gone @ (slopes[k] - new_slopes[i])[where[k]])
            longest = 1.0 / max(float(np.abs(new_slopes[i, where[k]]).max()), 1e-12)
            steps[k] = min(float(gone @ gone) / turned, longest) if turned > 1e-12 else min(2 * steps[k], longest)
            current[k], rows[k], values[k], slopes[k] = point, new_rows[i], new_values[i], new_slopes[i]
            if np.abs(gone).max(initial=0.0) < LEAST_STEP:
                del steps[k]
    return tuple((point, float(value)) for point, value in zip(current, values, strict=True))


def _valued(score: Score, rows: Array) -> tuple[Array, Array]:
    """Scores `(n,)` and their gradients `(n, n_columns)`."""
    inputs = torch.from_numpy(rows)[:, None].requires_grad_(True)
    found = score(inputs)
    (slopes,) = torch.autograd.grad(found.sum(), inputs)
    return found.detach().numpy().copy(), np.nan_to_num(slopes[:, 0].numpy())


def _other_parts(composition: Composition, values: Mapping[str, Value]) -> list[dict[str, Value]]:
    """Amounts with one part away, another come, or one in another's place."""
    amounts = {name: float(values[name]) for name in composition.parts}
    there = [name for name, amount in amounts.items() if amount > 0]
    absent = [name for name in composition.parts if name not in there]
    room = math.floor(composition.total / composition.minimum * (1 + 1e-9)) if composition.minimum else len(amounts)
    room = min(room, composition.at_most or room)
    found: list[dict[str, Value]] = [{**amounts, a: amounts[b], b: 0.0} for a in absent for b in there]
    if len(there) < room:
        share = max(composition.minimum, composition.total / (len(there) + 1))
        found += [{**amounts, name: share} for name in absent]
    if len(there) > 1:
        found += [{**amounts, name: 0.0} for name in there]
    return found


def _changed(
    space: ParameterSpace, values: Mapping[str, Value], change: Mapping[str, Value], fixed: Mapping[str, Value]
) -> Point | None:
    wanted = {**values, **change, **{name: value for name, value in fixed.items() if name in values}}
    if not problems(space.leaves, space.constraints, wanted):
        return Point(values=wanted)
    try:
        if all(leaf.when is None for leaf in space.leaves):
            return complete(space, wanted, fixed)
        return repair(space, wanted, fixed)
    except RetryError:
        return None
