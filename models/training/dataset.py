"""What a network is trained on: graphs with labels, and the composition of each.

Knows graph stores and numpy. Knows no files.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from ..gnn import MAX_ELEMENT
from ..graphs.batch import GraphStore, part

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Dataset:
    """Graphs with labels.

    Attributes:
        graphs: The crystals.
        labels: In the targets' units, `(n_crystals, n_targets)`; NaN where a label is missing.
    """

    graphs: GraphStore
    labels: Array = field(repr=False)

    def __post_init__(self) -> None:
        if self.labels.ndim != 2 or len(self.labels) != len(self.graphs):
            raise ValueError(f"{len(self.graphs)} graphs but labels of shape {self.labels.shape}; a row each is needed")

    def __len__(self) -> int:
        return len(self.graphs)

    def part(self, chosen: NDArray[np.int64]) -> Dataset:
        """Some of the crystals, `(n_chosen,)` by number."""
        return Dataset(part(self.graphs, chosen), self.labels[chosen])

    def fingerprint(self) -> str:
        """Hash of the content, 16 hexadecimal digits: what a checkpoint belongs to."""
        seen = sha256()
        for entry in fields(self.graphs):
            seen.update(np.ascontiguousarray(getattr(self.graphs, entry.name)).tobytes())
        seen.update(np.ascontiguousarray(self.labels).tobytes())
        return seen.hexdigest()[:16]


def fractions(graphs: GraphStore) -> Array:
    """Share of each element in each crystal, `(n_crystals, MAX_ELEMENT + 1)`, column by atomic number."""
    found = np.zeros((len(graphs), MAX_ELEMENT + 1))
    crystal = np.repeat(np.arange(len(graphs)), np.diff(graphs.node_bounds))
    np.add.at(found, (crystal, graphs.elements), graphs.shares)
    return found


def halves(graphs: GraphStore) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split crystals in two by a hash of their composition, so that both forms of a compound are on one side.

    Returns:
        Numbers of the crystals of either half.
    """
    shares = np.round(fractions(graphs), 4)
    first = np.array([sha256(row.tobytes()).digest()[0] < 128 for row in shares], dtype=bool)
    return np.flatnonzero(first), np.flatnonzero(~first)
