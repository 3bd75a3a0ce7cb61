"""`athanor benchmark generate`: its table, its document, what it keeps, and what it refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up_latent_model import CRYSTALS, MadeUpLatentModel
from pymatgen.core import Structure
from typer.testing import CliRunner, Result
from volume_predictor import VolumePredictor

from athanor.agent import executors
from athanor.agent.cli import app
from athanor.agent.executors import InlineExecutor
from athanor.memory.records import Candidate, Crystal, Failure, Measurement, Outcome
from athanor.tools import latent_model as latent_models
from athanor.tools import predictor as predictors
from athanor.tools.crystals.wyckoff import from_wyckoff
from athanor.tools.evaluation import relaxations

BATCH = ["--samples", "12", "--reference", "train.csv", "val.csv"]


class Oracle:
    """Finds every crystal with magnesium or calcium on the hull, and loses those with silicon."""

    def __init__(self) -> None:
        self.asked = 0
        self.breaks_at = -1

    def evaluate(self, candidate: Candidate) -> Outcome:
        if self.asked == self.breaks_at:
            raise KeyboardInterrupt
        self.asked += 1
        assert isinstance(candidate.content, Crystal)
        species = set(candidate.content.species)
        if "Si" in species:
            return Outcome(failure=Failure(kind="unconverged", message="after 100 steps"))
        height = 0.0 if species & {"Mg", "Ca"} else 0.3
        energy = Measurement(
            property="energy_above_hull", value=height, unit="eV/atom", method="simulated", source="made up"
        )
        details: dict[str, Any] = {"spacegroup": 225, "known_as": None, "cpu_seconds": {"relaxation": 60.0}}
        return Outcome(measurements=(energy,), crystal=candidate.content, details=details)


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Oracle:
    """What relaxes crystals."""
    made = Oracle()
    monkeypatch.setattr(relaxations, "_oracle", lambda: made)
    return made


def table(path: Path, structures: list[Structure]) -> None:
    with path.open("w", newline="") as stream:
        rows = [[f"mp-{k}", str(structure.to(fmt="cif"))] for k, structure in enumerate(structures)]
        csv.writer(stream).writerows([["material_id", "cif"], *rows])


@pytest.fixture
def athanor(oracle: Oracle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call the command in this process, beside `train.csv` (four crystals) and `val.csv` (two)."""
    monkeypatch.setattr(executors, "process_pool", lambda workers: InlineExecutor)
    monkeypatch.setattr(latent_models, "load_latent_model", lambda path: MadeUpLatentModel())
    monkeypatch.setattr(predictors, "shipped_predictor", VolumePredictor)
    monkeypatch.chdir(tmp_path)
    structures = [from_wyckoff(crystal) for crystal in CRYSTALS]
    table(tmp_path / "train.csv", structures[:4])
    table(tmp_path / "val.csv", structures[3:5])
    return lambda *arguments: CliRunner().invoke(app, ["benchmark", "generate", *arguments], env={"COLUMNS": "100"})


def figures(result: Result, source: int = 0) -> dict[str, dict[str, Any]]:
    assert result.exit_code == 0, result.output
    found: dict[str, dict[str, Any]] = json.loads(result.stdout)["sources"][source]["figures"]
    return found


def test_the_table_begins_with_raw_validity_and_has_a_column_a_source(athanor: Callable[..., Result]) -> None:
    result = athanor(*BATCH, "--relax", "4")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    head = lines.index(["vae", "substitution", "random"])
    assert lines[head + 1][:6] == ["raw", "validity", "100.0", "%", "of", "12"]
    text = " ".join(result.stdout.split())
    for words in ("composition (SMACT)", "new template", "S.S.U.N. at 0.08 eV/atom", "space groups, divergence"):
        assert words in text
    assert "vae: made-up latent model 1, fitted prior" in text
    assert "energy above the hull of the known phases, not density functional theory's" in text


