"""Optimisation in latent space as two pure functions: what to try next, and what was found.

Knows the latent model's Protocol, Gaussian processes and the trust region. Must not know crystals or who judges them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...memory.errors import TerminalError
from ...models.vae.wish import DecodingWish
from .steer import led_points
from .trust_region import TrustRegion

if TYPE_CHECKING:
    import torch
    from botorch.models import SingleTaskGP

    from ...models.vae.latent_model import LatentModel
    from .survey import Survey

Array = NDArray[np.float64]

LEAST = 4
"""Scores that are needed before they are modelled."""
FIT_ROWS = 200
CHOICE = 1000
"""Points among which the next ones are chosen."""
_COORDINATES = 20
"""Coordinates that are changed at once, in one half of them."""
_BETTER = 1e-3
"""Share of the best score by which a better one is better."""


@dataclass(frozen=True)
class Search:
    """What was tried, where, and with what success.

    Attributes:
        points: Where the model finds the crystals that were judged, `(n, n_latent)`.
        scores: The higher the better, in any unit, `(n,)`; what could not be judged is left out.
        values: What the scores are made of, `(n, n_values)`; the scores themselves, `(n, 1)`, where that is not told.
        region: How far from the best the next ones may lie.
    """

    points: Array
    scores: Array
    values: Array
    region: TrustRegion = field(default_factory=TrustRegion)

    @property
    def best(self) -> float:
        """Best score; minus infinity before there is one."""
        return float(self.scores.max(initial=-np.inf))


def begun(model: LatentModel, n_values: int = 1) -> Search:
    """A search that knows nothing yet."""
    return Search(np.empty((0, model.n_latent)), np.empty(0), np.empty((0, n_values)))


def tell(search: Search, points: Array, scores: Array, values: Array | None = None) -> Search:
    """Add what a batch of crystals scored.

    Args:
        search: What was known.
        points: Where the model finds the decoded crystals, which need not be where they were aimed at
            `(n, n_latent)`.
        scores: The higher the better `(n,)`; nan for a crystal that could not be judged, which counts as a failure.
        values: What the scores are made of, `(n, n_values)`; None for nothing but themselves.
    """
    is_known = np.isfinite(scores)
    best = float(scores[is_known].max(initial=-np.inf))
    is_better = best > search.best + _BETTER * abs(search.best) if np.isfinite(search.best) else best > search.best
    return Search(
        np.concatenate([search.points, points[is_known]]),
        np.concatenate([search.scores, scores[is_known]]),
        np.concatenate([search.values, (scores[:, None] if values is None else values)[is_known]]),
        search.region.told(is_better, len(scores)) if len(scores) else search.region,
    )


def ask(
    search: Search,
    model: LatentModel,
    wish: DecodingWish,
    ground: Survey,
    n: int,
    seed: int,
    worth: Callable[[Array], Array] | None = None,
) -> Array:
    """Latent points to decode and judge next, `(n, n_latent)`.

    Each is where one draw from the belief is best (Thompson sampling) among points of the trust region that have the
    density of crystals. Before there are four scores, points are drawn where the wish is likely.

    Args:
        search: What is known.
        model: Whose latent space it is.
        wish: What the crystals keep.
        ground: Scales of latent space.
        n: Points wanted.
        seed: The same seed gives the same points.
        worth: Makes scores `(n,)` of values `(n, n_values)`. The belief is then about the values, of which each is a
            simpler function of place than their distance to a target is; None for a belief about the scores.

    Source: Astudillo and Frazier, ICML 2019, arXiv:1906.01537 (beliefs about what a score is made of).
    """
    if len(search.scores) < LEAST:
        points = (point for some in led_points(model, wish, (), ground, seed) for point in some)
        return np.array(list(islice(points, n)))
    rng = np.random.default_rng(seed)
    choice = _region(search, model, wish, ground, rng)
    rows, places = _scaled(search.points, ground), _scaled(choice, ground)
    if worth is None:
        draws = _draws(rows, _ranked(search.scores), places, n, rng)
    else:
        middle, scale = search.values.mean(axis=0), np.maximum(search.values.std(axis=0), 1e-9)
        parts = [_draws(rows, column, places, n, rng) for column in ((search.values - middle) / scale).T]
        told = np.stack(parts, axis=-1) * scale + middle
        draws = worth(told.reshape(-1, len(middle))).reshape(told.shape[:2])
    taken: list[int] = []
    for draw in draws:
        order = np.argsort(-draw, kind="stable")
        taken.append(int(order[~np.isin(order, taken)][0]))
    return np.asarray(choice[taken])


def _region(search: Search, model: LatentModel, wish: DecodingWish, ground: Survey, rng: np.random.Generator) -> Array:
    """Points about the best one, `(1000, n_latent)` or fewer.

    The region's length is the largest share of the way from there to a sample of the prior that a point may go: with
    as many dimensions as these, a box is nearly all corners, and no crystal lies in them.
    """
    best = search.points[rng.choice(np.flatnonzero(search.scores >= search.best))]
    others = model.sample(4 * CHOICE, int(rng.integers(2**31)))
    shares = rng.uniform(0.0, min(search.region.length, 1.0), size=(len(others), 1))
    moves = shares * (others - best)
    some = rng.random(moves.shape) < min(_COORDINATES / model.n_latent, 1.0)
    some[::2] = True
    points = best + np.where(some, moves, 0.0)
    dense = points[model.log_density(points) >= ground.floor]
    if len(dense) < CHOICE:
        dense = points[np.argsort(-model.log_density(points))[:CHOICE]]
    if wish != DecodingWish():
        dense = dense[np.argsort(-model.promise(dense, wish))[: max(CHOICE, len(dense) // 2)]]
    return np.asarray(dense[rng.permutation(len(dense))[:CHOICE]])


def _scaled(points: Array, ground: Survey) -> torch.Tensor:
    """Latent points with the mean spread of a unit cube, for which the prior of length scales is made."""
    import torch

    return torch.from_numpy(points / (math.sqrt(12) * math.sqrt(float((ground.spread**2).mean()))))


def _ranked(scores: Array) -> Array:
    """Scores by their ranks, as a normal distribution has them: a few hopeless ones would drown all others."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return np.asarray(ndtri((rankdata(scores) - 0.5) / len(scores)))


