"""Beliefs about results over a space of parameters: one Gaussian process for each property.

Knows encoded rows and processes. Must not know what is wanted, nor how points are found.

The kernel is a Matérn kernel, ν = 5/2, with one length scale for each column, under a prior whose scale grows with the
root of their number. Levels of fidelity and earlier campaigns are columns too, of zeros and ones: their length scales
say how far they answer alike, and each may shift the answers by a constant (docs/decisions/0018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..acquisition.noise import Results, merge
from ..acquisition.outliers import without_outliers
from ..acquisition.process import Columns, Processes, dimension_prior, learnt_from
from ..acquisition.surrogate import NARROW_NOISE
from .encode import Array

FIT_ROWS = 200
"""Rows that length scales and noise are fitted to; all rows are learnt from."""


@dataclass(frozen=True)
class Surrogate:
    """Fitted beliefs, in the properties' units.

    Attributes:
        properties: Name of each output of the model.
        model: Takes encoded rows.
        notes: Where the noise of each property comes from, and what went wrong in fitting.
    """

    properties: tuple[str, ...]
    model: Processes
    notes: tuple[str, ...]

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the truth at some rows, each `(n_rows, n_properties)`."""
        if not len(rows):
            return np.empty((0, len(self.properties))), np.empty((0, len(self.properties)))
        with torch.no_grad():
            means, deviations = self.model.marginal(torch.from_numpy(rows))
        return means.numpy(), deviations.numpy()


def fit(results: Mapping[str, Results], robust: bool = False, shifting: Sequence[int] = ()) -> Surrogate:
    """Fit one Gaussian process for each property; properties may be known at different points.

    Args:
        results: Property to what is known of it, at least one value each.
        robust: Whether single results may be outliers, which then teach nothing.
        shifting: Columns of zeros and ones that may shift the answers by a constant.
    """
    processes, notes = [], []
    for name, known in results.items():
        merged = merge(known)
        notes.append(f"noise of {name}: {merged.noise}")
        n_columns = merged.rows.shape[1]
        columns, prior = Columns(n_columns, offsets=tuple(shifting)), dimension_prior(n_columns, NARROW_NOISE)
        if robust:
            everything = merged
            merged, away = without_outliers(everything, columns, prior, FIT_ROWS)
            told = ", ".join(f"{value:.4g}" for value in everything.values[away])
            notes += [f"{name}: taken for outliers and not learnt from: {told}"] if told else []
        unit = (float(merged.values.mean()), _spread(merged.values))
        process, fault = learnt_from(merged, columns, prior, unit, FIT_ROWS)
        processes.append(process)
        notes += [f"{name}: {fault}"] if fault else []
    return Surrogate(tuple(results), Processes(processes), tuple(notes))


def _spread(values: Array) -> float:
    """Standard deviation; of a single value, and of values all alike, one that is small beside it."""
    alike = max(1e-9, 1e-6 * float(np.abs(values).max()))
    return max(float(values.std(ddof=1)), alike) if len(values) > 1 else max(abs(float(values[0])), 1.0)
