"""What makes up one prediction of one crystal, as both of its pictures show it.

Knows numbers and their units. Knows no drawing and no models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..labels import unit_of
from .scene import Array


@dataclass(frozen=True)
class Contributions:
    """What makes up one prediction of one crystal.

    Attributes:
        crystal: How a person knows it.
        property: Name of what is predicted.
        unit: Of all numbers here.
        predictor: Who predicts.
        prediction: For this crystal.
        reference: For mean atoms on its places.
        atoms: Of each atom, `(n_atoms,)`; they sum up to prediction - reference.
        elements: Sum over the atoms of each element, by atomic number.
        occlusion: What the prediction loses without one element, by atomic number.
    """

    crystal: str
    property: str
    unit: str
    predictor: str
    prediction: float
    reference: float
    atoms: Array
    elements: Mapping[int, float]
    occlusion: Mapping[int, float]


def largest(shown: Contributions) -> float:
    """End of the colour scale, the same on either side of zero."""
    return float(np.abs(shown.atoms).max()) or 1.0


def axis_label(text: str, shown: Contributions) -> str:
    """A text with the unit, for an axis."""
    return f"{text} ({unit_of(shown.unit)})" if unit_of(shown.unit) else text


def by_size(shown: Contributions) -> list[int]:
    """Elements, the largest contribution on top."""
    return sorted(shown.elements, key=lambda number: -abs(shown.elements[number]))
