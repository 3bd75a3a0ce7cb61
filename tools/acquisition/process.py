"""A Gaussian process conditioned on its rows, and several of them as one model for BoTorch's acquisitions.

Knows torch and BoTorch. Must not know properties, candidates, or how hyperparameters are found (hyperparameters.py).
The closed form is written out, since an acquisition asks for the same block of rows before each candidate: the block is
conditioned once and remembered, which changes no value and makes a search among thousands of rows quick.

Equations: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), eqs. 2.25, 2.26, 4.17, 5.12, 5.13.

| symbol | variable |
|---|---|
| L^-1 | root |
| K_y^-1 (y - m) | alpha |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from botorch.models.model import Model
from botorch.posteriors import GPyTorchPosterior
from gpytorch.distributions import MultitaskMultivariateNormal, MultivariateNormal
from torch import Tensor

from ...memory.errors import TerminalError
from .hyperparameters import Hyperparameters, Prior, Scatter, most_probable
from .noise import Merged

JITTER = 1e-6
"""Variance, in units of the scale's, added wherever rows are drawn jointly: twins stay positive definite."""


@dataclass(frozen=True)
class Columns:
    """What the columns of rows are for.

    Attributes:
        n_features: The first columns, which the kernel compares.
        isotropic: Whether all features share one length scale.
        offsets: Columns of zeros and ones, each of which may shift the answers by a constant of its own.
        trend: The column that holds a prior mean, in units of the scale; None for none.
    """

    n_features: int
    isotropic: bool = False
    offsets: tuple[int, ...] = ()
    trend: int | None = None

    def covariance(self, some: Tensor, others: Tensor, lengths: Tensor) -> Tensor:
        """Matérn-5/2 with unit variance, and unit variance for each offset: `(…, m, c)`, `(n, c)` to `(…, m, n)`."""
        a, b = some[..., : self.n_features] / lengths, others[..., : self.n_features] / lengths
        squares = (a**2).sum(-1, keepdim=True) + (b**2).sum(-1)[..., None, :] - 2 * a @ b.transpose(-1, -2)
        # The slope of a root is infinite at zero, where that of the kernel is zero.
        distance = (5 * squares).clamp_min(1e-30).sqrt()
        found = (1 + distance + distance**2 / 3) * (-distance).exp()
        for column in self.offsets:
            found = found + some[..., column, None] * others[..., None, :, column]
        return found

    def mean(self, rows: Tensor, constant: float) -> Tensor:
        """Prior mean, `(…, m)`."""
        level = torch.full(rows.shape[:-1], constant, dtype=torch.float64)
        return level if self.trend is None else level + rows[..., self.trend]


class Belief(NamedTuple):
    """What is believed of some rows, in units of the scale: mean `(…, m)` and covariance `(…, m, m)`."""

    mean: Tensor
    covariance: Tensor


