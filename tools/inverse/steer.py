"""Where latent points are taken when something is wanted: drawn as if the prior had been told of the wishes.

Knows the Protocol of a latent model, wishes and aims. Must not know how crystals are decoded or screened.

Wanted is the distribution p(z | wishes) ∝ p(z) p(wishes | z), with the model's promise for elements, atoms and space
group, and a normal distribution about each aim. Samples of the prior are led there by sequential Monte Carlo: the
power of the second factor is raised from 0 to 1 in steps; at each the points are drawn anew by their weights and
moved by differential evolution, so that they stay where the prior has density and do not all run to one place.

Sources: Del Moral, Doucet and Jasra, J. R. Stat. Soc. B 68, 411 (2006), doi:10.1111/j.1467-9868.2006.00553.x (the
tempered samples); ter Braak, Stat. Comput. 16, 239 (2006), doi:10.1007/s11222-006-8769-1 (the moves, eq. 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...models.vae.latent_model import LatentModel
from ...models.vae.wish import DecodingWish
from .aims import Aim
from .survey import Survey

Array = NDArray[np.float64]

POINTS = 1000
_MOVES = 4
_MOST_STEPS = 20
_SHARPNESS = 0.5
"""Standard deviation of an aim in tolerances: nearly all points that are led there lie within."""
_SOFTNESS = 0.1
"""Of bounds, in standard deviations of the property."""
_JITTER = 1e-3


def led_points(
    model: LatentModel, wish: DecodingWish, aims: Sequence[Aim], ground: Survey, seed: int
) -> Iterator[Array]:
    """Latent points that are likely to hold what is wanted, `(1000, n_latent)` at a time, without end."""
    seeds = np.random.SeedSequence(seed)
    unconditional = wish == DecodingWish() and not aims
    while True:
        number = int(seeds.spawn(1)[0].generate_state(1)[0])
        yield model.sample(POINTS, number) if unconditional else _led(model, wish, aims, ground, number)


def _led(model: LatentModel, wish: DecodingWish, aims: Sequence[Aim], ground: Survey, seed: int) -> Array:
    rng = np.random.default_rng(seed)

    def merit(points: Array) -> Array:
        return _merit(model, wish, aims, ground, points)

    points = model.sample(POINTS, seed)
    density, found = model.log_density(points), merit(points)
    power = 0.0
    for number in range(_MOST_STEPS):
        step = 1.0 - power if number == _MOST_STEPS - 1 else _next_step(found, 1.0 - power)
        weights = np.exp(step * (found - found.max()))
        power += step
        kept = _drawn(weights, rng)
        points, density, found = points[kept], density[kept], found[kept]
        for _ in range(_MOVES):
            points, density, found = _moved(points, density, found, power, model.log_density, merit, ground, rng)
        if power >= 1.0:
            break
    distinct = np.sort(np.unique(points, axis=0, return_index=True)[1])
    return np.asarray(points[rng.permutation(distinct)])


def _merit(model: LatentModel, wish: DecodingWish, aims: Sequence[Aim], ground: Survey, points: Array) -> Array:
    """Logarithm of how likely the wishes and aims are at latent points, up to a constant, `(n,)`."""
    total = model.promise(points, wish) if wish != DecodingWish() else np.zeros(len(points))
    values = model.properties(points) if aims else {}
    for aim in aims:
        own, scale = values[aim.target.name], ground.scales[aim.target.name]
        if aim.kind == "about":
            total = total - 0.5 * ((own - aim.value) / (_SHARPNESS * aim.tolerance)) ** 2
        elif aim.kind in ("highest", "lowest"):
            total = total + (own if aim.kind == "highest" else -own) / (_SOFTNESS * scale)
        else:
            total = total - 0.5 * (aim.shortfall(own) / (_SOFTNESS * scale)) ** 2
    return np.asarray(total)


def _next_step(merit: Array, most: float) -> float:
    """The largest step in power after which half of the points still count."""
    if _effective(most * merit) >= 0.5 * len(merit):
        return most
    low, high = 0.0, most
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _effective(middle * merit) >= 0.5 * len(merit) else (low, middle)
    return high


def _effective(logarithms: Array) -> float:
    """Effective number of points with such logarithms of weights."""
    weights = np.exp(logarithms - logarithms.max())
    return float(weights.sum() ** 2 / (weights**2).sum())


def _drawn(weights: Array, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices drawn by weight with as little chance as there can be: evenly spaced on the cumulated weights."""
    places = (rng.random() + np.arange(len(weights))) / len(weights)
    edges = np.cumsum(weights) / weights.sum()
    return np.asarray(np.minimum(np.searchsorted(edges, places), len(weights) - 1))


def _moved(
    points: Array,
    density: Array,
    merit: Array,
    power: float,
    log_density: Callable[[Array], Array],
    merit_of: Callable[[Array], Array],
    ground: Survey,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Each point moved by a multiple of the difference of two others, where that is accepted."""
    n, n_latent = points.shape
    first, second = rng.integers(n, size=(2, n))
    stride = 2.38 / np.sqrt(2 * n_latent)
    tried = points + stride * (points[first] - points[second]) + _JITTER * ground.spread * rng.normal(size=points.shape)
    new_density, new_merit = log_density(tried), merit_of(tried)
    gain = new_density - density + power * (new_merit - merit)
    taken = (np.log(rng.random(n)) < gain) & (new_density >= ground.floor)
    return (
        np.where(taken[:, None], tried, points),
        np.where(taken, new_density, density),
        np.where(taken, new_merit, merit),
    )
