"""Points as rows of numbers between 0 and 1, and back.

Knows spaces. Must not know surrogates.

A number is its place in the variable's range, by its logarithm where the scale is logarithmic; a part its share of the
total; a label a column of zeros and ones for each label, or its descriptors, each scaled to its range; a fidelity a
column for each step between levels, 1 where it is past that. A variable that may be left out has one more column, 1
where it is there; left out, its other columns are 0.5, or 0 for labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...memory.records import Point
from .leaves import Leaf, Value, is_active
from .parameter_space import ParameterSpace
from .variables import Categorical, Composition, Continuous, Fidelity, Integer

Array = NDArray[np.float64]
ABSENT = 0.5


@dataclass(frozen=True)
class Column:
    """One column of the rows.

    Attributes:
        leaf: Name of the variable or part it belongs to.
        meaning: What it says: `value`, `= LABEL`, `descriptor N`, `from LEVEL` or `is there`.
    """

    leaf: str
    meaning: str

    @property
    def name(self) -> str:
        """Leaf and meaning."""
        return self.leaf if self.meaning == "value" else f"{self.leaf} {self.meaning}"


def columns(space: ParameterSpace) -> tuple[Column, ...]:
    """The columns in their order."""
    return tuple(column for leaf in space.leaves for column in _columns_of(leaf))


def encode(space: ParameterSpace, points: Sequence[Point]) -> Array:
    """Rows of points, `(n_points, n_columns)`; equal points have equal rows.

    Args:
        points: Allowed ones.
    """
    blocks = [_block(leaf, [p.values.get(leaf.name) for p in points]) for leaf in space.leaves]
    return np.hstack(blocks) if len(points) else np.empty((0, len(columns(space))))


def decode(space: ParameterSpace, rows: Array) -> tuple[dict[str, Value], ...]:
    """Values of the points nearest to some rows, leaf by leaf: discrete values are allowed ones, sums may not hold.

    Args:
        rows: `(n_points, n_columns)`.
    """
    found = []
    for row in np.clip(rows, 0.0, 1.0):
        values: dict[str, Value] = {}
        start = 0
        for leaf in space.leaves:
            width = len(_columns_of(leaf))
            if is_active(leaf, values):
                values[leaf.name] = _value_of(leaf, row[start : start + width])
            start += width
        found.append(values)
    return tuple(found)


def continuous_columns(space: ParameterSpace) -> dict[str, int]:
    """Continuous leaf to the column that its number is in."""
    names = [(c.leaf, c.meaning) for c in columns(space)]
    return {leaf.name: names.index((leaf.name, "value")) for leaf in space.leaves if leaf.is_continuous}


def _columns_of(leaf: Leaf) -> tuple[Column, ...]:
    source = leaf.source
    if not isinstance(source, Categorical):
        meanings: Iterable[str] = ("value",)
    elif isinstance(source, Fidelity):
        meanings = (f"from {level}" for level in source.labels[1:])
    elif source.descriptors:
        meanings = (f"descriptor {i}" for i in range(1, 1 + len(source.descriptors[source.labels[0]])))
    else:
        meanings = (f"= {label}" for label in source.labels)
    found = tuple(Column(leaf.name, meaning) for meaning in meanings)
    return (*found, Column(leaf.name, "is there")) if leaf.when else found


def _block(leaf: Leaf, values: Sequence[Value | None]) -> Array:
    source = leaf.source
    there = np.array([[float(v is not None)] for v in values])
    if isinstance(source, Categorical):
        table = label_rows(source)
        neutral = np.full(len(table[0]), ABSENT if source.descriptors else 0.0)
        rows = dict(zip(source.labels, table, strict=True))
        block = np.array([neutral if v is None else rows[str(v)] for v in values])
    else:
        numbers = np.array([[np.nan if v is None else float(v)] for v in values])
        if isinstance(source, Continuous) and source.scale == "log":
            block = np.log(numbers / leaf.low) / np.log(leaf.high / leaf.low)
        else:
            block = (numbers - leaf.low) / (leaf.high - leaf.low)
        block = np.where(np.isnan(block), ABSENT, block)
    block = np.clip(block, 0.0, 1.0)
    return np.hstack([block, there]) if leaf.when else block


def _value_of(leaf: Leaf, row: Array) -> Value:
    source = leaf.source
    if isinstance(source, Categorical):
        table = label_rows(source)
        return source.labels[int(np.argmin(((table - row[: table.shape[1]]) ** 2).sum(axis=1)))]
    if isinstance(source, Continuous) and source.scale == "log":
        return float(np.clip(leaf.low * (leaf.high / leaf.low) ** row[0], leaf.low, leaf.high))
    number = float(leaf.low + row[0] * (leaf.high - leaf.low))
    if isinstance(source, Continuous | Composition):
        return min(max(number, leaf.low), leaf.high)
    if isinstance(source, Integer):
        return float(round(number))
    return min(source.values, key=lambda known: abs(known - number))


def label_rows(source: Categorical) -> Array:
    """What each label is encoded as, `(n_labels, n_columns)`."""
    if isinstance(source, Fidelity):
        return np.tri(len(source.labels))[:, 1:]
    if not source.descriptors:
        return np.eye(len(source.labels))
    table = np.array([source.descriptors[label] for label in source.labels])
    span = np.ptp(table, axis=0)
    return np.asarray((table - table.min(axis=0)) / np.where(span > 0, span, 1.0))
