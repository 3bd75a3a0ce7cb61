"""Fit the volume each element takes in a crystal, the table behind tools/generators/volume.py.

usage: python scripts/fit_atomic_volumes.py --crystals train.csv.gz --out tools/reference/atomic_volumes.json

Reads crystals in CDVAE's columns. Two tables, since magnesium takes 22 Å³ in an alloy and 11 Å³ in an oxide: compounds
with one of the elements of tools/generators/charge.py that make them ionic, and all others. Robust least squares on the
relative error with volumes above zero; elements a table hardly sees are drawn to the other table's value.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
from pathlib import Path

import numpy as np
from pymatgen.core import Composition, Element
from scipy.optimize import nnls

from athanor.tools.generators.charge import CHARGED

# Both are of the whole cell; parsing each CIF in full would take minutes.
FORMULA = re.compile(r"^_chemical_formula_sum\s+'?([^'\n]+)'?", re.MULTILINE)
VOLUME = re.compile(r"^_cell_volume\s+([\d.]+)", re.MULTILINE)
PULL = 0.02
ROUNDS = 8
SYMBOLS = [Element.from_Z(z).symbol for z in range(1, 95) if Element.from_Z(z).symbol not in ("He", "Ne", "Ar")]


def fit(shares: np.ndarray, volumes: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Volume of each element, `(n_elements,)` in Å³.

    Args:
        shares: Atomic fractions, `(n_crystals, n_elements)`.
        volumes: Volumes per atom, `(n_crystals,)` in Å³.
        prior: Where elements without evidence go, `(n_elements,)` in Å³.
    """
    weights = 1 / volumes
    for _ in range(ROUNDS):
        rows = np.vstack([shares * weights[:, None], PULL * np.eye(len(prior))])
        found, _ = nnls(rows, np.concatenate([volumes * weights, PULL * prior]))
        error = np.abs(shares @ found / volumes - 1)
        weights = 1 / volumes / np.sqrt(error + 0.03)
    return found


def main() -> None:
    """Read the crystals, fit both tables and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crystals", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    csv.field_size_limit(10**9)
    shares: dict[bool, list[np.ndarray]] = {True: [], False: []}
    volumes: dict[bool, list[float]] = {True: [], False: []}
    with gzip.open(options.crystals, "rt") as stream:
        for row in csv.DictReader(stream):
            composition = Composition(FORMULA.search(row["cif"])[1])
            parts = composition.fractional_composition.get_el_amt_dict()
            if not parts.keys() <= set(SYMBOLS):
                continue
            ionic = bool(parts.keys() & CHARGED)
            shares[ionic].append(np.array([parts.get(symbol, 0.0) for symbol in SYMBOLS]))
            volumes[ionic].append(float(VOLUME.search(row["cif"])[1]) / composition.num_atoms)
    other = fit(np.array(shares[False]), np.array(volumes[False]), np.full(len(SYMBOLS), 18.0))
    ionic_volumes = fit(np.array(shares[True]), np.array(volumes[True]), other)
    # Elements that make a compound ionic never occur in the other table's crystals, but for their own phases.
    for index, symbol in enumerate(SYMBOLS):
        if symbol in CHARGED:
            other[index] = ionic_volumes[index]
    content = {
        "about": "Volume in Å³ that an atom takes, fitted by scripts/fit_atomic_volumes.py to crystals of MP-20, "
        "from the Materials Project (CC BY 4.0, Jain et al. 2013, doi:10.1063/1.4812323).",
        "crystals": {"ionic": len(volumes[True]), "other": len(volumes[False])},
        "ionic": {s: round(float(v), 2) for s, v in zip(SYMBOLS, ionic_volumes, strict=True)},
        "other": {s: round(float(v), 2) for s, v in zip(SYMBOLS, other, strict=True)},
    }
    options.out.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
