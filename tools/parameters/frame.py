"""Rows as a surrogate takes them: encoded points, beside a column for each earlier campaign.

Knows spaces and encoding. Must not know results, nor what is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ...memory.records import Point
from .encode import Array, columns, encode
from .parameter_space import ParameterSpace


@dataclass(frozen=True)
class Frame:
    """What the columns of a surrogate's rows are.

    Attributes:
        sources: Names of earlier campaigns; a row has 1 in the column of the one it comes from.
    """

    space: ParameterSpace
    sources: tuple[str, ...] = ()

    @cached_property
    def owners(self) -> tuple[str, ...]:
        """The variable or campaign of each column."""
        return (*(c.leaf for c in columns(self.space)), *self.sources)

    @cached_property
    def levels(self) -> list[int]:
        """Columns of the fidelity."""
        name = self.space.fidelity.name if self.space.fidelity else None
        return [i for i, owner in enumerate(self.owners[: len(self.owners) - len(self.sources)]) if owner == name]

    @property
    def shifting(self) -> tuple[int, ...]:
        """Columns of zeros and ones that may shift the answers by a constant."""
        return (*self.levels, *range(len(self.owners) - len(self.sources), len(self.owners)))

    def rows(self, points: Sequence[Point], source: str | None = None) -> Array:
        """Rows of points of this campaign, or of an earlier one, `(n_points, n_columns)`."""
        marks = np.array([float(name == source) for name in self.sources])
        return np.hstack([encode(self.space, points), np.tile(marks, (len(points), 1))])

    def pad(self, rows: Tensor) -> Tensor:
        """Encoded points of this campaign as rows, `(…, n_columns)`."""
        return torch.nn.functional.pad(rows, (0, len(self.sources)))

    def lift(self, rows: Tensor) -> Tensor:
        """Rows with the highest fidelity in place of their own."""
        if not self.levels:
            return rows
        mask = torch.zeros(rows.shape[-1], dtype=torch.bool)
        mask[self.levels] = True
        return torch.where(mask, torch.ones((), dtype=torch.float64), rows)

    def is_meant(self, rows: Tensor) -> Tensor:
        """Whether rows are of the highest fidelity, `(…,)`."""
        return (rows[..., self.levels] == 1).all(dim=-1)
