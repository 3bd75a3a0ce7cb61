"""`athanor predict`: what it prints of good files and bad ones, and how it ends."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import pytest
from pymatgen.core import Lattice, Structure
from typer.testing import CliRunner, Result
from volume_predictor import VolumePredictor

from athanor.agent.cli import app
from athanor.models.target import Target
from athanor.tools import predictor as predictors
from athanor.tools.crystals.structure import to_atoms, to_crystal
from athanor.tools.predict import predict

ROCKSALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.21), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
CAESIUM = Structure(Lattice.cubic(6.14), ["Cs", "Cs"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> VolumePredictor:
    """The predictor that the command finds."""
    predictor = VolumePredictor()
    monkeypatch.setattr(predictors, "shipped_predictor", lambda: predictor)
    return predictor


@pytest.fixture
def athanor(made_up: VolumePredictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call the command in this process, beside folders `good/` (two crystals) and `mixed/` (four, two of them bad)."""
    for name in ("good", "mixed"):
        (tmp_path / name).mkdir()
        ROCKSALT.to(filename=str(tmp_path / name / "magnesia.cif"))
    SALT.to(filename=str(tmp_path / "good" / "salt.vasp"), fmt="poscar")
    CAESIUM.to(filename=str(tmp_path / "mixed" / "caesium.json"))
    (tmp_path / "mixed" / "broken.cif").write_text("data_x\n_cell_length_a 4.2\nloop_\n_atom_site_label\nMg1\n")
    Structure(Lattice.cubic(4.2), ["Fe", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]).to(
        filename=str(tmp_path / "mixed" / "POSCAR_iron"), fmt="poscar"
    )
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["predict", *arguments], env={"COLUMNS": "100"})


