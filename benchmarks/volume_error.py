"""Error of predicted volumes: known crystals, made by substitution from a prototype of another composition.

usage: python benchmarks/volume_error.py --crystals val.csv.gz [--n 200]

Reads crystals in CDVAE's columns; only rows with their original geometry (`source` is cdvae) are taken.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import random
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pymatgen.core import Structure
from pymatgen.core.structure_matcher import StructureMatcher
from pymatgen.core.structure_prediction.volume_predictor import DLSVolumePredictor, RLSVolumePredictor
from record import write_result

from athanor.tools.crystals.structure import to_structure
from athanor.tools.crystals.symmetry import symmetry_of
from athanor.tools.generators.prototype import Parent, aflow_prototypes
from athanor.tools.generators.volume import atomic_volume, predicted_volume, tightness

MATCHER = StructureMatcher(ltol=0.3, stol=0.4, angle_tol=8)


def pairs(path: Path) -> Iterator[tuple[Structure, Parent, list[str]]]:
    """Known crystals with a prototype of other elements and the species that make one of the other."""
    parents = defaultdict(list)
    for parent in aflow_prototypes(20):
        group = symmetry_of(to_structure(parent.crystal)).spacegroup
        parents[group, len(parent.species), len(set(parent.species))].append(parent)
    csv.field_size_limit(10**9)
    with gzip.open(path, "rt") as stream:
        rows = [row for row in csv.DictReader(stream) if row["source"] == "cdvae"]
    random.Random(0).shuffle(rows)
    for row in rows:
        crystal = Structure.from_str(row["cif"], fmt="cif")
        key = int(row["spacegroup.number"]), len(crystal), len(crystal.composition)
        for parent in random.Random(1).sample(parents[key], len(parents[key])):
            found = MATCHER.get_best_electronegativity_anonymous_mapping(to_structure(parent.crystal), crystal)
            if found is not None:
                new = {old.symbol: symbol.symbol for old, symbol in found.items()}
                if any(old != symbol for old, symbol in new.items()):
                    yield crystal, parent, [new[symbol] for symbol in parent.species]
                break


def estimates(parent: Parent, species: list[str]) -> dict[str, float]:
    """Volume of the cell by each rule, Å³."""
    old = to_structure(parent.crystal)
    new = Structure(old.lattice, species, old.frac_coords)
    by_ions = RLSVolumePredictor(check_isostructural=False)
    by_radii = RLSVolumePredictor(check_isostructural=False, radii_type="atomic")
    relative = tightness(species, parent.distances) / tightness(parent.species, parent.distances)
    return {
        "RLS, ionic and atomic radii (pymatgen)": by_ions.predict(new, old),
        "RLS, atomic radii (pymatgen)": by_radii.predict(new, old),
        "DLS, bounded (pymatgen)": DLSVolumePredictor().predict(new),
        "DLS, unbounded (pymatgen)": DLSVolumePredictor(min_scaling=None, max_scaling=None).predict(new),
        "DLS, relative to the parent": parent.volume * relative**3,
        "atomic volumes": atomic_volume(species),
        "chosen": predicted_volume(parent.volume, parent.species, species, parent.distances),
    }


def main() -> None:
    """Compare the rules on the first `n` crystals that have a prototype."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crystals", type=Path, required=True)
    parser.add_argument("--n", type=int, default=200)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    errors = defaultdict(list)
    for (crystal, parent, species), _ in zip(pairs(options.crystals), range(options.n), strict=False):
        per_atom = crystal.volume / len(crystal)
        for rule, volume in estimates(parent, species).items():
            errors[rule].append(volume / len(species) / per_atom - 1)
    figures = {}
    for rule, values in errors.items():
        size = np.abs(values)
        figures[rule] = {
            "n": len(values),
            "median": round(float(np.median(values)), 4),
            "median_size": round(float(np.median(size)), 4),
            "mean_size": round(float(size.mean()), 4),
            "size_90_percent": round(float(np.quantile(size, 0.9)), 4),
            "share_within_20_percent": round(float((size < 0.2).mean()), 4),
        }
    print(write_result("volume_error", figures).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
