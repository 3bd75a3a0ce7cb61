"""Problem files: YAML taken to records, with every mistake named.

Knows YAML and records. Must not know solvers, nor load torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ...memory.errors import UserError
from .problem import Problem
from .registry import problem_named
from .units import parse_quantity, parse_unit


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
    for letter, name in found["ends"].items():
        if letter not in change.get("domain", {}) and isinstance(one := found["parameters"].get(name), Mapping):
            found["domain"][letter] = {"low": 0.0, "high": one.get("value"), "unit": one.get("unit", "1")}
    return found


def with_known(problem: Problem, known: Mapping[str, str], where: str) -> Problem:
    """Give parameters known values, as `{"thickness": "1.02 mm"}`; coordinates that run as far follow.

    Raises:
        UserError: There is no such parameter, or the text is no quantity.
    """
    if not known:
        return problem
    absent = [name for name in known if name not in problem.parameters]
    if absent:
        raise UserError(
            f"{where}: {', '.join(absent)} is no parameter of {problem.name}; "
            f"{', '.join(problem.parameters) or 'none'} are allowed"
        )
    given = {}
    for name, text in known.items():
        value, unit = parse_quantity(text, f"{where}, {name}")
        own = problem.parameters[name].unit
        if parse_unit(unit).dimension != parse_unit(own).dimension:
            raise UserError(f"{where}: {name} is given in {unit}; a unit of the kind of {own} is allowed")
        given[name] = {"value": value, "unit": unit}
    content = _merged(problem.model_dump(mode="json"), {"parameters": given})
    return parse_problem(content, where)
