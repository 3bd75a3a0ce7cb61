"""Traces of instruments: a CSV file taken to a record, and a record taken to a problem's data, every mistake named.

Knows CSV, records and units. Must not know solvers, nor load torch.
"""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

from pydantic import ValidationError

from ...memory.errors import UserError
from ...memory.records import Trace
from .problem import Interval, Points, Problem
from .read_problem import with_known
from .units import parse_unit

_HEADING = re.compile(r"\s*(?P<name>[^\[(]+?)\s*(?:[\[(](?P<unit>[^\])]*)[\])])?\s*")
_DEVIATION = ("deviation", "sigma", "std")


def read_trace(path: Path) -> Trace:
    """Read a CSV file whose header names columns with units, `t [ms], temperature [K], deviation [K]`.

    Raises:
        UserError: The file cannot be read, or a cell is no finite number; says which.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(line for line in file if not line.startswith("#")) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"trace {path} cannot be read: {error}") from error
    if len(rows) < 2:
        raise UserError(f"trace {path} holds no rows under a header")
    headings = [cell.strip() for cell in rows[0]]
    twice = sorted({heading for heading in headings if headings.count(heading) > 1})
    if twice:
        raise UserError(f"trace {path} has more than one column {', '.join(twice)}")
    columns: dict[str, list[float]] = {heading: [] for heading in headings}
    for n, row in enumerate(rows[1:], start=2):
        if len(row) != len(headings):
            raise UserError(f"trace {path}, line {n}: {len(row)} cells under {len(headings)} headings")
        for heading, cell in zip(headings, row, strict=True):
            columns[heading].append(_number(cell, f"trace {path}, line {n}, {heading}"))
    try:
        return Trace(columns={heading: tuple(values) for heading, values in columns.items()})
    except ValidationError as error:
        told = "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors(include_url=False))
        raise UserError(f"trace {path}: {told}") from error


def write_trace(trace: Trace, path: Path) -> None:
    """Write a trace as `read_trace` reads it, at full precision."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(trace.columns)
        writer.writerows(zip(*trace.columns.values(), strict=True))


def with_trace(problem: Problem, trace: Trace, where: str) -> Problem:
    """Put a trace in as a problem's data, with what is known of its sample.

    Without units in the headings the problem's hold; `time` is `t`. Coordinates without a column must be in the
    problem's sensor. Of two columns the one that is no coordinate is the field. A time that nothing ties goes on to the
    last reading.

    Args:
        problem: What the trace is of.
        trace: The readings.
        where: What to call it in messages.

    Raises:
        UserError: A column is missing or in a unit that does not fit, or a known value fits no parameter.
    """
    problem = with_known(problem, trace.known, where)
    named = _columns(problem, list(trace.columns), where)
    numbers = {
        name: tuple(factor * value for value in values)
        for (name, factor), values in zip(named, trace.columns.values(), strict=True)
    }
    values, deviation = numbers.pop(problem.field.name), numbers.pop("deviation", None)
    stated = problem.data.deviation if problem.data is not None else None
    points = Points(
        columns=dict(numbers),
        values=values,
        # A deviation that the problem states for each of its own points says nothing of these.
        deviation=deviation if deviation is not None or isinstance(stated, tuple) else stated,
    )
    return _lasting(problem, max(numbers.get("t", (-math.inf,)))).model_copy(update={"data": points})


def _lasting(problem: Problem, last: float) -> Problem:
    """With the domain of the time as long as the readings, where no parameter or period says how long it is."""
    time = problem.domain.get("t")
    is_tied = "t" in problem.ends or any(one.periodic and one.face == "t" for one in problem.conditions)
    if time is None or is_tied or last <= time.high:
        return problem
    longer = Interval(low=time.low, high=last, unit=time.unit)
    return problem.model_copy(update={"domain": {**problem.domain, "t": longer}})


def _columns(problem: Problem, headings: list[str], where: str) -> list[tuple[str, float]]:
    """Names of the columns as the problem calls them, and factors that take them to its units."""
    found = []
    for heading in headings:
        match = _HEADING.fullmatch(heading)
        name, unit = (match["name"], match["unit"]) if match else (heading, None)
        if name in _DEVIATION:
            name, own = "deviation", problem.field.unit
        elif name == "time" and "t" in problem.domain:
            name, own = "t", problem.domain["t"].unit
        elif name in problem.domain:
            own = problem.domain[name].unit
        else:
            name, own = problem.field.name, problem.field.unit
        given, wanted = parse_unit(own if unit is None else unit), parse_unit(own)
        if given.dimension != wanted.dimension:
            raise UserError(f"{where}: column {heading!r} is in {unit}; a unit of the kind of {own} is allowed")
        found.append((name, given.factor / wanted.factor))
    names = [name for name, _ in found]
    if len(set(names)) < len(names) or problem.field.name not in names:
        columns, allowed = (", ".join(names) for names in (headings, problem.domain))
        raise UserError(
            f"{where}: columns {columns}; coordinates {allowed}, one column of {problem.field.name} and at most one of "
            "deviation are allowed"
        )
    return found


def _number(cell: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise UserError(f"{where}: {cell!r} is no number") from None
    if not math.isfinite(value):
        raise UserError(f"{where}: {cell!r} is not finite; leave rows without a measurement out")
    return value
