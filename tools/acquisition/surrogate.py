"""The surrogate: cheap beliefs about an oracle's answers, one Gaussian process for each property.

Knows estimates, torch and BoTorch. Must not know what is wanted (acquire.py) or how candidates are made.
Measured choices are in docs/decisions/0005-acquisition.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from botorch.models import SingleTaskGP
from botorch.models.model import Model
from botorch.posteriors import GPyTorchPosterior
from gpytorch.distributions import MultitaskMultivariateNormal, MultivariateNormal
from gpytorch.kernels import MaternKernel
from gpytorch.means import Mean
from numpy.typing import NDArray
from torch import Tensor

from ...memory.errors import TerminalError
from ...memory.records import Candidate, Crystal
from ..properties.predicted import Chosen
from .estimate import estimate
from .hyperparameters import Hyperparameters, Prior, most_probable

Array = NDArray[np.float64]

COMPONENTS = 12
FIT_ROWS = 100
JITTER = 1e-6
LEAST = 4
"""Values that a property needs before it is modelled."""
TRUST = 3.0
"""Weight, in trials, of the belief that the oracle follows the estimate one to one."""


@dataclass(frozen=True)
class Described:
    """Candidates as numbers.

    Attributes:
        rows: Features without unit, `(n_candidates, n_features)`.
        estimates: Property to its cheap estimate, `(n_candidates,)` in the property's unit.
        isotropic: Whether all features share one length scale.
        refused: Index of a candidate that could not be described to the reason; its row is nan.
        columns: The variable that each column of the rows belongs to; empty for crystals.
    """

    rows: Array
    estimates: Mapping[str, Array]
    isotropic: bool
    refused: Mapping[int, str]
    columns: tuple[str, ...] = ()


def describe(candidates: Sequence[Candidate], predictor: Chosen | None = None) -> Described:
    """Describe crystals by the fast potential's embedding, points by their scaled values.

    The scales are those of these candidates, and their order does not matter.

    Args:
        candidates: All of one kind.
        predictor: Gives estimates of what a potential cannot say of crystals.
    """
    if all(isinstance(c.content, Crystal) for c in candidates):
        return _describe_crystals(candidates, predictor)
    return _describe_points(candidates)


def _describe_crystals(candidates: Sequence[Candidate], predictor: Chosen | None) -> Described:
    looks = [estimate(c, predictor) for c in candidates]
    refused = {i: look.refusal for i, look in enumerate(looks) if look.refusal is not None}
    kept = [i for i in range(len(looks)) if i not in refused]
    names = dict.fromkeys(name for i in kept for name in looks[i].values)
    estimates = {name: np.array([look.values.get(name, np.nan) for look in looks]) for name in names}
    for known in estimates.values():
        # A crystal that the predictor refused is expected to be like the others.
        known[kept] = np.where(np.isnan(known[kept]), np.nanmean(known[kept]), known[kept])
    rows = np.full((len(looks), COMPONENTS), np.nan)
    if kept:
        order = sorted(kept, key=lambda i: candidates[i].id)
        embedding = np.array([look.embedding for i in order if (look := looks[i]).embedding is not None])
        rows[order] = _components(embedding)
    return Described(rows, estimates, True, refused)


def _components(embedding: Array) -> Array:
    """Principal components of the standardised embedding, `(n, 12)`, divided by the range of the first.

    One common scale keeps the components' proportions, so that the small ones stay small.
    """
    standard = (embedding - embedding.mean(axis=0)) / np.maximum(embedding.std(axis=0), 1e-9)
    standard = torch.from_numpy(standard)
    _, axes = torch.linalg.eigh(standard.T @ standard)
    scores: Array = (standard @ axes.flip(1)[:, :COMPONENTS]).numpy()
    return scores / max(float(np.ptp(scores[:, 0])), 1e-9)


def _describe_points(candidates: Sequence[Candidate]) -> Described:
    settings = [c.content.values if not isinstance(c.content, Crystal) else {} for c in candidates]
    names = sorted({name for setting in settings for name in setting})
    columns: list[list[float]] = []
    owners: list[str] = []
    for name in names:
        column = [setting.get(name) for setting in settings]
        labels = sorted({v for v in column if isinstance(v, str)})
        if labels:
            columns += [[float(v == label) for v in column] for label in labels]
            owners += [name] * len(labels)
        else:
            numbers = np.array([np.nan if v is None else v for v in column], dtype=float)
            span = float(np.ptp(numbers[np.isfinite(numbers)])) if np.isfinite(numbers).any() else 0.0
            if span > 0:
                columns.append(list((numbers - np.nanmin(numbers)) / span))
                owners.append(name)
    rows = np.array(columns).T if columns else np.zeros((len(settings), 1))
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    return Described(rows, {}, False, {int(i): "a variable has no value" for i in bad}, tuple(owners))


@dataclass(frozen=True)
class Surrogate:
    """Fitted beliefs.

    The models speak of standardised deviations from the estimate; `value = shift + scale * model`, where the model's
    mean holds the estimate already.

    Attributes:
        properties: One for each model.
        models: Take `inputs`.
        shift: `(n_properties,)`, in the properties' units.
        scale: Likewise.
        noise: Variance of the oracle's answers about the models, `(n_properties,)`, in units of `scale`².
        inputs: All described candidates, `(n_candidates, n_features + n_properties)`; rows of refused ones are nan.
        notes: What went wrong in fitting, in words.
    """

    properties: tuple[str, ...]
    models: Sequence[SingleTaskGP]
    shift: Tensor
    scale: Tensor
    noise: Tensor
    inputs: Tensor
    notes: tuple[str, ...] = ()

    def over(self, indices: Sequence[int]) -> FiniteModel:
        """The joint belief over some candidates, in the properties' units; takes positions in `indices`."""
        rows = self.inputs[list(indices)]
        means, covariances = [], []
        with torch.no_grad():
            for k, model in enumerate(self.models):
                belief = model.posterior(rows)
                if not isinstance(belief, GPyTorchPosterior):
                    raise TypeError(f"{type(belief).__name__} is no normal distribution")
                means.append(self.shift[k] + self.scale[k] * belief.mean.detach()[:, 0])
                covariances.append(self.scale[k] ** 2 * belief.distribution.covariance_matrix.detach())
        return FiniteModel(torch.stack(means, dim=-1), torch.stack(covariances), JITTER * self.scale**2)

    def answers(self, belief: FiniteModel) -> tuple[Array, Array]:
        """Mean and standard deviation of the oracle's answers for a belief, each `(n_candidates, n_properties)`."""
        variances = belief.covariances.diagonal(dim1=-2, dim2=-1).T + self.noise * self.scale**2
        return belief.means.numpy(), variances.sqrt().numpy()


