"""Build the shipped table of known phases and elemental references; the second of two steps.

usage: python scripts/build_phase_table.py --energies energies.jsonl [more.jsonl] --held-out val.jsonl [more.jsonl]
       --dft mp_elemental_reference_entries.json.gz --out tools/reference

Reads what compute_phase_energies.py wrote. For each potential, one reference energy per element is fitted so that
(corrected energy) - (references) comes closest to the Materials Project's formation energies: Huber loss, so that
outliers do not pull, with a weak ridge towards the Materials Project's own elemental energies for rare elements.
Held-out lines are not fitted; they give the error that is written beside the references.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Composition
from scipy.optimize import least_squares

from athanor.tools.oracles.potentials import NAMES, load_potential

Line = dict[str, Any]
HUBER = 0.02  # eV/atom; where the loss turns from squares to absolute values
RIDGE = 0.01
COLUMNS = ("sevennet", "chgnet")

HEADER = """\
# Known inorganic phases: formation energies computed by the athanor project with two machine-learned potentials.
# Crystal structures: the Materials Project (Jain et al., APL Materials 1, 011002 (2013), doi:10.1063/1.4812323;
# CC BY 4.0), in the selection MP-20 (Xie et al., ICLR 2022, arXiv:2110.06197), ids mp-*; and the AFLOW prototypes
# (Mehl et al., Comput. Mater. Sci. 136, S1 (2017), doi:10.1016/j.commatsci.2017.01.017), as pymatgen carries them,
# ids aflow-*.
# Method: lowest point of a parabola through energies at 0.97, 1 and 1.03 of the volume, geometry otherwise as given
# (a full relaxation comes {gain} meV/atom lower in the mean); {versions}; minus fitted elemental references.
# energy_*: formation energy in eV/atom. n_atoms: atoms in the primitive cell. wyckoff: elements in alphabetical order.
"""


@cache
def fractions(formula: str) -> dict[str, float]:
    """Atomic fractions of a formula."""
    return {element.symbol: share for element, share in Composition(formula).fractional_composition.items()}


def read(paths: list[Path]) -> list[Line]:
    """Lines without an error, each crystal once; a line cut off at the end of a running computation is left out."""
    lines: dict[str, Line] = {}
    for path in paths:
        for text in path.read_text("utf-8").splitlines(keepends=True):
            if text.endswith("\n") and "error" not in (line := json.loads(text)):
                lines[line["id"]] = lines.get(line["id"], {}) | line
    return list(lines.values())


def matrix(lines: list[Line], symbols: list[str]) -> NDArray[np.float64]:
    """Atomic fractions, `(n_lines, n_symbols)`."""
    return np.array([[fractions(line["formula"]).get(symbol, 0.0) for symbol in symbols] for line in lines])


def fit(lines: list[Line], name: str, dft: dict[str, float]) -> dict[str, float]:
    """Reference energies of all elements that occur, in eV/atom."""
    symbols = sorted({symbol for line in lines for symbol in fractions(line["formula"])})
    x = matrix(lines, symbols)
    start = np.array([dft[symbol] for symbol in symbols])
    y = np.array([line[f"energy_{name}"] - line["label"] for line in lines]) - x @ start
    rows = np.vstack([x, np.sqrt(RIDGE) * np.eye(len(symbols))])
    target = np.concatenate([y, np.zeros(len(symbols))])
    solution = least_squares(
        lambda shift: rows @ shift - target,
        np.zeros(len(symbols)),
        jac=lambda _: rows,
        loss="huber",
        f_scale=HUBER,
    )
    return {s: round(float(e), 5) for s, e in zip(symbols, start + solution.x, strict=True)}


def formation_energy(line: Line, name: str, references: dict[str, float]) -> float:
    """Formation energy in eV/atom."""
    return float(line[f"energy_{name}"] - sum(references[s] * x for s, x in fractions(line["formula"]).items()))


def references_of(name: str, fitted: list[Line], held_out: list[Line], dft: dict[str, float]) -> Line:
    """Fit one potential and measure the error on lines that were not fitted.

    Raises:
        SystemExit: No held-out line has an energy by this potential.
    """
    kept_back = {line["id"] for line in held_out}
    lines = [
        line
        for line in fitted
        if line["label"] is not None and f"energy_{name}" in line and line["id"] not in kept_back
    ]
    references = fit(lines, name, dft)
    counts = Counter(symbol for line in lines for symbol in fractions(line["formula"]))
    test = [
        line for line in held_out if f"energy_{name}" in line and set(fractions(line["formula"])) <= set(references)
    ]
    if not test:
        raise SystemExit(f"--held-out has no line with energy_{name}")
    errors = np.abs([formation_energy(line, name, references) - line["label"] for line in test])
    return {
        "version": load_potential(name).version,
        "corrections": load_potential(name).corrections,
        "rows": len(lines),
        "held_out": {
            "rows": len(test),
            "mean_absolute_error_mev_per_atom": round(float(errors.mean()) * 1e3, 1),
            "median_absolute_error_mev_per_atom": round(float(np.median(errors)) * 1e3, 1),
        },
        "energies": references,
        "rows_by_element": dict(sorted(counts.items())),
    }


def write_phases(path: Path, lines: list[Line], references: dict[str, Line], gain: float) -> None:
    """Write the table, byte by byte the same for the same energies."""
    text = io.StringIO()
    text.write(HEADER.format(gain=f"{gain:g}", versions=" and ".join(references[name]["version"] for name in COLUMNS)))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["formula", "spacegroup", "wyckoff", "n_atoms", *(f"energy_{name}" for name in COLUMNS), "id"])
    rows = []
    for line in lines:
        if all(f"energy_{name}" in line for name in COLUMNS):
            energies = [formation_energy(line, name, references[name]["energies"]) for name in COLUMNS]
            row = [line["formula"], line["spacegroup"], line["wyckoff"], line["n_atoms"]]
            rows.append((*row, *(f"{energy:.4f}" for energy in energies), line["id"]))
    writer.writerows(sorted(rows, key=lambda row: (row[0], float(row[4]), row[-1])))
    path.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


def main() -> None:
    """Read the arguments, fit, write both files and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--energies", type=Path, nargs="+", required=True)
    parser.add_argument("--held-out", type=Path, nargs="+", required=True)
    parser.add_argument("--dft", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--gain", type=float, required=True, help="mean gain of a full relaxation, meV/atom")
    options = parser.parse_args()
    with gzip.open(options.dft, "rt") as stream:
        entries = json.load(stream)
    dft = {symbol: entry["energy"] / sum(entry["composition"].values()) for symbol, entry in entries.items()}
    lines, held_out = read(options.energies), read(options.held_out)
    references = {}
    for name in NAMES:
        if any(f"energy_{name}" in line for line in lines):
            references[name] = references_of(name, lines, held_out, dft)
            print(name, references[name]["rows"], "rows; held out:", references[name]["held_out"])
    content = {"unit": "eV/atom", "labels": "Materials Project (CC BY 4.0), in MP-20", "potentials": references}
    options.out.mkdir(exist_ok=True)
    (options.out / "element_references.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    write_phases(options.out / "known_phases.csv.gz", lines, references, options.gain)


if __name__ == "__main__":
    main()
