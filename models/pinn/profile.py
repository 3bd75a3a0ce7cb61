"""The profile of an unknown: how much worse the data are met when it is held off its best value.

Knows posed problems and the fit. Must not know files or pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from .collocate import Field, Weights, collocate
from .posed import Posed, Value

Array = NDArray[np.float64]
_REACH, _VALUES = 3.0, 9


@dataclass(frozen=True)
class Profile:
    """Objective of a held unknown.

    Attributes:
        name: Of the unknown.
        values: At which it was held, `(n_values,)`.
        excess: Objective above its least, `(n_values,)`: 1 at one standard deviation.
    """

    name: str
    values: Array
    excess: Array


def profile(
    posed: Posed, field: Field, hard: tuple[Value, ...], weights: Weights, is_linear: bool, name: str, deviation: float
) -> Profile:
    """Hold an unknown at nine values within three deviations and fit all others anew.

    Source: S. A. Murphy, A. W. van der Vaart, J. Am. Stat. Assoc. 95, 449 (2000), doi:10.1080/01621459.2000.10474219.
    """
    features = getattr(field.features, "features", field.features)
    which = next(k for k, one in enumerate(posed.unknown) if one.name == name)
    best = float(posed.parameters(torch.as_tensor(field.theta))[name])
    one = posed.unknown[which]
    values = np.clip(best + deviation * np.linspace(-_REACH, _REACH, _VALUES), one.low, one.high)
    others = tuple(other for other in posed.unknown if other.name != name)
    theta = np.delete(field.theta, which)
    found = []
    for value in values:
        held = replace(posed, unknown=others, known={**posed.known, name: float(value)})
        _, fit = collocate(held, features, hard, weights, is_linear, theta)
        found.append(fit.objective)
    excess = np.array(found)
    return Profile(name, values, excess - excess.min())
