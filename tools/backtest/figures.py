"""What searches of a measured pool are worth: shares of the best found, regret, and both against random choice.

Knows searches and measured pools. Must not know methods or drawing.

Top%(i) is the share of the pool's best twentieth found after i points, EF(i) that over the share of random choice, i/N,
and AF(a) the points that random choice needs for a share a over those that a search needs. Random choice is exact.

Source: Liang et al., npj Comput. Mater. 7, 188 (2021), doi:10.1038/s41524-021-00656-9.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln

from .measured_pool import Array, MeasuredPool
from .search import Search

LEVELS = (0.2, 0.5, 0.8, 1.0)
"""Shares of the best at which searches are compared."""
TRIALS = (1, 3, 5, 10, 20)
"""Points after which the best so far is stated, as in published searches of enumerated tables."""
SETTLED = 10
"""Points before which EF is luck: one of the best among the first few is a multiple of what random choice expects."""
PER_INPUT = 5
"""Points for each input, from which on a search should not be behind random choice."""
RESAMPLES = 1000
BAND = (0.05, 0.95)


@dataclass(frozen=True)
class Curves:
    """After 1, 2, … points.

    Attributes:
        shares: Of the best that are found, `(n_searches, n_looks)`.
        best: Best so far, `(n_searches, n_looks)`, the highest being best; the pool's worst before any.
    """

    shares: Array
    best: Array


def curves(pool: MeasuredPool, searches: Sequence[Search], most: int) -> Curves:
    """Curves of searches; one that has found all of the best stays there."""
    length = min(most, len(pool.points))
    shares, best = np.ones((len(searches), length)), np.full((len(searches), length), pool.gains.max())
    for row, one in enumerate(searches):
        n = len(one.order)
        gains = [pool.gains.min() if place is None else pool.gains[place] for place in one.order]
        shares[row, :n] = np.cumsum([place in pool.best for place in one.order]) / len(pool.best)
        best[row, :n] = np.maximum.accumulate(gains)
    return Curves(shares, best)


def random_best(pool: MeasuredPool, most: int) -> tuple[Array, Array]:
    """Mean of the best so far under random choice, `(n_looks,)`, and its band, `(2, n_looks)`; exact, not drawn."""
    n = len(pool.points)
    falling = np.sort(pool.gains)[::-1]
    looks, worse = np.arange(1, min(most, n) + 1)[:, None], np.arange(n - 1, -1, -1)[None, :]
    # Of N points i are drawn without replacement; none is among the r best with probability C(N - r, i) / C(N, i).
    with np.errstate(invalid="ignore"):
        none = gammaln(worse + 1) - gammaln(worse - looks + 1) - gammaln(n + 1) + gammaln(n - looks + 1)
    reached = 1 - np.where(worse >= looks, np.exp(none), 0.0)
    mean = (np.diff(reached, axis=1, prepend=0.0) * falling).sum(axis=1)
    low, high = (falling[np.argmax(reached >= 1 - q - 1e-12, axis=1)] for q in BAND)
    return mean, np.array([low, high])


def figures(pool: MeasuredPool, searches: Sequence[Search], most: int) -> dict[str, Any]:
    """All figures of a method with 95 % bootstrap intervals over its searches, as one JSON object."""
    found = curves(pool, searches, most)
    n, length = len(pool.points), found.shares.shape[1]
    random = np.random.default_rng(0)
    drawn = [random.integers(len(searches), size=len(searches)) for _ in range(RESAMPLES)]

    def with_interval(figure: Callable[[Array], float], rows: Array) -> dict[str, Any]:
        low, high = np.quantile([figure(rows[d]) for d in drawn], [0.025, 0.975])
        return {"value": figure(rows), "95": [float(low), float(high)]}

    enhancement = found.shares.mean(axis=0) / (np.arange(1, length + 1) / n)
    span = float(np.ptp(pool.gains))
    regrets = pool.gains.max() - found.best
    turn = 1.0 if pool.objective.direction == "maximise" else -1.0
    told = sorted({i for i in (*TRIALS, 40, length) if i <= length})
    return {
        "searches": len(searches),
        "wasted_looks": sum(place is None for one in searches for place in one.order),
        "cpu_seconds_a_search": float(np.median([one.cpu_seconds for one in searches])),
        "AF": {str(level): _acceleration(found.shares, level, n, with_interval) for level in LEVELS},
        "EFmax": with_interval(lambda rows: _enhancement(rows, n), found.shares)
        | {"at": min(SETTLED, length) + int(enhancement[min(SETTLED, length) - 1 :].argmax())},
        "lowest_EF_from_5d_on": float(enhancement[min(PER_INPUT * len(pool.inputs), length) - 1 :].min()),
        "simple_regret": {str(i): with_interval(_mean, regrets[:, i - 1]) for i in told},
        "simple_regret_share_of_range": {str(i): with_interval(_mean, regrets[:, i - 1] / span) for i in told},
        "best_over_maximum": _over_maximum(pool, found.best, with_interval),
        "Top%": found.shares.mean(axis=0).tolist(),
        "EF": enhancement.tolist(),
        "best_so_far": (turn * found.best.mean(axis=0)).tolist(),
        "best_so_far_5_to_95": (turn * np.quantile(found.best, BAND, axis=0)).tolist(),
    }


def random_figures(pool: MeasuredPool, most: int) -> dict[str, Any]:
    """The same for random choice, exact; what is 1 by definition is left out."""
    mean, band = random_best(pool, most)
    length, span = len(mean), float(np.ptp(pool.gains))
    turn = 1.0 if pool.objective.direction == "maximise" else -1.0
    regret = pool.gains.max() - mean
    told = sorted({i for i in (*TRIALS, 40, length) if i <= length})
    return {
        "searches": "exact",
        "simple_regret": {str(i): {"value": float(regret[i - 1])} for i in told},
        "simple_regret_share_of_range": {str(i): {"value": float(regret[i - 1] / span)} for i in told},
        "best_over_maximum": _over_maximum(pool, mean[None, :], lambda figure, rows: {"value": figure(rows)}),
        "Top%": (np.arange(1, length + 1) / len(pool.points)).tolist(),
        "best_so_far": (turn * mean).tolist(),
        "best_so_far_5_to_95": (turn * band).tolist(),
    }


def accelerations(shares: Array, level: float, size: int) -> Array:
    """AF of each search, `(n_searches,)`; 0 where it ended before it had found so much."""
    return np.array([acceleration(row, level, size) for row in shares])


def acceleration(shares: Array, level: float, size: int) -> float:
    """Points that random choice needs for a share of the best, over those that a curve needs, read between points.

    Args:
        shares: After 1, 2, … points, `(n_looks,)`.
        size: Of the pool.

    Returns:
        0 where the curve ends below the level.
    """
    if shares[-1] < level - 1e-12:
        return 0.0
    at = int(np.argmax(shares >= level - 1e-12))
    before = shares[at - 1] if at else 0.0
    return float(level * size / (at + (level - before) / (shares[at] - before)))


def _acceleration(
    shares: Array, level: float, size: int, with_interval: Callable[[Callable[[Array], float], Array], dict[str, Any]]
) -> dict[str, Any]:
    singles = accelerations(shares, level, size)
    return {
        "of_the_mean_curve": with_interval(lambda rows: acceleration(rows.mean(axis=0), level, size), shares),
        "median_of_the_searches": with_interval(lambda rows: float(np.median(rows)), singles),
        "reached_by": int((singles > 0).sum()),
    }


def _enhancement(shares: Array, size: int) -> float:
    first = min(SETTLED, shares.shape[1])
    return float((shares.mean(axis=0)[first - 1 :] / (np.arange(first, shares.shape[1] + 1) / size)).max())


def _over_maximum(
    pool: MeasuredPool, best: Array, with_interval: Callable[[Callable[[Array], float], Array], dict[str, Any]]
) -> dict[str, Any] | None:
    """Best so far as a share of the maximum, by number of points; None where a share of it says nothing."""
    if pool.objective.direction != "maximise" or pool.truths.min() < 0:
        return None
    told = [i for i in TRIALS if i <= best.shape[1]]
    return {str(i): with_interval(_mean, best[:, i - 1] / float(pool.truths.max())) for i in told}


def _mean(rows: Array) -> float:
    return float(rows.mean())
