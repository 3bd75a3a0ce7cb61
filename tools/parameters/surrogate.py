"""Beliefs about results over a space of parameters: one Gaussian process for each property.

Knows encoded rows, torch and BoTorch. Must not know what is wanted, nor how points are found.

Results of equal rows are merged into their mean before anything is fitted, and rows are put in order, so that neither
the order of results nor thousands of repeats change what is believed. The kernel is a Matérn kernel, ν = 5/2, with one
length scale for each column, under a prior whose scale grows with the root of their number.

Source: Hvarfner, Hellsten and Nardi, ICML 2024, arXiv:2402.02229 (the prior); Ament et al., NeurIPS 2024,
arXiv:2410.24222 (outliers).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from botorch.exceptions.errors import ModelFittingError
from botorch.fit import fit_gpytorch_mll
from botorch.models import ModelListGP, SingleTaskGP
from botorch.models.robust_relevance_pursuit_model import RobustRelevancePursuitSingleTaskGP
from botorch.models.transforms.outcome import Standardize
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from gpytorch.mlls import ExactMarginalLogLikelihood
from linear_operator.utils.warnings import NumericalWarning  # type: ignore[import-untyped]
from torch import Tensor

from .encode import Array

FIT_ROWS = 300
"""Rows that length scales and noise are fitted to; all rows are learnt from."""
LEAST_REPEATS = 5
"""Degrees of freedom among replicates that their pooled variance needs to be believed."""
FLOOR = 1e-5
"""Least variance of a result, as a share of the variance of all."""
LEAST_ROBUST = 10
"""Different points below which no result is taken for an outlier."""


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
        variances: Of the values; None where the noise is to be inferred.
        noise: Where the variances come from, in words.
    """

    rows: Array
    values: Array
    variances: Array | None
    noise: str


@dataclass(frozen=True)
class Surrogate:
    """Fitted beliefs, in the properties' units.

    Attributes:
        properties: Name of each output of the model.
        model: Takes encoded rows.
        notes: Where the noise of each property comes from, and what went wrong in fitting.
    """

    properties: tuple[str, ...]
    model: ModelListGP
    notes: tuple[str, ...]

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the truth at some rows, each `(n_rows, n_properties)`."""
        if not len(rows):
            return np.empty((0, len(self.properties))), np.empty((0, len(self.properties)))
        with torch.no_grad():
            belief = self.model.posterior(torch.from_numpy(rows))
            return belief.mean.numpy(), belief.variance.clamp_min(0).sqrt().numpy()


def fit(results: Mapping[str, Results], robust: bool = False) -> Surrogate:
    """Fit one Gaussian process for each property; properties may be known at different points.

    Args:
        results: Property to what is known of it, at least one value each.
        robust: Whether single results may be outliers, which are then given noise of their own.
    """
    models, notes = [], []
    for name, known in results.items():
        merged = merge(known)
        notes.append(f"noise of {name}: {merged.noise}")
        model, fault = _fitted(merged, robust and len(merged.rows) >= LEAST_ROBUST)
        models.append(model)
        notes += [f"{name}: {fault}"] if fault else []
    return Surrogate(tuple(results), ModelListGP(*models), tuple(notes))


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
        return Merged(rows, values, np.maximum(variances, FLOOR * spread), "as stated with each result")
    if freedom >= LEAST_REPEATS:
        pooled = max(left / freedom, FLOOR * spread)
        noise = f"standard deviation {math.sqrt(pooled):.4g}, from replicates with {freedom} degrees of freedom"
        return Merged(rows, values, np.maximum(pooled / counts, FLOOR * spread), noise)
    return Merged(rows, values, None, "inferred from the scatter about the surrogate")


def _fitted(merged: Merged, robust: bool) -> tuple[SingleTaskGP, str | None]:
    rows, values = torch.from_numpy(merged.rows), torch.from_numpy(merged.values)[:, None]
    variances = None if merged.variances is None else torch.from_numpy(merged.variances)[:, None]
    everything = np.arange(len(rows))
    # Ordered rows cluster; every k-th of them would be all of one corner if it were the first ones.
    some = (
        everything if len(rows) <= FIT_ROWS or robust else np.linspace(0, len(rows) - 1, FIT_ROWS).round().astype(int)
    )
    model = _model(rows[some], values[some], None if variances is None else variances[some], robust)
    fault = None
    if len(rows) > 1 and float(values.std()) > 0:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        except ModelFittingError as error:
            fault = f"the fit failed ({error}); length scales and noise are the prior's"
            model = _model(rows[some], values[some], None if variances is None else variances[some], robust=False)
    if len(some) < len(rows):
        whole = _model(rows, values, variances, robust=False)
        whole.covar_module.load_state_dict(model.covar_module.state_dict())
        whole.mean_module.load_state_dict(model.mean_module.state_dict())
        if variances is None:
            whole.likelihood.load_state_dict(model.likelihood.state_dict())
        model = whole
    return model.eval(), fault


def _model(rows: Tensor, values: Tensor, variances: Tensor | None, robust: bool) -> SingleTaskGP:
    kernel = get_covar_module_with_dim_scaled_prior(rows.shape[-1], use_rbf_kernel=False)
    kind = RobustRelevancePursuitSingleTaskGP if robust else SingleTaskGP
    with warnings.catch_warnings():
        # A single result cannot be standardised; all results alike have no spread.
        warnings.filterwarnings("ignore", category=NumericalWarning)
        warnings.filterwarnings("ignore", message=".*not standardized.*")
        return kind(rows, values, variances, covar_module=kernel, outcome_transform=Standardize(1))
