"""The command line: exit codes, JSON, and errors without tracebacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from athanor.agent.cli import app


@pytest.fixture
def athanor(tmp_path: Path) -> Callable[..., Result]:
    """Call the command in this process, with a home of its own."""

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--home", str(tmp_path / "home")])

    return call


def test_a_campaign_with_hits_ends_with_0_and_one_json_document(
    athanor: Callable[..., Result], world: Callable[..., Path]
) -> None:
    result = athanor("run", str(world()), "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["completed"] == 20
    assert summary["hits"]
    assert Path(summary["report"]).is_file()


def test_a_campaign_without_hits_ends_with_3(athanor: Callable[..., Result], world: Callable[..., Path]) -> None:
    goal = {
        "statement": "impossible",
        "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
        "constraints": [{"property": "cost", "comparison": "<=", "value": -1, "unit": "EUR"}],
        "budget": {"evaluations": 4},
    }
    assert athanor("run", str(world(goal=goal))).exit_code == 3


def test_a_name_that_is_taken_is_refused_and_says_how_to_go_on(
    athanor: Callable[..., Result], world: Callable[..., Path]
) -> None:
    path = str(world())
    assert athanor("run", path).exit_code == 0
    again = athanor("run", path)
    assert again.exit_code == 2
    assert "athanor run --resume table" in again.stderr
    assert athanor("run", path, "--name", "other").exit_code == 0
    resumed = athanor("run", "--resume", "table", "--json")
    assert resumed.exit_code == 0
    assert json.loads(resumed.stdout)["completed"] == 20


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "--resume", "nothing"], "no campaign named 'nothing'"),
        (["report", "nothing"], "no campaign named 'nothing'"),
        (["run", "x.yaml", "--resume", "y"], "--resume"),
    ],
)
def test_a_wrong_call_ends_with_2_and_no_traceback(
    athanor: Callable[..., Result], arguments: list[str], says: str
) -> None:
    result = athanor(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_status_and_report_read_what_is_there(athanor: Callable[..., Result], world: Callable[..., Path]) -> None:
    assert "no campaigns here yet" in athanor("status").stdout
    athanor("run", str(world()))
    listing = json.loads(athanor("status", "--json").stdout)
    assert [(campaign["name"], campaign["reason"]) for campaign in listing] == [("table", "evaluations")]
    assert "table" in athanor("status").stdout
    assert "strength" in athanor("report", "table").stdout


def test_a_home_that_is_a_file_is_named(tmp_path: Path, world: Callable[..., Path]) -> None:
    (tmp_path / "home").write_text("not a folder")
    result = CliRunner().invoke(app, ["run", str(world()), "--home", str(tmp_path / "home")])
    assert result.exit_code == 2
    assert str(tmp_path / "home") in result.stderr
    assert "Traceback" not in result.stderr
