"""What is wrong with a point, in words.

Knows leaves and constraints. Must not know how points are made or mended.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .constraints import TOLERANCE, LinearConstraint
from .leaves import Leaf, Value, is_active
from .variables import Categorical, Composition, Continuous, Integer, Ordinal


def problems(
    leaves: Sequence[Leaf], constraints: Sequence[LinearConstraint], values: Mapping[str, Value]
) -> tuple[str, ...]:
    """Everything that is wrong with the values of a point; empty where it is allowed.

    Bounds hold up to 1e-9 of the variable's range, sums up to 1e-9 of the sizes of their terms, and discrete numbers up
    to 1e-9 of their size: what a number loses on its way through text.
    """
    names = {leaf.name for leaf in leaves}
    found = [f"{name}: no such variable" for name in values if name not in names]
    numbers_are_sound = True
    for leaf in leaves:
        fault = _fault(leaf, values)
        if fault:
            found.append(f"{leaf.name}: {fault}")
            numbers_are_sound = False
    if not numbers_are_sound:
        return tuple(found)
    for composition in dict.fromkeys(leaf.source for leaf in leaves if isinstance(leaf.source, Composition)):
        found += _composition_faults(composition, values)
    for constraint in constraints:
        excess = constraint.excess(values)
        if excess:
            found.append(f"{constraint.words} is broken by {excess:.6g}")
    return tuple(found)


def _fault(leaf: Leaf, values: Mapping[str, Value]) -> str | None:
    value, unit = values.get(leaf.name), leaf.source.unit
    if not is_active(leaf, values):
        condition = leaf.when.variable if leaf.when else ""
        return None if value is None else f"superfluous, for {condition} is {values.get(condition, 'left out')}"
    if value is None:
        return "missing"
    if isinstance(leaf.source, Categorical):
        return None if value in leaf.source.labels else f"{value!r} is none of {', '.join(leaf.source.labels)}"
    if isinstance(value, str) or not math.isfinite(value):
        return f"{value!r} is not a finite number"
    return _number_fault(leaf, value, unit)


def _number_fault(leaf: Leaf, value: float, unit: str) -> str | None:
    if isinstance(leaf.source, Ordinal):
        if not any(math.isclose(value, known, rel_tol=TOLERANCE) for known in leaf.source.values):
            return f"{value:g} is none of {', '.join(f'{v:g}' for v in leaf.source.values)} {unit}"
        return None
    if isinstance(leaf.source, Integer) and not math.isclose(value, round(value), rel_tol=TOLERANCE):
        return f"{value:g} is no whole number"
    low, high = leaf.low, leaf.high
    slack = TOLERANCE * (high - low)
    if not low - slack <= value <= high + slack:
        return f"{value:g} is outside {low:g} to {high:g} {unit}"
    if isinstance(leaf.source, Continuous) and leaf.source.scale == "log" and value <= 0:
        return f"{value:g} is not above zero"
    return None


def _composition_faults(composition: Composition, values: Mapping[str, Value]) -> list[str]:
    amounts = {name: float(values[name]) for name in composition.parts if name in values}
    if not amounts:
        return []
    unit, slack, found = composition.unit, TOLERANCE * composition.total, []
    if abs(sum(amounts.values()) - composition.total) > slack:
        found.append(
            f"{composition.name}: the parts sum to {sum(amounts.values()):.12g}, not {composition.total:g} {unit}"
        )
    there = {name: amount for name, amount in amounts.items() if amount > slack}
    found += [
        f"{name}: {amount:g} is less than {composition.minimum:g} {unit}, the least of a part that is there"
        for name, amount in there.items()
        if amount < composition.minimum - slack
    ]
    if composition.at_most is not None and len(there) > composition.at_most:
        found.append(f"{composition.name}: {len(there)} parts are there; at most {composition.at_most} are allowed")
    return found