class FiniteModel(Model):
    """A multivariate normal over finitely many candidates, which BoTorch's acquisitions take as a model.

    The inputs are positions, `(…, q, 1)`. Conditioning on the trials once, instead of anew for each candidate that
    is scored, makes a proposal many times faster and changes no value.
    """

    _supports_cache_root = False

    def __init__(self, means: Tensor, covariances: Tensor, jitter: Tensor) -> None:
        """Hold a belief.

        Args:
            means: `(n_candidates, n_outputs)`.
            covariances: `(n_outputs, n_candidates, n_candidates)`.
            jitter: Variance added wherever candidates are drawn jointly, `(n_outputs,)`: it keeps twins, whose rows
                are equal, positive definite, and one position asked for twice, as BoTorch does where no trial
                keeps the constraints.
        """
        super().__init__()
        self.means, self.covariances, self.jitter = means, covariances, jitter

    @property
    def num_outputs(self) -> int:
        """Number of properties."""
        return self.means.shape[-1]

    @property
    def batch_shape(self) -> torch.Size:
        """One model, not a batch of them."""
        return torch.Size()

    def posterior(self, X: Tensor, *_: object, **__: object) -> GPyTorchPosterior:  # noqa: N803
        """The joint belief over some positions; one between or beyond the candidates means the nearest."""
        # Where no trial keeps the constraints, BoTorch bounds the objective from random points about the baseline.
        places = X[..., 0].round().long().clamp(0, len(self.means) - 1)
        mean = self.means[places]
        eye = torch.eye(places.shape[-1], dtype=torch.float64)
        outputs = [
            MultivariateNormal(
                mean[..., k], covariance[places[..., :, None], places[..., None, :]] + self.jitter[k] * eye
            )
            for k, covariance in enumerate(self.covariances)
        ]
        joint = outputs[0] if len(outputs) == 1 else MultitaskMultivariateNormal.from_independent_mvns(outputs)
        return GPyTorchPosterior(joint)


