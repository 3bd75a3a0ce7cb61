"""What Gaussian processes believe of one target: of any number, or of one that is often exactly zero.

Knows processes and points. Knows no crystals and no calibration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import norm

from .gaussian_process import Array, GaussianProcess, Points, fit_process

LEAST_POSITIVE = 2
"""Labels above zero that a target of kind `gap` needs."""


@dataclass(frozen=True)
class Belief:
    """Of some crystals, before calibration.

    Attributes:
        location: Most fitting single value, in the target's unit, `(n_crystals,)`.
        spread: Root mean square of its expected error, `(n_crystals,)`.
        zero_probability: `(n_crystals,)`; None if zero is a number like others.
    """

    location: Array
    spread: Array
    zero_probability: Array | None = None


@dataclass(frozen=True)
class RealHead:
    """One process."""

    process: GaussianProcess

    @property
    def processes(self) -> tuple[GaussianProcess, ...]:
        """What a file keeps the hyperparameters of."""
        return (self.process,)

    def of(self, points: Points) -> Belief:
        """Believe something of crystals."""
        return Belief(*self.process.predict(points))

    def leave_one_out(self) -> Belief:
        """What it would believe of each of its own crystals without that one's label."""
        return Belief(*self.process.leave_one_out())


@dataclass(frozen=True)
class GapHead:
    """One process that tells zeros from others, and one of the size of the others.

    Attributes:
        sign: Of +1 for a label above zero and -1 for zero.
        size: Of the labels above zero.
        positive: Which labels those are, `(n_labels,)`.
        points: Where the labels are.
        link: Slope and offset of ln(odds of not being zero) in the mean of `sign`.
    """

    sign: GaussianProcess
    size: GaussianProcess
    positive: NDArray[np.bool_]
    points: Points
    link: tuple[float, float]

    @property
    def processes(self) -> tuple[GaussianProcess, ...]:
        """What a file keeps the hyperparameters of."""
        return (self.sign, self.size)

    def of(self, points: Points) -> Belief:
        """Believe something of crystals."""
        return self._mixture(self.sign.predict(points)[0], *self.size.predict(points))

    def leave_one_out(self) -> Belief:
        """What it would believe of each of its own crystals without that one's label."""
        mean, deviation = self.size.predict(self.points)
        mean[self.positive], deviation[self.positive] = self.size.leave_one_out()
        return self._mixture(self.sign.leave_one_out()[0], mean, deviation)

    def _mixture(self, sign: Array, mean: Array, deviation: Array) -> Belief:
        """Zero with some probability, else a normal distribution of the size; its median has the least mean error."""
        slope, offset = self.link
        share = expit(slope * sign + offset)
        quantile = np.clip(1.0 - 0.5 / np.maximum(share, 1e-9), 1e-9, 1.0)
        median = np.where(share > 0.5, np.maximum(mean + deviation * norm.ppf(quantile), 0.0), 0.0)
        square = share * ((mean - median) ** 2 + deviation**2) + (1.0 - share) * median**2
        return Belief(median, np.sqrt(square), 1.0 - share)


Head = RealHead | GapHead


def fit_real(points: Points, labels: Array, seed: int) -> RealHead:
    """Fit to labels `(n_labels,)` in the target's unit."""
    return RealHead(fit_process(points, labels, seed))


def fit_gap(points: Points, labels: Array, seed: int) -> GapHead:
    """Fit to labels `(n_labels,)` in the target's unit, of which some are zero.

    Raises:
        ValueError: A label is negative, or too few are above zero.
    """
    positive = labels > 0
    if (labels < 0).any():
        raise ValueError(f"a label is {labels.min():g}; one of kind gap is zero or above")
    if positive.sum() < LEAST_POSITIVE:
        raise ValueError(f"{positive.sum()} labels above zero; a target of kind gap needs at least {LEAST_POSITIVE}")
    sign = fit_process(points, np.where(positive, 1.0, -1.0), seed)
    size = fit_process(tuple(group[positive] for group in points), labels[positive], seed)
    return GapHead(sign, size, positive, points, _link(sign.leave_one_out()[0], positive))


def _link(sign: Array, positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Logistic regression of being above zero on a score.

    Wanted are shares just inside 0 and 1, so that no finite number of labels makes it certain.
    Source: Platt, Advances in Large Margin Classifiers (1999), eq. 6.
    """
    n_above = int(positive.sum())
    n_zero = len(positive) - n_above
    wanted = np.where(positive, (n_above + 1) / (n_above + 2), 1 / (n_zero + 2))

    def loss(parameters: Array) -> tuple[float, Array]:
        odds = parameters[0] * sign + parameters[1]
        left = expit(odds) - wanted
        return float((np.logaddexp(0.0, odds) - wanted * odds).mean()), np.array([(left * sign).mean(), left.mean()])

    slope, offset = minimize(loss, [2.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(0.0, 20.0), (-20.0, 20.0)]).x
    return float(slope), float(offset)