def rows_of(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(result.stdout)["crystals"]
    return found


def test_a_table_says_everything_of_good_crystals(athanor: Callable[..., Result]) -> None:
    result = athanor("good")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    said = predict([ROCKSALT, SALT], VolumePredictor()).properties
    assert ["good/magnesia.cif", "MgO", "-2.38", "±", "0.25", "0.93", "±", "0.10", "0.10"] in lines
    low, high = said["formation_energy"].lower[0], said["formation_energy"].upper[0]
    assert any(line[:3] == [f"{low:.3f}", "to", f"{high:.3f}"] for line in lines)
    assert any(line[:2] == ["good/salt.vasp", "NaCl"] for line in lines)
    words = result.stdout.split()
    for word in ("formation", "energy", "eV/atom", "band", "gap", "eV", "metal"):
        assert word in words
    assert "2 crystals: 2 predicted, 0 of them flagged, 0 refused." in result.stdout
    assert result.stdout.count("Predicted by made-up (no training): mean ± standard deviation") == 1
    assert "flagged\n" not in result.stdout
    assert result.stderr == ""


def test_a_folder_with_bad_files_is_gone_through_and_ends_with_1(athanor: Callable[..., Result]) -> None:
    result = athanor("mixed")
    assert result.exit_code == 1
    text = " ".join(result.stdout.split())
    assert "mixed/POSCAR_iron refused: Fe: never seen in training, which held 6 elements" in text
    assert "mixed/broken.cif refused: does not parse: " in text
    assert "mixed/caesium.json flagged: far from the training crystals (novelty 2.31, up to 1 is near); 116" in text
    assert "116 Å³/atom (5 to 100 is usual)" in text
    assert "4 crystals: 2 predicted, 1 of them flagged, 2 refused." in text
    assert "Traceback" not in result.output


def test_a_narrow_terminal_cuts_no_number(made_up: VolumePredictor, athanor: Callable[..., Result]) -> None:
    wide = [Target(name, "GPa") for name in ("bulk_modulus", "shear_modulus")]
    said = made_up.predict
    made_up.targets += (*wide,)

    def more(structures: Any) -> Any:
        found = said(structures)
        energy = found.properties["formation_energy"]
        return type(found)({**found.properties, **{t.name: energy for t in wide}}, found.novelty)

    made_up.predict = more  # type: ignore[method-assign]
    result = CliRunner().invoke(app, ["predict", "good"], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    assert "too narrow for: bulk modulus, shear modulus" in result.stdout
    assert "…" not in result.stdout
    assert "0.93 ± 0.10" in result.stdout
    table = [line for line in result.stdout.splitlines() if not line.startswith(("2 crystals", "Predicted"))]
    assert max(map(len, table)) <= 80


def test_json_is_one_document_with_the_numbers_of_the_tool(athanor: Callable[..., Result]) -> None:
    result = athanor("good", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert (document["predictor"], document["method"]) == ("made-up (no training)", "predicted")
    assert document["targets"] == [
        {"name": "formation_energy", "unit": "eV/atom", "kind": "real"},
        {"name": "band_gap", "unit": "eV", "kind": "gap"},
    ]
    assert (document["predicted"], document["flagged"], document["refused"]) == (2, 0, 0)
    answers = predict(
        [Structure.from_file(f"good/{name}") for name in ("magnesia.cif", "salt.vasp")], VolumePredictor()
    )
    for n, row in enumerate(document["crystals"]):
        assert (row["method"], row["source"], row["refusal"], row["flags"]) == (
            "predicted", "made-up (no training)", None, [],
        )  # fmt: skip
        assert row["novelty"] == answers.novelty[n]
        for name, found in answers.properties.items():
            assert row["values"][name] == {
                "mean": found.mean[n],
                "deviation": found.deviation[n],
                "lower": found.lower[n],
                "upper": found.upper[n],
                "unit": answers.units[name],
                "zero_probability": None if found.zero_probability is None else found.zero_probability[n],
            }
    assert [row["name"] for row in document["crystals"]] == ["good/magnesia.cif", "good/salt.vasp"]
    assert all(len(line) < 2000 for line in result.stdout.splitlines())


def test_json_of_refused_crystals_holds_reasons_and_no_numbers(athanor: Callable[..., Result]) -> None:
    result = athanor("mixed", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["predicted"], document["flagged"], document["refused"]) == (2, 1, 2)
    for row in document["crystals"]:
        assert bool(row["refusal"]) == (row["values"] == {}) == (row["novelty"] is None)


def test_csv_holds_the_numbers_of_the_json(athanor: Callable[..., Result]) -> None:
    result = athanor("mixed", "--csv")
    assert result.exit_code == 1
    table = list(csv.DictReader(io.StringIO(result.stdout)))
    for row, known in zip(table, rows_of(athanor("mixed", "--json")), strict=True):
        assert (row["name"], row["formula"], int(row["atoms"])) == (known["name"], known["formula"], known["n_atoms"])
        assert (row["method"], row["source"]) == ("predicted", "made-up (no training)")
        assert row["refusal"] == (known["refusal"] or "")
        assert row["flags"] == "; ".join(known["flags"])
        for name, unit in (("formation_energy", "eV/atom"), ("band_gap", "eV")):
            value = known["values"].get(name)
            if value is None:
                assert row[name] == row[f"{name} deviation"] == row[f"{name} unit"] == row["novelty"] == ""
                continue
            assert float(row[name]) == value["mean"]
            assert [float(row[f"{name} {part}"]) for part in ("deviation", "lower", "upper")] == [
                value["deviation"], value["lower"], value["upper"],
            ]  # fmt: skip
            assert row[f"{name} unit"] == unit
        if known["values"]:
            assert float(row["band_gap metal probability"]) == known["values"]["band_gap"]["zero_probability"]
            assert float(row["novelty"]) == known["novelty"]
        assert "formation_energy metal probability" not in row


def test_a_file_name_is_no_formula_of_a_spreadsheet(athanor: Callable[..., Result], tmp_path: Path) -> None:
    SALT.to(filename=str(tmp_path / "=HYPERLINK(1).cif"))
    (row,) = csv.DictReader(io.StringIO(athanor("=HYPERLINK(1).cif", "--csv").stdout))
    assert row["name"] == "'=HYPERLINK(1).cif"


def test_a_file_name_steers_no_terminal(athanor: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "[red]\x1b[2J.cif").write_text("data_x")
    result = athanor("[red]\x1b[2J.cif")
    assert "[red][2J.cif refused: " in result.stdout
    assert "\x1b" not in result.stdout


def test_order_and_company_change_no_number(athanor: Callable[..., Result]) -> None:
    together = {row["name"]: row for row in rows_of(athanor("mixed", "good", "--json"))}
    backwards = rows_of(athanor("good/salt.vasp", "good/magnesia.cif", "--json"))
    assert len(together) == 6
    assert [row["name"] for row in backwards] == ["good/salt.vasp", "good/magnesia.cif"]
    for row in backwards:
        assert row == together[row["name"]]
    assert together["mixed/magnesia.cif"]["values"] == together["good/magnesia.cif"]["values"]


@pytest.mark.parametrize("kind", ["xyz", "json", "cif", "csv", "csv.gz", "cif.gz"])
def test_a_file_of_many_crystals_survives_a_bad_one(athanor: Callable[..., Result], tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"many.{kind}"
    first, last = ROCKSALT.to(fmt="cif"), SALT.to(fmt="cif")
    bad = "data_bad\n_cell_length_a x\nloop_\n_atom_site_label\nMg1\n"
    if kind == "xyz":
        for structure in (ROCKSALT, SALT):
            ase.io.write(path, to_atoms(to_crystal(structure)), format="extxyz", append=True)
        frames = path.read_text().splitlines(keepends=True)
        path.write_text("".join([*frames[:10], "1\nno cell\nMg 0 0 0\n\n", *frames[10:]]))
    elif kind == "json":
        path.write_text(json.dumps([ROCKSALT.as_dict(), {"sites": []}, to_crystal(SALT).model_dump()]))
    elif kind.startswith("cif"):
        text = f"{first}\n{bad}\n{last}"
        path.write_bytes(gzip.compress(text.encode()) if kind.endswith("gz") else text.encode())
    else:
        table = io.StringIO()
        csv.writer(table).writerows([["material_id", "cif"], ["mp-1", first], ["mp-2", bad], ["mp-3", last]])
        text = table.getvalue()
        path.write_bytes(gzip.compress(text.encode()) if kind.endswith("gz") else text.encode())
    rows = rows_of(athanor(path.name, "--json"))
    labels = ["mp-1", "mp-2", "mp-3"] if kind.startswith("csv") else ["1", "2", "3"]
    assert [row["name"] for row in rows] == [f"{path.name}#{label}" for label in labels]
    assert [row["formula"] for row in rows] == ["MgO", "", "NaCl"]
    assert [bool(row["refusal"]) for row in rows] == [False, True, False]
    alone = {row["formula"]: row["values"] for row in rows_of(athanor("good", "--json"))}
    for row in (rows[0], rows[2]):
        for name, value in row["values"].items():
            assert value["mean"] == pytest.approx(alone[row["formula"]][name]["mean"], rel=1e-5)


def test_crystals_before_the_damage_of_a_file_are_predicted(athanor: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "cut.xyz"
    ase.io.write(path, to_atoms(to_crystal(ROCKSALT)), format="extxyz")
    path.write_text(path.read_text() + "nonsense\n")
    first, rest = rows_of(athanor("cut.xyz", "--json"))
    assert (first["formula"], first["refusal"]) == ("MgO", None)
    assert (first["name"], rest["name"]) == ("cut.xyz#1", "cut.xyz")
    assert "begins with its number of atoms, not with 'nonsense'" in rest["refusal"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.extxyz", b'0\nLattice="4 0 0 0 4 0 0 0 4" pbc="T T T"\n', "0 atoms"),
        ("empty.cif", b"", "0 atoms"),
        ("empty.json", b"[]", "holds no crystal"),
        ("cut.json", b'[{"latt', "does not parse"),
        ("binary.cif", b"\xff\xfe\xfa", "cannot be read as text"),
        ("cut.csv.gz", gzip.compress(b"material_id,cif\nmp-1,data_x")[:-9], "does not parse"),
        ("plain.cif.gz", b"data_x", "cannot be read as text"),
        ("table.csv", b"a,b\n1,2\n", "a table of crystals needs a column `cif`; there are: a, b"),
        ("short.csv", b"a,cif\n1\n", "0 atoms"),
        ("huge.xyz", b"99999999999999\nno end\n", "cut off: 99999999999999 atoms are announced, 0 follow"),
        ("minus.xyz", b"-3\nno end\n", "does not parse"),
    ],
)
def test_a_bad_file_becomes_a_row_that_says_why(
    athanor: Callable[..., Result], tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    result = athanor(name, "good/salt.vasp", "--json")
    assert result.exit_code == 1
    bad, good = rows_of(result)
    assert bad["name"] == name
    assert says in bad["refusal"]
    assert bad["values"] == {}
    assert good["refusal"] is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.cif"], "nowhere.cif: no such file or folder"),
        (["good", "nowhere"], "nowhere: no such file or folder"),
        (["good/notes.docx"], "good/notes.docx: unknown kind of file; allowed: CIF"),
        (["empty"], "empty: the folder holds no crystal; allowed: CIF"),
        (["good", "--json", "--csv"], "--json and --csv"),
        ([], "Missing argument"),
        (["good", "--model", "nowhere.safetensors"], "nowhere.safetensors: no such weights file"),
    ],
)
def test_a_wrong_call_ends_with_2_before_anything_is_predicted(
    athanor: Callable[..., Result], made_up: VolumePredictor, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "good" / "notes.docx").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "trials.csv").write_text("trial\n1\n")
    result = athanor(*arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""
    assert made_up.asked == []
    assert "Traceback" not in result.output


def test_a_model_of_ones_own(athanor: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = VolumePredictor()
    own.name = "own"
    monkeypatch.setattr(predictors, "load_predictor", lambda path: own if path == Path("own.safetensors") else None)
    assert json.loads(athanor("good", "--model", "own.safetensors", "--json").stdout)["predictor"] == "own"


def test_many_crystals_make_several_tables_and_one_end(athanor: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "many.json").write_text(json.dumps([to_crystal(SALT * (1, 1, 1)).model_dump()] * 300))
    result = athanor("many.json")
    assert result.exit_code == 0
    assert result.stdout.count("formula") == 2
    assert result.stdout.count("many.json#") == 300
    assert "300 crystals: 300 predicted" in result.stdout


@pytest.mark.parametrize("format_", ["--json", "--csv"])
def test_the_bar_stays_out_of_the_output(athanor: Callable[..., Result], format_: str) -> None:
    call = ["predict", "good", format_]
    shown = CliRunner().invoke(app, call, env={"TTY_COMPATIBLE": "1", "COLUMNS": "100"})
    assert "2 crystals" in shown.stderr
    assert "100 %" in shown.stderr
    assert shown.stdout == athanor("good", format_).stdout


def test_files_are_read_when_their_turn_comes(
    athanor: Callable[..., Result], made_up: VolumePredictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "many.json").write_text(json.dumps([to_crystal(SALT).model_dump()] * 256))
    said = made_up.predict

    def and_break(structures: Any) -> Any:
        (tmp_path / "good" / "salt.vasp").write_text("nothing")
        return said(structures)

    made_up.predict = and_break  # type: ignore[method-assign]
    *many, last = rows_of(athanor("many.json", "good/salt.vasp", "--json"))
    assert all(row["refusal"] is None for row in many)
    assert last["refusal"]


def test_the_help_and_a_wrong_path_load_no_network(tmp_path: Path) -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from athanor.agent.cli import app\n"
        "print(CliRunner().invoke(app, sys.argv[1:]).exit_code, *{n.split('.')[0] for n in sys.modules})\n"
    )
    for arguments, exit_code, heavy in ((["--help"], "0", {"torch", "pymatgen"}), ([str(tmp_path)], "2", {"torch"})):
        call = [sys.executable, "-c", code, "predict", *arguments]
        done = subprocess.run(call, capture_output=True, text=True, timeout=120, check=True)
        ended, *loaded = done.stdout.split()
        assert ended == exit_code
        assert not heavy & set(loaded)