def fit(described: Described, answers: Mapping[str, Mapping[int, float]]) -> Surrogate:
    """Fit one Gaussian process for each property; properties may be known for different candidates.

    Args:
        described: All candidates at hand, tried or not.
        answers: Property to the oracle's values by index of the candidate, at least `LEAST` each.
    """
    columns, models, shifts, scales, noises, notes = [], [], [], [], [], []
    for name, known in answers.items():
        indices = np.array(list(known), dtype=int)
        values = np.array(list(known.values()))
        guess = described.estimates.get(name, np.zeros(len(described.rows)))
        guess = guess * _slope(guess[indices], values)
        rest = values - guess[indices]
        shifts.append(rest.mean())
        scales.append(max(rest.std(ddof=1), 1e-9 * max(1.0, np.abs(values).max())))
        columns.append(guess / scales[-1])
    inputs = torch.from_numpy(np.column_stack([described.rows, *columns]))
    n_features = described.rows.shape[1]
    prior = _prior(n_features, described.isotropic)
    for k, (name, known) in enumerate(answers.items()):
        rows, column = inputs[list(known)], n_features + k
        targets = (torch.tensor(list(known.values()), dtype=torch.float64) - shifts[k]) / scales[k]
        chosen = np.linspace(0, len(rows) - 1, min(len(rows), FIT_ROWS)).round().astype(int)
        sample = rows[chosen]
        try:
            found = most_probable(
                sample[:, :n_features], targets[chosen] - sample[:, column], prior, described.isotropic
            )
        except TerminalError as error:
            found = prior.mode(1 if described.isotropic else n_features)
            notes.append(f"the fit of {name} failed ({error}); its length scales and noise are the prior's")
        noises.append(found.noise)
        models.append(_process(rows, targets, n_features, column, found))
    shift, scale, noise = (torch.tensor(v, dtype=torch.float64) for v in (shifts, scales, noises))
    return Surrogate(tuple(answers), models, shift, scale, noise, inputs, tuple(notes))


def _slope(guess: Array, values: Array) -> float:
    """Slope of the oracle's answers against estimates, by least squares drawn towards one with weight `TRUST`."""
    x, y = guess - guess.mean(), values - values.mean()
    weight = TRUST * float(x @ x) / len(x)
    total = float(x @ x) + weight
    return (float(x @ y) + weight) / total if total > 0 else 1.0


class _EstimateMean(Mean):  # type: ignore[misc]  # gpytorch is untyped
    """Prior mean: the input's column that holds the scaled estimate, plus a constant."""

    def __init__(self, column: int, constant: float) -> None:
        super().__init__()
        self.column, self.constant = column, constant

    def forward(self, x: Tensor) -> Tensor:
        return x[..., self.column] + self.constant


def _prior(n_features: int, isotropic: bool) -> Prior:
    """Length scales that grow with the dimension; more noise for crystals.

    What an estimate leaves over is mostly noise to the embedding, so its prior is centred at a third of the variance.

    Source: Hvarfner, Hellsten and Nardi, ICML 2024, arXiv:2402.02229.
    """
    length = (math.sqrt(2) + math.log(n_features) / 2, math.sqrt(3))
    return Prior(length, (-1.0, 1.0) if isotropic else (-4.0, 1.0))


def _process(rows: Tensor, targets: Tensor, n_features: int, column: int, found: Hyperparameters) -> SingleTaskGP:
    """A Gaussian process of unit variance with a Matérn-5/2 kernel and known hyperparameters."""
    n_lengths = len(found.lengths)
    kernel = MaternKernel(
        nu=2.5, ard_num_dims=n_lengths if n_lengths > 1 else None, active_dims=list(range(n_features))
    )
    kernel.lengthscale = torch.from_numpy(found.lengths)
    mean = _EstimateMean(column, found.constant)
    noise = torch.full((len(rows), 1), found.noise, dtype=torch.float64)
    model = SingleTaskGP(rows, targets[:, None], noise, covar_module=kernel, mean_module=mean, outcome_transform=None)
    return model.eval()
