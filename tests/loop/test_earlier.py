"""Answers of earlier campaigns: what holds for a new one is taken over and not paid for again."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from athanor.agent.campaign import Campaign
from athanor.agent.campaign_file import CampaignFile, read_campaign_file
from athanor.agent.executors import InlineExecutor
from athanor.agent.planners.random_planner import RandomPlanner
from athanor.agent.recollection.recollect import Recollection, Sources
from athanor.agent.standing import standing_of
from athanor.agent.views.summary import sentences, summarise
from athanor.agent.views.tables import results_table
from athanor.memory.records import Candidate, Failure, FailureKind, Measurement, Outcome, Point
from athanor.memory.state import State
from athanor.memory.volatile import VolatileLedger
from athanor.tools.oracles.fingerprint import fingerprint
from athanor.tools.oracles.oracle import FunctionSettings, SimulationSettings, TableSettings

World = Callable[..., Path]


class Asked:
    """An oracle that counts what it is asked."""

    def __init__(self, failing: FailureKind | None = None) -> None:
        self.ids: list[str] = []
        self.failing = failing

    def __call__(self, candidate: Candidate) -> Outcome:
        self.ids.append(candidate.id)
        if self.failing:
            return Outcome(failure=Failure(kind=self.failing, message="made to fail"), cpu_seconds=2.0)
        assert isinstance(candidate.content, Point)
        x, y = (float(candidate.content.values[name]) for name in "xy")
        values = {"strength": 100 - (x - 13) ** 2 - (y - 4) ** 2, "cost": x + y}
        measurements = tuple(
            Measurement(property=name, value=value, unit=unit, method="simulated", source="test")
            for (name, value), unit in zip(values.items(), ("MPa", "EUR"), strict=True)
        )
        return Outcome(measurements=measurements, cpu_seconds=2.0)


def run(file: CampaignFile, ledger: VolatileLedger, oracle: Asked, mark: str = "same") -> State:
    memory = Recollection(file, Sources(ledger, None, lambda crystal: None, {"pool.csv": mark}))
    planner = RandomPlanner(file.goal, file.space, file.seed)
    return Campaign(file, ledger, planner, {"pool.csv": oracle}, InlineExecutor, memory).run("me", {})


def named(world: World, name: str, **changes: Any) -> CampaignFile:
    return read_campaign_file(world(name=name, **changes))


def test_what_was_paid_for_is_not_paid_for_again(world: World) -> None:
    ledger, oracle = VolatileLedger(), Asked()
    first = run(named(world, "first"), ledger, oracle)
    second = run(named(world, "second"), ledger, oracle)
    assert len(oracle.ids) == len(set(oracle.ids)) == 40
    reused = [trial for trial in second.trials.values() if trial.reused]
    assert {trial.candidate.id for trial in reused} == {trial.candidate.id for trial in first.trials.values()}
    for trial in reused:
        assert trial.reused is not None
        origin = first.trials[trial.reused.trial]
        assert (trial.values, trial.batch, trial.reused.campaign) == (origin.values, 0, "first")
        assert trial.outcome is not None
        assert trial.outcome.cpu_seconds == 0
    assert len(second.trials) == 40
    assert second.ended is not None
    assert second.ended.reason == "evaluations"


def test_the_report_tells_what_was_reused_and_counts_only_what_was_paid(world: World) -> None:
    ledger, oracle = VolatileLedger(), Asked()
    run(named(world, "first"), ledger, oracle)
    state = run(named(world, "second"), ledger, oracle)
    summary = summarise(state)
    assert summary["reused"] == {"first": 20}
    assert (summary["completed"], summary["cpu_seconds"]) == (20, 40.0)
    assert "20 answers of earlier campaigns were reused: first (20)" in sentences(summary)[0]
    from_first = {hit["trial"]: hit["reused_from"] for hit in summary["hits"] if hit["reused_from"]}
    assert from_first
    assert all(origin == f"first #{state.trials[n].reused.trial}" for n, origin in from_first.items())  # type: ignore[union-attr]
    assert len(standing_of(state).answered) == 40


@pytest.mark.parametrize("mark", ["other", ""])
def test_another_oracle_or_one_that_cannot_be_told_is_asked_again(world: World, mark: str) -> None:
    ledger, oracle = VolatileLedger(), Asked()
    run(named(world, "first"), ledger, oracle, mark="" if not mark else "one")
    state = run(named(world, "second"), ledger, oracle, mark=mark)
    assert not any(trial.reused for trial in state.trials.values())
    assert len(oracle.ids) == 40


def test_without_memory_nothing_is_taken_over(world: World) -> None:
    ledger, oracle = VolatileLedger(), Asked()
    run(named(world, "first"), ledger, oracle)
    state = run(named(world, "second", memory=False), ledger, oracle)
    assert len(state.trials) == 20
    assert not any(trial.reused for trial in state.trials.values())


@pytest.mark.parametrize(("kind", "holds"), [("unconverged", True), ("crash", False), ("timeout", False)])
def test_a_failure_is_taken_over_where_it_would_come_again(world: World, kind: FailureKind, holds: bool) -> None:
    ledger = VolatileLedger()
    budget = {"evaluations": 5, "failures_in_a_row": 5}
    goal = read_campaign_file(world()).goal.model_dump(mode="json") | {"budget": budget}
    run(named(world, "first", goal=goal), ledger, Asked(kind))
    later = Asked()
    state = run(named(world, "second", goal=goal), ledger, later)
    assert sum(bool(trial.reused) for trial in state.failed) == (5 if holds else 0)
    assert len(later.ids) == 5
    assert state.ended is not None
    assert state.ended.reason == "evaluations"


def test_only_what_lies_in_the_space_is_taken_over(world: World, tmp_path: Path) -> None:
    ledger, oracle = VolatileLedger(), Asked()
    first = run(named(world, "first"), ledger, oracle)
    world()
    lines = (tmp_path / "pool.csv").read_text().splitlines()
    (tmp_path / "half.csv").write_text("\n".join([lines[0], *lines[1:101]]) + "\n")
    space = {"kind": "pool", "file": "half.csv", "variables": {"x": "1", "y": "1"}}
    state = run(named(world, "second", space=space), ledger, oracle)
    inside = {t.candidate.id for t in first.trials.values() if t.candidate.content.values["x"] < 10}  # type: ignore[union-attr]
    assert 0 < len(inside) < 20
    assert {trial.candidate.id for trial in state.trials.values() if trial.reused} == inside


def test_an_answer_keeps_its_first_origin(world: World) -> None:
    ledger, oracle = VolatileLedger(), Asked()
    for name in ("first", "second"):
        run(named(world, name), ledger, oracle)
    third = run(named(world, "third"), ledger, oracle)
    origins = [trial.reused.campaign for trial in third.trials.values() if trial.reused]
    assert (origins.count("first"), origins.count("second")) == (20, 20)


def test_what_another_campaign_has_measured_meanwhile_costs_nothing(world: World) -> None:
    """A campaign that is taken up again finds answers that were not there when it was opened."""
    ledger, oracle = VolatileLedger(), Asked()
    goal = read_campaign_file(world()).goal.model_dump(mode="json")
    short = goal | {"budget": {"evaluations": 4}}
    run(named(world, "first", goal=short), ledger, oracle)
    run(named(world, "other", goal=goal | {"budget": {"evaluations": 200}}, seed=9, memory=False), ledger, oracle)
    asked = len(oracle.ids)
    resumed = run(named(world, "first", goal=goal), ledger, oracle)
    assert len(oracle.ids) == asked
    assert len(resumed.trials) == 200
    assert resumed.ended is not None
    assert resumed.ended.reason == "exhausted"


def test_a_fingerprint_is_of_what_decides_the_answers(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("x,y\n1,2\n")
    copy = tmp_path / "b.csv"
    copy.write_text("x,y\n1,2\n")

    def of(path: Path) -> str:
        return fingerprint(TableSettings(file=path, properties={"y": "1"}))

    before = of(table)
    assert before == of(copy) != ""
    table.write_text("x,y\n1,3\n")
    assert of(table) != before
    assert of(tmp_path / "missing.csv") == ""


def test_a_fingerprint_ignores_limits_and_sees_settings_and_sources() -> None:
    plain = fingerprint(SimulationSettings())
    assert plain == fingerprint(SimulationSettings(max_cpu_seconds=7.0)) != ""
    assert plain != fingerprint(SimulationSettings(fmax=0.01))
    assert plain != fingerprint(SimulationSettings(calculator="chgnet"))
    assert fingerprint(SimulationSettings(calculator="no_such_module_anywhere:make")) == ""
    one = FunctionSettings(function="json:dumps", properties={"y": "1"})
    assert fingerprint(one) != fingerprint(one.model_copy(update={"arguments": {"a": 1}})) != ""
    assert fingerprint(FunctionSettings(function="sys:exit", properties={"y": "1"})) == ""


def test_the_table_marks_what_was_taken_over(world: World) -> None:
    ledger, oracle = VolatileLedger(), Asked()
    run(named(world, "first"), ledger, oracle)
    summary = summarise(run(named(world, "second", seed=5), ledger, oracle))
    screen = Console(file=StringIO(), width=100)
    screen.print(results_table(summary["hits"], summary["columns"], 100))
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    marked = {hit["trial"] for hit in summary["hits"] if hit["reused_from"]}
    assert marked
    assert marked == {int(number) for number in re.findall(r"^ *(\d+)\*", text, re.MULTILINE)}
    assert "* from an earlier campaign" in text
