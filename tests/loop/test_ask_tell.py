"""Campaigns for which people evaluate: suggestions, answers in any order, faults, results of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from word_recall import WordRecall

from athanor.agent import assemble
from athanor.agent.answers import measured
from athanor.agent.cli import app
from athanor.memory.errors import UserError
from athanor.memory.state import State


@pytest.fixture
def athanor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """The command line on a home of the test's own."""
    recall = WordRecall()
    monkeypatch.setattr(assemble, "open_index", lambda home: recall)

    def call(*arguments: Any) -> Result:
        return CliRunner().invoke(app, [*map(str, arguments), "--home", str(tmp_path / "home")])

    return call


@pytest.fixture
def file(world: Callable[..., Path]) -> Path:
    """A campaign over the pool of 200 points that people answer."""
    return world(oracle={"kind": "manual", "properties": {"strength": "MPa", "cost": "EUR"}}, batch=3)


def state(tmp_path: Path) -> State:
    return assemble.state_of("table", assemble.open_home(tmp_path / "home"))


def suggested(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_suggestions_wait_for_answers_which_come_in_any_order(
    athanor: Callable[..., Result], file: Path, tmp_path: Path
) -> None:
    first = suggested(athanor("suggest", file, "--json"))
    assert [one["trial"] for one in first] == [1, 2, 3]
    assert athanor("observe", "table", 3, "strength=40±2", "cost=3 EUR").exit_code == 0
    more = suggested(athanor("suggest", "table", "-n", 2, "--json"))
    assert [one["trial"] for one in more] == [4, 5]
    assert not {one["id"] for one in more} & {one["id"] for one in first}
    for number in (5, 1, 4, 2):
        told = athanor("observe", "table", number, f"strength={number}", "cost=3")
        assert told.exit_code == 0, told.output
    assert "5 of 20 evaluations have their results, hits: 5; waiting: none" in told.output
    known = state(tmp_path)
    assert [trial.values["strength"] for trial in known.trials.values()] == [1, 2, 40, 4, 5]
    assert known.trials[3].outcome is not None
    assert known.trials[3].outcome.measurements[0].deviation == 2.0
    assert known.trials[3].outcome.measurements[0].method == "measured"
    assert sorted(known.reflections) == [1, 2]
    assert known.spent == 0.0


def test_an_answer_told_twice_changes_nothing_and_another_one_is_refused(
    athanor: Callable[..., Result], file: Path, tmp_path: Path
) -> None:
    athanor("suggest", file)
    athanor("observe", "table", 1, "strength=4", "cost=3", "--author", "Ada")
    before = state(tmp_path)
    assert athanor("observe", "table", 1, "strength=4", "cost=3", "--author", "Ada").exit_code == 0
    assert state(tmp_path).last == before.last
    refused = athanor("observe", "table", 1, "strength=5", "cost=3", "--author", "Ada")
    assert refused.exit_code == 2
    assert "trial #1 has an answer already; those that wait are: #2, #3" in refused.output


def test_after_a_fault_the_same_is_suggested_again_and_after_three_it_is_not(
    athanor: Callable[..., Result], file: Path
) -> None:
    (first,) = suggested(athanor("suggest", file, "-n", 1, "--json"))
    for number in (1, 2, 3):
        assert athanor("observe", "table", number, "--failed", "fault", "--why", "the pump").exit_code == 0
        (again,) = suggested(athanor("suggest", "table", "-n", 1, "--json"))
        assert (again["id"] == first["id"]) == (number < 3)


def test_results_of_ones_own_come_in_by_a_table_and_cost_no_budget(
    athanor: Callable[..., Result], file: Path, tmp_path: Path
) -> None:
    suggested(athanor("suggest", file, "--json"))
    table = tmp_path / "own.csv"
    table.write_text("x,y,strength,cost\n1,1,11,2\n2,1,12,3\n3,1,13,\n")
    assert athanor("observe", "table", "--table", table).exit_code == 0
    known = state(tmp_path)
    assert [trial.batch for trial in known.trials.values()] == [1, 1, 1, 0, 0, 0]
    assert [trial.number for trial in known.trials.values() if trial.is_paid] == [1, 2, 3]
    assert known.trials[6].values == {"strength": 13.0}
    table.write_text("x [1], y,strength [MPa],cost [EUR],[note]\n4,1,14,2,warm\n")
    assert athanor("observe", "table", "--table", table).exit_code == 0
    assert state(tmp_path).trials[7].values == {"strength": 14.0, "cost": 2.0}
    table.write_text("trial,strength,cost\n1,30,2\n#3,31,2\n")
    assert athanor("observe", "table", "--table", table).exit_code == 0
    assert state(tmp_path).trials[3].values == {"strength": 31.0, "cost": 2.0}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["observe", "table", 9, "strength=1"], "no trial #9"),
        (["observe", "table", 1, "hardness=1"], "hardness: not asked for; asked for are cost, strength"),
        (["observe", "table", 1, "strength=1 kPa"], "asked for in 'MPa' and told in 'kPa'"),
        (["observe", "table", 1, "strength=much"], "is no number"),
        (["observe", "table", 1, "strength=nan"], "is no number"),
        (["observe", "table", 1, "strength=1e999"], "not finite"),
        (["observe", "table", 1, "strength=1±-2"], "deviation of -2"),
        (["observe", "table", 1, "strength"], "write PROPERTY=VALUE"),
        (["observe", "table", 1, "strength=1", "strength=2"], "told twice"),
        (["observe", "table", 1, "--failed", "sloth"], "no kind of failure 'sloth'"),
        (["observe", "table", 1], "give a trial or a setting with PROPERTY=VALUE"),
        (["observe", "other", 1, "strength=1"], "no campaign named 'other'"),
        (["suggest", "nowhere.yaml"], "no campaign and no file 'nowhere.yaml'"),
        (["run", "--resume", "table"], "people evaluate for table"),
    ],
)
def test_what_cannot_be_taken_in_is_said(
    athanor: Callable[..., Result], file: Path, arguments: list[Any], said: str
) -> None:
    athanor("suggest", file)
    refused = athanor(*arguments)
    assert refused.exit_code == 2
    assert said in refused.output


