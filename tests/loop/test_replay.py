"""A campaign is done again from the recorded answers of its chat model, which is not there any more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from athanor.agent.chat_model.faults import Faults
from athanor.agent.chat_model.obedient import obedient
from athanor.agent.chat_model.scripted import ScriptedChatModel
from athanor.agent.chat_model.test_server import ChatServer
from athanor.agent.cli import app
from athanor.memory.sql import open_ledger
from athanor.memory.state import State, fold

# Importing BoTorch compiles a few functions by torch.jit.script, which torch 2.13 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")


def run(home: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["run", *arguments, "--home", str(home), "--json"])
    return result.exit_code, result.output


def state_of(home: Path, name: str) -> State:
    return fold(open_ledger(home, None).entries(name))


def goal(evaluations: int) -> dict[str, object]:
    return {
        "statement": "strong",
        "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
        "budget": {"evaluations": evaluations},
    }


def told(state: State) -> list[tuple[str, str, int]]:
    return [(trial.candidate.id, trial.reason, trial.batch) for trial in state.trials.values()]


@pytest.fixture
def recorded(world: Callable[..., Path], tmp_path: Path) -> Path:
    """A home with a campaign whose chat model answered badly now and then, and is gone."""
    with ChatServer(
        ScriptedChatModel(script=obedient), Faults(0.3, 1, ("server_error", "empty", "broken_json"))
    ) as server:
        settings = {"model": "test", "base_url": server.base_url}
        code, output = run(tmp_path / "home", str(world(planner="llm", chat_model=settings, goal=goal(12))))
    assert code == 0, output
    return tmp_path / "home"


def test_a_replay_proposes_the_same_trials_without_the_chat_model(recorded: Path) -> None:
    first = state_of(recorded, "table")
    assert any(event.fault for event in first.exchanges)
    code, output = run(recorded, "--replay", "table")
    assert code == 0, output
    again = state_of(recorded, "table-replay")
    assert told(again) == told(first)
    assert again.reflections == first.reflections
    assert {event.model for event in again.exchanges} == {"replay of table"}


def test_a_replay_that_was_killed_goes_on(recorded: Path) -> None:
    first = state_of(recorded, "table")
    run(recorded, "--replay", "table", "--name", "whole")
    ledger = open_ledger(recorded, None)
    entries = [entry.event for entry in ledger.entries("whole")]
    spec = {**entries[0].spec, "name": "cut"}  # type: ignore[union-attr]
    # A kill leaves whole transactions; each reflection is the end of one.
    end = [at for at, event in enumerate(entries) if event.kind == "reflected"][1] + 1
    ledger.append("cut", [entries[0].model_copy(update={"spec": spec}), *entries[1:end]])
    code, output = run(recorded, "--resume", "cut")
    assert code == 0, output
    assert told(state_of(recorded, "cut")) == told(first)


def test_where_the_record_ends_the_builtin_planner_goes_on_and_it_is_said(
    recorded: Path, world: Callable[..., Path]
) -> None:
    longer = world(name="longer", planner="llm", chat_model={"replay": "table"}, memory=False, goal=goal(20))
    code, output = run(recorded, str(longer))
    assert code == 0, output
    state = state_of(recorded, "longer")
    assert len(state.completed) == 20
    assert any("answers were recorded, and one more is asked for" in event.reason for event in state.given_up)


def test_what_cannot_be_replayed_is_said(recorded: Path, world: Callable[..., Path]) -> None:
    assert "no campaign named 'nothing'" in run(recorded, "--replay", "nothing")[1]
    run(recorded, str(world(name="plain", memory=False)))
    code, output = run(recorded, "--replay", "plain")
    assert code == 2
    assert "chat_model goes with the planner llm only" in output
    assert "is already there" in run(recorded, "--replay", "table", "--name", "plain")[1]
    assert run(recorded, str(world()), "--replay", "table")[0] == 2
