"""What stated deviations are worth: learned on crystals that no network was trained on.

Knows numpy and scipy. Knows no networks: what they say is handed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from .metrics import Array, miscalibration_area

LEVEL = 0.9
"""Stated coverage of the interval."""
FLOOR = 1e-3
"""Smallest deviation, in standard deviations of the target."""
NEAREST = 0.02
"""Smallest novelty that still tells of a smaller error."""
FACTORS = np.exp(np.linspace(-1.5, 1.5, 301))


@dataclass(frozen=True)
class Calibration:
    """Turns what an ensemble says of its errors into a standard deviation, and that into an interval.

    Attributes:
        factor: Multiplies the deviation.
        powers: Of expected error, of disagreement between the members, and of novelty.
        floor: Smallest value of the first two, in the target's unit.
        width: Half width of the 90 % interval, in deviations: the split-conformal quantile.
    """

    factor: float
    powers: tuple[float, float, float]
    floor: float
    width: float

    def deviation(self, expected: Array, disagreement: Array, novelty: Array) -> Array:
        """Calibrated standard deviation, `(n_crystals,)`, in the target's unit."""
        found: Array = self.factor * np.exp(_signs(expected, disagreement, novelty, self.floor) @ np.array(self.powers))
        return found


def calibrate(error: Array, expected: Array, disagreement: Array, novelty: Array, scale: float) -> Calibration:
    """Learn a calibration from errors on held-out crystals.

    The deviation is a product of powers, whose exponents make a Laplace distribution of the errors most likely. The
    factor then makes stated and observed coverage of a normal distribution agree best, and the width is the
    split-conformal quantile of |error| / deviation (Angelopoulos and Bates, arXiv:2107.07511), which holds whatever
    the distribution, as long as crystals come from where the held-out ones came from.

    Args:
        error: Truth minus prediction, `(n_crystals,)`.
        expected: Standard deviation that the members expect of themselves, `(n_crystals,)`.
        disagreement: Standard deviation between the members, `(n_crystals,)`.
        novelty: Distance from the training data, `(n_crystals,)`.
        scale: Standard deviation of the target, whose thousandth part is the smallest deviation.

    Raises:
        ValueError: There are fewer than 20 errors.
    """
    if len(error) < 20:
        raise ValueError(f"{len(error)} held-out labels; a calibration needs at least 20")
    floor = FLOOR * scale
    signs, size = _signs(expected, disagreement, novelty, floor), np.maximum(np.abs(error), 0.1 * floor)

    def unlikeliness(parameters: Array) -> tuple[float, Array]:
        log_scale = parameters[0] + signs @ parameters[1:]
        ratio = size * np.exp(-log_scale)
        slope = 1.0 - ratio
        return float((ratio + log_scale).mean()), np.concatenate([[slope.mean()], slope @ signs / len(signs)])

    start = np.array([0.0, 0.5, 0.5, 0.0])
    bounds = [(None, None), (0.0, 2.0), (0.0, 2.0), (0.0, 2.0)]
    found = minimize(unlikeliness, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    shape = np.exp(found[0] + signs @ found[1:])
    areas = [miscalibration_area(error, factor * shape) for factor in FACTORS * math.sqrt(2.0)]
    factor = float(FACTORS[int(np.argmin(areas))] * math.sqrt(2.0))
    return Calibration(
        factor=factor * math.exp(found[0]),
        powers=(float(found[1]), float(found[2]), float(found[3])),
        floor=floor,
        width=conformal_quantile(np.abs(error) / (factor * shape)),
    )


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
