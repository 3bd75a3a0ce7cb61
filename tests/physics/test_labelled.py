"""Labelled crystals from files: what is read, what is left out and counted, and what people are told of the rest."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from athanor.memory.errors import UserError
from athanor.models.graphs import crystal_graph
from athanor.models.target import BAND_GAP, FORMATION_ENERGY, Target
from athanor.tools.crystals.structure import to_atoms, to_crystal
from athanor.tools.labelled import cache as kept_crystals
from athanor.tools.labelled import parse
from athanor.tools.labelled.columns import Labels, parse_columns
from athanor.tools.labelled.labelled import Labelled, apart
from athanor.tools.labelled.read_labelled import read_labelled
from athanor.tools.labelled.split import split

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


def as_csv(folder: Path) -> Path:
    return write_csv(folder / "t.csv", records())


def as_csv_gz(folder: Path) -> Path:
    return write_csv(folder / "t.csv.gz", records())


def as_csv_of_files(folder: Path) -> Path:
    rows = []
    for k, record in enumerate(records()):
        name = f"{k}.vasp" if k % 2 else f"{k}.cif"
        salt(k).to(filename=str(folder / name), fmt="poscar" if k % 2 else "cif")
        rows.append({"file": name} | {key: value for key, value in record.items() if key not in ("cif", "material_id")})
    return write_csv(folder / "labels.csv", rows)


def as_folder(folder: Path) -> Path:
    return as_csv_of_files(folder).parent


def as_xyz(folder: Path) -> Path:
    frames = []
    for k, record in enumerate(records()):
        atoms = to_atoms(to_crystal(salt(k)))
        atoms.info = {key: value for key, value in record.items() if key != "cif"}
        frames.append(atoms)
    ase.io.write(folder / "t.extxyz", frames, format="extxyz")
    return folder / "t.extxyz"


def as_json_of_cifs(folder: Path) -> Path:
    (folder / "t.json").write_text(json.dumps(records()))
    return folder / "t.json"


def as_json_of_structures(folder: Path) -> Path:
    rows = [{**record, "structure": salt(k).as_dict()} for k, record in enumerate(records())]
    for row in rows:
        del row["cif"]
    (folder / "t.json").write_text(json.dumps(rows))
    return folder / "t.json"


def as_json_of_records(folder: Path) -> Path:
    rows = [{**record, **to_crystal(salt(k)).model_dump()} for k, record in enumerate(records())]
    for row in rows:
        del row["cif"]
    (folder / "t.json").write_text(json.dumps(rows))
    return folder / "t.json"


WRITERS = (
    as_csv,
    as_csv_gz,
    as_csv_of_files,
    as_folder,
    as_xyz,
    as_json_of_cifs,
    as_json_of_structures,
    as_json_of_records,
)


@pytest.mark.parametrize("write", WRITERS)
def test_every_kind_of_file_gives_the_same_crystals(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    found = read(write(tmp_path), BOTH)
    assert found.targets == (FORMATION_ENERGY, BAND_GAP)
    assert found.labels == pytest.approx(np.array([[energy(k), max(0.0, 0.3 * k - 2.0)] for k in range(30)]))
    assert found.notes == ()
    assert len(found.graphs) == len(found) == 30
    assert found.graphs.distances.max() < crystal_graph.CUTOFF
    if write not in (as_csv_of_files, as_folder):
        assert found.names == tuple(f"x-{k}" for k in range(30))
    for k in (0, 29):
        assert found.crystals.structure(k).composition == salt(k).composition
        assert found.crystals.structure(k).volume == pytest.approx(salt(k).volume, rel=1e-6)


def test_several_files_and_labels_that_only_one_of_them_has(tmp_path: Path) -> None:
    first = write_csv(tmp_path / "a.csv", [{k: v for k, v in r.items() if k != "band_gap"} for r in records(60)[30:]])
    second = write_csv(tmp_path / "b.csv", records(30))
    found = read_labelled([first, second], BOTH, None, 1)
    assert found.counts() == (60, 30)
    assert np.isnan(found.labels[:30, 1]).all()


@pytest.mark.parametrize("missing", ["", "NaN", "nan", "None", " null "])
def test_a_missing_label_is_missing(tmp_path: Path, missing: str) -> None:
    found = read(one_row(tmp_path, lambda k, record: record.update(band_gap=missing)), BOTH)
    assert found.counts() == (30, 29)
    assert np.isnan(found.labels[3, 1])


def test_a_crystal_without_any_label_is_left_out_and_counted(tmp_path: Path) -> None:
    found = read(one_row(tmp_path, lambda k, record: record.update(formation_energy_per_atom="")))
    assert len(found) == 29
    assert [str(note) for note in found.notes] == ["1 crystals left out: no label (t.csv, row 4 (x-3))"]


def test_two_processes_give_what_one_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "CHUNK", 8)
    path, told = as_csv(tmp_path), []
    two = read_labelled([path], ENERGY, None, 2, lambda done, total: told.append((done, total)))
    assert told == [(8, 30), (16, 30), (24, 30), (30, 30)]
    one = read(path)
    for name, array in one.graphs.arrays().items():
        assert np.array_equal(array, two.graphs.arrays()[name]), name


# Columns


@pytest.mark.parametrize(
    ("text", "column", "target"),
    [
        ("formation_energy_per_atom", "formation_energy_per_atom", FORMATION_ENERGY),
        ("band_gap", "band_gap", BAND_GAP),
        ("bulk_modulus", "bulk_modulus", Target("bulk_modulus", "GPa")),
        ("K_VRH", "K_VRH", Target("bulk_modulus", "GPa")),
        ("e_above_hull", "e_above_hull", Target("energy_above_hull", "eV/atom")),
        ("k=magnetisation:muB/atom", "k", Target("magnetisation", "muB/atom")),
        ("my gap = optical_gap : eV : gap", "my gap", Target("optical_gap", "eV", "gap")),
        ("gap=band_gap:eV", "gap", BAND_GAP),
    ],
)
def test_a_column_is_known_or_described(text: str, column: str, target: Target) -> None:
    assert parse_columns([text]) == (Labels(column, target),)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([], "at least one column"),
        (["magnetisation"], "COLUMN=NAME:UNIT"),
        (["k=Mag:1"], "small letters"),
        (["k=mag"], "COLUMN=NAME:UNIT"),
        (["k=mag:"], "COLUMN=NAME:UNIT"),
        (["=mag:1"], "COLUMN=NAME:UNIT"),
        (["k=mag:1:often"], "'often' is no kind; real and gap are allowed"),
        (["e=formation_energy:kJ/mol"], "formation_energy is in eV/atom here"),
        (["band_gap", "g=band_gap:eV"], "band_gap stands for more than one column"),
    ],
)
def test_a_wrong_description_is_refused(texts: list[str], says: str) -> None:
    with pytest.raises(UserError, match="--target") as caught:
        parse_columns(texts)
    assert says in str(caught.value)


# Bad files


def test_an_unknown_column_is_told_with_those_there_are(tmp_path: Path) -> None:
    text = message(as_csv(tmp_path), parse_columns(["bulk_modulus"]))
    assert "t.csv: no column 'bulk_modulus'" in text
    assert "there are: material_id, formation_energy_per_atom, band_gap" in text
    text = message(as_csv(tmp_path), parse_columns(["formation_energy_per_atom", "bulk_modulus"]))
    assert "no column 'bulk_modulus'" in text


@pytest.mark.parametrize("value", ["metal", "1,5", "inf", "-1.2 eV"])
def test_a_label_that_is_no_number_is_told_with_its_row(tmp_path: Path, value: str) -> None:
    text = message(one_row(tmp_path, lambda k, record: record.update(band_gap=value)), BOTH)
    assert f"t.csv, row 4 (x-3), column band_gap: '{value}' is not a finite number" in text
    assert "nothing or NaN" in text


def test_a_label_of_another_type_is_told_with_its_row(tmp_path: Path) -> None:
    rows = records(30, lambda k, record: record.update(band_gap=True) if k == 3 else None)
    (tmp_path / "t.json").write_text(json.dumps(rows))
    assert "t.json, row 4 (x-3), column band_gap: True is not a finite number" in message(tmp_path / "t.json", BOTH)


def test_missing_unknown_and_damaged_files_are_named(tmp_path: Path) -> None:
    assert "nowhere.csv: no such file" in message(tmp_path / "nowhere.csv")
    (tmp_path / "t.xlsx").write_text("x")
    assert "unknown kind of file; allowed: CSV" in message(tmp_path / "t.xlsx")
    (tmp_path / "empty").mkdir()
    assert "no labels.csv" in message(tmp_path / "empty")
    (tmp_path / "empty.csv").write_text("")
    assert "empty.csv: holds no crystal" in message(tmp_path / "empty.csv")
    whole = as_csv_gz(tmp_path).read_bytes()
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert "cut.csv.gz: cannot be read" in message(tmp_path / "cut.csv.gz")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\xfa")
    assert "bytes.csv: cannot be read as text" in message(tmp_path / "bytes.csv")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("t.csv", "a,formation_energy_per_atom\n1,2\n", "no column `cif` with crystals or `file`"),
        ("t.csv", "cif,band_gap,band_gap\n1,2,3\n", "column band_gap stands twice"),
        ("t.csv", "cif,formation_energy_per_atom\nx,1\nx\n", "row 2 has 1 fields; the header has 2"),
        ("t.csv", "file,formation_energy_per_atom\ngone.cif,1\n", "row 1, file 'gone.cif' cannot be read"),
        ("t.csv", "file,formation_energy_per_atom\n,1\n", "row 1, file '' cannot be read"),
        ("t.json", "{", "does not parse as JSON"),
        ("t.json", '{"a": 1}', "a list of crystals"),
        ("t.json", "[1]", "row 1 is no object"),
        ("t.extxyz", "x\n", "line 1: 'x' where crystal 1 begins"),
        ("t.extxyz", "2\nband_gap=1\nH 0 0 0\n", "line 1: 2 atoms, but the file ends"),
    ],
)
def test_a_file_that_makes_no_sense_is_told(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    told = message(tmp_path / name)
    assert says in told
    assert name in told


# Crystals that are left out

BROKEN = {
    "partial occupancy": cif(Structure(Lattice.cubic(3.6), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]])),
    "impossible geometry": cif(Structure(Lattice.cubic(4), ["Fe", "O"], [[0, 0, 0], [0, 0, 0.05]])),
    "more than 200 atoms": cif(Structure(Lattice.cubic(2.9), ["Fe"], [[0, 0, 0]]) * (3, 7, 10)),
    "0 atoms": "data_nothing\n_cell_length_a 4\n",
    "does not parse": cif(salt(3))[:300].replace("_cell_angle_gamma", "_atom_site_label")
    + "\nloop_\n_atom_site_label\nK",
}


@pytest.mark.parametrize("reason", BROKEN)
def test_a_broken_crystal_is_left_out_and_counted(tmp_path: Path, reason: str) -> None:
    found = read(one_row(tmp_path, lambda k, record: record.update(cif=BROKEN[reason])))
    assert len(found) == 29
    (note,) = found.notes
    assert (note.what, note.count) == (f"crystals left out: {reason}", 1)
    assert note.examples[0].startswith("t.csv, row 4 (x-3): ")
    assert found.names[3] == "x-4"
    assert found.labels[3, 0] == pytest.approx(energy(4))


def test_too_few_labels_are_refused_with_what_was_left_out(tmp_path: Path) -> None:
    text = message(write_csv(tmp_path / "t.csv", records(19)))
    assert "t.csv, usable crystals: 19 labels of formation_energy; 20 or more are needed" in text
    rows = records(30, lambda k, record: record.update(cif=BROKEN["0 atoms"]) if k < 11 else None)
    text = message(write_csv(tmp_path / "u.csv", rows))
    assert "19 labels" in text
    assert "11 crystals left out: 0 atoms (u.csv, row 1 (x-0): " in text


# Units


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
