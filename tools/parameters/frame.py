"""Rows as a surrogate takes them: encoded points, beside what earlier campaigns expect of each property.

Knows spaces, encoding and processes. Must not know results, nor what is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ...memory.records import Point
from ..acquisition.process import Process
from .encode import Array, columns, encode
from .parameter_space import ParameterSpace


@dataclass(frozen=True)
class Trend:
    """What earlier campaigns expect of a property: the weighed sum of their means, each in units of its own scale."""

    processes: tuple[Process, ...] = ()
    weights: tuple[float, ...] = ()

    def of(self, rows: Tensor) -> Tensor:
        """At encoded points, `(…,)`."""
        total = torch.zeros(rows.shape[:-1], dtype=torch.float64)
        for process, weight in zip(self.processes, self.weights, strict=True):
            total = total + weight * process.half(rows)[0]
        return total


@dataclass(frozen=True)
class Frame:
    """What the columns of a surrogate's rows are.

    Attributes:
        trends: One for each property, whose columns come after those of the points.
    """

    space: ParameterSpace
    trends: tuple[Trend, ...] = ()

    @cached_property
    def owners(self) -> tuple[str, ...]:
        """The variable of each column of an encoded point."""
        return tuple(c.leaf for c in columns(self.space))

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """Columns of the fidelity."""
        name = self.space.fidelity.name if self.space.fidelity else None
        return tuple(i for i, owner in enumerate(self.owners) if owner == name)

    def rows(self, points: Sequence[Point]) -> Array:
        """Rows of points, `(n_points, n_columns)`."""
        with torch.no_grad():
            found: Array = self.pad(torch.from_numpy(encode(self.space, points))).numpy()
        return found

    def pad(self, rows: Tensor) -> Tensor:
        """Encoded points as rows, `(…, n_columns)`."""
        if not self.trends:
            return rows
        return torch.cat([rows, torch.stack([trend.of(rows) for trend in self.trends], dim=-1)], dim=-1)

    def lift(self, rows: Tensor) -> Tensor:
        """Rows of the same points at the highest fidelity; encoded points will do."""
        plain = rows[..., : len(self.owners)]
        if not self.levels:
            return self.pad(plain)
        mask = torch.zeros(len(self.owners), dtype=torch.bool)
        mask[list(self.levels)] = True
        return self.pad(torch.where(mask, torch.ones((), dtype=torch.float64), plain))

    def is_meant(self, rows: Tensor) -> Tensor:
        """Whether rows are of the highest fidelity, `(…,)`."""
        return (rows[..., list(self.levels)] == 1).all(dim=-1)
