"""The surrogate: cheap beliefs about an oracle's answers, one Gaussian process for each property.

Knows estimates, torch and BoTorch. Must not know what is wanted (acquire.py) or how candidates are made.
Measured choices are in docs/decisions/0005-acquisition.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from botorch.models.model import Model
from botorch.posteriors import GPyTorchPosterior
from gpytorch.distributions import MultitaskMultivariateNormal, MultivariateNormal
from numpy.typing import NDArray
from torch import Tensor

from ...memory.records import Candidate, Crystal
from ..properties.predicted import Chosen
from .estimate import estimate
from .noise import Results, merge
from .process import JITTER, Columns, Process, dimension_prior, learnt_from, point_prior

Array = NDArray[np.float64]

COMPONENTS = 12
FIT_ROWS = 100
WIDE_NOISE, LIST_NOISE, NARROW_NOISE = (-1.0, 1.0), (-2.0, 1.2), (-4.0, 1.0)
"""Location and spread of the logarithm of the noise's variance: for crystals, of which what an estimate leaves over is
mostly noise to the embedding, so that a third of the variance is expected; for points of a list, which were measured by
hand and scatter (docs/decisions/0019); and for a space of settings."""
LEAST, LEAST_OF_POINTS = 4, 2
"""Values that a property needs before it is modelled: of crystals, of which estimates say more, and of points."""
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

    @property
    def least(self) -> int:
        """Values that a property needs before it is modelled."""
        return LEAST if self.isotropic else LEAST_OF_POINTS


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

    The processes speak of standardised deviations from the estimate, and their mean holds the estimate already.

    Attributes:
        properties: One for each model.
        processes: Take `inputs`.
        inputs: All described candidates, `(n_candidates, n_features + n_properties)`; rows of refused ones are nan.
        notes: Where the noise comes from where it is not inferred.
        faults: What went wrong in fitting, and what was done instead.
    """

    properties: tuple[str, ...]
    processes: Sequence[Process]
    inputs: Tensor
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def over(self, indices: Sequence[int]) -> FiniteModel:
        """The joint belief over some candidates, in the properties' units; takes positions in `indices`."""
        rows = self.inputs[list(indices)]
        beliefs = [(one, one.belief(rows)) for one in self.processes]
        means = [one.shift + one.scale * belief.mean for one, belief in beliefs]
        covariances = [one.scale**2 * belief.covariance for one, belief in beliefs]
        scales = torch.tensor([one.scale for one in self.processes], dtype=torch.float64)
        return FiniteModel(torch.stack(means, dim=-1), torch.stack(covariances), JITTER * scales**2)

    def answers(self, belief: FiniteModel) -> tuple[Array, Array]:
        """Mean and standard deviation of the oracle's answers for a belief, each `(n_candidates, n_properties)`."""
        noises = torch.tensor([one.noise * one.scale**2 for one in self.processes], dtype=torch.float64)
        variances = belief.covariances.diagonal(dim1=-2, dim2=-1).T.clamp_min(0) + noises
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

    def joint(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Means `(n, n_outputs)` and covariances `(n_outputs, n, n)` of the truth at positions `(n, 1)`."""
        places = positions[:, 0].round().long()
        return self.means[places], self.covariances[:, places[:, None], places]

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


def fit(
    described: Described,
    answers: Mapping[str, Mapping[int, float]],
    deviations: Mapping[str, Mapping[int, float]] | None = None,
) -> Surrogate:
    """Fit one Gaussian process for each property; properties may be known for different candidates.

    Args:
        described: All candidates at hand, tried or not.
        answers: Property to the oracle's values by index of the candidate, at least `described.least` each.
        deviations: Standard deviations of the values, likewise, where they are stated.
    """
    columns, units = [], []
    for name, known in answers.items():
        indices = np.array(list(known), dtype=int)
        values = np.array(list(known.values()))
        guess = described.estimates.get(name, np.zeros(len(described.rows)))
        guess = guess * _slope(guess[indices], values)
        rest = values - guess[indices]
        scale = max(float(rest.std(ddof=1)), 1e-9 * max(1.0, float(np.abs(values).max())))
        units.append((float(rest.mean()), scale))
        columns.append(guess / scale)
    inputs = np.column_stack([described.rows, *columns])
    n_features = described.rows.shape[1]
    prior = dimension_prior(n_features, WIDE_NOISE) if described.isotropic else point_prior(n_features, LIST_NOISE)
    processes, notes, faults = list[Process](), list[str](), list[str]()
    for k, (name, known) in enumerate(answers.items()):
        stated = (deviations or {}).get(name, {})
        results = Results(
            inputs[list(known)], np.array(list(known.values())), np.array([stated.get(i, np.nan) for i in known])
        )
        merged = merge(results)
        what = Columns(n_features, described.isotropic, trend=n_features + k)
        process, fault = learnt_from(merged, what, prior, units[k], FIT_ROWS)
        processes.append(process)
        notes += [] if merged.variances is None else [f"noise of {name}: {merged.noise}"]
        faults += [f"{name}: {fault}"] if fault else []
    return Surrogate(tuple(answers), processes, torch.from_numpy(inputs), tuple(notes), tuple(faults))


def _slope(guess: Array, values: Array) -> float:
    """Slope of the oracle's answers against estimates, by least squares drawn towards one with weight `TRUST`."""
    x, y = guess - guess.mean(), values - values.mean()
    weight = TRUST * float(x @ x) / len(x)
    total = float(x @ x) + weight
    return (float(x @ y) + weight) / total if total > 0 else 1.0
