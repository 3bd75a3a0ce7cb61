"""`athanor train vae`: from files and campaigns to weights, killed and resumed, and what it refuses."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import pytest
from labelled_files import write_csv
from made_up_campaign import entries, events
from rich.console import Console
from typer.testing import CliRunner, Result
from vae_lessons import salts, use_small_networks

from athanor.agent import assemble, executors, train_vae_cli
from athanor.agent.cli import app
from athanor.agent.executors import InlineExecutor
from athanor.agent.views.vae_training import VaeTrainingView
from athanor.models.target import BAND_GAP, FORMATION_ENERGY
from athanor.models.vae.settings import Bound, VaePass, VaeSettings
from athanor.models.vae.weights import load_vae
from athanor.tools import latent_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `salts.csv` and `longer.csv`, 48 crystals each."""
    made = tmp_path_factory.mktemp("files")
    write_csv(made / "salts.csv", salts())
    write_csv(made / "longer.csv", salts(1.1))
    return made


@pytest.fixture
def athanor(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call `athanor train vae` in this process, with small networks; its results go to `tmp_path / "out"`."""
    use_small_networks(monkeypatch)
    monkeypatch.setattr(executors, "process_pool", lambda workers: InlineExecutor)

    def call(*arguments: str, data: bool = True) -> Result:
        standing = ["--out", str(tmp_path / "out"), "--processes", "1", "--home", str(folder / "home")]
        given = ["--data", str(folder / "salts.csv")] if data else []
        previous = signal.getsignal(signal.SIGTERM)
        try:
            return CliRunner().invoke(app, ["train", "vae", *given, *arguments, *standing], env={"COLUMNS": "120"})
        finally:
            signal.signal(signal.SIGTERM, previous)

    return call


def test_from_a_file_to_weights(athanor: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    result = athanor("--epochs", "2")
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert (
        "salts.csv: 48 crystals, formation_energy in column formation_energy_per_atom, band_gap in column band_gap, "
        "energy_above_hull in column e_above_hull"
    ) in text
    assert "to learn from: 44 crystals, 44 labels of formation energy" in text
    assert "held out: 4 crystals, chosen by composition" in text
    for epoch in (1, 2):
        assert f"pass {epoch} of 2: held out: reconstruction −" in text
    assert "at most 0 s left" in text or " s left" in text
    weights = tmp_path / "out" / "weights.safetensors"
    assert f"Use it with: athanor generate --weights {weights}" in result.stdout
    assert load_vae(weights).n_latent == 4
    assert (tmp_path / "out" / "pictures" / "training.png").stat().st_size > 5000
    assert "Athanor VAE (44 crystals)" in (tmp_path / "out" / "pictures" / "training.html").read_text()
    figures = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert f"{figures['best']['accuracy']:.3f}" in text
    assert [str(folder / "salts.csv")] == figures["data"]
    again = athanor("--epochs", "2")
    assert again.exit_code == 2
    assert "holds a training; --resume goes on with it" in " ".join(again.stderr.split())
    assert athanor("--epochs", "2", "--resume", "--seed", "7").exit_code == 2


def test_json_is_one_document(athanor: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    result = athanor("--epochs", "1", "--latent", "3", "--validation", str(folder / "longer.csv"), "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["weights"] == str(tmp_path / "out" / "weights.safetensors")
    assert (document["n_training"], document["n_validation"], document["best"]["latent"]) == (48, 48, 3)
    assert document["settings"]["beta"] == VaeSettings().beta


def test_it_learns_on_and_from_a_campaign(
    athanor: Callable[..., Result], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = entries(events(60))
    ledger = assemble.open_home(folder / "home")
    with ledger.writer("stiff", "test"):
        ledger.append("stiff", [entry.event for entry in told])
    first = athanor("--campaign", "stiff", "--epochs", "1", data=False)
    assert first.exit_code == 0, first.output
    assert "campaign stiff: " in first.stdout
    weights = tmp_path / "first.safetensors"
    (tmp_path / "out" / "weights.safetensors").rename(weights)
    (tmp_path / "out").rename(tmp_path / "old")
    monkeypatch.setattr(latent_model, "SHIPPED", weights)
    latent_model.load_latent_model.cache_clear()
    both = athanor("--campaign", "stiff", "--from", "shipped", "--epochs", "1")
    assert both.exit_code == 0, both.output
    assert "an element that the VAE to begin with never saw" in both.stdout
    begun = load_vae(weights)
    assert f"it begins with {begun.name}" in both.stdout
    assert load_vae(tmp_path / "out" / "weights.safetensors").elements == begun.elements
    latent_model.load_latent_model.cache_clear()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--validation", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--campaign", "nothing"], "no campaign named 'nothing'"),
        (["--resume"], "no training was begun there"),
        (["--from", "nowhere.safetensors"], "nowhere.safetensors: no such weights file"),
        (["--from", "salts.csv"], "salts.csv: cannot be read as weights"),
        (["--from", "shipped", "--latent", "8"], "those weights have their number of latent dimensions"),
        (["--epochs", "0"], "--epochs"),
        (["--beta", "-1"], "--beta"),
        (["--latent", "1"], "--latent"),
    ],
)
def test_a_wrong_call_is_refused(
    athanor: Callable[..., Result], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], says: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    result = athanor(*arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output
    assert not (tmp_path / "out" / "weights.safetensors").exists()


def test_nothing_to_learn_from_is_refused(athanor: Callable[..., Result]) -> None:
    result = athanor(data=False)
    assert result.exit_code == 2
    assert "--data FILE…, --campaign NAME, or both are needed" in " ".join(result.stderr.split())


def test_defaults_are_those_of_the_settings() -> None:
    given = {name: parameter.default for name, parameter in signature(train_vae_cli.vae).parameters.items()}
    standard = VaeSettings()
    assert (train_vae_cli.WORKERS, given["seed"]) == (standard.processes, standard.seed)
    assert given["processes"] is given["epochs"] is given["beta"] is given["latent"] is None


SCRIPT = """
if __name__ == "__main__":
    import sys
    sys.path.insert(0, sys.argv.pop(1))
    import pytest
    from vae_lessons import LEARNING, use_small_networks
    from athanor.agent.cli import main

    LEARNING["patience"] = 100000
    use_small_networks(pytest.MonkeyPatch())
    main()
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_training_goes_on_in_two_processes(folder: Path, tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    # A relative folder, as the default one is.
    command = [
        sys.executable, str(script), str(Path(__file__).parent), "train", "vae", "--data", str(folder / "salts.csv"),
        "--out", "out", "--epochs", "100000", "--processes", "2", "--home", str(folder / "home"),
    ]  # fmt: skip
    history = tmp_path / "out" / "passes.jsonl"

    def passes() -> list[int]:
        lines = history.read_text().splitlines() if history.exists() else []
        return [json.loads(line)["epoch"] for line in lines if line.endswith("}")]

    def started(wanted: int, *more: str) -> subprocess.Popen[str]:
        run = subprocess.Popen(
            [*command, *more],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + 250
        while len(passes()) < wanted and run.poll() is None and time.monotonic() < until:
            time.sleep(0.2)
        return run

    with started(2) as run:
        assert len(passes()) >= 2, run.communicate()[1]
        run.send_signal(number)
        _, told = run.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert run.returncode == -signal.SIGKILL
    else:
        assert run.returncode == 130, told
        assert "Go on with: the same command and --resume" in told
        assert "Traceback" not in told
    time.sleep(1.0)  # a killed parent's processes end by themselves
    before = passes()
    with started(len(before) + 2, "--resume") as again:
        after = passes()
        again.kill()
        assert len(after) >= len(before) + 2, again.communicate()[1]
    assert after[len(before)] in (before[-1], before[-1] + 1)
    assert after[-1] > before[-1]


def test_a_terminal_gets_a_bar_and_the_terms() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=160, color_system=None)
    bound = Bound(-0.1, -0.44, -0.97, -10.78, -4.07, 61.53)
    errors = {"formation_energy": 0.1473, "band_gap": 0.3154}
    done = VaePass(16, 60, 0.1, bound, bound, 0.966, 0.365, 60, errors, 1080.0, finished=False)
    with VaeTrainingView(console, (FORMATION_ENERGY, BAND_GAP), 64) as view:
        view.counted("describing crystals", 40, 48)
        view.learned(done)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for text in (
        "describing crystals",
        "40/48",
        "16/60",
        "at most 49 min 30 s left",
        "reconstruction −16.36 nats (group −0.10, positions −0.44, elements −0.97, coordinates −10.78, lattice −4.07)",
        "KL 61.5 nats × beta 0.100",
        "right 0.966 (0.365 with another crystal's z), 60 of 64 latent dimensions in use",
        "errors: formation energy 0.147 eV/atom, band gap 0.315 eV",
    ):
        assert text in shown