def _belief(rows: torch.Tensor, targets: torch.Tensor) -> SingleTaskGP:
    """A Gaussian process over standardised targets, `(n,)`.

    All coordinates share one length scale, whose prior grows with their number; those that the encoder does not use
    hardly differ, and so hardly count.

    Source: Hvarfner, Hellsten and Nardi, ICML 2024, arXiv:2402.02229 (the prior).
    """
    import torch
    from botorch.models import SingleTaskGP
    from gpytorch.kernels import MaternKernel
    from gpytorch.means import ConstantMean

    from ..acquisition.hyperparameters import Prior, most_probable

    n = len(targets)
    prior = Prior((math.sqrt(2) + math.log(rows.shape[1]) / 2, math.sqrt(3)), (-4.0, 1.0))
    chosen = np.linspace(0, n - 1, min(n, FIT_ROWS)).round().astype(int)
    try:
        found = most_probable(rows[chosen], targets[chosen], prior, isotropic=True)
    except TerminalError:
        found = prior.mode(1)
    kernel = MaternKernel(nu=2.5)
    kernel.lengthscale = float(found.lengths[0])
    mean = ConstantMean()
    mean.constant = found.constant
    noise = torch.full((n, 1), found.noise, dtype=torch.float64)
    belief = SingleTaskGP(rows, targets[:, None], noise, covar_module=kernel, mean_module=mean, outcome_transform=None)
    return belief.double().eval()


def _draws(rows: torch.Tensor, targets: Array, places: torch.Tensor, n: int, rng: np.random.Generator) -> Array:
    """Draws from the belief at some places, `(n, n_places)`."""
    import torch
    from botorch.posteriors import GPyTorchPosterior

    with torch.no_grad():
        posterior = _belief(rows, torch.from_numpy(targets.copy())).posterior(places)
        if not isinstance(posterior, GPyTorchPosterior):
            raise TypeError(f"{type(posterior).__name__} is no normal distribution")
        jitter = 1e-6 * torch.eye(len(places), dtype=torch.float64)
        factor = torch.linalg.cholesky(posterior.distribution.covariance_matrix + jitter)
        noise = torch.from_numpy(rng.normal(size=(len(places), n)))
        return np.asarray((posterior.mean + factor @ noise).T.numpy())
