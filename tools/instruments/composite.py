"""A made-up composite of platelets in a polymer: what its process decides, and how well it conducts heat.

Knows the mixing model. Must not know instruments, nor how a campaign chooses a process.

Conduction through the plate is the effective-medium theory of misoriented ellipsoids with resistive surfaces:
C.-W. Nan, R. Birringer, D. R. Clarke, H. Gleiter, J. Appl. Phys. 81, 6692 (1997), doi:10.1063/1.365209; for spheres it
is that of D. P. H. Hasselman, L. F. Johnson, J. Compos. Mater. 21, 508 (1987), doi:10.1177/002199838702100602. Pores
take part by Maxwell's formula. How packing, pores and alignment follow from the process is assumed: plausible forms
with round numbers, measured on nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MATRIX_CONDUCTIVITY, FILLER_CONDUCTIVITY = 0.2, 30.0
"""Epoxy and alumina, W/(m K)."""
MATRIX_HEAT, FILLER_HEAT = 1200 * 1100, 3950 * 880
"""Density times heat capacity, J/(m3 K)."""
RESISTANCE = 5e-8
"""Of the surface between them, m2 K/W."""
_CLINGING = 30.0
"""Pores sit on platelets: how much the surface's resistance grows with the porosity."""


@dataclass(frozen=True)
class Sample:
    """A pressed plate.

    Attributes:
        fraction: Volume of the filler per volume of solid.
        aspect_ratio: Diameter of a platelet by its thickness, 1 for a sphere.
        diameter: Of a platelet, m.
        alignment: Mean square of the cosine between a platelet's axis and the direction of pressing; 1/3 at random.
        porosity: Volume of pores per volume.
        thickness: m.
    """

    fraction: float
    aspect_ratio: float
    diameter: float
    alignment: float
    porosity: float
    thickness: float

    @property
    def diffusivity(self) -> float:
        """Through the plate, m2/s."""
        solid = through_plate(
            self.fraction,
            self.aspect_ratio,
            self.diameter,
            self.alignment,
            RESISTANCE * (1 + _CLINGING * self.porosity),
        )
        conductivity = solid * (1 - self.porosity) / (1 + self.porosity / 2)
        heat = (1 - self.porosity) * (MATRIX_HEAT + self.fraction * (FILLER_HEAT - MATRIX_HEAT))
        return conductivity / heat


def press(fraction: float, aspect_ratio: float, diameter: float, pressure: float) -> Sample:
    """Press a plate: pressure closes pores and lays platelets flat; thin or crowded ones leave more pores.

    Args:
        fraction: Volume of filler per volume of solid.
        aspect_ratio: Of the platelets.
        diameter: m.
        pressure: MPa.
    """
    most = 0.64 / (1 + 0.06 * (aspect_ratio - 1))
    porosity = min(0.6, 0.2 * (fraction / most) ** 3 * math.exp(-pressure / 8) + 0.01)
    laid = 1 - math.exp(-pressure / 40)
    alignment = 1 / 3 + 2 / 3 * laid * (1 - 1 / aspect_ratio)
    return Sample(fraction, aspect_ratio, diameter, alignment, porosity, 1.5e-3 - 0.5e-3 * laid)


def through_plate(fraction: float, aspect_ratio: float, diameter: float, alignment: float, resistance: float) -> float:
    """Conductivity along the direction of pressing without pores, W/(m K): K33 of Nan et al.

    | symbol | variable |
    |---|---|
    | f, Km, Kp | `fraction`, `MATRIX_CONDUCTIVITY`, `FILLER_CONDUCTIVITY` |
    | p = a3/a1 | 1/`aspect_ratio`: half axes a1 = `diameter`/2 and a3 |
    | ⟨cos²θ⟩ | `alignment` |
    | a_K = R Km | Kapitza radius, R the `resistance` of the surface |
    """
    matrix, filler = MATRIX_CONDUCTIVITY, FILLER_CONDUCTIVITY
    p = 1 / aspect_ratio
    across = _depolarisation(p)
    along = 1 - 2 * across
    # For p ≤ 1: γ = (1 + 2p) a_K/a3.
    gamma = (1 + 2 * p) * resistance * matrix / (p * diameter / 2)

    def contrast(share: float) -> float:
        within = filler / (1 + gamma * share * filler / matrix)
        return (within - matrix) / (matrix + share * (within - matrix))

    b1, b3 = contrast(across), contrast(along)
    above = b1 * (1 - across) * (1 - alignment) + b3 * (1 - along) * alignment
    below = b1 * across * (1 - alignment) + b3 * along * alignment
    return matrix * (1 + fraction * above) / (1 - fraction * below)


def _depolarisation(p: float) -> float:
    """L11 of a spheroid with half axes a3 = p a1, p ≤ 1."""
    if p > 1 - 1e-6:
        return 1 / 3
    return p**2 / (2 * (p**2 - 1)) + p * math.acos(p) / (2 * math.sqrt(1 - p**2) ** 3)
