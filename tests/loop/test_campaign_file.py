"""Campaign files: what is wrong is refused with its path and what is allowed, before anything is spent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from athanor.agent.campaign_file import read_campaign_file
from athanor.memory.errors import UserError

STIFF = Path(__file__).parents[2] / "campaigns" / "stiff.yaml"


def change(content: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        content = content[int(part)] if part.isdigit() else content[part]
    if value is None:
        del content[last]
    else:
        content[int(last) if last.isdigit() else last] = value


def refusal(tmp_path: Path, path: str, value: Any) -> str:
    content = yaml.safe_load(STIFF.read_text())
    change(content, path, value)
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError) as refused:
        read_campaign_file(file)
    return str(refused.value)


@pytest.mark.parametrize("path", sorted(STIFF.parent.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_ready_made_campaigns_are_valid(path: Path) -> None:
    assert read_campaign_file(path).name == path.stem


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("budgets", 3, ["budgets: unknown key", "allowed here: name, goal"]),
        ("goal.budget.evals", 3, ["goal.budget.evals: unknown key", "evaluations, hours, cost, failures_in_a_row"]),
        ("oracle.calculater", "x", ["oracle.calculater: unknown key", "calculator"]),
        ("space.element", ["C"], ["space.element: unknown key", "elements"]),
        ("goal.objectives.0.unit", "GPA", ["bulk_modulus", "'GPA'", "'GPa'"]),
        ("goal.objectives.0.property", "hardness", ["'hardness'", "bulk_modulus"]),
        ("goal.objectives.0.direction", "max", ["goal.objectives.0.direction", '"max"', "maximise"]),
        ("space.elements", ["C", "Xx"], ["space.elements", "Xx", "chemical symbols"]),
        ("goal.objectives", [], ["goal.objectives", "at least 1"]),
        ("goal.budget.evaluations", -5, ["goal.budget.evaluations", "-5", "greater than or equal to 1"]),
        ("goal.budget.hours", 0, ["goal.budget.hours", "greater than 0"]),
        ("goal.budget.evaluations", "36", ["goal.budget.evaluations", '"36"', "integer"]),
        ("goal.budget.evaluations", 2.5, ["goal.budget.evaluations", "2.5"]),
        ("name", "../etc", ["name", "../etc"]),
        ("goal", None, ["goal: missing"]),
        ("space.n_elements", [3, 2], ["space", "3 to 2"]),
        ("space.kind", "cristal", ["space", "crystal"]),
        ("confirmation.calculator", "sevennet", ["confirmation", "another one"]),
        ("planner", "clever", ["planner", "builtin"]),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(tmp_path: Path, path: str, value: Any, says: list[str]) -> None:
    message = refusal(tmp_path, path, value)
    for words in says:
        assert words in message


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    content = yaml.safe_load(STIFF.read_text())
    change(content, "seed", -1)
    change(content, "workers", 0)
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=r"seed.*\n.*workers"):
        read_campaign_file(file)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: [", "not valid YAML"),
        ("", "holds no fields"),
        ("- a\n- b\n", "holds no fields"),
        ("name: a\nname: b\n", "'name' stands twice"),
        ("name: 2020-01-01\n", "not a valid campaign|write dates"),
    ],
)
def test_a_file_that_is_no_campaign_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=says):
        read_campaign_file(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere.yaml"):
        read_campaign_file(tmp_path / "nowhere.yaml")


def test_paths_are_relative_to_the_file(world: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = world()
    monkeypatch.chdir("/")
    assert read_campaign_file(path).space.file == path.parent / "pool.csv"
