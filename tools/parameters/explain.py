"""What a surrogate has learnt of a space: how well it foretells, which variables matter, what it expects along each.

Knows spaces and beliefs about them. Must not know trials, nor how any of it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ...memory.errors import RetryError
from ...memory.records import Point
from ..acquisition.explain import Learnt, learnt_of
from .believe import Believed
from .encode import Array
from .leaves import Leaf, Value
from .parameter_space import ParameterSpace
from .repair import repair

GRID = 41
"""Values of a number that a slice goes through."""


@dataclass(frozen=True)
class Slice:
    """What is expected along one variable, all others as near to a point's as the constraints allow.

    Attributes:
        leaf: The variable or part.
        values: Those that some allowed point has, in order.
        means: `(n_values, n_properties)`, in the properties' units.
        deviations: Standard deviations of the truth, likewise.
    """

    leaf: Leaf
    values: tuple[Value, ...]
    means: Array
    deviations: Array


def learnt(believed: Believed) -> tuple[Learnt, ...]:
    """What is believed of each property; results of one setting count together, as their mean."""
    surrogate = believed.surrogate
    return tuple(
        learnt_of(name, process, believed.frame.owners)
        for name, process in zip(surrogate.properties, surrogate.model.processes, strict=True)
    )


def slices(believed: Believed, through: Point) -> tuple[Slice, ...]:
    """One slice for each variable that the point has; rows of a pool are no bounds to it.

    Args:
        through: An allowed point.
    """
    frame, space = believed.frame, believed.frame.space
    open_space = space.model_copy(update={"pool": None})
    open_space.__dict__.pop("allowed", None)
    found = []
    for leaf in space.leaves:
        if leaf.name not in through.values:
            continue
        points = [_with(open_space, through, leaf.name, value) for value in _grid(leaf, through.values[leaf.name])]
        there = [point for point in points if point is not None]
        if not there:
            continue
        rows = frame.lift(torch.from_numpy(frame.rows(there)))
        means, deviations = believed.surrogate.predict(rows.numpy())
        found.append(Slice(leaf, tuple(p.values[leaf.name] for p in there), means, deviations))
    return tuple(found)


def _grid(leaf: Leaf, own: Value) -> list[Value]:
    if leaf.choices and len(leaf.choices) <= GRID:
        return list(leaf.choices)
    low, high = leaf.low, leaf.high
    is_log = getattr(leaf.source, "scale", "linear") == "log"
    numbers = np.geomspace(low, high, GRID) if is_log else np.linspace(low, high, GRID)
    if leaf.choices:
        numbers = np.round(numbers)
    return sorted({*numbers.tolist(), float(own)})


def _with(space: ParameterSpace, point: Point, name: str, value: Value) -> Point | None:
    """The allowed point nearest to one, with another value of a variable; None where there is none."""
    try:
        return repair(space, point.values, {name: value})
    except RetryError:
        return None
