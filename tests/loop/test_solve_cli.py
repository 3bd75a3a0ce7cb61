"""`athanor solve`: what it prints, what it writes, how it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from matplotlib.image import imread
from typer.testing import CliRunner, Result

from athanor.agent.solve_cli import solve
from athanor.memory.errors import UserError
from athanor.tools.solving.closed_forms import laser_flash


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command alone, beside a trace and a problem file."""
    t = np.linspace(0.0005, 0.2, 150)
    values = laser_flash(t, 12e-6, 1e-3, 0.1, 1e-3, 1.5) + 0.015 * np.random.default_rng(1).standard_normal(150)
    rows = "\n".join(f"{1e3 * time:.5f},{value:.6f},0.015" for time, value in zip(t, values, strict=True))
    (tmp_path / "trace.csv").write_text(f"t [ms],temperature [K],deviation [K]\n{rows}\n")
    (tmp_path / "flash.yaml").write_text("problem: laser_flash\nname: sample 7\n")
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(solve)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_a_trace_becomes_a_diffusivity_with_its_deviation(command: Callable[..., Result]) -> None:
    result = command("flash.yaml", "--data", "trace.csv", "--json", "--no-check")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    found = {one["name"]: one for one in document["inferred"]}
    assert found["diffusivity"]["unit"] == "mm2/s"
    assert abs(found["diffusivity"]["value"] - 12) < 4 * found["diffusivity"]["deviation"] < 1.2
    assert document["problem"] == "sample 7"
    assert document["loss"]["objective"] == "data MSE + λ · residual MSE"


def test_text_and_pictures_say_what_was_done(command: Callable[..., Result], tmp_path: Path) -> None:
    result = command("heat", "--plot", "pictures")
    assert result.exit_code == 0, result.output
    assert "Solved by random tanh features, one QR solve" in result.stdout
    assert "Finite differences (80 intervals) differ by" in result.stdout
    for name in ("field", "residual", "losses"):
        assert np.ptp(imread(tmp_path / "pictures" / f"{name}.png")[..., :3]) > 0.5
    page = (tmp_path / "pictures" / "heat.html").read_text("utf-8")
    assert "finite differences" in page


def test_what_is_not_there_is_refused_with_what_is(command: Callable[..., Result]) -> None:
    result = command("wave")
    assert isinstance(result.exception, UserError)
    assert "registered; heat, diffusivity, steady" in str(result.exception)
