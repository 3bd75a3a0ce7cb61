"""A second chat model where the first gives nothing usable, reflection switched off, and waits that are asked for."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace

import pytest
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from typer.testing import CliRunner

from athanor.agent.chat_model.faults import Faults
from athanor.agent.chat_model.obedient import obedient
from athanor.agent.chat_model.retry_after import LONGEST_WAIT, wait_after
from athanor.agent.chat_model.scripted import ScriptedChatModel
from athanor.agent.chat_model.settings import ChatModelSettings, Fallback
from athanor.agent.chat_model.test_server import ChatServer
from athanor.agent.cli import app
from athanor.memory.sql import open_ledger
from athanor.memory.state import State, fold

# Importing BoTorch compiles a few functions by torch.jit.script, which torch 2.13 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")


def run(path: Path, home: Path) -> State:
    result = CliRunner().invoke(app, ["run", str(path), "--home", str(home), "--json"])
    assert result.exit_code == 0, result.output
    return fold(open_ledger(home, None).entries("table"))


def short() -> dict[str, object]:
    return {
        "statement": "strong",
        "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
        "budget": {"evaluations": 8},
    }


def test_where_the_first_fails_the_fallback_is_asked_at_its_own_price(
    world: Callable[..., Path], tmp_path: Path
) -> None:
    model = ScriptedChatModel(script=obedient)
    with ChatServer(model, Faults(1.0, 0, ("server_error",))) as broken, ChatServer(model) as sound:
        other = {"model": "second", "base_url": sound.base_url, "prices": {"input": 1.0, "output": 2.0}}
        settings = {"model": "first", "base_url": broken.base_url, "tries": 2, "fallback": other}
        path = world(planner="llm", chat_model=settings, memory=False, goal=short())
        state = run(path, tmp_path / "home")
    assert len(state.completed) == 8
    assert not state.given_up
    first = [event for event in state.exchanges if event.model == "first"]
    second = [event for event in state.exchanges if event.model == "second"]
    steps = {(event.batch, event.step) for event in state.exchanges}
    assert len(first) == 2 * len(steps)
    assert all(event.fault and event.usd is None for event in first)
    assert second
    assert all(not event.fault and event.usd for event in second)


def test_without_reflection_only_what_is_computed_is_written(world: Callable[..., Path], tmp_path: Path) -> None:
    settings = {"model": "scripted:obedient", "reflection": False}
    state = run(world(planner="llm", chat_model=settings, memory=False, goal=short()), tmp_path / "home")
    assert {event.step for event in state.exchanges} == {"propose"}
    assert len(state.reflections) == 2
    assert not any("The chat model adds" in text for text in state.reflections.values())


def test_the_fallback_is_reached_where_the_first_is_unless_it_names_another_place() -> None:
    near = ChatModelSettings(model="a", base_url="http://localhost:1/v1", fallback=Fallback(model="b"))
    far = near.model_copy(update={"fallback": Fallback(model="b", base_url="http://localhost:2/v1")})
    assert [one.base_url for one in near.in_turn] == ["http://localhost:1/v1"] * 2
    assert [(one.model, one.base_url) for one in far.in_turn][1] == ("b", "http://localhost:2/v1")
    assert len(ChatModelSettings(model="a").in_turn) == 1


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("2", 2.0), ("0.5", 0.5), ("3600", LONGEST_WAIT), ("-1", 0.0), ("soon", 0.0), ("", 0.0), ("nan", 0.0)],
)
def test_an_endpoint_is_left_alone_as_long_as_it_asks_within_reason(told: str, seconds: float) -> None:
    error = RuntimeError("429")
    error.response = SimpleNamespace(headers={"retry-after": told})  # type: ignore[attr-defined]
    assert wait_after(error) == seconds


def test_a_date_is_understood_and_an_error_without_an_answer_waits_for_nothing() -> None:
    error = RuntimeError("429")
    error.response = SimpleNamespace(headers={"retry-after": formatdate(time.time() + 3, usegmt=True)})  # type: ignore[attr-defined]
    assert 0.5 < wait_after(error) <= 3.5
    assert wait_after(RuntimeError("no answer")) == 0.0


def test_hidden_names_reach_no_chat_model_and_stand_in_no_ledger(world: Callable[..., Path], tmp_path: Path) -> None:
    read: list[str] = []

    def curious(messages: Sequence[BaseMessage], tools: Sequence[str]) -> AIMessage:
        read.extend(str(message.text) for message in messages if not isinstance(message, SystemMessage))
        reply = obedient(messages, tools)
        for call in reply.tool_calls:
            for picked in call["args"].get("candidates", ()):
                (name,) = set(re.findall(r"Objective: (property_\d+)", "\n".join(read)))
                picked["reason"] = f"its {name} is high, says feature_1"
        return reply

    with ChatServer(ScriptedChatModel(script=curious)) as server:
        settings = {"model": "test", "base_url": server.base_url, "names": "hidden"}
        state = run(world(planner="llm", chat_model=settings, memory=False, goal=short()), tmp_path / "home")
    assert len(state.completed) == 8
    assert not state.given_up
    told = "\n".join(read)
    assert "strength" not in told
    assert "MPa" not in told
    assert "strong" not in told
    reasons = [trial.reason for trial in state.trials.values()]
    assert any("its strength is high, says" in reason for reason in reasons)
    assert not any("property_" in reason or "feature_1" in reason for reason in reasons)
