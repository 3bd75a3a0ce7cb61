"""Compute the energies behind the table of known phases; the first of two steps.

usage: python scripts/compute_phase_energies.py --crystals train.csv.gz --out energies.jsonl [--workers 2]

       add --sample 400 for a random part of the file without the prototypes, --potentials for other potentials

Reads crystals in CDVAE's columns (material_id, formation_energy_per_atom, cif) and the AFLOW prototypes that pymatgen
carries. For each crystal and each potential, energies at three volumes give the minimum of a parabola:
the newer Materials Project geometries come from another functional, and their volumes are 1 to 3 % off.
One JSON line per crystal; a second call goes on where the first one ended.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path

import numpy as np
from pymatgen.analysis.prototypes import AFLOW_PROTOTYPE_LIBRARY
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from athanor.tools.crystals.symmetry import symmetry_of
from athanor.tools.oracles.corrections import corrected_energy
from athanor.tools.oracles.potentials import load_potential

POTENTIALS = ("sevennet", "chgnet")
SCALES = np.array([0.97, 1.0, 1.03])
MAX_ATOMS = 40


def lowest_energy(name: str, structure: Structure) -> tuple[float, float]:
    """Energy per atom (eV) and volume per atom (Å³) at the lowest point of a parabola through three volumes."""
    potential = load_potential(name)
    base = AseAtomsAdaptor.get_atoms(structure)
    batch = []
    for scale in SCALES:
        atoms = base.copy()
        atoms.set_cell(base.cell * scale ** (1 / 3), scale_atoms=True)
        batch.append(atoms)
    energies = potential.energies(batch)
    curve = np.polynomial.Polynomial.fit(SCALES, energies, 2).convert().coef
    best_scale, best = SCALES[energies.argmin()], energies.min()
    if curve[2] > 0:
        vertex = float(np.clip(-curve[1] / (2 * curve[2]), 0.95, 1.05))
        best_scale, best = vertex, min(best, float(np.polyval(curve[::-1], vertex)))
    shift = corrected_energy(structure, 0.0, potential.corrections)
    return (float(best) + shift) / len(structure), structure.volume * float(best_scale) / len(structure)


def compute(task: tuple[str, str, float | None], potentials: Sequence[str]) -> dict[str, object]:
    """One line of the output; a crystal that fails gives a line with `error`."""
    identifier, cif, label = task
    warnings.simplefilter("ignore")
    line: dict[str, object] = {"id": identifier}
    try:
        structure = Structure.from_str(cif, fmt="cif")
        symmetry = symmetry_of(structure)
        structure = structure.get_primitive_structure()
        line |= {
            "formula": structure.composition.reduced_formula,
            "spacegroup": symmetry.spacegroup,
            "wyckoff": symmetry.wyckoff,
            "n_atoms": len(structure),
            "label": label,
        }
        for name in potentials:
            energy, volume = lowest_energy(name, structure)
            line |= {f"energy_{name}": round(energy, 5), f"volume_{name}": round(volume, 3)}
    except Exception as error:  # noqa: BLE001 - a bad crystal must not end a run of hours
        line["error"] = f"{type(error).__name__}: {error}"[:200]
    return line


def tasks(path: Path, done: set[str], sample: int | None) -> Iterator[tuple[str, str, float | None]]:
    """The AFLOW prototypes first (few), then the crystals of the file; or a random sample of the file alone."""
    csv.field_size_limit(10**9)
    with gzip.open(path, "rt") as stream:
        rows = list(csv.DictReader(stream))
    if sample is not None:
        rows = random.Random(0).sample(rows, min(sample, len(rows)))
    for index, entry in enumerate(AFLOW_PROTOTYPE_LIBRARY if sample is None else ()):
        structure = entry["snl"].structure.get_primitive_structure()
        name = f"aflow-{index}-{entry['tags']['aflow']}"
        if name not in done and len(structure) <= MAX_ATOMS and structure.is_ordered:
            yield name, structure.to(fmt="cif"), None
    for row in rows:
        if row["material_id"] not in done:
            yield row["material_id"], row["cif"], float(row["formation_energy_per_atom"])


def main() -> None:
    """Read the arguments and compute what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crystals", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--potentials", nargs="+", default=POTENTIALS)
    options = parser.parse_args()
    done = set()
    if options.out.exists():
        done = {json.loads(line)["id"] for line in options.out.read_text().splitlines()}
    queue = tasks(options.crystals, done, options.sample)
    count = len(done)
    with ProcessPoolExecutor(options.workers) as pool, options.out.open("a") as stream:
        running = set()
        exhausted = False
        while running or not exhausted:
            while not exhausted and len(running) < 4 * options.workers:
                try:
                    running.add(pool.submit(compute, next(queue), options.potentials))
                except StopIteration:
                    exhausted = True
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                stream.write(json.dumps(future.result()) + "\n")
                count += 1
                if count % 200 == 0:
                    stream.flush()
                    print(f"{count} crystals", file=sys.stderr)


if __name__ == "__main__":
    main()
