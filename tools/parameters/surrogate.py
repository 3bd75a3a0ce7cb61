"""Beliefs about results over a space of parameters: one Gaussian process for each property.

Knows frames and processes. Must not know what is wanted, nor how points are found.

The kernel is a Matérn kernel, ν = 5/2, with one length scale for each column, under a prior whose scale grows with the
root of their number. Levels of fidelity are columns of zeros and ones: their length scales say how far levels go
together, and each may shift the answers by a constant. What earlier campaigns expect is the prior mean, as far as they
rank this one's results well (docs/decisions/0018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..acquisition.noise import Merged, Results, merge
from ..acquisition.outliers import without_outliers
from ..acquisition.process import Columns, Process, Processes, learnt_from, point_prior
from ..acquisition.ranked import weights
from ..acquisition.surrogate import NARROW_NOISE
from .encode import Array
from .frame import Frame, Trend
from .parameter_space import ParameterSpace

FIT_ROWS = 200
"""Rows that length scales and noise are fitted to; all rows are learnt from."""
LEAST_WEIGHT = 0.01
"""Of an earlier campaign, below which it is left out."""

BySource = Mapping[str, Results]
"""Name of an earlier campaign to what it knows of one property."""


@dataclass(frozen=True)
class Surrogate:
    """Fitted beliefs, in the properties' units.

    Attributes:
        properties: Name of each output of the model.
        frame: Makes the rows that the model takes.
        notes: Where the noise of each property comes from, and how far earlier campaigns are believed.
        faults: What went wrong in fitting, and what was done instead.
    """

    properties: tuple[str, ...]
    model: Processes
    frame: Frame
    notes: tuple[str, ...]
    faults: tuple[str, ...]

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the truth at some rows, each `(n_rows, n_properties)`."""
        if not len(rows):
            return np.empty((0, len(self.properties))), np.empty((0, len(self.properties)))
        with torch.no_grad():
            means, deviations = self.model.marginal(torch.from_numpy(rows))
        return means.numpy(), deviations.numpy()


def fit(
    space: ParameterSpace,
    results: Mapping[str, Results],
    robust: bool = False,
    earlier: Mapping[str, BySource] | None = None,
) -> Surrogate:
    """Fit one Gaussian process for each property; properties may be known at different points.

    Args:
        results: Property to what is known of it at encoded points, at least one value each.
        robust: Whether single results may be outliers, which then teach nothing.
        earlier: Property to what earlier campaigns know of it, by name.
    """
    frame = Frame(space)
    processes, trends, notes, faults = list[Process](), list[Trend](), list[str](), list[str]()
    for name, known in results.items():
        merged = merge(known)
        notes.append(f"noise of {name}: {merged.noise}")
        columns = Columns(merged.rows.shape[1], offsets=frame.levels)
        if robust:
            everything = merged
            prior = point_prior(columns.n_features, NARROW_NOISE)
            merged, away = without_outliers(everything, columns, prior, FIT_ROWS)
            told = ", ".join(f"{value:.4g}" for value in everything.values[away])
            notes += [f"{name}: taken for outliers and not learnt from: {told}"] if told else []
        process, fault = _fitted(merged, columns)
        faults += [f"{name}: {fault}"] if fault else []
        trend = Trend()
        if sources := (earlier or {}).get(name):
            taught = [_fitted(merge(theirs), columns)[0] for theirs in sources.values()]
            counts = weights(process, taught)
            listed = ", ".join(f"{source} {count:.2f}" for source, count in zip(sources, counts, strict=True))
            notes.append(f"{name}: weight of earlier campaigns: {listed}")
            if counts.max() > LEAST_WEIGHT:
                process, trend = _on_a_trend(merged, process, taught, counts, len(processes), len(results))
        processes.append(process)
        trends.append(trend)
    if any(trend.processes for trend in trends):
        frame = replace(frame, trends=tuple(trends))
    return Surrogate(tuple(results), Processes(processes), frame, tuple(notes), tuple(faults))


def _fitted(merged: Merged, columns: Columns, unit: tuple[float, float] | None = None) -> tuple[Process, str | None]:
    unit = unit or (float(merged.values.mean()), _spread(merged.values))
    return learnt_from(merged, columns, point_prior(columns.n_features, NARROW_NOISE), unit, FIT_ROWS)


def _on_a_trend(
    merged: Merged, own: Process, taught: Sequence[Process], counts: Array, place: int, n_properties: int
) -> tuple[Process, Trend]:
    """A process whose prior mean is what earlier campaigns expect.

    Args:
        own: The process without them, whose scale their means are brought to.
        counts: Weight of each of them.
        place: Of the property among all, each of which has a column.
    """
    with torch.no_grad():
        expected = Trend(tuple(taught), tuple(own.scale * counts)).of(torch.from_numpy(merged.rows)).numpy()
    rest = merged.values - expected
    unit = float(rest.mean()), _spread(rest)
    beside = np.zeros((len(rest), n_properties))
    beside[:, place] = expected / unit[1]
    columns = replace(own.columns, trend=own.columns.n_features + place)
    process, _ = _fitted(replace(merged, rows=np.column_stack([merged.rows, beside])), columns, unit)
    return process, Trend(tuple(taught), tuple(own.scale / unit[1] * counts))


def _spread(values: Array) -> float:
    """Standard deviation; of a single value, and of values all alike, one that is small beside it."""
    alike = max(1e-9, 1e-6 * float(np.abs(values).max()))
    return max(float(values.std(ddof=1)), alike) if len(values) > 1 else max(abs(float(values[0])), 1.0)
