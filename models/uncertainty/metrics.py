"""How good a prediction and its stated deviation are: the usual figures.

Knows numpy and scipy. Knows no models.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, spearmanr

Array = NDArray[np.float64]

LEVELS = np.linspace(0.01, 0.99, 99)


def observed_coverage(error: Array, deviation: Array, levels: Array = LEVELS) -> Array:
    """Share of errors inside the central normal interval of each stated level, `(n_levels,)`.

    Args:
        error: Truth minus prediction, `(n_crystals,)`.
        deviation: Stated standard deviation, `(n_crystals,)`.
        levels: Between 0 and 1.
    """
    ratio = np.sort(np.abs(error) / np.maximum(deviation, 1e-12))
    inside = np.searchsorted(ratio, norm.ppf(0.5 + levels / 2), side="right")
    covered: Array = inside / len(ratio)
    return covered


def miscalibration_area(error: Array, deviation: Array) -> float:
    """Mean distance between stated and observed coverage over all levels; 0 is perfect, 0.5 the worst.

    Source: Tran et al., Mach. Learn.: Sci. Technol. 1, 025006 (2020), doi:10.1088/2632-2153/ab7e1a.
    """
    return float(np.abs(observed_coverage(error, deviation) - LEVELS).mean())


def coverage(truth: Array, lower: Array, upper: Array) -> float:
    """Share of the truth that lies in the stated interval."""
    return float(((truth >= lower) & (truth <= upper)).mean())


def rank_correlation(error: Array, deviation: Array) -> float:
    """Spearman's correlation of absolute error and deviation; NaN where one of them never varies."""
    if len(error) < 3 or np.ptp(deviation) == 0 or np.ptp(error) == 0:
        return float("nan")
    return float(spearmanr(np.abs(error), deviation).statistic)
