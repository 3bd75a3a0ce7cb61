"""Files of labelled rock salts, and what is read of them."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pymatgen.core import Lattice, Structure

from athanor.memory.errors import UserError
from athanor.tools.labelled.columns import Labels, parse_columns
from athanor.tools.labelled.labelled import Labelled
from athanor.tools.labelled.read_labelled import read_labelled

METALS, ANIONS = ("Li", "Na", "K", "Rb", "Cs", "Cu", "Ag"), ("F", "Cl", "Br", "I")
ENERGY = parse_columns(["formation_energy_per_atom"])
BOTH = parse_columns(["formation_energy_per_atom", "band_gap"])


def salt(k: int) -> Structure:
    """A rock salt of two atoms; 28 compositions, then the same with other lattice constants."""
    half = (5.0 + 0.02 * (k % 28) + 0.5 * (k // 28)) / 2
    vectors = [[0, half, half], [half, 0, half], [half, half, 0]]
    return Structure(Lattice(vectors), [METALS[k % 7], ANIONS[k % 4]], [[0, 0, 0], [0.5, 0.5, 0.5]])


def energy(k: int) -> float:
    return -1.0 - 0.05 * (k % 60)


def cif(structure: Structure) -> str:
    return str(structure.to(fmt="cif"))


@cache
def salt_cif(k: int, repeated: int = 1) -> str:
    return cif(salt(k) * (repeated, 1, 1))


Change = Callable[[int, dict[str, Any]], None]


def records(n: int = 30, change: Change = lambda k, record: None) -> list[dict[str, Any]]:
    """Rows of a table as others publish them."""
    made = []
    for k in range(n):
        record = {
            "material_id": f"x-{k}",
            "formation_energy_per_atom": energy(k),
            "band_gap": max(0.0, 0.3 * k - 2.0),
            "cif": salt_cif(k),
        }
        change(k, record)
        made.append(record)
    return made


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    content = table.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def read(path: Path, columns: tuple[Labels, ...] = ENERGY, kept: Path | None = None) -> Labelled:
    return read_labelled([path], columns, kept, 1)


def message(path: Path, columns: tuple[Labels, ...] = ENERGY) -> str:
    with pytest.raises(UserError) as caught:
        read(path, columns)
    return str(caught.value)


def one_row(tmp_path: Path, change: Change, n: int = 30) -> Path:
    """A table in which row 4 (`x-3`) is changed."""
    return write_csv(tmp_path / "t.csv", records(n, lambda k, record: change(k, record) if k == 3 else None))


# Kinds of file


BROKEN = {
    "partial occupancy": cif(Structure(Lattice.cubic(3.6), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]])),
    "impossible geometry": cif(Structure(Lattice.cubic(4), ["Fe", "O"], [[0, 0, 0], [0, 0, 0.05]])),
    "more than 200 atoms": cif(Structure(Lattice.cubic(2.9), ["Fe"], [[0, 0, 0]]) * (3, 7, 10)),
    "0 atoms": "data_nothing\n_cell_length_a 4\n",
    "does not parse": cif(salt(3))[:300].replace("_cell_angle_gamma", "_atom_site_label")
    + "\nloop_\n_atom_site_label\nK",
}
