"""The nearest allowed point to a guess, and the polytope that is left once a point's discrete values are fixed.

Knows spaces, the programme and polytopes. Must not know how guesses are made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ...memory.errors import RetryError
from ...memory.records import Point, content_hash
from .check import problems
from .leaves import Leaf, Value, is_active
from .parameter_space import ParameterSpace
from .polytope import Array, Polytope
from .programme import feasible_values
from .variables import Categorical, Composition

PRESENT = 1e-9
"""Share of the total above which a part counts as there."""


def check(space: ParameterSpace, point: Point) -> tuple[str, ...]:
    """What is wrong with a point, in words; empty where it is allowed."""
    found = problems(space.leaves, space.constraints, point.values)
    if found or space.allowed is None:
        return found
    return () if content_hash(point) in space.allowed_ids else ("no row of the pool is this point",)


def repair(space: ParameterSpace, guess: Mapping[str, Value], fixed: Mapping[str, Value] | None = None) -> Point:
    """The allowed point nearest to a guess: first in the discrete values, then in the continuous ones.

    Distances are shares of each variable's range. Numbers may be missing, and then come from the constraints.

    Args:
        fixed: Values that variables keep wherever they are there.

    Raises:
        RetryError: Nothing is allowed with these fixed values.
    """
    fixed = fixed or {}
    wanted = {name: value for name, value in guess.items() if isinstance(value, str) or math.isfinite(value)}
    wanted.update(fixed)
    if space.allowed is not None:
        return _nearest_row(space, wanted, fixed)
    rounded = _rounded(space, wanted)
    point = None if rounded is None else complete(space, rounded, fixed)
    if point is None:
        found = feasible_values(space.leaves, space.constraints, wanted, fixed)
        point = None if found is None else complete(space, found | _kept(space, wanted, found), fixed)
        if point is None and found is not None:
            point = complete(space, found, fixed)
    if point is None:
        kept = ", ".join(f"{name} = {value}" for name, value in fixed.items())
        raise RetryError(f"no point of the space has {kept}" if kept else "no point of the space can be found")
    return point


def complete(space: ParameterSpace, values: Mapping[str, Value], fixed: Mapping[str, Value]) -> Point | None:
    """The allowed point with these discrete values and the nearest continuous ones; None where there is none."""
    values = dict(values) | {name: value for name, value in fixed.items() if name in values}
    free, polytope = remaining(space, values, fixed)
    numbers = polytope.nearest(np.array([float(values[leaf.name]) for leaf in free]))
    return None if numbers is None else filled(space, values, free, numbers)


def filled(space: ParameterSpace, values: Mapping[str, Value], free: list[Leaf], numbers: Array) -> Point | None:
    """A point with its free numbers in place; None where it is not allowed after all."""
    point = dict(values) | {leaf.name: float(x) for leaf, x in zip(free, numbers, strict=True)}
    return None if problems(space.leaves, space.constraints, point) else Point(values=point)


def remaining(
    space: ParameterSpace, values: Mapping[str, Value], fixed: Mapping[str, Value]
) -> tuple[list[Leaf], Polytope]:
    """The continuous leaves that may still move, and where.

    Parts of a composition that are not there stay so, and those that are there stay above the minimum.

    Args:
        values: A point's, feasible or not in its continuous numbers.
    """
    free = [leaf for leaf in space.leaves if leaf.name in values and leaf.name not in fixed and _moves(leaf, values)]
    place = {leaf.name: i for i, leaf in enumerate(free)}
    lower = np.array([leaf.source.minimum if isinstance(leaf.source, Composition) else leaf.low for leaf in free])
    upper = np.array([leaf.high for leaf in free])
    at_most: list[tuple[Array, float]] = []

    def row(terms: Mapping[str, float], bound: float) -> tuple[Array, float]:
        line = np.zeros(len(free))
        for name, coefficient in terms.items():
            if name in place:
                line[place[name]] = coefficient
            else:
                bound -= coefficient * float(values.get(name, 0.0))
        return line, bound

    equal = [
        row(dict.fromkeys(v.parts, 1.0), v.total)
        for v in space.variables
        if isinstance(v, Composition) and v.parts[0] in values
    ]
    for constraint in space.constraints:
        line, bound = row(constraint.terms, constraint.bound)
        if constraint.comparison == "=":
            equal.append((line, bound))
        else:
            sign = 1.0 if constraint.comparison == "<=" else -1.0
            at_most.append((sign * line, sign * bound))
    return free, Polytope(lower, upper, _stacked(at_most, len(free)), _stacked(equal, len(free)))


def _stacked(rows: list[tuple[Array, float]], n: int) -> tuple[Array, Array]:
    return np.array([line for line, _ in rows]).reshape(len(rows), n), np.array([bound for _, bound in rows])


def _moves(leaf: Leaf, values: Mapping[str, Value]) -> bool:
    if not isinstance(leaf.source, Composition):
        return leaf.is_continuous
    return not leaf.source.is_sparse or float(values[leaf.name]) > PRESENT * leaf.source.total


def _rounded(space: ParameterSpace, wanted: Mapping[str, Value]) -> dict[str, Value] | None:
    """The guess with discrete values made allowed ones; None where a value is missing or a label unknown."""
    values: dict[str, Value] = {}
    for leaf in space.leaves:
        if not is_active(leaf, values):
            continue
        value = wanted.get(leaf.name)
        if isinstance(leaf.source, Categorical):
            if value not in leaf.source.labels:
                return None
            values[leaf.name] = value
            continue
        if value is None or isinstance(value, str):
            return None
        if leaf.is_continuous:
            values[leaf.name] = value
        elif leaf.source.kind == "integer":
            values[leaf.name] = float(round(min(max(value, leaf.low), leaf.high)))
        else:
            values[leaf.name] = min(leaf.choices, key=lambda known: abs(float(known) - value))
    for composition in space.variables:
        if isinstance(composition, Composition) and composition.is_sparse and composition.parts[0] in values:
            values |= _support(composition, values)
    return values


def _support(composition: Composition, values: Mapping[str, Value]) -> dict[str, Value]:
    """Amounts with the smallest parts taken away until the rest may be there."""
    room = len(composition.parts)
    if composition.minimum > 0:
        room = min(room, math.floor(composition.total / composition.minimum * (1 + PRESENT)))
    room = min(room, composition.at_most or room)
    ranked = sorted(composition.parts, key=lambda name: (-float(values[name]), name))
    least = max(composition.minimum / 2, PRESENT * composition.total)
    there = [name for name in ranked[:room] if float(values[name]) >= least] or ranked[:1]
    return {name: max(float(values[name]), least) if name in there else 0.0 for name in composition.parts}


def _kept(space: ParameterSpace, wanted: Mapping[str, Value], found: Mapping[str, Value]) -> dict[str, Value]:
    """The numbers wanted of continuous leaves that the programme has let be there."""
    return {
        leaf.name: wanted[leaf.name]
        for leaf in space.leaves
        if leaf.is_continuous
        and leaf.name in wanted
        and leaf.name in found
        and _moves(leaf, found)
        and not isinstance(wanted[leaf.name], str)
        and float(wanted[leaf.name]) > PRESENT
    }


def _nearest_row(space: ParameterSpace, wanted: Mapping[str, Value], fixed: Mapping[str, Value]) -> Point:
    rows = [
        p
        for p in space.allowed or ()
        if _same({n: v for n, v in p.values.items() if n in fixed}, {n: v for n, v in fixed.items() if n in p.values})
    ]
    if not rows:
        kept = ", ".join(f"{name} = {value}" for name, value in fixed.items())
        raise RetryError(f"no row of the pool has {kept}" if kept else "the pool has no allowed row")

    def distance(point: Point) -> float:
        total = 0.0
        for leaf in space.leaves:
            value, other = point.values.get(leaf.name), wanted.get(leaf.name)
            if value is None or other is None:
                continue
            if isinstance(value, str) or isinstance(other, str):
                total += float(value != other)
            else:
                total += ((value - other) / (leaf.high - leaf.low)) ** 2
        return total

    return min(rows, key=distance)


def _same(values: Mapping[str, Value], others: Mapping[str, Value]) -> bool:
    return values.keys() == others.keys() and all(
        math.isclose(a, b, rel_tol=1e-9) if not isinstance(a, str) and not isinstance(b, str) else a == b
        for a, b in ((value, others[name]) for name, value in values.items())
    )
