"""Cheap numbers and labels of a candidate, the ones hypotheses speak about.

Knows the records and the tables of the elements. Must not know models, oracles or trials: a feature is read off
the candidate as it was proposed, before anything is computed or measured.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import moyopy
import numpy as np
from pymatgen.core import Composition, Element

from ...memory.records import Candidate, Crystal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...memory.records import Condition

# It remarks on the orbits in cells that are not primitive, and only the number of the space group is used here.
logging.getLogger("moyo").setLevel(logging.ERROR)

Value = float | tuple[str, ...]

ATOMIC_MASS_UNIT = 1.66053907  # g/cm³ of 1 u/Å³; Source: CODATA 2018
SYMPREC = 0.1  # Å
_LAST_OF_SYSTEM = (
    (2, "triclinic"),
    (15, "monoclinic"),
    (74, "orthorhombic"),
    (142, "tetragonal"),
    (167, "trigonal"),
    (194, "hexagonal"),
    (230, "cubic"),
)


@dataclass(frozen=True)
class Feature:
    """How a feature of crystals is called in a sentence.

    Attributes:
        unit: Unit as written after a number; empty for none.
        phrase: Noun, as in "a proposed volume of at most 6 Å³/atom".
    """

    unit: str
    phrase: str


FEATURES: Mapping[str, Feature] = {
    "elements": Feature("", "elements"),
    "formula_type": Feature("", "formula type"),
    "crystal_system": Feature("", "crystal system"),
    "spacegroup": Feature("", "proposed space group"),
    "volume_per_atom": Feature("Å³/atom", "proposed volume"),
    "density": Feature("g/cm³", "proposed density"),
    "n_elements": Feature("", "number of elements"),
    "n_atoms": Feature("", "number of atoms in the proposed cell"),
    "mean_atomic_mass": Feature("u", "mean atomic mass"),
    "mean_electronegativity": Feature("", "mean Pauling electronegativity"),
    "electronegativity_range": Feature("", "difference of Pauling electronegativities"),
    "mean_radius": Feature("Å", "mean atomic radius"),
    "valence_electrons_per_atom": Feature("", "number of valence electrons per atom"),
    "valence_electron_density": Feature("electrons/Å³", "proposed density of valence electrons"),
}


def features(candidate: Candidate) -> Mapping[str, Value]:
    """Read the features off a candidate as proposed.

    A crystal has those of `FEATURES`, except where an element has no tabulated value; a point has its own variables.
    Text is a tuple of labels, numbers are floats.
    """
    return _features(_Key(candidate.id, candidate))


def meets(candidate: Candidate, conditions: Sequence[Condition]) -> bool:
    """Whether a candidate meets all conditions; a feature it does not have meets none."""
    own = features(candidate)
    return all(condition.feature in own and _holds(own[condition.feature], condition) for condition in conditions)


def _holds(value: Value, condition: Condition) -> bool:
    wanted = condition.value
    if condition.comparison == "any_of":
        return isinstance(value, tuple) and isinstance(wanted, tuple) and not set(wanted).isdisjoint(value)
    if isinstance(value, tuple) or isinstance(wanted, tuple):
        return False
    return value <= wanted if condition.comparison == "<=" else value >= wanted


@dataclass(frozen=True)
class _Key:
    # A candidate holds a dict and cannot be hashed itself; its id stands for it.
    id: str
    candidate: Candidate = field(compare=False)


@lru_cache(maxsize=50_000)
def _features(key: _Key) -> Mapping[str, Value]:
    content = key.candidate.content
    if isinstance(content, Crystal):
        return _of_crystal(content)
    return {name: (value,) if isinstance(value, str) else float(value) for name, value in content.values.items()}


def _of_crystal(crystal: Crystal) -> dict[str, Value]:
    n_atoms = len(crystal.species)
    volume = abs(float(np.linalg.det(np.array(crystal.lattice))))
    rows = np.array([_element(symbol) for symbol in crystal.species])
    mass, electronegativity, radius, valence = (float(mean) for mean in rows.mean(axis=0))
    number = _spacegroup(crystal)
    own: dict[str, Value] = {
        "elements": tuple(sorted(set(crystal.species))),
        "formula_type": (Composition("".join(crystal.species)).anonymized_formula,),
        "crystal_system": (next(name for last, name in _LAST_OF_SYSTEM if number <= last),) if number else (),
        "spacegroup": (str(number),) if number else (),
        "volume_per_atom": volume / n_atoms,
        "density": ATOMIC_MASS_UNIT * mass * n_atoms / volume,
        "n_elements": float(len(set(crystal.species))),
        "n_atoms": float(n_atoms),
        "mean_atomic_mass": mass,
        "mean_electronegativity": electronegativity,
        "electronegativity_range": float(np.ptp(rows[:, 1])),
        "mean_radius": radius,
        "valence_electrons_per_atom": valence,
        "valence_electron_density": valence * n_atoms / volume,
    }
    return {name: value for name, value in own.items() if isinstance(value, tuple) or np.isfinite(value)}


def _spacegroup(crystal: Crystal) -> int | None:
    """International number of the space group, None where the search fails."""
    numbers = [Element(symbol).Z for symbol in crystal.species]
    cell = moyopy.Cell([list(v) for v in crystal.lattice], [list(x) for x in crystal.coordinates], numbers)
    try:
        return int(moyopy.MoyoDataset(cell, symprec=SYMPREC).number)
    except ValueError:
        return None


@lru_cache(maxsize=128)
def _element(symbol: str) -> tuple[float, float, float, float]:
    """Mass in u, Pauling electronegativity, atomic radius in Å and number of valence electrons; nan where unknown.

    Valence electrons are those outside closed shells: the group number up to group 11, the group number less ten
    from group 12 on, and 3 for lanthanides and actinides.
    """
    element = Element(symbol)
    # pymatgen warns for elements without an electronegativity; the table itself is silent.
    electronegativity = element.data.get("X")
    radius = element.atomic_radius
    if element.is_lanthanoid or element.is_actinoid:
        valence = 3
    elif element.group < 12:
        valence = element.group
    else:
        valence = element.group - 10
    return (
        float(element.atomic_mass),
        float("nan") if electronegativity is None else float(electronegativity),
        float("nan") if radius is None else float(radius),
        float(2 if symbol == "He" else valence),
    )
