"""A Gaussian process whose kernel is a sum over groups of features, each with its own amplitude and length.

Knows torch and scipy. Knows no crystals: points are handed in. The matrices are torch's, since numpy's linear algebra
waits on all cores at once and crawls where they are busy.

Equations: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), eqs. 2.25, 2.26, 4.17, 5.8, 5.9 and
5.12 (leave-one-out).

| symbol | variable |
|---|---|
| l | lengths |
| sigma_f^2 | amplitudes |
| sigma_n^2 | noise |
| K_y^-1 y | weights |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

Array = NDArray[np.float64]
Points = tuple[Tensor, ...]
"""Groups of features, each `(n_points, n_features)` in float64, scaled so that distances are near one."""

MAX_ROWS = 800
"""Points that the hyperparameters are fitted to, at most; the process itself holds all."""
ITERATIONS = 40
AMPLITUDE_PRIOR = (-1.0, 1.5)
"""Location and spread of ln(amplitude), for values of unit variance; the next two alike."""
LENGTH_PRIOR = (0.0, 1.0)
NOISE_PRIOR = (-3.0, 1.5)
LEAST_NOISE = 1e-5
CHUNK = 512


@dataclass(frozen=True)
class Hyperparameters:
    """Of a process for values of unit variance.

    Attributes:
        amplitudes: Variance that each group explains, `(n_groups,)`.
        lengths: Distance over which it changes, `(n_groups,)`.
        noise: Variance that none explains.
    """

    amplitudes: tuple[float, ...]
    lengths: tuple[float, ...]
    noise: float


class GaussianProcess:
    """A process conditioned on values at points.

    Attributes:
        hyperparameters: As fitted.
    """

    def __init__(self, points: Points, values: Array, hyperparameters: Hyperparameters) -> None:
        """Condition on values `(n_points,)`, in any unit."""
        self.hyperparameters = hyperparameters
        self._points = points
        self._values = torch.from_numpy(values)
        self._centre, self._scale = _standard(self._values)
        covariance = _covariance(_squares(points, points), hyperparameters)
        covariance.diagonal().add_(hyperparameters.noise)
        self._factor = torch.linalg.cholesky(covariance)
        standard = (self._values - self._centre) / self._scale
        self._weights = torch.cholesky_solve(standard[:, None], self._factor)[:, 0]

    def predict(self, points: Points) -> tuple[Array, Array]:
        """Mean and standard deviation, noise included, of the values at other points, `(n_points,)` each."""
        mean, variance = [torch.empty(0, dtype=torch.float64)], [torch.empty(0, dtype=torch.float64)]
        whole = sum(self.hyperparameters.amplitudes) + self.hyperparameters.noise
        for first in range(0, len(points[0]), CHUNK):
            some = tuple(group[first : first + CHUNK] for group in points)
            shared = _covariance(_squares(some, self._points), self.hyperparameters)
            known = torch.linalg.solve_triangular(self._factor, shared.T, upper=False)
            mean.append(shared @ self._weights)
            variance.append(whole - (known**2).sum(0))
        return self._with_unit(torch.cat(mean), torch.cat(variance).clamp(min=LEAST_NOISE))

    def leave_one_out(self) -> tuple[Array, Array]:
        """Mean and standard deviation at each of its own points, as if its value were not known; `(n_points,)` each."""
        inverse = torch.cholesky_inverse(self._factor).diagonal()
        standard = (self._values - self._centre) / self._scale
        return self._with_unit(standard - self._weights / inverse, 1.0 / inverse)

    def _with_unit(self, mean: Tensor, variance: Tensor) -> tuple[Array, Array]:
        return (mean * self._scale + self._centre).numpy(), (variance.sqrt() * self._scale).numpy()


def fit_process(points: Points, values: Array, seed: int) -> GaussianProcess:
    """Fit a process at its most probable hyperparameters.

    Args:
        points: Where values are known.
        values: `(n_points,)`.
        seed: Of the choice of points, if there are more than `MAX_ROWS`.
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(values))[:MAX_ROWS])
    some = torch.from_numpy(values[chosen])
    centre, scale = _standard(some)
    squares = _squares(*(tuple(group[chosen] for group in points),) * 2)
    return GaussianProcess(points, values, _most_probable(squares, (some - centre) / scale))


