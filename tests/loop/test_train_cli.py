"""`athanor train gnn`: tiny trainings from file to weights, interrupted and resumed ones, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from inspect import signature
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from rich.console import Console
from typer.testing import CliRunner, Result

from athanor.agent import executors, train_cli
from athanor.agent.cli import app
from athanor.agent.executors import InlineExecutor
from athanor.agent.views.training import TrainingView
from athanor.models.gnn import Shape
from athanor.models.pretrained.embedding import N_FEATURES
from athanor.models.pretrained.storage import load_features
from athanor.models.target import BAND_GAP, FORMATION_ENERGY
from athanor.models.training.settings import Progress, TrainingSettings
from athanor.models.weights import load_ensemble
from athanor.tools.labelled import teach

METALS, ANIONS = ("Li", "Na", "K", "Rb", "Cs", "Cu", "Ag", "Tl"), ("F", "Cl", "Br", "I", "H")
SMALL = Shape(width=8, layers=1, gaussians=8)
TARGETS = ["--target", "formation_energy_per_atom", "band_gap"]


@cache
def salts(stretched: float) -> tuple[dict[str, Any], ...]:
    """Rows of 40 rock salts and 40 caesium chlorides whose labels follow from what they are."""
    rows = []
    for (m, metal), (a, anion), is_rocksalt in product(enumerate(METALS), enumerate(ANIONS), (True, False)):
        length = stretched * (4.5 + 0.1 * m + 0.15 * a)
        half = length / 2
        vectors = [[0, half, half], [half, 0, half], [half, half, 0]] if is_rocksalt else np.eye(3) * 0.65 * length
        structure = Structure(Lattice(vectors), [metal, anion], [[0, 0, 0], [0.5, 0.5, 0.5]])
        rows.append(
            {
                "material_id": f"{metal}{anion}-{is_rocksalt}-{stretched}",
                "cif": str(structure.to(fmt="cif")),
                "formation_energy_per_atom": -2.0 + 0.2 * m + 0.1 * a * is_rocksalt,
                "band_gap": max(0.0, 4.0 - 0.8 * m + 0.2 * a),
            }
        )
    return tuple(rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `training.csv` and `validation.csv`, 80 crystals each."""
    for name, stretched in (("training", 1.0), ("validation", 1.1)):
        table = io.StringIO()
        writer = csv.DictWriter(table, list(salts(stretched)[0]))
        writer.writeheader()
        writer.writerows(salts(stretched))
        (tmp_path / f"{name}.csv").write_text(table.getvalue())
    return tmp_path


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks, trained in this process whatever the number of crystals."""
    monkeypatch.setattr(teach, "FEW", 0)
    original = TrainingSettings.__init__

    def small(self: TrainingSettings, **given: int) -> None:
        original(self, **given, shape=SMALL, batch=16)

    monkeypatch.setattr(TrainingSettings, "__init__", small)
    monkeypatch.setattr(executors, "process_pool", lambda workers: InlineExecutor)


@pytest.fixture
def athanor(folder: Path) -> Callable[..., Result]:
    """Call `athanor train gnn` in this process with a folder for the results."""

    def call(*arguments: str, out: str = "out") -> Result:
        standing = ["--data", str(folder / "training.csv"), "--out", str(folder / out), "--workers", "1"]
        previous = signal.getsignal(signal.SIGTERM)
        try:
            return CliRunner().invoke(app, ["train", "gnn", *standing, *arguments], env={"COLUMNS": "100"})
        finally:
            signal.signal(signal.SIGTERM, previous)

    return call


def tiny(folder: Path, *more: str) -> list[str]:
    return [*TARGETS, "--validation", str(folder / "validation.csv"), "--members", "2", "--epochs", "2", *more]


# Networks


@pytest.mark.usefixtures("networks")
def test_a_tiny_training_from_files_to_weights(athanor: Callable[..., Result], folder: Path) -> None:
    result = athanor(*tiny(folder))
    assert result.exit_code == 0, result.stderr
    out = folder / "out"
    ensemble = load_ensemble(out / "weights.safetensors")
    assert ensemble.targets == (FORMATION_ENERGY, BAND_GAP)
    assert len(ensemble.members) == 2
    text = " ".join(result.stdout.split())
    assert "--data: 80 crystals, 80 labels of formation energy, 80 of band gap" in text
    assert "80 crystals to learn from, 0 or more: 2 networks of their own are trained" in text
    for member, epoch in product((1, 2), (1, 2)):
        assert f"network {member}, pass {epoch} of 2: validation error formation energy " in text
    assert f"athanor predict FILE --model {out / 'weights.safetensors'}" in text.replace(" /", " /")
    figures = json.loads((out / "figures.json").read_text())
    assert figures["mode"] == "network"
    assert figures["n_training"] == 80
    assert figures["n_deciding"] + figures["n_judging"] == 80
    assert set(figures["figures"]) == {"formation_energy", "band_gap"}
    for name, figure in figures["figures"].items():
        assert 0 < figure["mean_absolute_error"] < 10, name
        assert 0 <= figure["coverage"] <= 1, name
        assert 0 <= figure["miscalibration_area"] <= 0.5, name
    row = next(line for line in result.stdout.splitlines() if line.startswith("formation energy "))
    assert f"{figures['figures']['formation_energy']['coverage']:.3f}" in row


@pytest.mark.usefixtures("networks")
def test_json_is_one_document(athanor: Callable[..., Result], folder: Path) -> None:
    result = athanor(*tiny(folder, "--json"))
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["weights"] == str(folder / "out" / "weights.safetensors")
    assert document["notes"] == {"data": [], "validation": []}
    figures = json.loads((folder / "out" / "figures.json").read_text())
    assert document["figures"] == figures["figures"]
    assert len(document["pictures"]) == len(document["figures"])
    for page in map(Path, document["pictures"]):
        property_name = page.name.removesuffix("-quality.html")
        assert document["name"] in page.read_text(encoding="utf-8")
        assert (page.parent / f"{property_name}-parity.png").stat().st_size > 5000


class Interrupting(InlineExecutor):
    """Is interrupted when the second member is due."""

    def __init__(self) -> None:
        self.submitted = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.submitted += 1
        if self.submitted == 2:
            raise KeyboardInterrupt
        return super().submit(fn, *args, **kwargs)


@pytest.mark.usefixtures("networks")
def test_an_interrupted_training_is_resumed_to_the_same_weights(
    athanor: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(executors, "process_pool", lambda workers: Interrupting)
        result = athanor(*tiny(folder))
    assert result.exit_code == 130
    told = " ".join(result.stderr.split())
    assert f"every whole pass is kept in {folder / 'out'}" in told.replace("- ", "-")
    assert "--resume" in told
    assert athanor(*tiny(folder)).exit_code == 2
    other = athanor(*tiny(folder, "--resume", "--seed", "7"))
    assert other.exit_code == 2
    assert "begun with settings.seed 0, this is 7" in other.stderr
    assert athanor(*tiny(folder, "--resume")).exit_code == 0
    assert athanor(*tiny(folder), out="whole").exit_code == 0
    resumed, whole = (load_ensemble(folder / name / "weights.safetensors") for name in ("out", "whole"))
    for one, other_member in zip(resumed.members, whole.members, strict=True):
        for name, value in one.state_dict().items():
            assert value.equal(other_member.state_dict()[name]), name


@pytest.mark.usefixtures("networks")
def test_a_damaged_checkpoint_is_told(athanor: Callable[..., Result], folder: Path) -> None:
    assert athanor(*tiny(folder)).exit_code == 0
    (checkpoint,) = (folder / "out" / "checkpoints").glob("member-2.checkpoint")
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    result = athanor(*tiny(folder, "--resume"))
    assert result.exit_code == 2
    assert "member-2.checkpoint: the checkpoint cannot be read" in result.stderr


@pytest.mark.usefixtures("networks")
def test_too_few_held_out_labels_are_refused_before_training(athanor: Callable[..., Result], folder: Path) -> None:
    result = athanor(*TARGETS, "--members", "2", "--epochs", "1")
    assert result.exit_code == 2
    assert "of the 8 held-out crystals have a label of formation_energy" in result.stderr
    assert "--validation FILE" in result.stderr
    assert not (folder / "out" / "checkpoints").exists()


SCRIPT = """
if __name__ == "__main__":
    from athanor.agent.cli import main
    from athanor.models.gnn import Shape
    from athanor.models.training.settings import TrainingSettings
    from athanor.tools.labelled import teach

    teach.FEW, original = 0, TrainingSettings.__init__
    small = {"shape": Shape(16, 2, 12), "batch": 8, "patience": 100000}
    TrainingSettings.__init__ = lambda self, **given: original(self, **given, **small)
    main()
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_training_goes_on_in_processes(folder: Path, number: signal.Signals) -> None:
    script = folder / "script.py"
    script.write_text(SCRIPT)
    patience = [*tiny(folder)[:-1], "100000", "--data", str(folder / "training.csv"), "--out", str(folder / "out")]
    command = [sys.executable, str(script), "train", "gnn", *patience, "--workers", "1"]
    environment = {**os.environ, "ATHANOR_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    history = folder / "out" / "checkpoints" / "member-1.jsonl"

    def passes() -> int:
        return history.read_text().count("}") if history.exists() else 0

    def started() -> subprocess.Popen[str]:
        run = subprocess.Popen(
            [*command, *(["--resume"] if passes() else [])],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wanted, until = passes() + 3, time.monotonic() + 200
        while passes() < wanted and run.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        return run

    with started() as run:
        before = passes()
        assert before >= 3, run.communicate()[1]
        run.send_signal(number)
        _, told = run.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert run.returncode == -signal.SIGKILL
    else:
        assert run.returncode == 130, told
        assert "Go on with: the same command and --resume" in told
        assert "Traceback" not in told
    with started() as again:
        assert passes() >= before + 3, again.communicate()[1]
        epochs = [json.loads(line)["epoch"] for line in history.read_text().splitlines() if line.endswith("}")]
        again.kill()
    assert epochs[before] >= before - 1
    assert max(epochs) > before


# Features


@pytest.fixture
def features(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Made-up features that tell everything of a salt; how many crystals were embedded, call by call."""
    asked: list[int] = []

    def made_up(structures: list[Structure]) -> Any:
        asked.append(len(structures))
        found = np.zeros((len(structures), N_FEATURES), dtype=np.float32)
        for k, structure in enumerate(structures):
            numbers = sorted(structure.atomic_numbers)
            found[k, :24:8] = structure.volume / 50
            found[k, 1:24:8] = METALS.index(next(s.symbol for s in structure.elements if s.symbol in METALS))
            found[k, [-94 + number - 1 for number in numbers]] = 0.5
        return found

    monkeypatch.setattr(teach, "features", made_up)
    return asked


def test_few_crystals_are_learned_from_by_features(
    athanor: Callable[..., Result], folder: Path, features: list[int]
) -> None:
    result = athanor(*TARGETS)
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "8 of 80 crystals are held out, chosen by composition" in text
    assert "72 crystals to learn from, fewer than 4500: Gaussian processes on the features of a pretrained" in text
    assert "8 held-out crystals give these figures, of a predictor that learned from 72" in text
    assert sum(features) == 80
    predictor = load_features(folder / "out" / "weights.safetensors")
    assert predictor.targets == (FORMATION_ENERGY, BAND_GAP)
    assert len(predictor.labels) == 80
    figures = json.loads((folder / "out" / "figures.json").read_text())
    assert figures["mode"] == "features"
    assert figures["figures"]["formation_energy"]["mean_absolute_error"] < 0.3


def test_crystals_named_for_validation_are_never_learned_from(
    athanor: Callable[..., Result], folder: Path, features: list[int]
) -> None:
    result = athanor(*TARGETS, "--validation", str(folder / "validation.csv"), "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["mode"], document["n_training"], document["n_judging"]) == ("features", 80, 80)
    assert len(load_features(folder / "out" / "weights.safetensors").labels) == 80


def test_crystals_in_both_files_are_told(athanor: Callable[..., Result], folder: Path, features: list[int]) -> None:
    lines = (folder / "training.csv").read_text()
    (folder / "validation.csv").write_text(lines)
    result = athanor(*TARGETS, "--validation", str(folder / "validation.csv"))
    assert result.exit_code == 2
    assert "crystals of --data that are not held out: 0 labels of formation_energy; 20 or more are needed" in " ".join(
        result.stderr.split()
    )


# What it refuses


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--target", "hardness"], "--target 'hardness': not known by name"),
        (["--target", "hardness=hardness:GPa"], "no column 'hardness'; there are: material_id, "),
        (["--target", "band_gap", "--data", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--target", "band_gap", "--validation", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--target", "band_gap", "--resume"], "no training was begun there"),
        (["--target", "band_gap", "--members", "1"], "--members"),
        (["--target", "band_gap", "--epochs", "0"], "--epochs"),
        (["--target", "band_gap", "--out", "training.csv"], "--out training.csv: cannot be made"),
        ([], "--target"),
    ],
)
def test_a_wrong_call_is_refused(
    athanor: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(folder)
    result = athanor(*arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output
    assert not (folder / "out" / "weights.safetensors").exists()


def test_several_files_stand_behind_one_option(
    athanor: Callable[..., Result], folder: Path, features: list[int]
) -> None:
    both = ["--data", str(folder / "training.csv"), str(folder / "validation.csv")]
    result = CliRunner().invoke(app, ["train", "gnn", *both, *TARGETS, "--out", str(folder / "o"), "--workers", "1"])
    assert result.exit_code == 0, result.stderr
    assert "--data: 160 crystals, 160 labels of formation energy, 160 of band gap" in result.stdout


def test_defaults_are_those_of_the_settings() -> None:
    given = {name: parameter.default for name, parameter in signature(train_cli.gnn).parameters.items()}
    standard = TrainingSettings()
    assert (given["members"], given["epochs"], given["seed"]) == (standard.members, standard.epochs, standard.seed)


# What is shown


def test_a_terminal_gets_a_bar_for_each_network() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    with TrainingView(console, (FORMATION_ENERGY, BAND_GAP)) as view:
        view.read(40, 80)
        view.learned(Progress(1, 3, 60, 0.5, (0.0412, 0.25), 9.0, finished=False))
        view.learned(Progress(2, 30, 60, 0.5, (0.05, 0.3), 9.0, finished=True))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "reading crystals" in shown
    assert "3/60" in shown
    assert "validation error formation energy 0.0412 eV/atom, band gap 0.250 eV" in shown
    assert "30/30" in shown
    assert "stopped early" in shown
