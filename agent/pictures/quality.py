"""All pictures of how good a predictor is on crystals whose truth is known, written for one property.

Knows the pictures. Knows no models and no terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...models.target import Target
from ..labels import wording
from .calibration_curve import calibration_curve
from .error_by_chemistry import error_by_class, error_by_element
from .error_by_deviation import error_by_deviation
from .learning_curve import Curve, learning_curve
from .parity import parity
from .style import Picture, write_pictures

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """Predictions of one property for crystals whose truth is known, all in the target's unit.

    Attributes:
        truth: `(n_crystals,)`.
        mean: `(n_crystals,)`.
        deviation: Calibrated standard deviation, `(n_crystals,)`.
        raw_deviation: The same before calibration; None where it is not known.
        elements: Chemical symbols in each crystal, `(n_crystals,)`.
        labels: What the crystals are called, `(n_crystals,)`; empty for numbers.
    """

    truth: Array
    mean: Array
    deviation: Array
    raw_deviation: Array | None
    elements: Sequence[Sequence[str]]
    labels: Sequence[str] = ()


def quality_pictures(
    target: Target, judged: Judged, predictor: str, folder: Path, curves: Sequence[Curve] = ()
) -> tuple[Path, ...]:
    """Write parity, calibration, errors by chemistry and deviation, and a learning curve if there are curves.

    Args:
        target: What was predicted.
        judged: Predictions and truth; crystals without a finite truth are left out.
        predictor: Name of who predicted.
        folder: Where to write.
        curves: Errors by number of training crystals.

    Returns:
        The files; a page with all of them last.

    Raises:
        ValueError: No crystal has a finite truth.
    """
    known = np.flatnonzero(np.isfinite(judged.truth))
    if not len(known):
        raise ValueError(f"{target.name}: no crystal has a known value; at least one is needed")
    truth, mean, deviation = judged.truth[known], judged.mean[known], judged.deviation[known]
    elements = [judged.elements[int(n)] for n in known]
    labels = [judged.labels[int(n)] for n in known] if len(judged.labels) else []
    error, what, unit = truth - mean, target.name, target.unit
    deviations = {"after calibration": deviation}
    if judged.raw_deviation is not None:
        deviations = {"before calibration": judged.raw_deviation[known], **deviations}
    pictures: list[Picture] = [
        parity(f"{what}-parity", what, unit, truth, mean, deviation, labels),
        calibration_curve(f"{what}-calibration", what, error, deviations),
        error_by_deviation(f"{what}-deviation", what, unit, error, deviation),
        error_by_element(f"{what}-elements", what, unit, elements, error),
        error_by_class(f"{what}-classes", what, unit, elements, error),
    ]
    if curves:
        pictures.append(learning_curve(f"{what}-learning", what, unit, curves))
    return write_pictures(pictures, folder, f"{what}-quality", f"{predictor}: {wording(what)}")