def _standard(values: Tensor) -> tuple[float, float]:
    """Mean and standard deviation; one where there is none."""
    scale = float(values.std(correction=0))
    return float(values.mean()), scale if scale > 0 else 1.0


def _squares(left: Points, right: Points) -> list[Tensor]:
    """Squared distances within each group, `(n_left, n_right)`."""
    return [torch.cdist(a, b).square_() for a, b in zip(left, right, strict=True)]


def _covariance(squares: Sequence[Tensor], h: Hyperparameters) -> Tensor:
    """Sum of Matérn kernels of order 5/2."""
    parts = zip(squares, h.amplitudes, h.lengths, strict=True)
    return torch.stack(
        [amplitude * _matern((5 * square).sqrt() / length)[0] for square, amplitude, length in parts]
    ).sum(0)


def _matern(r: Tensor) -> tuple[Tensor, Tensor]:
    """The kernel at distances in units of length/√5, and its slope in ln(length)."""
    decay = (-r).exp()
    third = r * r / 3
    return (1 + r + third) * decay, third * (1 + r) * decay


def _most_probable(squares: Sequence[Tensor], standard: Tensor) -> Hyperparameters:
    """Maximise the log posterior of ln(amplitudes), ln(lengths) and ln(noise)."""
    n_groups, n_rows = len(squares), len(standard)
    priors = np.array([AMPLITUDE_PRIOR] * n_groups + [LENGTH_PRIOR] * n_groups + [NOISE_PRIOR])
    distances = [(5 * square).sqrt() for square in squares]
    identity = torch.eye(n_rows, dtype=torch.float64)

    def loss(parameters: Array) -> tuple[float, Array]:
        amplitudes, lengths, noise = np.split(np.exp(parameters), [n_groups, 2 * n_groups])
        kernels = [_matern(d / length) for d, length in zip(distances, lengths, strict=True)]
        covariance = float(noise[0]) * identity
        for amplitude, (kernel, _) in zip(amplitudes, kernels, strict=True):
            covariance = covariance + amplitude * kernel
        factor = torch.linalg.cholesky(covariance)
        inverse = torch.cholesky_inverse(factor)
        weights = inverse @ standard
        likelihood = -0.5 * float(standard @ weights) - float(factor.diagonal().log().sum())
        spread = torch.outer(weights, weights) - inverse
        slopes = np.empty_like(parameters)
        for k, (amplitude, (kernel, slope)) in enumerate(zip(amplitudes, kernels, strict=True)):
            slopes[k] = 0.5 * amplitude * float((spread * kernel).sum())
            slopes[n_groups + k] = 0.5 * amplitude * float((spread * slope).sum())
        slopes[-1] = 0.5 * noise[0] * float(spread.trace())
        z = (parameters - priors[:, 0]) / priors[:, 1]
        return (0.5 * float(z @ z) - likelihood) / n_rows, (z / priors[:, 1] - slopes) / n_rows

    start = np.concatenate([np.full(n_groups, -math.log(n_groups)), np.zeros(n_groups), [-2.5]])
    bounds = [(-9.0, 5.0)] * n_groups + [(-4.0, 5.0)] * n_groups + [(math.log(LEAST_NOISE), 2.0)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": ITERATIONS}).x
    amplitudes, lengths, noise = np.split(np.exp(found), [n_groups, 2 * n_groups])
    return Hyperparameters(tuple(amplitudes.tolist()), tuple(lengths.tolist()), float(noise[0]))
