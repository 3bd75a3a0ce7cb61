"""A mixture of Gaussians over latent space: where training crystals lie, which the standard normal only roughly says.

Knows numpy alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FLOOR = 1e-3
"""Added to the variances, so that no component shrinks to a point."""


@dataclass(frozen=True)
class Mixture:
    """Gaussians with their shares.

    Attributes:
        shares: `(n_components,)`, summing to one.
        means: `(n_components, n_latent)`.
        factors: Lower Cholesky factors of the covariances, `(n_components, n_latent, n_latent)`.
    """

    shares: Array
    means: Array
    factors: Array

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw points `(n, n_latent)`."""
        chosen = rng.choice(len(self.shares), size=n, p=self.shares / self.shares.sum())
        noise = rng.normal(size=(n, self.means.shape[1]))
        return np.asarray(self.means[chosen] + np.einsum("nij,nj->ni", self.factors[chosen], noise))

    def log_density(self, points: Array) -> Array:
        """Logarithm of the density, `(n,)`."""
        return np.asarray(np.logaddexp.reduce(_log_parts(self, points), axis=1))

    def leaning(self, points: Array, part: float) -> Mixture:
        """The same Gaussians with shares that lie to a part where some points `(n, n_latent)` do."""
        parts = _log_parts(self, points)
        held = np.exp(parts - np.logaddexp.reduce(parts, axis=1, keepdims=True)).mean(axis=0)
        return replace(self, shares=(1 - part) * self.shares + part * held)


def fit_mixture(points: Array, components: int, seed: int, passes: int = 40) -> Mixture:
    """Fit by expectation and maximisation.

    Args:
        points: `(n, n_latent)`.
        components: At most `n / 2 n_latent` of them are used, so that each sees enough points.
        seed: Of the points it starts from.
        passes: Over the points.

    Source: Dempster, Laird and Rubin, J. R. Stat. Soc. B 39, 1 (1977).
    """
    rng = np.random.default_rng(seed)
    n, d = points.shape
    components = max(1, min(components, n // (2 * d)))
    whole = np.cov(points, rowvar=False) + _FLOOR * np.eye(d)
    found = Mixture(
        np.full(components, 1 / components),
        points[rng.choice(n, components, replace=False)],
        np.tile(np.linalg.cholesky(whole), (components, 1, 1)),
    )
    for _ in range(passes):
        parts = _log_parts(found, points)
        weights = np.exp(parts - np.logaddexp.reduce(parts, axis=1, keepdims=True))
        mass = weights.sum(axis=0) + 1e-9
        means = weights.T @ points / mass[:, None]
        factors = np.empty_like(found.factors)
        for k in range(components):
            off = points - means[k]
            # A component of few points borrows its shape from the whole.
            trust = mass[k] / (mass[k] + 2 * d)
            own = (weights[:, k, None] * off).T @ off / mass[k]
            factors[k] = np.linalg.cholesky(trust * own + (1 - trust) * whole + _FLOOR * np.eye(d))
        found = Mixture(mass / n, means, factors)
    return found


def _log_parts(mixture: Mixture, points: Array) -> Array:
    """Logarithm of each component's share of the density, `(n, n_components)`."""
    n, d = points.shape
    parts = np.empty((n, len(mixture.shares)))
    for k, (share, mean, factor) in enumerate(zip(mixture.shares, mixture.means, mixture.factors, strict=True)):
        scaled = (points - mean) @ np.linalg.inv(factor).T
        volume = np.log(np.diag(factor)).sum()
        parts[:, k] = np.log(share + 1e-300) - volume - 0.5 * (scaled**2).sum(axis=1) - 0.5 * d * np.log(2 * np.pi)
    return parts
