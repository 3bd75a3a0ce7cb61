"""Results with what is known of their noise, brought together where they belong to the same row.

Knows rows and values as numbers. Must not know trials, nor what is fitted to results.

Merged rows are in order, and sums do not depend on the order of their terms: neither the order of results nor thousands
of repeats change what is learnt from them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .merit import Array

LEAST_REPEATS = 5
"""Degrees of freedom among replicates that their pooled variance needs to be believed."""
FLOOR = 1e-5
"""Least variance of a result, as a share of the variance of all."""


@dataclass(frozen=True)
class Results:
    """What is known of one property.

    Attributes:
        rows: Encoded points, `(n_results, n_columns)`.
        values: `(n_results,)`, in the property's unit.
        deviations: Standard deviation of each value, likewise; nan where none is stated.
    """

    rows: Array
    values: Array
    deviations: Array


@dataclass(frozen=True)
class Merged:
    """Results with one row for each point, in order.

    Attributes:
        counts: Results behind each value, `(n_rows,)`.
        variances: Of the values; None where the noise is to be inferred.
        noise: Where the variances come from, in words.
    """

    rows: Array
    values: Array
    counts: Array
    variances: Array | None
    noise: str


def merge(results: Results) -> Merged:
    """Bring results of equal rows together.

    Where every result states a deviation, those weigh the mean and give its variance. Otherwise the replicates' pooled
    variance does, where they have `LEAST_REPEATS` degrees of freedom, and else the noise is left to be inferred.
    """
    rows, place = np.unique(results.rows, axis=0, return_inverse=True)
    groups = [np.sort(np.flatnonzero(place == k)) for k in range(len(rows))] if len(rows) < len(place) else None
    spread = max(float(np.var(results.values)), 1e-18 * max(1.0, float(np.abs(results.values).max())) ** 2)
    given = np.isfinite(results.deviations).all()
    if groups is None:
        order = np.argsort(place)
        values, counts = results.values[order], np.ones(len(rows))
        variances = results.deviations[order] ** 2
        left, freedom = 0.0, 0
    else:
        weights = 1 / np.maximum(results.deviations**2, FLOOR * spread) if given else np.ones(len(place))
        # Sums that do not depend on the order of their terms keep the posterior free of it too.
        totals = np.array([math.fsum(weights[g]) for g in groups])
        values = np.array([math.fsum(weights[g] * results.values[g]) for g in groups]) / totals
        counts, variances = np.array([len(g) for g in groups], dtype=float), 1 / totals
        left = math.fsum((results.values - values[place]) ** 2)
        freedom = len(place) - len(rows)
    if given:
        return Merged(rows, values, counts, np.maximum(variances, FLOOR * spread), "as stated with each result")
    if freedom >= LEAST_REPEATS:
        pooled = max(left / freedom, FLOOR * spread)
        noise = f"standard deviation {math.sqrt(pooled):.4g}, from replicates with {freedom} degrees of freedom"
        return Merged(rows, values, counts, np.maximum(pooled / counts, FLOOR * spread), noise)
    return Merged(rows, values, counts, None, "inferred from the scatter about the surrogate")
