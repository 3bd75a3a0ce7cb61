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


OWN = "def residual(u, du, at, p):\n    return du['t'] - p['a'] * du['xx'] + p['b'] * u\n"


def test_an_equation_of_ones_own_is_named_in_a_file(
    command: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_physics.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    t = np.repeat([0.05, 0.1, 0.2], 9)
    x = np.tile(np.linspace(0.1, 0.9, 9), 3)
    values = np.exp(-(0.4 * np.pi**2 + 1.5) * t) * np.sin(np.pi * x)
    rows = "\n".join(f"{a},{b},{c},0.001" for a, b, c in zip(x, t, values, strict=True))
    (tmp_path / "field.csv").write_text(f"x,t,temperature,deviation\n{rows}\n")
    (tmp_path / "own.yaml").write_text(
        "problem: heat\nequation: own_physics:residual\nderivatives: [t, xx]\n"
        "parameters: {a: {value: 0.4}, b: {unknown: number, low: 0.01, high: 100}}\n"
    )
    result = command("own.yaml", "--data", "field.csv", "--json", "--no-check")
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)["inferred"]
    assert abs(found["value"] - 1.5) < 1e-3
    assert 0 < found["deviation"] < 0.05


def test_levels_of_a_well_are_told_and_drawn(command: Callable[..., Result], tmp_path: Path) -> None:
    result = command("triangular_well", "--plot", "pictures")
    assert result.exit_code == 0, result.output
    assert "level 1: 0.0899112" in result.stdout
    assert np.ptp(imread(tmp_path / "pictures" / "levels.png")[..., :3]) > 0.5
    assert "level 3" in (tmp_path / "pictures" / "triangular_well.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("problem", "trace", "words"),
    [
        ("problem: laser_flash", "t,temperature\n1,1\n2,2\n", "2 values for 4 unknown numbers"),
        ("problem: laser_flash", "t [mm],temperature\n1,1\n", "a unit of the kind of s"),
        ("problem: laser_flash", "t,temperature\n1,nan\n", "leave rows without a measurement out"),
        ("problem: laser_flash", "t,temperature\n-1,0\n1,1\n2,2\n3,1\n4,1\n", "lie outside the domain"),
        (
            "problem: laser_flash\nparameters: {thickness: {value: 1, unit: K}}",
            "t,temperature\n1,1\n",
            "units do not fit",
        ),
        ("problem: diffusivity", "x,t,temperature\n0.5,0.1,0.3\n0.5,2,0.1\n0.5,3\n", "2 cells under 3 headings"),
        (
            "problem: heat\nconditions: [{face: x=low, value: 0}, {face: x=low, value: 1}]",
            "x,t,temperature\n0.5,0.1,0.3\n",
            "conditions contradict each other",
        ),
    ],
)
def test_bad_input_is_refused_in_a_line_and_with_code_2(
    problem: str, trace: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from athanor.agent.cli import app

    monkeypatch.chdir(tmp_path)
    (tmp_path / "problem.yaml").write_text(problem)
    (tmp_path / "trace.csv").write_text(trace)
    result = CliRunner().invoke(app, ["solve", "problem.yaml", "--data", "trace.csv"])
    assert result.exit_code == 2, result.output
    assert words in " ".join(result.output.split())
    assert "Traceback" not in result.output
