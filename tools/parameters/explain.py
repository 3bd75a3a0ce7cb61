"""What a surrogate has learnt of a space: how well it foretells, which variables matter, what it expects along each.

Knows spaces, the surrogate, goal and trials. Must not know how any of it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from botorch.cross_validation import efficient_loo_cv

from ...memory.errors import RetryError
from ...memory.records import Goal, Point
from ...memory.state import Trial
from ...models.threads import configure_torch
from ..acquisition.explain import Learnt
from .encode import Array, columns, encode
from .leaves import Leaf, Value
from .parameter_space import ParameterSpace
from .propose import LEAST, results_of
from .repair import repair
from .surrogate import Surrogate, fit

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


def believed(space: ParameterSpace, goal: Goal, trials: Sequence[Trial]) -> Surrogate | None:
    """The surrogate that trials give, as a proposal would fit it; None before there are enough results."""
    names = dict.fromkeys([*(o.property for o in goal.objectives), *(c.property for c in goal.constraints)])
    completed = [t for t in sorted(trials, key=lambda t: t.number) if t.status == "completed"]
    known = {name: [t for t in completed if name in t.values] for name in names}
    if min(map(len, known.values())) < LEAST:
        return None
    configure_torch()
    return fit({name: results_of(space, name, rows) for name, rows in known.items()})


def learnt(space: ParameterSpace, surrogate: Surrogate) -> tuple[Learnt, ...]:
    """What is believed of each property; results of one setting count together, as their mean."""
    models: Any = surrogate.model.models
    return tuple(_learnt(space, name, model) for name, model in zip(surrogate.properties, models, strict=True))


def slices(space: ParameterSpace, surrogate: Surrogate, through: Point) -> tuple[Slice, ...]:
    """One slice for each variable that the point has.

    Args:
        through: An allowed point.
    """
    open_space = space.model_copy(update={"pool": None})
    open_space.__dict__.pop("allowed", None)
    found = []
    for leaf in space.leaves:
        if leaf.name not in through.values:
            continue
        points = [_with(open_space, through, leaf.name, value) for value in _grid(leaf, through.values[leaf.name])]
        there = [point for point in points if point is not None]
        means, deviations = surrogate.predict(encode(space, there))
        found.append(Slice(leaf, tuple(p.values[leaf.name] for p in there), means, deviations))
    return tuple(found)


def _learnt(space: ParameterSpace, name: str, model: Any) -> Learnt:
    left_out = efficient_loo_cv(model)
    posterior: Any = left_out.posterior
    mean, variance = posterior.mean.reshape(-1), posterior.variance.reshape(-1)
    rows = np.stack([x.detach().numpy() for x in (mean, variance.sqrt(), left_out.observed_Y.reshape(-1))], axis=1)
    noise = model.likelihood.noise.detach().mean() * model.outcome_transform.stdvs.reshape(-1)[0] ** 2
    return Learnt(name, float(noise.sqrt()), _weights(space, model), rows)


def _weights(space: ParameterSpace, model: Any) -> tuple[tuple[str, float], ...]:
    """The inverse length scales by variable, as shares; of a category the steepest of its columns."""
    steepness = 1.0 / model.covar_module.lengthscale.detach().reshape(-1).numpy()
    found: dict[str, float] = {}
    for column, value in zip(columns(space), steepness.tolist(), strict=True):
        found[column.leaf] = max(found.get(column.leaf, 0.0), value)
    total = sum(found.values())
    return tuple(sorted(((name, value / total) for name, value in found.items()), key=lambda one: -one[1]))


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
