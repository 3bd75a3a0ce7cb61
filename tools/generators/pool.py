"""Candidates of a pool: the rows of a CSV file, each one setting of the variables.

Knows CSV. Knows nothing of oracles; a column that is not a variable is not looked at.
"""

from __future__ import annotations

import csv
import io
import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ...memory.errors import UserError
from ...memory.records import Candidate, Point, Provenance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..space import PoolSpace
    from .generate import Wish


class Pool:
    """The distinct rows of a pool, in random order."""

    name = "pool"

    def __init__(self, space: PoolSpace) -> None:
        """Read the pool.

        Raises:
            UserError: The file cannot be read, or a row does not give a value for each variable.
        """
        self._source = space.file.name
        self.points = read_pool(space.file, tuple(space.variables))

    def generate(self, wish: Wish) -> Iterator[Candidate]:
        """Yield every point once."""
        for index in np.random.default_rng(wish.seed).permutation(len(self.points)):
            provenance = Provenance(tool="generate/pool", parents=(self._source,), seed=wish.seed)
            yield Candidate(content=self.points[index], provenance=provenance)


@lru_cache(maxsize=8)
def read_pool(file: Path, variables: tuple[str, ...]) -> tuple[Point, ...]:
    """Read the distinct settings of a CSV file, in the order of the file.

    A variable is a number where every row holds one, and a category where no row does.

    Raises:
        UserError: Names the file, the line, the column and what is allowed.
    """
    rows = _rows(file, variables)
    columns = {name: _column(file, name, [(line, row[name]) for line, row in rows]) for name in variables}
    points = (Point(values={name: columns[name][n] for name in variables}) for n in range(len(rows)))
    return tuple({repr(sorted(point.values.items())): point for point in points}.values())


def _rows(file: Path, variables: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """The rows with their line numbers."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read as UTF-8 text: {error}") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        for name in variables:
            if header.count(name) != 1:
                found = "no" if name not in header else "more than one"
                raise UserError(f"{file}: {found} column {name!r}; the header has {', '.join(header) or 'no columns'}")
        rows = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise UserError(f"{file}, line {reader.line_num}: {len(cells)} cells; the header has {len(header)}")
            rows.append((reader.line_num, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise UserError(f"{file}, line {reader.line_num}: not valid CSV: {error}") from error
    if not rows:
        raise UserError(f"{file}: no rows below the header; a pool needs at least one")
    return rows


def _column(file: Path, name: str, cells: list[tuple[int, str]]) -> list[float] | list[str]:
    """The values of a column: all numbers, or all text."""
    texts = [cell.strip() for _, cell in cells]
    numbers = [_number(text) for text in texts]
    is_numeric = numbers[0] is not None
    for (line, _), text, number in zip(cells, texts, numbers, strict=True):
        if not text:
            raise UserError(f"{file}, line {line}, column {name!r}: empty; every row needs a value")
        if (number is not None) != is_numeric:
            first = f"line {cells[0][0]} holds {texts[0]!r}"
            raise UserError(
                f"{file}, line {line}, column {name!r}: {text!r}, but {first}; all numbers or all categories is allowed"
            )
        if number is not None and not math.isfinite(number):
            raise UserError(f"{file}, line {line}, column {name!r}: {text!r}; finite numbers are allowed")
    return texts if not is_numeric else [number for number in numbers if number is not None]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
