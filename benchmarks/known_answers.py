"""Known answers from the oracle: bulk moduli against experiment, formation energies against the Materials Project.

usage: python benchmarks/known_answers.py [chgnet sevennet sevennet-l3i5]

Writes benchmarks/results/known_answers.json and prints the deviations. Lattice constants are starting points only.
Source of the moduli: values at room temperature as compiled for the SCAN and PBE tests of solids (diamond 443,
Si 98, MgO 160, Cu 137, c-BN 400 GPa).
"""

from __future__ import annotations

import sys
from concurrent.futures import Executor
from statistics import mean
from typing import Any

from pymatgen.core import Lattice, Structure
from record import write_result

from athanor.agent.executors import process_pool
from athanor.memory.records import Candidate, Provenance
from athanor.tools.crystals.structure import to_crystal
from athanor.tools.oracles.build import evaluate
from athanor.tools.oracles.oracle import SimulationSettings
from athanor.tools.oracles.potentials import NAMES

Sites = list[tuple[str, list[float]]]


def cell(group: int, lattice: Lattice, sites: Sites) -> Candidate:
    """A crystal of a space group as a candidate."""
    species, coordinates = zip(*sites, strict=True)
    structure = Structure.from_spacegroup(group, lattice, list(species), list(coordinates)).get_primitive_structure()
    return Candidate(content=to_crystal(structure), provenance=Provenance(tool="benchmark"))


def rocksalt(a: str, b: str, length: float) -> Candidate:
    """Two elements in the rock-salt structure."""
    return cell(225, Lattice.cubic(length), [(a, [0, 0, 0]), (b, [0.5, 0.5, 0.5])])


def zincblende(a: str, b: str, length: float) -> Candidate:
    """Two elements in the zinc-blende structure; diamond where they are the same."""
    group = 227 if a == b else 216
    sites: Sites = [(a, [0, 0, 0])] if a == b else [(a, [0, 0, 0]), (b, [0.25, 0.25, 0.25])]
    return cell(group, Lattice.cubic(length), sites)


def wurtzite(a: str, b: str, length: float, height: float) -> Candidate:
    """Two elements in the wurtzite structure."""
    return cell(186, Lattice.hexagonal(length, height), [(a, [1 / 3, 2 / 3, 0]), (b, [1 / 3, 2 / 3, 0.38])])


MODULI = {  # GPa
    "diamond": (zincblende("C", "C", 3.567), 443.0),
    "Si": (zincblende("Si", "Si", 5.431), 98.0),
    "MgO": (rocksalt("Mg", "O", 4.212), 160.0),
    "Cu": (cell(225, Lattice.cubic(3.615), [("Cu", [0, 0, 0])]), 137.0),
    "c-BN": (zincblende("B", "N", 3.615), 400.0),
}

FORMATION = {  # eV/atom, Materials Project
    "NaCl": (rocksalt("Na", "Cl", 5.64), -2.110),
    "MgO": (rocksalt("Mg", "O", 4.212), -3.053),
    "Al2O3": (cell(167, Lattice.hexagonal(4.76, 12.99), [("Al", [0, 0, 0.352]), ("O", [0.306, 0, 0.25])]), -3.427),
    "ZnO": (wurtzite("Zn", "O", 3.25, 5.21), -1.791),
    "GaN": (wurtzite("Ga", "N", 3.19, 5.19), -0.657),
    "GaAs": (zincblende("Ga", "As", 5.65), -0.353),
    "SrTiO3": (
        cell(221, Lattice.cubic(3.905), [("Sr", [0, 0, 0]), ("Ti", [0.5, 0.5, 0.5]), ("O", [0.5, 0.5, 0])]),
        -3.552,
    ),
    "BaTiO3": (
        cell(
            160,
            Lattice.hexagonal(5.650, 6.946),
            [("Ba", [0, 0, 0]), ("Ti", [0, 0, 0.487]), ("O", [0.1643, 0.3286, 0.3467])],
        ),
        -3.492,
    ),
    "TiO2": (cell(136, Lattice.tetragonal(4.594, 2.959), [("Ti", [0, 0, 0]), ("O", [0.305, 0.305, 0])]), -3.502),
    "SiO2": (
        cell(152, Lattice.hexagonal(4.914, 5.405), [("Si", [0.4697, 0, 1 / 3]), ("O", [0.4135, 0.2669, 0.2143])]),
        -3.267,
    ),
}


