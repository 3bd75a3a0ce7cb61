"""Length scales, noise and offset of a Gaussian process, at their maximum a posteriori.

Knows torch and scipy. BoTorch's own fit takes some ten times as long, nearly all of it in Python, which decides whether
a proposal among thousands of trials is quick. The processes themselves are BoTorch's (surrogate.py).
The matrices are torch's, since numpy's linear algebra waits on all cores at once and crawls where they are busy.

Equations: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), eqs. 4.17, 5.8 and 5.9.

| symbol | variable |
|---|---|
| r | distance |
| l | lengths |
| sigma_n^2 | noise |
| K_y^-1 y | alpha |
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from ...memory.errors import TerminalError

Array = NDArray[np.float64]

ITERATIONS = 40
SHORTEST = 0.025
LEAST_NOISE = 1e-4


@dataclass(frozen=True)
class Prior:
    """Log-normal beliefs about a process of unit variance.

    Attributes:
        length: Location and spread of ln(length scale).
        noise: Location and spread of ln(noise variance).
    """

    length: tuple[float, float]
    noise: tuple[float, float]

    def mode(self, n_lengths: int) -> Hyperparameters:
        """Where the prior density is highest."""
        length, noise = (math.exp(location - spread**2) for location, spread in (self.length, self.noise))
        return Hyperparameters(np.full(n_lengths, max(length, SHORTEST)), max(noise, LEAST_NOISE), 0.0)


@dataclass(frozen=True)
class Hyperparameters:
    """Length scales `(n_lengths,)`, noise variance and constant mean, all without unit."""

    lengths: Array
    noise: float
    constant: float


@dataclass(frozen=True)
class Scatter:
    """What is known of the answers' scatter before anything is fitted.

    Attributes:
        shares: Noise variance of each row in units of the one that is fitted, `(n_rows,)`; in those of the targets
            where it is known.
        is_known: Whether nothing is left to be fitted of it.
        common: Covariance that rows have beside the kernel's, `(n_rows, n_rows)`; None for none.
    """

    shares: Tensor
    is_known: bool = False
    common: Tensor | None = None


def most_probable(
    rows: Tensor, targets: Tensor, prior: Prior, isotropic: bool, scatter: Scatter | None = None
) -> Hyperparameters:
    """Maximise the log posterior from the prior's mode.

    Args:
        rows: Features, `(n_rows, n_features)`.
        targets: Standardised, `(n_rows,)`.
        isotropic: Whether all features share one length scale.
        scatter: Of the targets; None where each row has all of the one noise that is fitted.

    Returns:
        With a noise of one where it is known.

    Raises:
        TerminalError: A covariance matrix is not positive definite, or the optimum is not finite.
    """
    scatter = scatter or Scatter(torch.ones(len(rows), dtype=torch.float64))
    n_lengths = 1 if isotropic else rows.shape[1]
    squares = (rows[:, None, :] - rows[None, :, :]) ** 2
    if isotropic:
        squares = squares.sum(dim=-1, keepdim=True)
    start = prior.mode(n_lengths)
    first = np.concatenate([np.log(start.lengths), [math.log(start.noise), start.constant]])
    noise = (0.0, 0.0) if scatter.is_known else (math.log(LEAST_NOISE), 3.0)
    bounds = [(math.log(SHORTEST), 9.0)] * n_lengths + [noise, (-10.0, 10.0)]
    try:
        answer = minimize(
            _loss,
            np.clip(first, *np.array(bounds).T),
            (squares, targets, prior, scatter),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": ITERATIONS},
        )
    except RuntimeError as error:  # torch's error of linear algebra is one
        raise TerminalError(f"no Cholesky factor: {error}") from error
    if not np.isfinite(answer.x).all() or not np.isfinite(answer.fun):
        raise TerminalError("the most probable hyperparameters are not finite")
    return Hyperparameters(np.exp(answer.x[:-2]), math.exp(answer.x[-2]), float(answer.x[-1]))


def _loss(parameters: Array, squares: Tensor, targets: Tensor, prior: Prior, scatter: Scatter) -> tuple[float, Array]:
    """Negative log posterior per row at ln(lengths), ln(noise) and constant, with its gradient."""
    n_rows = len(targets)
    lengths, noise = torch.from_numpy(np.exp(parameters[:-2])), math.exp(parameters[-2])
    distance = (5 * (squares @ lengths**-2)).sqrt()
    decay = (-distance).exp()
    covariance = (1 + distance + distance**2 / 3) * decay + torch.diag(noise * scatter.shares)
    if scatter.common is not None:
        covariance += scatter.common
    factor = torch.linalg.cholesky(covariance)
    inverse = torch.cholesky_inverse(factor)
    rest = targets - float(parameters[-1])
    alpha = inverse @ rest
    likelihood = -0.5 * (rest @ alpha + n_rows * math.log(2 * math.pi)) - factor.diagonal().log().sum()
    weight = torch.outer(alpha, alpha) - inverse
    slopes = np.empty_like(parameters)
    inner = torch.tensordot(weight * (1 + distance) * decay, squares, dims=2)
    slopes[:-2] = (5 / 6) * (inner / lengths**2).numpy()
    slopes[-2] = 0.5 * noise * float(weight.diagonal() @ scatter.shares)
    slopes[-1] = float(alpha.sum())
    locations = np.array([prior.length[0]] * len(lengths) + [prior.noise[0]])
    spreads = np.array([prior.length[1]] * len(lengths) + [prior.noise[1]])
    z = (parameters[:-1] - locations) / spreads
    # The density of a log-normal variable in itself, hence the term in ln(x).
    belief = -0.5 * (z**2).sum() - (parameters[:-1] + np.log(spreads) + 0.5 * math.log(2 * math.pi)).sum()
    slopes[:-1] -= z / spreads + 1
    return -(float(likelihood) + float(belief)) / n_rows, -slopes / n_rows
