"""Labels that make no sense, crystals that stand twice, what is held out, and what is kept of a reading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelled_files import (
    ANIONS,
    BOTH,
    BROKEN,
    ENERGY,
    METALS,
    cif,
    energy,
    message,
    one_row,
    read,
    records,
    salt,
    salt_cif,
    write_csv,
)
from pymatgen.core import Lattice, Structure

from athanor.memory.errors import UserError
from athanor.models.graphs import crystal_graph
from athanor.tools.labelled import cache as kept_crystals
from athanor.tools.labelled import parse
from athanor.tools.labelled.columns import parse_columns
from athanor.tools.labelled.labelled import Labelled, apart
from athanor.tools.labelled.split import split


def converted(tmp_path: Path, of: Callable[[float, int], float], column: str = "formation_energy_per_atom") -> Path:
    """A table of cells of 2 and 8 atoms whose labels are converted from their value and number of atoms."""

    def change(k: int, record: dict[str, Any]) -> None:
        n_atoms = 8 if k % 2 else 2
        record.update({"cif": salt_cif(k, n_atoms // 2), column: of(record.get(column, energy(k)), n_atoms)})

    return write_csv(tmp_path / "t.csv", records(40, change))


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (lambda e, n: 1000 * e, "They look like meV/atom (multiply by 0.001)."),
        (lambda e, n: 96.485 * e, "They look like kJ/mol (multiply by 0.01036)."),
        (lambda e, n: n * e, "They look like eV per cell (divide by the atoms of the cell)"),
        (lambda e, n: e - 7.0, "total energies (formation energies, from the elements, are needed)"),
    ],
)
def test_a_formation_energy_in_another_unit_is_recognised(
    tmp_path: Path, of: Callable[[float, int], float], says: str
) -> None:
    text = message(converted(tmp_path, of))
    assert says in text
    assert "column formation_energy_per_atom: " in text
    assert "lie outside -6 to 5 eV/atom, the first at t.csv, row " in text
    assert "formation_energy_per_atom=NAME:UNIT" in text


def test_impossible_gaps_are_recognised(tmp_path: Path) -> None:
    gap = parse_columns(["band_gap"])
    assert "look like meV" in message(converted(tmp_path, lambda e, n: 1000 * e, "band_gap"), gap)
    assert "Negative values cannot be" in message(converted(tmp_path, lambda e, n: e - 3.0, "band_gap"), gap)
    own = parse_columns(["band_gap=my_gap:eV:gap"])
    assert "Negative values cannot be" in message(converted(tmp_path, lambda e, n: e - 3.0, "band_gap"), own)


@pytest.mark.parametrize(("factor", "unit"), [(1 / 160.2, "eV/Å³"), (0.01, "Mbar"), (10.0, "kbar"), (1e9, "Pa")])
def test_a_bulk_modulus_in_another_unit_is_recognised(tmp_path: Path, factor: float, unit: str) -> None:
    path = converted(tmp_path, lambda _, n: factor * 110.0 * (1 + 0.1 * n), "bulk_modulus")
    text = message(path, parse_columns(["bulk_modulus"]))
    assert f"{unit} (multiply by " in text[text.index("They look like ") :]


def test_the_right_unit_and_other_names_pass(tmp_path: Path) -> None:
    assert len(read(converted(tmp_path, lambda e, n: e))) == 40
    path = converted(tmp_path, lambda e, n: 1000 * e)
    assert len(read(path, parse_columns(["formation_energy_per_atom=heat:meV/atom"]))) == 40


def test_a_single_impossible_label_is_left_out_and_counted(tmp_path: Path) -> None:
    found = read(one_row(tmp_path, lambda k, record: record.update(band_gap=-5.0)), BOTH)
    assert found.counts() == (30, 29)
    (note,) = found.notes
    assert note.what == "labels of band_gap left out: no crystal has such a value"
    assert note.examples == ("t.csv, row 4 (x-3): -5 eV",)


# Doubles


def doubled(tmp_path: Path, label: float, other: Structure | None = None) -> Labelled:
    """Row 4's crystal again at the end, as a supercell with another order of atoms, with another label."""
    again = salt(3) * (1, 1, 2) if other is None else other
    again = Structure.from_sites(list(again)[::-1])
    last = {"material_id": "again", "formation_energy_per_atom": label, "band_gap": "", "cif": cif(again)}
    return read(write_csv(tmp_path / "t.csv", [*records(30), last]), BOTH)


def test_a_crystal_that_stands_twice_is_kept_once(tmp_path: Path) -> None:
    found = doubled(tmp_path, energy(3))
    assert len(found) == 30
    assert [(note.what, note.examples) for note in found.notes] == [
        ("crystals stand more than once and were kept once", ("x-3 and again",))
    ]
    assert found.labels[3].tolist() == pytest.approx([energy(3), 0.0])


def test_labels_that_nearly_agree_are_averaged(tmp_path: Path) -> None:
    found = doubled(tmp_path, energy(3) + 0.01)
    assert found.labels[3, 0] == pytest.approx(energy(3) + 0.005)
    assert "formation_energy labels of one crystal agree and were averaged" in str(found.notes[1])


