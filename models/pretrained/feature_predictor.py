"""The predictor for few labels: CHGNet's features, and Gaussian processes on them.

Knows features, heads and calibration. Knows no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ..prediction import Distribution, Predictions
from ..target import Target
from ..uncertainty.calibration import Calibration, calibrate
from .embedding import ELEMENTS, N_CHANNELS, N_EMBEDDED, N_LAYERS, N_POOLS, Features, features
from .gaussian_process import CHUNK, Array, Points
from .heads import Belief, Head, fit_gap, fit_real

if TYPE_CHECKING:
    from pymatgen.core import Structure

LEAST_LABELS = 20
"""Of each target."""
MOST_CRYSTALS = 5000
"""Beyond these the matrices get large, and a network learns more."""
PERCENTILE = 99.0
LEAST_SCALE = 1e-2
"""Of features that hardly vary among the training crystals; in general they vary by 1 to 2.5."""


@dataclass(frozen=True)
class Scaling:
    """Makes features comparable: centred, and of equal variance within each pool and layer.

    The channels of a layer keep their proportions, which is what the network gave them.

    Attributes:
        centre: `(N_EMBEDDED,)`.
        scale: `(N_EMBEDDED,)`, equal for all channels of a layer.
    """

    centre: Array
    scale: Array

    def points(self, found: Features) -> Points:
        """A group for each pool and one for the composition."""
        scaled = (found[:, :N_EMBEDDED] - self.centre) / (self.scale * np.sqrt(N_EMBEDDED / N_POOLS))
        pools = np.split(scaled, N_POOLS, axis=1)
        composition = found[:, N_EMBEDDED:].astype(np.float64)
        return tuple(torch.from_numpy(np.ascontiguousarray(group)) for group in (*pools, composition))


def fit_scaling(found: Features) -> Scaling:
    """Learn centre and scale from training crystals."""
    embedded = found[:, :N_EMBEDDED].astype(np.float64)
    variance = embedded.var(0).reshape(N_POOLS * N_LAYERS, N_CHANNELS).mean(1)
    return Scaling(embedded.mean(0), np.repeat(np.maximum(np.sqrt(variance), LEAST_SCALE), N_CHANNELS))


@dataclass(frozen=True)
class FeaturePredictor:
    """Gaussian processes on CHGNet's features; a `Predictor` that learns from 20 labels on.

    A mean of kind `gap` is the median of a mixture of zero and a normal distribution.

    Attributes:
        name: As written beside every number.
        targets: What it predicts.
        elements: Chemical symbols that CHGNet was trained on; more than those of the labelled crystals.
        features: Of the labelled crystals, `(n_crystals, N_FEATURES)`.
        labels: In the targets' units, `(n_crystals, n_targets)`, NaN where missing.
        seed: Of the choice of crystals that hyperparameters are fitted to.
        scaling: Of the features.
        heads: One for each target.
        calibrations: One for each target.
        unit: Distance from the nearest other that 99 of 100 labelled crystals keep; novelty is in this unit.
    """

    name: str
    targets: tuple[Target, ...]
    elements: frozenset[str]
    features: Features
    labels: Array
    seed: int
    scaling: Scaling
    heads: tuple[Head, ...]
    calibrations: tuple[Calibration, ...]
    unit: float

    @classmethod
    def fit(cls, structures: Sequence[Structure], labels: Array, targets: Sequence[Target], seed: int = 0) -> Self:
        """Learn from labelled crystals.

        Args:
            structures: Ordered crystals.
            labels: `(n_crystals, n_targets)` in the targets' units, NaN where missing.
            targets: Columns of the labels.
            seed: Of the choice of crystals that hyperparameters are fitted to, where there are many.

        Raises:
            ValueError: Labels of the wrong shape, too few or too many, infinite, or below zero in a target of kind
                `gap`; or a crystal that cannot be embedded.
        """
        _check(len(structures), labels, targets)
        return cls.fit_features(features(structures), labels, targets, seed)

    @classmethod
    def fit_features(cls, found: Features, labels: Array, targets: Sequence[Target], seed: int = 0) -> Self:
        """Learn from crystals whose features were computed before; else as `fit`."""
        _check(len(found), labels, targets)
        scaling = fit_scaling(found)
        points = scaling.points(found)
        distances = _distances(points, points, skipped=1)
        unit = max(float(np.percentile(distances, PERCENTILE)), 1e-9)
        heads, calibrations = [], []
        for k, target in enumerate(targets):
            known = np.isfinite(labels[:, k])
            try:
                head = _fit_head(target, tuple(group[known] for group in points), labels[known, k], seed)
            except ValueError as error:
                raise ValueError(f"target {target.name}: {error}") from error
            heads.append(head)
            calibrations.append(_calibrated(head.leave_one_out(), labels[known, k], distances[known] / unit))
        return cls(
            name=f"CHGNet features and Gaussian processes ({len(found):,} crystals)",
            targets=tuple(targets),
            elements=ELEMENTS,
            features=found,
            labels=labels,
            seed=seed,
            scaling=scaling,
            heads=tuple(heads),
            calibrations=tuple(calibrations),
            unit=unit,
        )

    def refit(self, structures: Sequence[Structure], labels: Array) -> Self:
        """Learn from more labelled crystals beside those it knows; the old ones are not embedded again.

        Raises:
            ValueError: As `fit`.
        """
        if labels.shape != (len(structures), len(self.targets)):
            raise ValueError(f"labels of shape {labels.shape}; ({len(structures)}, {len(self.targets)}) is needed")
        found = np.concatenate([self.features, features(structures)])
        return self.fit_features(found, np.concatenate([self.labels, labels]), self.targets, self.seed)

    def predict(self, structures: Sequence[Structure]) -> Predictions:
        """Predict ordered crystals.

        Raises:
            ValueError: A crystal has no atoms, partial occupancy or an element that CHGNet was not trained on.
        """
        return self.predict_features(features(structures))

    def predict_features(self, found: Features) -> Predictions:
        """Predict crystals whose features were computed before."""
        points = self.scaling.points(found)
        novelty = _distances(points, self.scaling.points(self.features), skipped=0) / self.unit
        properties = {
            target.name: _distribution(head.of(points), novelty, calibration)
            for target, head, calibration in zip(self.targets, self.heads, self.calibrations, strict=True)
        }
        return Predictions(properties, novelty)


def _check(n_crystals: int, labels: Array, targets: Sequence[Target]) -> None:
    if labels.shape != (n_crystals, len(targets)):
        raise ValueError(f"labels of shape {labels.shape}; ({n_crystals}, {len(targets)}) is needed")
    if n_crystals > MOST_CRYSTALS:
        raise ValueError(f"{n_crystals} crystals; up to {MOST_CRYSTALS} are learned from, for more train a network")
    if np.isinf(labels).any():
        raise ValueError("a label is infinite; a number, or NaN for a missing one, is needed")
    for target, n_known in zip(targets, np.isfinite(labels).sum(0), strict=True):
        if n_known < LEAST_LABELS:
            raise ValueError(f"target {target.name}: {n_known} labels; at least {LEAST_LABELS} are needed")


def _fit_head(target: Target, points: Points, labels: Array, seed: int) -> Head:
    return fit_gap(points, labels, seed) if target.kind == "gap" else fit_real(points, labels, seed)


def _distances(asked: Points, known: Points, skipped: int) -> Array:
    """Distance to the nearest crystal, `(n_asked,)`, after the very nearest `skipped`: itself, for a known one.

    The axes are not whitened: an element that no labelled crystal holds lies along axes in which those do not vary.
    """
    # The last group is the composition, which the pools of the embedding hold already.
    left, right = (torch.cat(groups[:-1], dim=1) for groups in (asked, known))
    found = [torch.cdist(some, right).topk(1 + skipped, largest=False).values[:, -1] for some in left.split(CHUNK)]
    nearest: Array = torch.cat(found).numpy()
    return nearest


def _calibrated(belief: Belief, labels: Array, novelty: Array) -> Calibration:
    """Learn what spreads are worth from the errors that leaving each label out in turn would have made."""
    return calibrate(labels - belief.location, belief.spread, _undivided(belief), novelty, _size(labels))


def _undivided(belief: Belief) -> NDArray[np.float64]:
    """Disagreement within an ensemble of one."""
    return np.zeros_like(belief.spread)


def _size(labels: Array) -> float:
    return max(float(labels.std()), 1e-9)


def _distribution(belief: Belief, novelty: Array, calibration: Calibration) -> Distribution:
    deviation = calibration.deviation(belief.spread, _undivided(belief), novelty)
    return Distribution.about(belief.location, deviation, calibration.width, belief.zero_probability)
