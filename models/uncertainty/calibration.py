"""What stated deviations are worth: learned on crystals that no network was trained on.

Knows numpy and scipy. Knows no networks: what they say is handed in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from .metrics import Array, miscalibration_area

LEVEL = 0.9
"""Stated coverage of the interval."""
FLOOR, CEILING = 1e-3, 3.0
"""Smallest and largest deviation, in standard deviations of the target: who knows nothing is off by about one."""
NEAREST = 0.02
"""Smallest novelty that still tells of a smaller error."""
LEAST = 20
"""Held-out labels that a calibration needs."""
MOST_GROUPS, GROUP = 20, 100
"""Groups by rough deviation, and how many crystals one needs."""
NORMAL_MEDIAN = 0.6745
"""Median of the absolute value of a standard normal number."""
FACTORS = np.exp(np.linspace(-1.0, 1.0, 201))


@dataclass(frozen=True)
class Calibration:
    """Turns what an ensemble says of its errors into a standard deviation, and that into an interval.

    Attributes:
        constant: Logarithm of the rough deviation where all that tells of errors is one.
        powers: Of expected error, of disagreement between the members, and of novelty.
        floor: Smallest value of the first two, in the target's unit.
        ceiling: Largest deviation, in the target's unit.
        rough: Logarithms of rough deviations, `(n_knots,)`, ascending.
        true: Logarithms of the deviations they turned out to be, `(n_knots,)`, never descending.
        width: Half width of the 90 % interval, in deviations: the split-conformal quantile.
    """

    constant: float
    powers: tuple[float, float, float]
    floor: float
    ceiling: float
    rough: tuple[float, ...]
    true: tuple[float, ...]
    width: float

    def deviation(self, expected: Array, disagreement: Array, novelty: Array) -> Array:
        """Calibrated standard deviation, `(n_crystals,)`, in the target's unit."""
        rough = self.constant + _signs(expected, disagreement, novelty, self.floor) @ np.array(self.powers)
        return np.exp(np.minimum(_followed(rough, np.array(self.rough), np.array(self.true)), math.log(self.ceiling)))


def calibration_of(entry: Mapping[str, Any]) -> Calibration:
    """Make a calibration of its fields as JSON holds them, with lists for tuples."""
    fields: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in entry.items()}
    return Calibration(**fields)


def calibrate(error: Array, expected: Array, disagreement: Array, novelty: Array, scale: float) -> Calibration:
    """Learn a calibration from errors on held-out crystals.

    A rough deviation is a product of powers, whose exponents make a Laplace distribution of the errors most likely.
    Crystals are then put in groups by it, and the deviation of each group is that of the normal distribution with the
    group's median |error|; between the groups it is interpolated, beyond them it follows one to one. A factor on all
    of it makes stated and observed coverage agree best. The width is the split-conformal quantile of
    |error| / deviation (Angelopoulos and Bates, arXiv:2107.07511), which holds whatever the distribution, as long as
    crystals come from where the held-out ones came from.

    Args:
        error: Truth minus prediction, `(n_crystals,)`.
        expected: Standard deviation that the members expect of themselves, `(n_crystals,)`.
        disagreement: Standard deviation between the members, `(n_crystals,)`.
        novelty: Distance from the training data, `(n_crystals,)`.
        scale: Standard deviation of the target, which bounds the deviations.

    Raises:
        ValueError: There are fewer than 20 errors.
    """
    if len(error) < LEAST:
        raise ValueError(f"{len(error)} held-out labels; a calibration needs at least {LEAST}")
    floor = FLOOR * scale
    signs, size = _signs(expected, disagreement, novelty, floor), np.abs(error)
    parameters = _most_likely(signs, np.maximum(size, 0.1 * floor))
    rough = parameters[0] + signs @ parameters[1:]
    knots, true = _groups(rough, size, 0.1 * floor)
    shape = np.exp(_followed(rough, knots, true))
    factor = min(FACTORS, key=lambda f: miscalibration_area(error, f * shape))
    return Calibration(
        constant=float(parameters[0]),
        powers=(float(parameters[1]), float(parameters[2]), float(parameters[3])),
        floor=floor,
        ceiling=CEILING * scale,
        rough=tuple(map(float, knots)),
        true=tuple(map(float, true + math.log(factor))),
        width=conformal_quantile(size / (factor * shape)),
    )


def _most_likely(signs: Array, size: Array) -> Array:
    """Constant and powers, `(4,)`, that make absolute errors `(n_crystals,)` most likely."""

    def unlikeliness(parameters: Array) -> tuple[float, Array]:
        log_scale = parameters[0] + signs @ parameters[1:]
        ratio = size * np.exp(-log_scale)
        slope = 1.0 - ratio
        return float((ratio + log_scale).mean()), np.concatenate([[slope.mean()], slope @ signs / len(signs)])

    bounds = [(None, None), (0.0, 2.0), (0.0, 2.0), (0.0, 2.0)]
    start = np.array([0.0, 0.5, 0.5, 0.0])
    found: Array = minimize(unlikeliness, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return found


def _groups(rough: Array, size: Array, least: float) -> tuple[Array, Array]:
    """Knots `(n_knots,)` of the rough deviation, and the deviation of the errors about each."""
    groups = np.array_split(np.argsort(rough), max(1, min(MOST_GROUPS, len(rough) // GROUP)))
    knots = np.array([np.median(rough[group]) for group in groups])
    median = np.array([np.median(size[group]) for group in groups])
    # More expected never means less: what says otherwise is chance.
    return knots, np.maximum.accumulate(np.log(np.maximum(median, least) / NORMAL_MEDIAN))


def _followed(rough: Array, knots: Array, true: Array) -> Array:
    """Interpolated between the knots, one to one beyond them."""
    beyond = np.minimum(rough - knots[0], 0.0) + np.maximum(rough - knots[-1], 0.0)
    followed: Array = np.interp(rough, knots, true) + beyond
    return followed


def conformal_quantile(ratios: Array) -> float:
    """Smallest ratio that at least ⌈0.9 (n + 1)⌉ of the n held-out ones do not exceed.

    Of too few ratios for that, the largest is taken.
    """
    rank = min(math.ceil(LEVEL * (len(ratios) + 1)), len(ratios))
    return float(np.sort(ratios)[rank - 1])


def _signs(expected: Array, disagreement: Array, novelty: Array, floor: float) -> Array:
    """Logarithms of what tells of errors, `(n_crystals, 3)`."""
    at_least = [np.maximum(expected, floor), np.maximum(disagreement, floor), np.maximum(novelty, NEAREST)]
    signs: Array = np.log(np.stack(at_least, axis=1))
    return signs
