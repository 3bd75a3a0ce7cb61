"""Measured values of a problem as points in SI units, with every mistake in them found.

Knows records and units. Must not know equations or solvers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...memory.errors import UserError
from ...models.pinn.posed import Observations
from .problem import Problem, UnknownFunction, UnknownNumber
from .units import Unit

Array = NDArray[np.float64]


def observed(
    problem: Problem, coordinates: tuple[str, ...], units: Mapping[str, Unit], low: Array, high: Array, field_unit: Unit
) -> Observations | None:
    """Check a problem's data and take them to SI units; None where it has none.

    Args:
        problem: Whose data they are.
        coordinates: In the order of columns.
        units: Of the coordinates.
        low: Lower corner of the domain in SI units, `(n_coordinates,)`.
        high: Upper corner.
        field_unit: Of the values.

    Raises:
        UserError: Too few data, a coordinate without a column, a value that is not finite, a point outside the domain.
    """
    n_unknowns = sum(
        one.terms if isinstance(one, UnknownFunction) else 1
        for one in problem.parameters.values()
        if isinstance(one, UnknownFunction | UnknownNumber)
    )
    data = problem.data
    if data is None:
        if n_unknowns:
            raise UserError(f"data: none given, but {n_unknowns} numbers are unknown")
        return None
    values = np.array(data.values) * field_unit.factor
    n = len(values)
    # A function's series is held by its prior where data are silent; a number is not.
    n_numbers = sum(isinstance(one, UnknownNumber) for one in problem.parameters.values())
    n_functions = sum(isinstance(one, UnknownFunction) for one in problem.parameters.values())
    if n < n_numbers + 2 * n_functions:
        raise UserError(
            f"data: {n} values for {n_numbers} unknown numbers and {n_functions} unknown functions; at least "
            f"{n_numbers + 2 * n_functions} are needed"
        )
    columns = []
    for axis, name in enumerate(coordinates):
        column = data.columns.get(name, problem.sensor.get(name))
        if column is None:
            raise UserError(
                f"data: no column {name}; each of {', '.join(coordinates)} is needed, as a column or as sensor"
            )
        if isinstance(column, str):
            columns.append(np.full(n, low[axis] if column == "low" else high[axis]))
        else:
            columns.append(np.broadcast_to(np.asarray(column, dtype=float) * units[name].factor, (n,)))
    points = np.stack(columns, axis=1)
    _check_numbers(points, values, data.deviation)
    slack = 1e-9 * (high - low)
    outside = ((points < low - slack) | (points > high + slack)).any(axis=1)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        axis = int(np.flatnonzero((points[first] < low - slack) | (points[first] > high + slack))[0])
        name = coordinates[axis]
        factor = units[name].factor
        raise UserError(
            f"data: {int(outside.sum())} of {n} points lie outside the domain; row {first + 1} has {name} = "
            f"{points[first, axis] / factor:g} {problem.domain[name].unit}; {problem.domain[name].low:g} to "
            f"{problem.domain[name].high:g} is allowed"
        )
    points = np.clip(points, low, high)
    deviation = None if data.deviation is None else np.broadcast_to(np.asarray(data.deviation, dtype=float), (n,))
    return Observations(points, values, None if deviation is None else deviation * field_unit.factor)


def _check_numbers(points: Array, values: Array, deviation: Any) -> None:
    given = [points.ravel(), values, np.ravel(np.asarray(deviation if deviation is not None else 0.0, dtype=float))]
    if not all(np.isfinite(one).all() for one in given):
        raise UserError("data: a value is not a finite number; leave rows without a measurement out")