def test_the_document_says_all_that_the_figures_hold_for(athanor: Callable[..., Result], tmp_path: Path) -> None:
    result = athanor(*BATCH, "--source", "vae", "--seed", "7", "--json", "--out", "figures.json")
    found = json.loads(result.stdout)
    assert found == json.loads((tmp_path / "figures.json").read_text())
    assert found["conditions"]["packages"]["smact"]
    assert found["conditions"]["processor"]
    assert found["settings"]["seed"] == 7
    assert found["settings"]["files"] == [
        {"file": "train.csv", "crystals": 4, "left_out": 0},
        {"file": "val.csv", "crystals": 2, "left_out": 0},
    ]
    own = figures(result)
    assert next(iter(own)) == "raw_validity"
    assert own["raw_validity"]["n"] == 12
    assert 0 < own["unique"]["value"] < 1
    assert own["unique"]["lower"] < own["unique"]["value"] < own["unique"]["upper"]
    assert own["spacegroups"]["unit"] == "bit"


def test_relaxations_are_made_once(athanor: Callable[..., Result], oracle: Oracle) -> None:
    call = [*BATCH, "--source", "vae", "--relax", "12", "--json"]
    first = athanor(*call)
    distinct = oracle.asked
    assert 0 < distinct <= len(CRYSTALS)
    own = figures(first)
    assert own["sun"]["n"] == own["relaxed"]["n"] == 12
    # Lime is stable and not among the references; the eight crystals hold no other such.
    assert own["sun"]["value"] in (0.0, 1 / 12)
    assert own["stable"]["value"] > own["sun"]["value"]
    assert figures(athanor(*call)) == own
    assert oracle.asked == distinct


def test_an_interruption_ends_with_130_and_says_how_to_go_on(athanor: Callable[..., Result], oracle: Oracle) -> None:
    oracle.breaks_at = 1
    result = athanor(*BATCH, "--source", "vae", "--relax", "12")
    assert result.exit_code == 130
    assert "relaxed: the same command goes on" in " ".join(result.stderr.split())


def test_held_out_crystals_are_reconstructed(athanor: Callable[..., Result]) -> None:
    own = figures(athanor("--samples", "12", "--reconstruct", "val.csv", "--json"))
    assert own["reconstruction_match"]["value"] == 1.0
    assert own["reconstruction_match"]["n"] == 2
    assert own["reconstruction_rmse"]["value"] == pytest.approx(0.0, abs=1e-4)
    assert "novel" not in own


def test_failed_relaxations_are_told_of(athanor: Callable[..., Result]) -> None:
    result = athanor("--samples", "30", "--relax", "30")
    assert result.exit_code == 0, result.output
    assert "unconverged" in result.stdout
    assert "relaxing" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--source", "gan"], "--source gan: no such source; allowed: vae, substitution, random"),
        (["--source", "random"], "--source random: draws from training crystals; --reference FILE names them"),
        (["--reference", "nowhere.csv"], "nowhere.csv: no such file or folder"),
        (["--reconstruct", "nowhere.csv"], "nowhere.csv: no such file or folder"),
        (["--samples", "5", "--relax", "6"], "--relax 6: only 5 samples are made"),
        (["--source", "random", "--reference", "train.csv", "--reconstruct", "val.csv"], "--source vae is needed"),
        (["--out", "nowhere/figures.json"], "--out nowhere/figures.json: no such folder"),
        (["--samples", "0"], "Invalid value for '--samples': Input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_call_ends_with_2_before_anything_is_made(
    athanor: Callable[..., Result], tmp_path: Path, arguments: list[str], says: str
) -> None:
    result = athanor(*arguments)
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""
    assert "Traceback" not in result.output
    assert not (tmp_path / "athanor-home").exists()


def test_the_bars_stay_out_of_the_document(athanor: Callable[..., Result]) -> None:
    call = ["benchmark", "generate", "--samples", "2", "--json"]
    shown = CliRunner().invoke(app, call, env={"TTY_COMPATIBLE": "1", "COLUMNS": "100"})
    assert set(json.loads(shown.stdout)) == {"conditions", "settings", "sources"}