def test_labels_that_contradict_each_other_are_left_out(tmp_path: Path) -> None:
    found = doubled(tmp_path, energy(3) + 0.5)
    assert found.counts() == (29, 30)
    assert np.isnan(found.labels[3, 0])
    assert str(found.notes[1]) == (
        "1 formation_energy labels of one crystal contradict each other and were left out "
        "(x-3 and again: -1.15 to -0.65 eV/atom)"
    )


def test_other_crystals_of_the_same_formula_are_no_doubles(tmp_path: Path) -> None:
    wider = salt(3)
    wider.apply_strain(0.02)
    caesium_chloride = Structure.from_spacegroup(
        221, Lattice.cubic(3.2), [METALS[3], ANIONS[3]], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    for other in (wider, caesium_chloride):
        assert len(doubled(tmp_path, energy(3), other)) == 31


def test_crystals_held_out_are_not_learned_from(tmp_path: Path) -> None:
    training = read(write_csv(tmp_path / "a.csv", records(40)))
    validation = read(write_csv(tmp_path / "b.csv", records(60)[30:]))
    left = apart(training, validation)
    assert left.names == tuple(f"x-{k}" for k in range(30))
    (note,) = left.notes
    assert note.count == 10
    assert "validation set too" in note.what


# Split


def test_the_split_is_by_composition_and_the_same_every_time(tmp_path: Path) -> None:
    whole = read(write_csv(tmp_path / "t.csv", records(112)))
    training, held_out = split(whole)
    assert len(training) + len(held_out) == 112
    assert 4 <= len(held_out) <= 12
    assert not set(training.crystals.compositions()) & set(held_out.crystals.compositions())
    order = np.random.default_rng(0).permutation(112)
    assert set(split(whole.take(order))[1].names) == set(held_out.names)
    for part in (training, held_out):
        assert part.labels[:, 0] == pytest.approx([energy(int(name[2:])) for name in part.names])


def test_one_composition_cannot_be_split(tmp_path: Path) -> None:
    cells = [Structure(salt(0).lattice.scale(30 + k), ["Li", "F"], salt(0).frac_coords) for k in range(20)]
    rows = [{"cif": cif(cell), "formation_energy_per_atom": energy(k)} for k, cell in enumerate(cells)]
    with pytest.raises(UserError, match="--validation FILE"):
        split(read(write_csv(tmp_path / "t.csv", rows)))


# Cache


@pytest.fixture
def parsed_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were parsed, call by call."""
    counted: list[int] = []
    original = parse.parse_rows

    def parse_rows(rows: Any, workers: int, tell: Any = None) -> Any:
        counted.append(len(rows))
        return original(rows, workers, tell)

    monkeypatch.setattr(kept_crystals, "parse_rows", parse_rows)
    return counted


def test_the_same_crystals_are_parsed_once(tmp_path: Path, parsed_rows: list[int]) -> None:
    rows = records(30, lambda k, record: record.update(cif=BROKEN["partial occupancy"]) if k == 3 else None)
    path = write_csv(tmp_path / "t.csv", rows)
    first, second = read(path, BOTH, tmp_path / "c"), read(path, ENERGY, tmp_path / "c")
    assert parsed_rows == [30]
    assert first.notes == second.notes
    assert first.names == second.names
    for name, array in first.graphs.arrays().items():
        assert np.array_equal(array, second.graphs.arrays()[name]), name
    assert first.crystals.structure(5) == second.crystals.structure(5)
    rows[7]["formation_energy_per_atom"] = -1.234
    assert read(write_csv(path, rows), ENERGY, tmp_path / "c").labels[6, 0] == -1.234
    assert parsed_rows == [30]


@pytest.mark.parametrize("setting", ["NEIGHBOURS", "CUTOFF", "SHELL_TOLERANCE"])
def test_other_graphs_or_crystals_are_parsed_again(
    tmp_path: Path, parsed_rows: list[int], monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    path = write_csv(tmp_path / "t.csv", records(30))
    read(path, ENERGY, tmp_path / "c")
    value = getattr(crystal_graph, setting)
    monkeypatch.setattr(crystal_graph, setting, type(value)(value / 2))
    read(path, ENERGY, tmp_path / "c")
    assert parsed_rows == [30, 30]
    read(write_csv(path, records(31)), ENERGY, tmp_path / "c")
    assert parsed_rows == [30, 30, 31]
    assert len(list((tmp_path / "c").iterdir())) == 3


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "other"])
def test_a_damaged_file_is_made_again(tmp_path: Path, parsed_rows: list[int], damage: str) -> None:
    path = write_csv(tmp_path / "t.csv", records(30))
    whole = read(path, ENERGY, tmp_path / "c")
    (kept,) = (tmp_path / "c").iterdir()
    content = bytearray(kept.read_bytes())
    if damage == "cut":
        kept.write_bytes(content[: len(content) // 2])
    elif damage == "changed":
        content[len(content) // 2] ^= 0xFF
        kept.write_bytes(content)
    elif damage == "empty":
        kept.write_bytes(b"")
    else:
        np.savez(kept, elements=np.arange(3))
    again = read(path, ENERGY, tmp_path / "c")
    assert parsed_rows == [30, 30]
    assert np.array_equal(again.graphs.distances, whole.graphs.distances)
    read(path, ENERGY, tmp_path / "c")
    assert parsed_rows == [30, 30]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a file")
    with pytest.raises(UserError, match="cannot be kept there"):
        read(write_csv(tmp_path / "t.csv", records(30)), ENERGY, tmp_path / "c")
