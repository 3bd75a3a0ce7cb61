"""How far a predictor and an oracle differ over a campaign, and what the predictor's deviations are worth there.

Knows trials, and what an oracle keeps of its predictor's words. Must not know planners or reports.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...memory.state import Trial
from .predicted import Range

PROPERTY = "formation_energy"
"""The one property that both speak of, in eV/atom."""
TRUST = 10
"""Weight, in trials, of the belief that the predictor is right as it is."""
LEAST_DEVIATION = 1e-9


@dataclass(frozen=True)
class Disagreement:
    """Both on the formation energy of one relaxed crystal.

    Attributes:
        trial: The trial.
        simulated: What the oracle found, eV/atom.
        said: What the predictor says, eV/atom.
        flags: Why the predictor is not to be trusted here; empty where nothing speaks against it.
    """

    trial: Trial
    simulated: float
    said: Range
    flags: tuple[str, ...]

    @property
    def difference(self) -> float:
        """Predicted minus simulated, eV/atom."""
        return self.said.mean - self.simulated

    @property
    def z(self) -> float:
        """The difference in stated deviations."""
        return self.difference / max(self.said.deviation, LEAST_DEVIATION)


def disagreements(trials: Iterable[Trial]) -> tuple[Disagreement, ...]:
    """Read what completed trials keep of both, in order of the trials."""
    found = []
    for trial in trials:
        said = trial.outcome.details.get("predictor") if trial.outcome else None
        energy = said.get(PROPERTY) if isinstance(said, dict) else None
        if PROPERTY in trial.values and isinstance(said, dict) and isinstance(energy, dict):
            flags = said.get("flags")
            found.append(
                Disagreement(
                    trial,
                    trial.values[PROPERTY],
                    Range(*(float(str(energy[name])) for name in ("mean", "deviation", "lower", "upper"))),
                    tuple(map(str, flags)) if isinstance(flags, list) else (),
                )
            )
    return tuple(found)


def root_mean_square_z(found: Sequence[Disagreement]) -> float | None:
    """What the stated deviations should have been multiplied by in these trials; None without any."""
    return math.sqrt(sum(one.z**2 for one in found) / len(found)) if found else None


@dataclass(frozen=True)
class Correction:
    """What a campaign has learnt of a predictor's formation energies.

    Attributes:
        shift: Taken off its means, eV/atom.
        factor: Multiplies its deviations; never less than one.
    """

    shift: float = 0.0
    factor: float = 1.0


def correction(found: Sequence[Disagreement]) -> Correction:
    """Refit a predictor's formation energies to the oracle's answers.

    The mean difference is drawn towards zero, and the mean square of what is then left, in stated deviations, towards
    one, each with the weight of `TRUST` trials. Of other properties, which no oracle here answers, it says nothing.
    """
    weight = TRUST + len(found)
    shift = sum(one.difference for one in found) / weight
    left = sum(((one.difference - shift) / max(one.said.deviation, LEAST_DEVIATION)) ** 2 for one in found)
    return Correction(shift, max(1.0, math.sqrt((TRUST + left) / weight)))
