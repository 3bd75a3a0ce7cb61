"""What a predictor says of crystals: for each property a mean, a deviation and an interval, and how new a crystal is.

Knows targets, and pymatgen's structure by name. Must not know any one predictor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .target import Target

if TYPE_CHECKING:
    from pymatgen.core import Structure

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Distribution:
    """One property of some crystals, in the unit of its target.

    Attributes:
        mean: Expected value `(n_crystals,)`.
        deviation: Calibrated standard deviation `(n_crystals,)`.
        lower: Lower end of the 90 % interval `(n_crystals,)`.
        upper: Upper end of the 90 % interval `(n_crystals,)`.
        zero_probability: Probability that the value is zero `(n_crystals,)`, for a target of kind `gap` (that the
            crystal is a metal); else None.
    """

    mean: Array
    deviation: Array
    lower: Array
    upper: Array
    zero_probability: Array | None = None

    @classmethod
    def about(cls, mean: Array, deviation: Array, width: float, zero_probability: Array | None = None) -> Distribution:
        """Put an interval of so many deviations to either side about a mean; that of a gap ends at zero."""
        lower, upper = mean - width * deviation, mean + width * deviation
        return cls(mean, deviation, lower if zero_probability is None else lower.clip(min=0.0), upper, zero_probability)


@dataclass(frozen=True)
class Predictions:
    """What a predictor says of some crystals.

    Attributes:
        properties: Distribution by name of the target.
        novelty: Distance to the nearest training crystals in latent space `(n_crystals,)`; above 1 a crystal is
            farther out than 99 of 100 held-out crystals were, and its deviation is not to be trusted.
    """

    properties: Mapping[str, Distribution]
    novelty: Array


class Predictor(Protocol):
    """Predicts properties of crystals."""

    @property
    def name(self) -> str:
        """As written beside every number."""
        ...

    @property
    def targets(self) -> tuple[Target, ...]:
        """What it predicts."""
        ...

    @property
    def elements(self) -> frozenset[str]:
        """Chemical symbols that its training data held; others cannot be predicted."""
        ...

    def predict(self, structures: Sequence[Structure]) -> Predictions:
        """Predict ordered crystals of known elements; the same crystal gets the same numbers in any company."""
        ...
