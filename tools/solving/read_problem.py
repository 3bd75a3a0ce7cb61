"""Problem files and traces: YAML and CSV taken to records, with every mistake named.

Knows YAML, CSV and records. Must not know solvers, nor load torch.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ...memory.errors import UserError
from .problem import Points, Problem
from .registry import problem_named
from .units import parse_unit

_HEADER = re.compile(r"\s*(?P<name>[^\[(]+?)\s*(?:[\[(](?P<unit>[^\])]*)[\])])?\s*")
_DEVIATION = ("deviation", "sigma", "std")
_MOST_ROWS = 20_000


def read_problem(path: Path) -> Problem:
    """Read a problem file: a whole problem, or `problem: NAME` of a registered one and what differs.

    Raises:
        UserError: The file cannot be read or a field is wrong; one line for each.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"problem file {path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"problem file {path} holds no fields; problem, or name, equation, field and domain are needed")
    return parse_problem(content, str(path))


def parse_problem(content: Mapping[str, Any], source: str) -> Problem:
    """Validate a problem's content.

    Raises:
        UserError: One line for each wrong field.
    """
    whole = dict(content)
    if "problem" in whole:
        base = problem_named(str(whole.pop("problem"))).model_dump(mode="json")
        whole = _merged(base, whole)
    try:
        return Problem.model_validate_json(json.dumps(whole))
    except TypeError as error:
        raise UserError(f"{source}: {error}; write dates and other special values as text in quotes") from error
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(part) for part in one['loc']) or 'problem'}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors(include_url=False)
        ]
        raise UserError("\n".join([f"{source} is not a valid problem:", *lines])) from error


def _merged(base: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a registered problem, replaced by what a file says; domain and sensor coordinate by coordinate."""
    found = base | dict(change)
    for name in ("parameters", "domain", "sensor", "field"):
        if isinstance(change.get(name), Mapping):
            found[name] = dict(base[name]) | dict(change[name])
    return found


def with_trace(problem: Problem, path: Path) -> Problem:
    """Put the rows of a CSV file in as data.

    The header names columns with units, `t [ms], temperature [K], deviation [K]`; without units the problem's
    hold.
    Coordinates without a column must be in the problem's sensor. Of two columns the one that is
    no coordinate is the field.

    Raises:
        UserError: The file cannot be read, a column is missing or in a unit that does not fit, a cell is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(line for line in file if not line.startswith("#")) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"trace {path} cannot be read: {error}") from error
    if len(rows) < 2:
        raise UserError(f"trace {path} holds no rows under a header")
    if len(rows) > _MOST_ROWS + 1:
        raise UserError(f"trace {path} holds {len(rows) - 1} rows; {_MOST_ROWS} are allowed")
    names = _columns(problem, rows[0], path)
    numbers: dict[str, list[float]] = {name: [] for name, _ in names}
    for n, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise UserError(f"trace {path}, line {n}: {len(row)} cells under {len(names)} headings")
        for (name, factor), cell in zip(names, row, strict=True):
            numbers[name].append(_number(cell, f"trace {path}, line {n}, {name}") * factor)
    values = tuple(numbers.pop(problem.field.name))
    deviation = tuple(numbers.pop("deviation")) if "deviation" in numbers else None
    if deviation is None and problem.data is not None and not isinstance(problem.data.deviation, tuple):
        points = Points(
            columns={k: tuple(v) for k, v in numbers.items()}, values=values, deviation=problem.data.deviation
        )
    else:
        points = Points(columns={k: tuple(v) for k, v in numbers.items()}, values=values, deviation=deviation)
    return problem.model_copy(update={"data": points})


def _columns(problem: Problem, header: list[str], path: Path) -> list[tuple[str, float]]:
    """Names of the columns as the problem calls them, and factors that take them to its units."""
    found = []
    for cell in header:
        match = _HEADER.fullmatch(cell)
        name, unit = (match["name"], match["unit"]) if match else (cell.strip(), None)
        if name in _DEVIATION:
            name, own = "deviation", problem.field.unit
        elif name in problem.domain:
            own = problem.domain[name].unit
        else:
            name, own = (problem.field.name, problem.field.unit) if name != "deviation" else (name, problem.field.unit)
        given, wanted = parse_unit(own if unit is None else unit), parse_unit(own)
        if given.dimension != wanted.dimension:
            raise UserError(
                f"trace {path}: column {cell.strip()!r} is in {unit}; a unit of the kind of {own} is allowed"
            )
        found.append((name, given.factor / wanted.factor))
    names = [name for name, _ in found]
    if len(set(names)) < len(names) or problem.field.name not in names:
        columns, allowed = (", ".join(map(str.strip, names)) for names in (header, problem.domain))
        raise UserError(
            f"trace {path}: columns {columns}; coordinates {allowed}, "
            f"one column of {problem.field.name} and at most one of deviation are allowed"
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
