"""Beliefs about results over a space of parameters: one Gaussian process for each property.

Knows encoded rows and processes. Must not know what is wanted, nor how points are found.

The kernel is a Matérn kernel, ν = 5/2, with one length scale for each column, under a prior whose scale grows with the
root of their number. Levels of fidelity and earlier campaigns are columns too, of zeros and ones: their length scales
say how far they answer alike, and each may shift the answers by a constant (docs/decisions/0018).

Source: Ament et al., NeurIPS 2024, arXiv:2410.24222 (outliers).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..acquisition.noise import Merged, Results, merge
from ..acquisition.process import Columns, Processes, dimension_prior, learnt_from
from ..acquisition.surrogate import NARROW_NOISE
from .encode import Array

FIT_ROWS = 200
"""Rows that length scales and noise are fitted to; all rows are learnt from."""
LEAST_ROBUST = 10
"""Different points below which no result is taken for an outlier."""


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
        if robust and len(merged.rows) >= LEAST_ROBUST:
            merged, outliers = without_outliers(merged)
            notes += [f"{name}: taken for outliers and not learnt from: {outliers}"] if outliers else []
        n_columns = merged.rows.shape[1]
        columns = Columns(n_columns, offsets=tuple(shifting))
        unit = (float(merged.values.mean()), _spread(merged.values))
        process, fault = learnt_from(merged, columns, dimension_prior(n_columns, NARROW_NOISE), unit, FIT_ROWS)
        processes.append(process)
        notes += [f"{name}: {fault}"] if fault else []
    return Surrogate(tuple(results), Processes(processes), tuple(notes))


def _spread(values: Array) -> float:
    """Standard deviation; of a single value, and of values all alike, one that is small beside it."""
    alike = max(1e-9, 1e-6 * float(np.abs(values).max()))
    return max(float(values.std(ddof=1)), alike) if len(values) > 1 else max(abs(float(values[0])), 1.0)


def without_outliers(merged: Merged) -> tuple[Merged, str]:
    """The results without those that the others make unlikely, and the values left out, in words.

    At most `FIT_ROWS` rows are looked at, evenly spread over all.
    """
    from botorch.exceptions.errors import ModelFittingError
    from botorch.fit import fit_gpytorch_mll
    from botorch.models.robust_relevance_pursuit_model import RobustRelevancePursuitSingleTaskGP
    from botorch.models.transforms.outcome import Standardize
    from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
    from gpytorch.mlls import ExactMarginalLogLikelihood

    some = np.linspace(0, len(merged.rows) - 1, min(len(merged.rows), FIT_ROWS)).round().astype(int)
    rows, values = torch.from_numpy(merged.rows[some]), torch.from_numpy(merged.values[some])[:, None]
    variances = None if merged.variances is None else torch.from_numpy(merged.variances[some])[:, None]
    kernel = get_covar_module_with_dim_scaled_prior(rows.shape[-1], use_rbf_kernel=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = RobustRelevancePursuitSingleTaskGP(
            rows, values, variances, covar_module=kernel, outcome_transform=Standardize(1)
        )
        try:
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        except ModelFittingError:
            return merged, ""
    out = some[sorted(model.likelihood.noise_covar.support)]
    kept = np.setdiff1d(np.arange(len(merged.rows)), out)
    variances_left = None if merged.variances is None else merged.variances[kept]
    told = ", ".join(f"{value:.4g}" for value in merged.values[out])
    left = replace(
        merged, rows=merged.rows[kept], values=merged.values[kept], counts=merged.counts[kept], variances=variances_left
    )
    return left, told
