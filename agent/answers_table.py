"""Many answers from one CSV file: results of trials by their numbers, or of settings that nobody had proposed.

Knows CSV and the space. Must not know ledgers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

from ..memory.errors import UserError
from ..memory.foreign import clean
from ..memory.records import Candidate, Point, Provenance
from ..tools.parameters.parameter_space import ParameterSpace
from ..tools.parameters.words import read_point
from ..tools.space import Space, units_of
from .answers import Answer, measured

_HEADING = re.compile(r"(?P<name>.+?)\s*\[(?P<unit>.*)\]")
TRIAL = "trial"
"""Name of the column that holds the numbers of trials."""


def read_answers(path: Path, space: Space, properties: Mapping[str, str], author: str) -> tuple[Answer, ...]:
    """Read answers, one a row; a property that a row leaves empty was not measured.

    Args:
        path: CSV with a header: `trial` or all variables of the space, and properties; with `[unit]` after a name or
            without.
        space: Whose variables the columns may name.
        properties: What the oracle answers, name to unit.
        author: Who measured.

    Raises:
        UserError: Names the file, the line, the column and what is allowed.
    """
    variables = units_of(space)
    columns, rows = _rows(path, {**variables, **properties})
    if TRIAL not in columns and not (variables and variables.keys() <= set(columns)):
        allowed = f"or all of {', '.join(variables)}" if variables else "for a space of crystals"
        raise UserError(f"{path}: columns are {', '.join(columns)}; a column {TRIAL!r} is needed, {allowed}")
    answers = []
    for line, row in enumerate(rows, start=2):
        told = {name: text for name in properties if (text := (row.get(name) or "").strip())}
        try:
            about = _trial(row[TRIAL]) if TRIAL in columns else candidate_of(row, space, path.name)
            answers.append(Answer(about, measured(told, properties, author), author))
        except UserError as error:
            raise UserError(f"{path}, line {line}: {error}") from error
    return tuple(answers)


def _rows(path: Path, units: Mapping[str, str]) -> tuple[list[str], list[dict[str, str | None]]]:
    """Names of the columns, and the rows by them."""
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True)
        columns = [_name(heading.strip(), units, path) for heading in reader.fieldnames or ()]
        reader.fieldnames = columns
        rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a table: {error}") from error
    if not rows:
        raise UserError(f"{path}: no rows below the header")
    if twice := [name for name in columns if name and columns.count(name) > 1]:
        raise UserError(f"{path}: two columns are named {twice[0]!r}; each name once is allowed")
    return [name for name in columns if name], rows


def _name(heading: str, units: Mapping[str, str], path: Path) -> str:
    """What a column is about; a unit in its heading must be the one that holds."""
    match = _HEADING.fullmatch(heading)
    if heading in units or match is None or match["name"] not in units:
        return heading
    name, unit = match["name"], units[match["name"]]
    if match["unit"] != unit:
        told = clean(match["unit"], 20)
        raise UserError(f"{path}: column {name!r} is in {told!r}, and {unit!r} is allowed; convert it")
    return name


def _trial(text: str | None) -> int:
    number = (text or "").strip().removeprefix("#")
    if not number.isdecimal():
        raise UserError(f"column {TRIAL!r}: {clean(text or '', 40)!r} is no number of a trial")
    return int(number)


def candidate_of(told: Mapping[str, str | None], space: Space, source: str) -> Candidate:
    """The setting that some texts describe, those of other columns left aside.

    Args:
        told: Variable to value in words; empty where a setting has no such variable.
        space: Of settings.
        source: Who or what tells it.

    Raises:
        UserError: It is no setting of the space.
    """
    texts = {name: (told.get(name) or "").strip() for name in units_of(space)}
    if isinstance(space, ParameterSpace):
        point, mended = read_point(space, texts)
        return Candidate(content=point, provenance=Provenance(tool="told", parents=(source,), note=mended))
    values: dict[str, float | str] = {}
    for name, text in texts.items():
        if not text:
            raise UserError(f"{name}: empty; every variable needs a value")
        try:
            values[name] = float(text)
        except ValueError:
            values[name] = text
    return Candidate(content=Point(values=values), provenance=Provenance(tool="told", parents=(source,)))
