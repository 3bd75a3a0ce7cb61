"""Labelled crystals from files: what is read, what is left out and counted, and what people are told of the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import pytest
from labelled_files import BOTH, BROKEN, ENERGY, energy, message, one_row, read, records, salt, write_csv

from athanor.memory.errors import UserError
from athanor.models.graphs import crystal_graph
from athanor.models.target import BAND_GAP, FORMATION_ENERGY, Target
from athanor.tools.crystals.structure import to_atoms, to_crystal
from athanor.tools.labelled import parse
from athanor.tools.labelled.columns import Labels, parse_columns
from athanor.tools.labelled.read_labelled import read_labelled


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
