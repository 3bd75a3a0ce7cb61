"""What a campaign hears from a predictor: measurements of method `predicted`, how sure they are, and for what crystals.

Knows the predict tool and the solar limit. Must not know oracles, goals or campaigns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...memory.errors import UserError
from ...memory.records import Crystal, Measurement

if TYPE_CHECKING:
    from ...models.prediction import Array, Predictor
    from ..predict import Answers

Chosen = Literal["shipped"] | Path
"""The predictor that comes with the package, or a file of weights."""

PREDICTED: Mapping[str, str] = {"band_gap": "eV", "metal_probability": "1", "solar_efficiency_limit": "%"}
"""Property to unit, what no potential can say and a predictor adds to a simulation's answers."""
NORMAL = 1.645
"""Half of the 90 % interval of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Range:
    """A predicted number.

    Attributes:
        mean: Expected value.
        deviation: Standard deviation.
        lower: Lower end of the 90 % interval.
        upper: Upper end of the 90 % interval.
    """

    mean: float
    deviation: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Outlook:
    """What a predictor says of one crystal.

    Attributes:
        measurements: One for each of `PREDICTED`; empty if refused.
        ranges: Property to how sure that is, in its unit: `band_gap`, `solar_efficiency_limit`, and
            `formation_energy` (eV/atom) where the predictor has learnt it; empty if refused.
        novelty: Distance to the training crystals, above 1 far from them; None if refused.
        flags: Why the numbers are not to be trusted; empty where nothing speaks against them.
        refusal: Why nothing is said; None if something is.
    """

    measurements: tuple[Measurement, ...] = ()
    ranges: Mapping[str, Range] = field(default_factory=dict)
    novelty: float | None = None
    flags: tuple[str, ...] = ()
    refusal: str | None = None

    @property
    def values(self) -> dict[str, float]:
        """Predicted values by property."""
        return {m.property: m.value for m in self.measurements}


def predictor_of(chosen: Chosen) -> Predictor:
    """Load a predictor, once per process.

    Raises:
        UserError: The file cannot be used, or the predictor has not learnt band gaps.
    """
    from ...models.target import BAND_GAP
    from .. import predictor

    found = predictor.shipped_predictor() if chosen == "shipped" else predictor.load_predictor(Path(chosen))
    if BAND_GAP not in found.targets:
        learnt = ", ".join(f"{target.name} ({target.unit})" for target in found.targets)
        raise UserError(f"predictor {found.name} has learnt {learnt or 'nothing'}; band_gap (eV) is needed")
    return found


def weights_of(chosen: Chosen) -> Path:
    """The file of a predictor's weights."""
    from ..predictor import SHIPPED

    return SHIPPED if chosen == "shipped" else Path(chosen)


def predicted(crystals: Sequence[Crystal], chosen: Chosen) -> tuple[Outlook, ...]:
    """Ask a predictor about crystals.

    Raises:
        UserError: The predictor cannot be used.
    """
    from ..predict import predict

    answers = predict(crystals, predictor_of(chosen))
    metal = answers.properties["band_gap"].zero_probability
    if metal is None:
        raise TypeError(f"{answers.source} gives band gaps without the probability of a metal")
    ranges = _ranges(answers, metal)
    outlooks = []
    for i, refusal in enumerate(answers.refusals):
        if refusal is not None:
            outlooks.append(Outlook(refusal=refusal))
            continue
        found = {name: Range(*(float(number) for number in numbers[:, i])) for name, numbers in ranges.items()}
        measurements = _measurements(found, float(metal[i]), answers.source)
        outlooks.append(Outlook(measurements, found, float(answers.novelty[i]), answers.flags[i]))
    return tuple(outlooks)


def _ranges(answers: Answers, metal: Array) -> dict[str, Array]:
    """Mean, deviation and the ends of the interval of each property, `(4, n_crystals)`."""
    from .solar import expected_limit

    said = answers.properties
    found = {
        name: np.array([said[name].mean, said[name].deviation, said[name].lower, said[name].upper])
        for name in ("band_gap", "formation_energy")
        if name in said
    }
    mean, deviation = expected_limit(said["band_gap"].mean, said["band_gap"].deviation, metal)
    ends = np.maximum(mean - NORMAL * deviation, 0.0), mean + NORMAL * deviation
    return found | {"solar_efficiency_limit": np.array([mean, deviation, *ends])}


def _measurements(ranges: Mapping[str, Range], metal: float, source: str) -> tuple[Measurement, ...]:
    how = {"solar_efficiency_limit": "; Shockley-Queisser limit of the predicted gap, AM1.5G, 298 K"}
    values: dict[str, tuple[float, float | None]] = {"metal_probability": (metal, None)}
    values |= {name: (one.mean, one.deviation) for name, one in ranges.items()}
    return tuple(
        Measurement(
            property=name,
            value=values[name][0],
            deviation=values[name][1],
            unit=unit,
            method="predicted",
            source=source + how.get(name, ""),
        )
        for name, unit in PREDICTED.items()
    )
