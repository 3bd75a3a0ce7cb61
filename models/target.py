"""What a network is taught: a property with its unit, and whether many of its values are exactly zero.

Knows nothing else of the project.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Target:
    """A property to predict.

    Attributes:
        name: As the records call it (`formation_energy`).
        unit: Of its values (`eV/atom`); "1" for none.
        kind: `real` for any number; `gap` for one that is never negative and often exactly zero, as a band gap is:
            such a target also gets the probability that it is zero.
    """

    name: str
    unit: str
    kind: Literal["real", "gap"] = "real"


FORMATION_ENERGY = Target("formation_energy", "eV/atom")
BAND_GAP = Target("band_gap", "eV", "gap")
ENERGY_ABOVE_HULL = Target("energy_above_hull", "eV/atom")
