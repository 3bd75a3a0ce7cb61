"""Make the ten crystals from which the benchmark of edits starts.

usage: python scripts/build_edit_starts.py --crystals train.csv.gz val.csv.gz

The formulas are those of LLMatDesign (Jia et al., arXiv:2406.13163). Each crystal is relaxed by CHGNet, its symmetry
kept, from a geometry of the Materials Project (CC BY 4.0), of the same compound or of one with the same structure, and
for BaNi2V2O8 from the layered arrangement of BaNi2(PO4)2. Co2TiO4 is a spinel that is inverse and disordered in nature:
here all titanium is tetrahedral, which is an ordered model of it.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
from pathlib import Path

from pymatgen.core import Lattice, Structure

from athanor.tools.crystals.structure import from_atoms, to_atoms, to_crystal
from athanor.tools.oracles.potentials import load_potential
from athanor.tools.oracles.relax import prepare, relax

OUT = Path(__file__).parents[1] / "tools" / "reference" / "edit_starts.json"
SOURCES: dict[str, tuple[str, dict[str, str]]] = {
    "CdCu2GeS4": ("mp-10967", {"Se": "S"}),
    "CeAlO3": ("mp-3408", {}),
    "Co2TiO4": ("mp-18758", {"Ge": "Ti"}),
    "ErNi2Ge2": ("mp-4865", {}),
    "Ga2O3": ("mp-886", {}),
    "Li2CaSiO4": ("mp-7610", {}),
    "LiSiNO": ("mp-6015", {}),
    "Na2ZnGeO4": ("mp-6402", {}),
    "SrTiO3": ("mp-5229", {}),
}


def layered() -> Structure:
    """BaNi2V2O8 as honeycombs of nickel between tetrahedra of vanadium, R-3; distances of usual polyhedra."""
    return Structure.from_spacegroup(
        "R-3",
        Lattice.hexagonal(5.06, 22.3),
        ["Ba", "Ni", "V", "O", "O"],
        [(0, 0, 0), (0, 0, 0.17), (0, 0, 0.43), (0, 0, 0.354), (1 / 3, 0, 0.122)],
    ).get_primitive_structure()


def geometries(files: list[Path]) -> dict[str, Structure]:
    """The unrelaxed crystals by formula."""
    wanted = {name: (formula, swaps) for formula, (name, swaps) in SOURCES.items()}
    found = {"BaV2Ni2O8": layered()}
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                if row["material_id"] in wanted:
                    formula, swaps = wanted[row["material_id"]]
                    found[formula] = Structure.from_str(row["cif"], fmt="cif")
                    found[formula].replace_species(swaps)
    return found


def main() -> None:
    """Relax and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crystals", type=Path, nargs="+", required=True)
    calculator = load_potential("chgnet").calculator
    starts = {}
    for formula, structure in sorted(geometries(parser.parse_args().crystals).items()):
        atoms = prepare(to_atoms(to_crystal(structure)), calculator)
        end = relax(atoms, fmax=0.05, max_steps=300, deadline=time.process_time() + 600)
        print(formula, len(structure), f"{end.steps} steps, {'' if end.converged else 'not '}converged")
        crystal = from_atoms(end.atoms)
        starts[formula] = crystal.model_dump(mode="json")
    OUT.write_text(json.dumps(starts, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
