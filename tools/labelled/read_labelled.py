"""Labelled crystals from files: read, parsed, checked, and freed of doubles, with an account of what was left out.

Puts the parts of this folder in order. Knows nothing of what is learned from the crystals.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...memory.errors import UserError
from ...memory.foreign import clean
from .cache import Parsed, parsed
from .columns import Labels
from .labelled import Labelled, check_enough, without_doubles
from .notes import Note, grouped, noted
from .parse import Tell
from .rows import Row, number, read_rows
from .units import outliers


def read_labelled(
    paths: Sequence[Path], columns: Sequence[Labels], cache: Path | None, workers: int, tell: Tell | None = None
) -> Labelled:
    """Read crystals with the labels of some columns.

    Args:
        paths: Files, or folders with labels.csv.
        columns: Which column is which property.
        cache: Folder where parsed crystals are kept; None for nowhere.
        workers: Processes to parse in.
        tell: Is told how many of how many crystals are parsed.

    Raises:
        UserError: A file, column, label or unit is wrong, or a property has fewer than 20 labels.
        TerminalError: A process was killed.
    """
    rows = [row for path in paths for row in _rows_with(path, columns)]
    for labels in columns:
        if not any(labels.column in row.values for row in rows):
            raise UserError(f"no column {labels.column!r} in {_named(paths)}; there are: {_columns_of(rows)}")
    known = np.array([[number(row, labels.column) for labels in columns] for row in rows], dtype=float)
    found = parsed(rows, cache, workers, tell)
    labelled = without_doubles(_checked(rows, known, columns, found))
    check_enough(labelled, f"{_named(paths)}, usable crystals")
    return labelled


def _rows_with(path: Path, columns: Sequence[Labels]) -> list[Row]:
    """Rows of a file that has at least one of the columns."""
    rows = read_rows(path)
    if not any(labels.column in row.values for row in rows for labels in columns):
        wanted = ", ".join(repr(labels.column) for labels in columns)
        raise UserError(f"{path}: no column {wanted}; there are: {_columns_of(rows)}")
    return rows


def _checked(rows: Sequence[Row], known: NDArray[np.float64], columns: Sequence[Labels], found: Parsed) -> Labelled:
    """Labels of the crystals that parsed, without those that no crystal has."""
    notes: list[Note] = [
        *grouped((f"crystals left out: {r.reason}", f"{rows[k].place}: {r.detail}") for k, r in found.refused.items())
    ]
    labels = known[found.rows]
    places = [rows[k].place for k in found.rows]
    n_atoms = found.crystals.n_atoms.astype(float)
    for k, asked in enumerate(columns):
        wrong = outliers(asked, labels[:, k], n_atoms, places)
        told = [f"{places[i]}: {labels[i, k]:g} {asked.target.unit}" for i in np.flatnonzero(wrong)]
        notes += noted(f"labels of {asked.column} left out: no crystal has such a value", told)
        labels[wrong, k] = np.nan
    empty = ~np.isfinite(labels).any(1)
    notes += noted("crystals left out: no label", [places[k] for k in np.flatnonzero(empty)])
    whole = Labelled(
        found.crystals, labels, tuple(asked.target for asked in columns), tuple(rows[k].name for k in found.rows)
    )
    kept = whole.take(np.flatnonzero(~empty))
    return Labelled(kept.crystals, kept.labels, kept.targets, kept.names, tuple(notes))


def _named(paths: Sequence[Path]) -> str:
    return ", ".join(str(path) for path in paths)


def _columns_of(rows: Sequence[Row]) -> str:
    names = dict.fromkeys(name for row in rows for name in row.values)
    return clean(", ".join(names), 400) or "none"
