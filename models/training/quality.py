"""Figures of a predictor on crystals whose values are known.

Knows predictors by their Protocol's numbers, and the metrics. Knows no training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..prediction import Array, Distribution, Predictions
from ..target import Target
from ..uncertainty.metrics import coverage, miscalibration_area, rank_correlation


@dataclass(frozen=True)
class Quality:
    """How good the predictions of one target are.

    Attributes:
        n: Labels compared with.
        mean_absolute_error: In the target's unit.
        root_mean_square_error: In the target's unit.
        coverage: Of the 90 % interval.
        miscalibration_area: Between stated and observed coverage over all levels.
        rank_correlation: Spearman's, of absolute error and deviation.
        mean_width: Of the 90 % interval, in the target's unit.
        zero_accuracy: Share of rightly told zeros (metals) and others; None for a target of kind `real`.
    """

    n: int
    mean_absolute_error: float
    root_mean_square_error: float
    coverage: float
    miscalibration_area: float
    rank_correlation: float
    mean_width: float
    zero_accuracy: float | None


def quality_of(targets: Sequence[Target], labels: Array, said: Predictions) -> dict[str, Quality]:
    """Compare predictions with labels `(n_crystals, n_targets)`, by name of the target."""
    return {target.name: compare(labels[:, k], said.properties[target.name]) for k, target in enumerate(targets)}


def compare(truth: Array, said: Distribution) -> Quality:
    """Compare predictions with labels, `(n_crystals,)`, NaN where there is none."""
    there = np.isfinite(truth)
    error = (truth - said.mean)[there]
    zero = None
    if said.zero_probability is not None:
        zero = float(((said.zero_probability[there] > 0.5) == (truth[there] == 0)).mean())
    return Quality(
        n=int(there.sum()),
        mean_absolute_error=float(np.abs(error).mean()),
        root_mean_square_error=float(np.sqrt((error**2).mean())),
        coverage=coverage(truth[there], said.lower[there], said.upper[there]),
        miscalibration_area=miscalibration_area(error, said.deviation[there]),
        rank_correlation=rank_correlation(error, said.deviation[there]),
        mean_width=float((said.upper - said.lower)[there].mean()),
        zero_accuracy=zero,
    )
