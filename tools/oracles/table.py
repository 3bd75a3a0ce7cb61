"""The table oracle: results that were measured before, looked up in a CSV file.

Knows CSV and records. Must not know what the columns mean.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...memory.errors import UserError
from ...memory.records import Candidate, Failure, Measurement, Outcome, Point
from .oracle import TableSettings

Key = frozenset[tuple[str, float | str]]


class TableOracle:
    """Answers a point with the rows of a file that hold its values: with their mean, or with one of them."""

    def __init__(self, settings: TableSettings) -> None:
        """Read the file.

        Raises:
            UserError: The file cannot be read, lacks a column, or holds text where a number is due.
        """
        self.name = f"table {settings.file.name}"
        self.properties: Mapping[str, str] = settings.properties
        self._drawn_by = settings.seed if settings.replicates == "drawn" else None
        self._rows = _read(settings.file, settings.properties)
        self._indices: dict[frozenset[str], dict[Key, list[int]]] = {}

    def evaluate(self, candidate: Candidate) -> Outcome:
        """Look a point up; no row is a failure of kind `missing`."""
        if not isinstance(candidate.content, Point):
            return Outcome(failure=Failure(kind="missing", message=f"{self.name} holds points, not crystals"))
        values = candidate.content.values
        key = _key(values)
        matches = self._index(frozenset(values)).get(key, [])
        if self._drawn_by is not None:
            matches = [n for n in matches if any(self._rows[n][name] for name in self.properties)]
            matches = [matches[_draw(key, self._drawn_by, len(matches))]] if matches else []
        measurements = tuple(m for name in self.properties if (m := self._measurement(name, matches)))
        if not measurements:
            return Outcome(failure=Failure(kind="missing", message=f"{self.name} has no result for {dict(values)}"))
        return Outcome(measurements=measurements, details={"rows": [n + 2 for n in matches]})

    def _index(self, columns: frozenset[str]) -> dict[Key, list[int]]:
        if columns not in self._indices:
            index: dict[Key, list[int]] = {}
            for number, row in enumerate(self._rows):
                if columns <= row.keys():
                    index.setdefault(_key({name: row[name] for name in columns}), []).append(number)
            self._indices[columns] = index
        return self._indices[columns]

    def _measurement(self, name: str, matches: Sequence[int]) -> Measurement | None:
        found = [float(text) for n in matches if (text := self._rows[n][name])]
        if not found:
            return None
        mean = sum(found) / len(found)
        spread = math.sqrt(sum((x - mean) ** 2 for x in found) / (len(found) - 1)) if len(found) > 1 else None
        return Measurement(
            property=name,
            value=mean,
            deviation=None if spread is None else spread / math.sqrt(len(found)),
            unit=self.properties[name],
            method="measured",
            source=self.name,
        )


def _key(values: Mapping[str, float | str]) -> Key:
    return frozenset((name, _comparable(value)) for name, value in values.items())


def _draw(key: Key, seed: int, n: int) -> int:
    # Of the setting and not of a stream, so that neither the order of questions nor the process changes an answer.
    digest = hashlib.sha256(f"{seed} {sorted(key, key=repr)}".encode()).digest()
    return int.from_bytes(digest[:8]) % n


def _comparable(value: float | str) -> float | str:
    # A number written as text in the file and one that has been through JSON must meet.
    try:
        return round(float(value), 6) + 0.0
    except ValueError:
        return str(value).strip()


def _read(path: Path, properties: Mapping[str, str]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            rows = [{name: text or "" for name, text in row.items() if name} for row in reader]
            columns = list(reader.fieldnames)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"table {path} cannot be read: {error}") from error
    absent = [name for name in properties if name not in columns]
    if absent:
        raise UserError(f"table {path} has no column {', '.join(absent)}; it has {', '.join(columns)}")
    for number, row in enumerate(rows, start=2):
        for name in properties:
            if row[name] and not _is_number(row[name]):
                raise UserError(f"table {path}, line {number}, column {name}: {row[name]!r} is not a finite number")
    return rows


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
