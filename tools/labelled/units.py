"""Whether labels can be in the unit they are said to be in, and which one they look like if not.

Knows targets and numpy. Knows no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...memory.errors import UserError
from .columns import Labels

Array = NDArray[np.float64]

FRACTION = 0.02
"""Of a property's labels that may lie outside: they are taken for single mistakes, more for a wrong unit."""
SINGLE = 2
"""Labels that may lie outside in any case."""


@dataclass(frozen=True)
class Plausible:
    """What values a known property can have.

    Attributes:
        low: Least value, in the property's unit.
        high: Greatest value.
        typical: Middle size of values that are not zero.
        least: Smallest middle size that is believed; 0 where small ones are as likely as others.
        mistakes: Other units by name, with the factor that takes them to the right one.
    """

    low: float
    high: float
    typical: float
    least: float = 0.0
    mistakes: Mapping[str, float] = field(default_factory=dict)


_CLOSE = 0.7
"""Readings whose logarithms of size differ less are told both."""
_TOTAL = -20.0
"""eV/atom; total energies of density functional theory are seldom lower."""
_CELL = "eV per cell"
_ENERGIES = {"meV/atom": 1e-3, "kJ/mol": 1 / 96.485, "kcal/mol": 1 / 23.06, "J/mol": 1 / 96485}
_PRESSURES = {"Pa": 1e-9, "MPa": 1e-3, "kbar": 0.1, "Mbar": 100.0, "eV/Å³": 160.22}

RANGES = {
    "formation_energy": Plausible(-6.0, 5.0, 1.0, mistakes=_ENERGIES),
    "energy_above_hull": Plausible(-1.0, 6.0, 0.1, mistakes=_ENERGIES),
    "band_gap": Plausible(0.0, 20.0, 2.0, mistakes={"meV": 1e-3, "kJ/mol": 1 / 96.485, "1/cm": 1 / 8065.5}),
    "bulk_modulus": Plausible(0.0, 700.0, 100.0, 5.0, _PRESSURES),
    "shear_modulus": Plausible(-100.0, 700.0, 50.0, 2.0, _PRESSURES),
    "density": Plausible(0.01, 30.0, 5.0, mistakes={"kg/m3": 1e-3}),
    "refractive_index": Plausible(1.0, 20.0, 2.0),
}


def outliers(
    asked: Labels, labels: Array, n_atoms: Array, places: Sequence[str], if_right: str = ""
) -> NDArray[np.bool_]:
    """Find single labels that no crystal has.

    Args:
        asked: The column and its property.
        labels: Its values `(n_crystals,)`; NaN where missing.
        n_atoms: In the cell of each crystal, `(n_crystals,)`.
        places: Where each label stands, as a person finds it.
        if_right: What to do if the labels are right nevertheless; nothing for a name of one's own.

    Returns:
        Which labels to leave out, `(n_crystals,)`.

    Raises:
        UserError: So many lie outside that the unit must be wrong.
    """
    known = np.isfinite(labels)
    name = asked.target.name
    limits = RANGES.get(name) or Plausible(0.0 if asked.target.kind == "gap" else -np.inf, np.inf, 1.0)
    outside = known & ~_inside(labels, limits)
    sizes = np.abs(labels[known & (labels != 0)])
    if outside.sum() > max(SINGLE, FRACTION * known.sum()):
        first = int(np.flatnonzero(outside)[0])
        wrong = (
            f"{outside.sum()} of {known.sum()} labels lie outside {limits.low:g} to {limits.high:g} "
            f"{asked.target.unit}, the first at {places[first]} ({labels[first]:g})"
        )
    elif len(sizes) and np.median(sizes) < limits.least:
        wrong = (
            f"half of the labels are smaller than {np.median(sizes):.3g} {asked.target.unit}, "
            f"where {limits.least:g} or more is usual"
        )
    else:
        return outside
    raise UserError(
        f"column {asked.column}: {wrong}. {_suspicion(name, limits, labels[known], n_atoms[known])}"
        + (
            f" If they are right, {if_right or f'give another name: {asked.column}=NAME:UNIT'}."
            if name in RANGES
            else ""
        )
    )


def _inside(labels: Array, limits: Plausible) -> NDArray[np.bool_]:
    return (labels >= limits.low) & (labels <= limits.high)


def _suspicion(name: str, limits: Plausible, labels: Array, n_atoms: Array) -> str:
    """Name the other units in which the values would be nearest to the usual size."""
    readings = {unit: labels * factor for unit, factor in limits.mistakes.items()}
    if name == "formation_energy":
        readings[_CELL] = labels / n_atoms
    likely = {
        unit: abs(np.log(np.median(np.abs(values[values != 0])) / limits.typical))
        for unit, values in readings.items()
        if np.mean(_inside(values, limits)) >= 1 - FRACTION and np.any(values != 0)
    }
    near = sorted((unit for unit in likely if likely[unit] <= min(likely.values()) + _CLOSE), key=likely.__getitem__)
    how = [
        f"{unit} ({'divide by the atoms of the cell' if unit == _CELL else f'multiply by {limits.mistakes[unit]:.4g}'})"
        for unit in near
    ]
    if name == "formation_energy" and _TOTAL < np.median(labels) < 0 and np.quantile(labels, 0.98) < -1.0:
        how.append("total energies (formation energies, from the elements, are needed)")
    if how:
        return f"They look like {' or '.join(how)}."
    if limits.low >= 0 and np.any(labels < limits.low):
        return "Negative values cannot be." if limits.low == 0 else f"Values below {limits.low:g} cannot be."
    return "The unit is likely to be another."
