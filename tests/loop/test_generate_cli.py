"""`athanor generate`: what it prints and writes, and how it ends."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import made_up_predictor
import numpy as np
import pytest
from binary_latent_model import BinaryLatentModel
from made_up_latent_model import CRYSTALS, MadeUpLatentModel
from pymatgen.core import Lattice, Structure
from typer.testing import CliRunner, Result

from athanor.agent.cli import app
from athanor.tools import latent_model
from athanor.tools.crystals.read import read_crystals
from athanor.tools.inverse.cif import cif_text

Generate = Callable[..., Result]


@pytest.fixture
def generate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generate:
    """Call the command in this process, with a latent model without network, beside two crystals."""
    monkeypatch.setattr(latent_model, "load_latent_model", lambda path: BinaryLatentModel())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "salt.cif").write_text(cif_text(CRYSTALS[0], "salt"))
    (tmp_path / "lime.cif").write_text(cif_text(CRYSTALS[2], "lime"))
    return lambda *arguments: CliRunner().invoke(app, ["generate", *arguments], env={"COLUMNS": "110"})


def document(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_validity_comes_first_and_every_number_is_marked(generate: Generate) -> None:
    result = generate("-n", "3", "--with", "Na")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("Raw validity: ")
    assert "first decodes) are crystals with sound distances and volume." in lines[0]
    assert lines[1].startswith("with Na: 3 of 3 found")
    heads = " ".join(result.stdout.split())
    assert "eV/atom eV" in heads
    assert heads.count("predicted predicted") == 1
    assert "(predicted), by binary latent model 1. None is measured or simulated." in heads
    assert "Written to generated: 3 CIF files, generated.csv and generated.json." in heads
    assert result.stderr == ""


def test_files_hold_what_was_made_with_where_it_comes_from(generate: Generate, tmp_path: Path) -> None:
    found = document(generate("-n", "4", "--only", "Na,K Cl", "--seed", "5", "--out", "here", "--json"))
    assert (found["found"], found["wanted"], found["method"], found["seed"]) == (4, 4, "predicted", 5)
    assert found["raw_validity"] == found["valid"] / found["tried"]
    assert sum(found["faults"].values()) + found["found"] == found["tried"]
    with (tmp_path / "here" / "generated.csv").open() as file:
        rows = list(csv.DictReader(file))
    written = json.loads((tmp_path / "here" / "generated.json").read_text())
    for one, row, kept in zip(found["crystals"], rows, written["crystals"], strict=True):
        assert kept["file"] == row["file"] == Path(one["file"]).name
        assert kept["id"] == row["id"] == one["id"]
        assert row["method"] == "predicted"
        assert float(row["band_gap"]) == one["values"]["band_gap"]["value"]
        assert one["values"]["band_gap"]["method"] == "predicted"
        assert (row["tool"], row["version"], row["seed"]) == ("generate/vae", "binary latent model 1", "5")
        text = Path(one["file"]).read_text()
        assert text.startswith("# made by binary latent model 1, neither measured nor simulated\n# sampled: only Cl, K")
        assert f"_symmetry_Int_Tables_number {one['spacegroup']}\n" in text
        (read,) = read_crystals(Path(one["file"]))
        assert set(read.crystal.species) <= {"Na", "K", "Cl"}
        assert len(read.crystal.species) == one["n_atoms"] == int(row["atoms"])


def test_a_second_call_replaces_its_own_files_and_no_others(generate: Generate, tmp_path: Path) -> None:
    assert generate("-n", "3", "--out", "here").exit_code == 0
    (tmp_path / "here" / "mine.cif").write_text("mine")
    assert generate("-n", "1", "--seed", "1", "--out", "here").exit_code == 0
    files = sorted(path.name for path in (tmp_path / "here").glob("*.cif"))
    assert len(files) == 2
    assert files[1] == "mine.cif"
    assert (tmp_path / "here" / "mine.cif").read_text() == "mine"


def test_the_same_seed_gives_the_same_document(generate: Generate) -> None:
    one, other, third = (generate("-n", "2", "--seed", seed, "--json").stdout for seed in ("3", "3", "4"))
    assert one == other != third


def test_a_target_is_met_by_all_that_is_written(generate: Generate) -> None:
    found = document(generate("-n", "2", "--target", "band_gap=1.4±0.3", "--target", "formation_energy<=-1", "--json"))
    assert found["asked"] == "band_gap = 1.4 ± 0.3 eV; formation_energy <= -1 eV/atom"
    assert found["found"] == 2
    for one in found["crystals"]:
        assert abs(one["judged"]["band_gap"]["value"] - 1.4) <= 0.3
        assert one["judged"]["formation_energy"]["value"] <= -1
    assert found["judge"]


def test_a_gap_of_nothing_is_shown_as_0(generate: Generate, monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = {False: 3e-9, True: 2.0}
    monkeypatch.setattr(
        BinaryLatentModel,
        "properties",
        lambda _, points: {
            "formation_energy": np.zeros(len(points)),
            "band_gap": np.array([gaps[bool(n % 2)] for n in range(len(points))]),
        },
    )
    lines = generate("-n", "4").stdout.splitlines()
    rows = [line.split() for line in lines if line.split()[:1] and line.split()[0] in {"1", "2", "3", "4"}]
    assert {row[-1] for row in rows} == {"0", "2.000"}


def test_nothing_found_ends_with_1_and_says_why(generate: Generate) -> None:
    result = generate("-n", "2", "--tries", "4", "--elements", "3")
    assert result.exit_code == 1
    assert "Raw validity: 0.0 % (0 of 8 first decodes)" in result.stdout
    assert "3 elements: 0 of 2 found; thrown away: 8 dead ends of decoding." in result.stdout
    result = generate("-n", "1", "--tries", "6", "--target", "band_gap>=50")
    assert result.exit_code == 1
    assert "missed the target" in result.stdout
    assert "The nearest miss was" in result.stdout


def test_between_two_crystals(generate: Generate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_model, "load_latent_model", lambda path: MadeUpLatentModel())
    result = generate("--between", "salt.cif", "lime.cif", "-n", "3")
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert "between salt.cif and lime.cif; anything: 2 kept; thrown away: 3 found twice." in text
    assert "End point salt.cif comes back when it is encoded and decoded." in text
    assert "0.00 → 1, 0.25 → 1, 0.50 → 1, 0.75 → 2, 1.00 → 2." in text
    assert "Straight way of lattice and coordinates, for comparison: 5 of 5 steps are sound." in text
    way = document(generate("--between", "salt.cif", "lime.cif", "-n", "3", "--json"))["between"]
    assert (way["recovered"], way["steps"][2]) == ([True, True], {"share": 0.5, "crystal": 1, "fault": ""})
    assert len(way["straight"]) == 5


def test_around_a_crystal(generate: Generate) -> None:
    found = document(generate("--around", "salt.cif", "-n", "2", "--tries", "40", "--json"))
    assert found["way"] == "around"
    assert found["found"] == 2
    assert all(len(one["provenance"]["parents"]) == 1 for one in found["crystals"])


def test_optimise_asks_the_predictor(generate: Generate, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up_predictor.install(monkeypatch, lambda formula: made_up_predictor.Said(gap=3.0 if "O" in formula else 1.0))
    wanted = ("-n", "1", "--tries", "20", "--with", "O", "--optimise", "--target", "band_gap>=2")
    result = generate(*wanted)
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert "optimise band_gap >= 2 eV; with O: 1 of 1 found" in text
    assert "judged: by made-up predictor 1 (predicted)" in text
    found = document(generate(*wanted, "--json"))
    assert found["judge"] == "made-up predictor 1"
    assert found["crystals"][0]["judged"] == {"band_gap": {"value": 3.0, "unit": "eV", "method": "predicted"}}
    assert len(found["best"]) == found["judged"]


def test_pictures_are_drawn_when_asked_for(generate: Generate, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []

    def draw(outcome: Any, model: Any, folder: Path) -> list[Path]:
        drawn.append((outcome.way, model.name, folder))
        return [folder / "map.png"]

    module = ModuleType("athanor.agent.pictures.generated")
    module.generated_pictures = draw  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "athanor.agent.pictures.generated", module)
    result = generate("-n", "1", "--plot", "--out", "here")
    assert drawn == [("sample", "binary latent model 1", Path("here"))]
    assert "Picture: here/map.png" in result.stdout
    assert document(generate("-n", "1", "--plot", "--json"))["pictures"] == ["generated/map.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "Xy"), "'Xy' is no element"),
        (("--with", "Na", "--without", "Na"), "both wanted and banned"),
        (("--system", "cubic", "--spacegroup", "194"), "space group 194 is hexagonal, not cubic"),
        (("--target", "band_gap>=2", "--target", "band_gap<=1"), "targets contradict each other"),
        (("--target", "colour=2"), "the model does not know colour"),
        (("--target", "band_gap=highest"), "need --optimise"),
        (("--around", "none.cif"), "none.cif: no such file or folder"),
        (("--around", "partial.cif"), "partial occupancy"),
        (("--around", "big.cif"), "24 atoms in the primitive cell; the model knows crystals of up to 20"),
        (("--around", "gold.cif"), "Au: never seen in training"),
        (("--between", "salt.cif", "broken.cif"), "broken.cif: does not parse"),
        (("--between", "salt.cif", "lime.cif", "--around", "salt.cif"), "--between stands without"),
        (("--between", "salt.cif", "lime.cif", "--tries", "3"), "--tries is not allowed"),
        (("--optimise",), "--optimise needs a --target"),
        (("--out", "salt.cif/here", "-n", "1"), "a folder that can be written is needed"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_allowed(
    generate: Generate, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    Structure(Lattice.cubic(4.0), [{"Na": 0.5, "K": 0.5}, "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]).to(
        filename=str(tmp_path / "partial.cif")
    )
    rng = [[(i * 0.37) % 1, (i * 0.61) % 1, i / 24] for i in range(24)]
    Structure(Lattice.tetragonal(5.64, 60), ["Na", "Cl"] * 12, rng).to(filename=str(tmp_path / "big.cif"))
    Structure(Lattice.cubic(4.08), ["Au"], [[0, 0, 0]]).to(filename=str(tmp_path / "gold.cif"))
    (tmp_path / "broken.cif").write_text("data_x\n_cell_length_a 4.2\nloop_\n_atom_site_label\nMg1\n")
    result = generate(*arguments)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.output.replace("│", " ").split())
    assert "Traceback" not in result.output


def test_missing_weights_say_where_they_come_from(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["generate", "--weights", str(tmp_path / "none.safetensors")])
    assert result.exit_code == 2
    assert "no such weights file; `athanor train vae` writes one" in " ".join(result.output.split())
