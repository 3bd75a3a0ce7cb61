"""The table of known phases: formation energies, energy above the hull, and whether a crystal is known.

Knows the shipped table and pymatgen's phase diagrams. Must not know how energies come about or what they are for.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from itertools import combinations
from typing import TYPE_CHECKING

from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from ...memory.errors import TerminalError

if TYPE_CHECKING:
    from .symmetry import Symmetry

# Space groups that are mirror images of each other: left and right quartz are one material.
_MIRRORED = {78: 76, 95: 91, 96: 92, 145: 144, 153: 151, 154: 152, 170: 169, 172: 171, 179: 178, 181: 180, 213: 212}


@dataclass(frozen=True)
class Phase:
    """A known crystal.

    Attributes:
        id: Materials Project id, or the name of an AFLOW prototype.
        formula: Reduced formula.
        wyckoff: As `Symmetry.wyckoff` has it.
        n_atoms: Atoms in the primitive cell.
        energies: Potential to formation energy in eV/atom.
    """

    id: str
    formula: str
    spacegroup: int
    wyckoff: str
    n_atoms: int
    energies: Mapping[str, float]

    @property
    def key(self) -> tuple[str, int, str]:
        """Formula, space group (mirror images as one) and Wyckoff letters: what makes two crystals the same phase."""
        return self.formula, _MIRRORED.get(self.spacegroup, self.spacegroup), self.wyckoff


@dataclass(frozen=True)
class HullDistance:
    """Where a compound lies against the known phases.

    Attributes:
        energy: Energy above the hull in eV/atom; negative below it.
        decomposition: Formula of each competing phase to its share of the atoms.
    """

    energy: float
    decomposition: Mapping[str, float]


class PhaseTable:
    """Known phases with the hulls they span.

    Elements are the zero of formation energy: their references are fitted to compounds, so a computed elemental
    crystal may lie a few meV off zero, and no elemental row takes part in a hull.
    """

    def __init__(self, phases: Iterable[Phase]) -> None:
        """Index phases by elements and by what identifies them."""
        self.phases = tuple(phases)
        self._by_elements: dict[frozenset[str], list[Phase]] = {}
        self._by_key: dict[tuple[str, int, str], Phase] = {}
        for phase in self.phases:
            elements = frozenset(element.symbol for element in _composition(phase.formula).elements)
            self._by_elements.setdefault(elements, []).append(phase)
            self._by_key.setdefault(phase.key, phase)
        self._diagrams: dict[tuple[str, frozenset[str]], PhaseDiagram] = {}

    def known_as(self, formula: str, symmetry: Symmetry) -> str | None:
        """Id of the known phase with this formula, space group and Wyckoff letters; None for a new one.

        Args:
            formula: Any formula of the compound; it is reduced.
        """
        reduced = _composition(formula).reduced_formula
        group = _MIRRORED.get(symmetry.spacegroup, symmetry.spacegroup)
        phase = self._by_key.get((reduced, group, symmetry.wyckoff))
        return phase.id if phase else None

    def competitors(self, elements: Iterable[str]) -> Iterator[Phase]:
        """All compounds made of some of these elements, two at least."""
        symbols = sorted(set(elements))
        for size in range(2, len(symbols) + 1):
            for subset in combinations(symbols, size):
                yield from self._by_elements.get(frozenset(subset), ())

    def energy_above_hull(self, formula: str, formation_energy: float, column: str) -> HullDistance:
        """Distance to the convex hull of the known phases, at this composition.

        Args:
            formula: Formula of the compound.
            formation_energy: In eV/atom, computed as the column was.
            column: Potential whose energies span the hull.

        Raises:
            TerminalError: The table holds no such column.

        Source: Ong et al., Chem. Mater. 20, 1798 (2008), doi:10.1021/cm702327g.
        """
        composition = _composition(formula)
        elements = frozenset(element.symbol for element in composition.elements)
        if (column, elements) not in self._diagrams:
            self._diagrams[column, elements] = self._diagram(column, elements)
        diagram = self._diagrams[column, elements]
        decomposition, hull = diagram.get_decomp_and_hull_energy_per_atom(composition)
        shares = {entry.composition.reduced_formula: float(share) for entry, share in decomposition.items()}
        return HullDistance(formation_energy - float(hull), shares)

    def _diagram(self, column: str, elements: frozenset[str]) -> PhaseDiagram:
        entries = [PDEntry(symbol, 0.0) for symbol in elements]
        for phase in self.competitors(elements):
            if column not in phase.energies:
                raise TerminalError(f"known phases have no column {column!r}; allowed: {', '.join(phase.energies)}")
            composition = _composition(phase.formula)
            entries.append(PDEntry(composition, phase.energies[column] * composition.num_atoms, attribute=phase.id))
        return PhaseDiagram(entries, elements=[Element(symbol) for symbol in elements])


@dataclass(frozen=True)
class References:
    """Energies of the elements that make a potential's formation energies.

    Attributes:
        energies: Symbol to eV/atom.
        source: How they were found.
    """

    energies: Mapping[str, float]
    source: str = field(default="")

    def formation_energy(self, composition: Composition, energy: float) -> float:
        """Formation energy in eV/atom.

        Args:
            composition: Of the cell.
            energy: Corrected total energy of the cell in eV.

        Raises:
            TerminalError: An element has no reference energy.
        """
        missing = sorted(e.symbol for e in composition.elements if e.symbol not in self.energies)
        if missing:
            raise TerminalError(f"no reference energy for {', '.join(missing)} ({self.source})")
        elements = sum(self.energies[e.symbol] * amount for e, amount in composition.items())
        return float((energy - elements) / composition.num_atoms)


@lru_cache(maxsize=4096)
def _composition(formula: str) -> Composition:
    return Composition(formula)


@lru_cache(maxsize=1)
def known_phases() -> PhaseTable:
    """The shipped table, loaded once."""
    with (
        files("athanor.tools").joinpath("reference/known_phases.csv.gz").open("rb") as packed,
        gzip.open(packed, "rt", encoding="utf-8") as stream,
    ):
        rows = csv.DictReader(line for line in stream if not line.startswith("#"))
        return PhaseTable([_phase(row) for row in rows])


def _phase(row: Mapping[str, str]) -> Phase:
    energies = {key.removeprefix("energy_"): float(row[key]) for key in row if key.startswith("energy_")}
    return Phase(row["id"], row["formula"], int(row["spacegroup"]), row["wyckoff"], int(row["n_atoms"]), energies)


@lru_cache(maxsize=1)
def shipped_references() -> Mapping[str, References]:
    """Fitted elemental references, by potential."""
    content = json.loads(files("athanor.tools").joinpath("reference/element_references.json").read_text("utf-8"))
    return {
        name: References(entry["energies"], f"references of {name} fitted on {entry['rows']} crystals")
        for name, entry in content["potentials"].items()
    }