@dataclass(frozen=True)
class Process:
    """Beliefs about one property; `value = shift + scale * belief`.

    Attributes:
        rows: What was learnt from, `(n_rows, n_columns)`.
        targets: `(n_rows,)`, in units of the scale about the shift.
        noise: Variance of one more answer about the truth, in units of the scale's.
        variances: Of the targets, `(n_rows,)`.
    """

    columns: Columns
    rows: Tensor
    targets: Tensor
    variances: Tensor
    lengths: Tensor
    constant: float
    noise: float
    shift: float
    scale: float
    root: Tensor
    alpha: Tensor

    def half(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean `(…, m)`, and `A` `(…, m, n_rows)` by which `A Aᵀ` is what the data take off the variance."""
        cross = self.columns.covariance(rows, self.rows, self.lengths)
        return self.columns.mean(rows, self.constant) + cross @ self.alpha, cross @ self.root.T

    def belief(self, rows: Tensor) -> Belief:
        """The joint belief over rows, `(…, m, n_columns)`."""
        mean, half = self.half(rows)
        return Belief(mean, self.columns.covariance(rows, rows, self.lengths) - half @ half.transpose(-1, -2))

    def left_out(self) -> Tensor:
        """Mean, standard deviation and value of each answer as all others foretell it, `(n_rows, 3)`, in the unit."""
        inverse = self.root.T @ self.root
        spread = 1.0 / inverse.diagonal()
        mean = self.targets - spread * self.alpha
        told = torch.stack([mean, spread.sqrt(), self.targets], dim=-1) * self.scale
        told[:, [0, 2]] += self.shift
        return told

    def with_more(self, rows: Tensor, targets: Tensor) -> Process:
        """The same beliefs with more rows learnt, each with the noise of one answer."""
        variances = torch.cat([self.variances, torch.full((len(rows),), self.noise, dtype=torch.float64)])
        found = Hyperparameters(self.lengths.numpy(), self.noise, self.constant)
        return conditioned(
            self.columns,
            torch.cat([self.rows, rows]),
            torch.cat([self.targets, targets]),
            variances,
            found,
            (self.shift, self.scale),
        )


def conditioned(
    columns: Columns,
    rows: Tensor,
    targets: Tensor,
    variances: Tensor,
    found: Hyperparameters,
    unit: tuple[float, float],
) -> Process:
    """A process of known hyperparameters.

    Args:
        unit: Shift and scale of the targets.

    Raises:
        TerminalError: The covariance matrix is not positive definite.
    """
    lengths = torch.from_numpy(found.lengths)
    covariance = columns.covariance(rows, rows, lengths) + torch.diag(variances)
    try:
        factor = torch.linalg.cholesky(covariance)
    except RuntimeError as error:  # torch's error of linear algebra is one
        raise TerminalError(f"no Cholesky factor: {error}") from error
    root = torch.linalg.solve_triangular(factor, torch.eye(len(rows), dtype=torch.float64), upper=False)
    alpha = root.T @ (root @ (targets - columns.mean(rows, found.constant)))
    return Process(columns, rows, targets, variances, lengths, found.constant, found.noise, *unit, root, alpha)


def learnt_from(
    merged: Merged, columns: Columns, prior: Prior, unit: tuple[float, float], fit_rows: int
) -> tuple[Process, str | None]:
    """Fit a process to results.

    Args:
        merged: Its rows hold all columns.
        unit: Shift and scale that make the values targets.
        fit_rows: Rows that the hyperparameters are fitted to; all are learnt from.

    Returns:
        The process, and what went wrong in fitting, in words.
    """
    shift, scale = unit
    rows = torch.from_numpy(merged.rows)
    targets = (torch.from_numpy(merged.values) - shift) / scale
    counts = torch.from_numpy(merged.counts)
    shares = 1 / counts if merged.variances is None else torch.from_numpy(merged.variances) / scale**2
    is_known = merged.variances is not None
    some = torch.linspace(0, len(rows) - 1, min(len(rows), fit_rows)).round().long()
    features = rows[some, : columns.n_features]
    common = None
    if columns.offsets:
        marks = rows[some][:, list(columns.offsets)]
        common = marks @ marks.T
    fault, n_lengths = None, 1 if columns.isotropic else columns.n_features
    start = targets[some] - columns.mean(rows[some], 0.0)
    try:
        found = most_probable(features, start, prior, columns.isotropic, Scatter(shares[some], is_known, common))
    except TerminalError as error:
        found = prior.mode(n_lengths)
        fault = f"the fit failed ({error}); length scales and noise are the prior's"
    variances = shares if is_known else found.noise * shares
    one = float((variances * counts).median())
    process = conditioned(columns, rows, targets, variances, Hyperparameters(found.lengths, one, found.constant), unit)
    return process, fault


class Processes(Model):
    """Independent processes over the same rows, which BoTorch's acquisitions take as a model."""

    _supports_cache_root = False

    def __init__(self, processes: Sequence[Process]) -> None:
        """Hold the processes, one for each output."""
        super().__init__()
        self.processes = tuple(processes)
        self._block = torch.empty(0, 0, dtype=torch.float64)
        self._halves: list[tuple[Tensor, Tensor, Tensor]] = []

    @property
    def num_outputs(self) -> int:
        """Number of processes."""
        return len(self.processes)

    @property
    def batch_shape(self) -> torch.Size:
        """One model, not a batch of them."""
        return torch.Size()

    def marginal(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the truth at rows, each `(n_rows, n_outputs)`, in the units."""
        means, deviations = [], []
        for one in self.processes:
            mean, half = one.half(rows)
            whole = 1.0 + sum(rows[:, c] ** 2 for c in one.columns.offsets)
            means.append(one.shift + one.scale * mean)
            deviations.append(one.scale * (whole - (half**2).sum(-1)).clamp_min(1e-12).sqrt())
        return torch.stack(means, dim=-1), torch.stack(deviations, dim=-1)

    def joint(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Means `(n, n_outputs)` and covariances `(n_outputs, n, n)` of the truth at rows `(n, n_columns)`."""
        beliefs = [(one, one.belief(rows)) for one in self.processes]
        means = torch.stack([one.shift + one.scale * belief.mean for one, belief in beliefs], dim=-1)
        return means, torch.stack([one.scale**2 * belief.covariance for one, belief in beliefs])

    def posterior(self, X: Tensor, *_: object, **__: object) -> GPyTorchPosterior:  # noqa: N803
        """The joint belief over rows `(…, m, n_columns)`, in the units.

        A block asked for alone is remembered, and recognised in front of other rows.
        """
        n_block = len(self._block)
        leads = X.ndim > 2 and X.shape[-2] > n_block > 0 and bool((X[..., :n_block, :] == self._block).all())
        if X.ndim == 2:
            self._block, self._halves = X.detach(), []
        outputs = []
        for k, one in enumerate(self.processes):
            mean, covariance = self._beside(k, X[..., n_block:, :]) if leads else one.belief(X)
            eye = JITTER * torch.eye(X.shape[-2], dtype=torch.float64)
            outputs.append(MultivariateNormal(one.shift + one.scale * mean, one.scale**2 * (covariance + eye)))
        joint = outputs[0] if len(outputs) == 1 else MultitaskMultivariateNormal.from_independent_mvns(outputs)
        return GPyTorchPosterior(joint)

    def _beside(self, k: int, rows: Tensor) -> Belief:
        """The belief of one process over the block and some rows after it."""
        one = self.processes[k]
        if not self._halves:
            with torch.no_grad():
                for other in self.processes:
                    mean, half = other.half(self._block)
                    prior = other.columns.covariance(self._block, self._block, other.lengths)
                    self._halves.append((mean, half, prior - half @ half.T))
        block_mean, block_half, block_covariance = self._halves[k]
        mean, half = one.half(rows)
        within = one.columns.covariance(rows, rows, one.lengths) - half @ half.transpose(-1, -2)
        across = one.columns.covariance(rows, self._block, one.lengths) - half @ block_half.T
        lead = (*rows.shape[:-2],)
        upper = torch.cat([block_covariance.expand(*lead, -1, -1), across.transpose(-1, -2)], dim=-1)
        covariance = torch.cat([upper, torch.cat([across, within], dim=-1)], dim=-2)
        return Belief(torch.cat([block_mean.expand(*lead, -1), mean], dim=-1), covariance)


def dimension_prior(n_features: int, noise: tuple[float, float]) -> Prior:
    """Length scales that grow with the root of the number of features.

    Source: Hvarfner, Hellsten and Nardi, ICML 2024, arXiv:2402.02229.
    """
    return Prior((math.sqrt(2) + math.log(n_features) / 2, math.sqrt(3)), noise)


def point_prior(n_features: int, noise: tuple[float, float]) -> Prior:
    """For settings: likewise, but of a third of the range in one dimension, and not as wide.

    Settings are chosen by people, who vary what matters, within a range over which it matters (docs/decisions/0018).
    """
    return Prior((math.log(n_features) / 2 - 0.3, 1.0), noise)