def ask(calculator: str, name: str, candidate: Candidate, bulk_modulus: bool) -> dict[str, Any]:
    """Evaluate one crystal; property to value, or the failure."""
    settings = SimulationSettings(calculator=calculator, bulk_modulus=bulk_modulus, max_cpu_seconds=600)
    outcome = evaluate(settings, candidate)
    if outcome.failure:
        raise RuntimeError(f"{calculator}, {name}: {outcome.failure.message}")
    values: dict[str, Any] = {m.property: m.value for m in outcome.measurements}
    deviations = {m.property: m.deviation for m in outcome.measurements}
    return values | {
        "deviation": deviations.get("bulk_modulus"),
        "known_as": outcome.details["known_as"],
        "cpu_seconds": outcome.cpu_seconds,
    }


def compare(calculator: str, pool: Executor) -> dict[str, Any]:
    """All known answers from one potential."""
    moduli = {n: pool.submit(ask, calculator, n, c, True) for n, (c, _) in MODULI.items()}
    formation = {n: pool.submit(ask, calculator, n, c, False) for n, (c, _) in FORMATION.items()}
    table: dict[str, Any] = {"bulk_modulus_gpa": {}, "formation_energy_ev_per_atom": {}}
    for name, (_, experiment) in MODULI.items():
        answer = moduli[name].result()
        table["bulk_modulus_gpa"][name] = {
            "value": round(answer["bulk_modulus"], 1),
            "fit_deviation": round(answer["deviation"], 1),
            "experiment": experiment,
            "percent_off": round(100 * (answer["bulk_modulus"] / experiment - 1), 1),
            "cpu_seconds": answer["cpu_seconds"],
        }
    for name, (_, reference) in FORMATION.items():
        answer = formation[name].result()
        table["formation_energy_ev_per_atom"][name] = {
            "value": round(answer["formation_energy"], 4),
            "materials_project": reference,
            "off": round(answer["formation_energy"] - reference, 4),
            "above_hull": round(answer["energy_above_hull"], 4),
            "known_as": answer["known_as"],
            "cpu_seconds": answer["cpu_seconds"],
        }
    moduli_off = [abs(row["percent_off"]) for row in table["bulk_modulus_gpa"].values()]
    energy_off = [abs(row["off"]) for row in table["formation_energy_ev_per_atom"].values()]
    table["mean_absolute_percent_off"] = round(mean(moduli_off), 1)
    table["mean_absolute_error_mev_per_atom"] = round(1e3 * mean(energy_off), 1)
    return table


def main() -> None:
    """Ask each potential and write the comparison."""
    potentials = sys.argv[1:] or list(NAMES)
    with process_pool(2)() as pool:
        figures = {name: compare(name, pool) for name in potentials}
    path = write_result("known_answers", figures)
    for name, table in figures.items():
        print(name)
        for row, answer in table["bulk_modulus_gpa"].items():
            print(f"  B  {row:8} {answer['value']:7.1f} GPa      experiment {answer['experiment']:g}")
        for row, answer in table["formation_energy_ev_per_atom"].items():
            print(f"  Ef {row:8} {answer['value']:7.3f} eV/atom  Materials Project {answer['materials_project']:g}")
        print(f"  mean: {table['mean_absolute_percent_off']} %, {table['mean_absolute_error_mev_per_atom']} meV/atom")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
