"""Rows of labelled crystals as files hold them: the text of a crystal, where it stands, and the values beside it.

Knows CSV, extended XYZ and JSON. Parses no crystal and knows no property.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...memory.errors import UserError
from ...memory.foreign import clean

ALLOWED = (
    "CSV (.csv, .csv.gz) with a column `cif`, or with a column `file` of structure files beside it; extended XYZ "
    "(.xyz, .extxyz) with labels in the comment lines; JSON (.json) with a list of labelled crystals; or a folder "
    "with labels.csv beside structure files"
)
MISSING = frozenset({"", "nan", "none", "null", "na", "n/a"})
"""Texts that stand for a missing label, in any case of letters."""

_IDS = ("material_id", "id", "name")
_FIELD_LIMIT = 16 * 2**20
"""Characters of a CSV field: a CIF of 200 atoms has some 20,000."""


@dataclass(frozen=True)
class Row:
    """A crystal that is not parsed yet.

    Attributes:
        place: Where it stands, as a person finds it (`train.csv, row 12 (mp-1234)`); rows are counted from 1.
        name: Its name in the file, else file and row.
        kind: Name of a file that would hold such a text (`x.cif`).
        text: The crystal.
        values: What stands beside it, by column.
    """

    place: str
    name: str
    kind: str
    text: str
    values: Mapping[str, Any]


def read_rows(path: Path) -> list[Row]:
    """Read all rows of a file, or of a folder's labels.csv.

    Raises:
        UserError: Missing, unknown or damaged file, no column with crystals, or a structure file that is not there.
    """
    if path.is_dir():
        if not (path / "labels.csv").is_file():
            raise UserError(f"{path}: the folder has no labels.csv; allowed: {ALLOWED}")
        path = path / "labels.csv"
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    kind = path.with_suffix("").suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    readers = {".csv": _csv, ".xyz": _xyz, ".extxyz": _xyz, ".json": _json}
    if kind not in readers:
        raise UserError(f"{path}: unknown kind of file; allowed: {ALLOWED}")
    try:
        text = _text(path)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text: {error}") from error
    rows = list(readers[kind](path, text))
    if not rows:
        raise UserError(f"{path}: holds no crystal")
    return rows


def number(row: Row, column: str) -> float:
    """The label in a column, NaN where it is missing.

    Raises:
        UserError: It is not a finite number.
    """
    value = row.values.get(column)
    if value is None or (isinstance(value, str) and value.strip().lower() in MISSING):
        return math.nan
    try:
        found = math.inf if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        found = math.inf
    if math.isinf(found):
        raise UserError(
            f"{row.place}, column {column}: {clean(repr(value), 60)} is not a finite number; a number with a decimal "
            "point is needed, or nothing or NaN where the label is missing"
        )
    return found


def _text(path: Path) -> str:
    if path.suffix.lower() == ".gz":
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as stream:
            return stream.read()
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return stream.read()


def _row(path: Path, number: int, kind: str, text: str, values: Mapping[str, Any]) -> Row:
    given = next((str(values[key]).strip() for key in _IDS if values.get(key) is not None), "")
    name = clean(given, 60)
    place = f"{path.name}, row {number}" + (f" ({name})" if name else "")
    return Row(place, name or f"{path.name}#{number}", kind, text, values)


def _csv(path: Path, text: str) -> Iterator[Row]:
    csv.field_size_limit(_FIELD_LIMIT)
    try:
        header, *records = [record for record in csv.reader(text.splitlines(keepends=True), strict=True) if record]
    except csv.Error as error:
        raise UserError(f"{path}: does not parse as CSV: {error}") from error
    except ValueError:
        return
    columns = [name.strip() for name in header]
    twice = sorted({clean(name, 40) for name in columns if columns.count(name) > 1})
    if twice:
        raise UserError(f"{path}: column {', '.join(twice)} stands twice")
    if not {"cif", "file"} & set(columns):
        has = clean(", ".join(columns), 400)
        raise UserError(f"{path}: no column `cif` with crystals or `file` with names of structure files; it has {has}")
    for number, record in enumerate(records, start=1):
        if len(record) != len(columns):
            raise UserError(f"{path}: row {number} has {len(record)} fields; the header has {len(columns)}")
        values = dict(zip(columns, record, strict=True))
        if "cif" in values:
            yield _row(path, number, "x.cif", values.pop("cif"), values)
        else:
            name = values["file"].strip()
            yield _row(path, number, Path(name).name, _beside(path, number, name), {"id": name, **values})


def _beside(path: Path, number: int, name: str) -> str:
    """The text of a structure file that a row names."""
    try:
        if not name:
            raise FileNotFoundError("the name is empty")
        return (path.parent / name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UserError(f"{path}: row {number}, file {clean(name, 80)!r} cannot be read: {error}") from error


def _xyz(path: Path, text: str) -> Iterator[Row]:
    from ase.io.extxyz import key_val_str_to_dict

    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    start, number = 0, 0
    while start < len(lines):
        number += 1
        if not lines[start].strip().isdecimal():
            told = clean(lines[start], 40)
            raise UserError(
                f"{path}: line {start + 1}: {told!r} where crystal {number} begins; a number of atoms is due"
            )
        end = start + 2 + int(lines[start])
        if end > len(lines):
            raise UserError(
                f"{path}: line {start + 1}: {lines[start].strip()} atoms, but the file ends before the last"
            )
        try:
            values = key_val_str_to_dict(lines[start + 1])
        except Exception as error:  # the reader raises whatever it meets
            raise UserError(f"{path}: line {start + 2} does not parse as key=value: {error}") from error
        yield _row(path, number, "x.extxyz", "\n".join(lines[start:end]) + "\n", values)
        start = end


def _json(path: Path, text: str) -> Iterator[Row]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: does not parse as JSON: {error}") from error
    if not isinstance(entries, list):
        raise UserError(f"{path}: a list of crystals with labels is needed")
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            raise UserError(f"{path}: row {number} is no object with a crystal and its labels")
        crystal: Any = entry.get("structure", entry.get("cif", entry))
        values = {key: value for key, value in entry.items() if not isinstance(value, dict | list) and key != "cif"}
        if isinstance(crystal, str):
            yield _row(path, number, "x.cif", crystal, values)
        elif crystal is entry:
            record = {key: entry[key] for key in ("lattice", "species", "coordinates", "sites") if key in entry}
            yield _row(path, number, "x.json", json.dumps(record), values)
        else:
            yield _row(path, number, "x.json", json.dumps(crystal), values)