def test_suggestions_are_explained_once_there_is_a_surrogate(
    athanor: Callable[..., Result], file: Path, tmp_path: Path
) -> None:
    early = athanor("suggest", file, "--explain")
    assert "There is no surrogate yet" in early.stdout
    table = tmp_path / "own.csv"
    rows = [f"{x},{y},{10 * x},{x + y}" for x in (0, 5, 9, 14) for y in (0, 4, 9)]
    table.write_text("\n".join(["x,y,strength,cost", *rows]) + "\n")
    known = athanor("observe", "table", "--table", table)
    assert "0 of 20 evaluations have their results, and 12 results of your own cost none of them" in known.output
    told = suggested(athanor("suggest", "table", "-n", 2, "--explain", "--json"))["explanation"]
    assert told["notes"][0] == "expected improvement"
    strength, cost = told["learnt"]
    assert list(strength["weights"]) == ["x", "y"]
    assert strength["weights"]["x"] > 0.6
    assert cost["left_out_r2"] > 0.9
    assert len(told["choices"]) == 2
    assert set(told["choices"][0]["predicted"]) == {"strength", "cost"}
    again = athanor("suggest", "table", "-n", 1, "--explain").stdout
    assert "changes fastest with: x" in again
    assert "\nGaussian processes learnt from 12 of strength, 12 of cost; 5 pending" in again


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("x,y,strength [GPa]", "column 'strength' is in 'GPa', and 'MPa' is allowed; convert it"),
        ("x,y [mm],strength", "column 'y' is in 'mm', and '1' is allowed"),
        ("x,x [1],y", "two columns are named 'x'"),
        ("x [1],strength,cost", "columns are x, strength, cost; a column 'trial' is needed, or all of x, y"),
    ],
)
def test_a_table_with_a_wrong_heading_is_refused_whole(
    athanor: Callable[..., Result], file: Path, tmp_path: Path, header: str, said: str
) -> None:
    athanor("suggest", file)
    table = tmp_path / "own.csv"
    table.write_text(f"{header}\n1,1,1\n")
    refused = athanor("observe", "table", "--table", table)
    assert refused.exit_code == 2
    assert said in " ".join(refused.output.split())
    assert not state(tmp_path).completed


def test_the_budget_ends_the_suggestions(athanor: Callable[..., Result], file: Path) -> None:
    assert len(suggested(athanor("suggest", file, "-n", 50, "--json"))) == 20
    refused = athanor("suggest", "table")
    assert refused.exit_code == 2
    assert "nothing more is suggested: all 20 evaluations" in refused.output


@pytest.mark.parametrize("text", ["12.3±0.4 MPa", "12.3 +/- 0.4", " 1.23e1±4e-1 MPa "])
def test_values_are_read_as_people_write_them(text: str) -> None:
    (found,) = measured({"strength": text}, {"strength": "MPa"}, "Ada").measurements
    assert (found.value, found.deviation, found.unit) == (12.3, 0.4, "MPa")


def test_nothing_told_is_refused() -> None:
    with pytest.raises(UserError, match="nothing is told"):
        measured({}, {"strength": "MPa"}, "Ada")
