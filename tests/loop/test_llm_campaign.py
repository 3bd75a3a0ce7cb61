"""A whole campaign with a chat model: run by the command, killed, resumed, reported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import made_up_campaign as made_up
import pytest
from typer.testing import CliRunner

from athanor.agent.campaign_file import read_campaign_file
from athanor.agent.chat_model.faults import Faults
from athanor.agent.chat_model.obedient import obedient
from athanor.agent.chat_model.scripted import ScriptedChatModel
from athanor.agent.chat_model.test_server import ChatServer
from athanor.agent.chat_model.text_script import in_text
from athanor.agent.cli import app
from athanor.agent.reports.report_chat import chat
from athanor.memory.chat_model_events import ChatExchanged, ChatGivenUp
from athanor.memory.errors import UserError
from athanor.memory.sql import open_ledger
from athanor.memory.state import State, fold

# Importing BoTorch compiles a few functions by torch.jit.script, which torch 2.13 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")

OBEDIENT: dict[str, Any] = {"planner": "llm", "chat_model": {"model": "scripted:obedient"}, "memory": False}


def run(home: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["run", *arguments, "--home", str(home), "--json"])
    return result.exit_code, result.output


def state_of(home: Path, name: str = "table") -> State:
    return fold(open_ledger(home, None).entries(name))


def test_a_campaign_is_planned_by_the_chat_model_and_reported(world: Callable[..., Path], tmp_path: Path) -> None:
    code, output = run(tmp_path / "home", str(world(**OBEDIENT)))
    assert code == 0, output
    state = state_of(tmp_path / "home")
    assert len(state.completed) == 20
    assert {event.model for event in state.exchanges} == {"scripted:obedient"}
    assert {event.step for event in state.exchanges} == {"propose", "reflect"}
    assert not state.given_up
    assert all("The chat model adds: «" in text for text in state.reflections.values())
    assert all(trial.reason == "the acquisition ranks it high" for trial in state.trials.values())
    report = (tmp_path / "home" / "campaigns" / "table" / "report.md").read_text()
    assert f"scripted:obedient was asked {len(state.exchanges)} times about 5 batches" in report


def test_without_a_named_model_nothing_starts(
    world: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ATHANOR_MODEL", raising=False)
    code, output = run(tmp_path / "home", str(world(planner="llm")))
    assert code == 2
    assert "no chat model is named" in output
    code, output = run(tmp_path / "home", str(world(planner="llm", chat_model={"model": "scripted:wise"})))
    assert code == 2
    assert "scripted:obedient is allowed" in output


def test_a_chat_model_without_its_planner_is_a_mistake(world: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match="chat_model goes with the planner llm only"):
        read_campaign_file(world(chat_model={"model": "scripted:obedient"}))


def test_a_key_has_no_place_in_the_file(world: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"chat_model.api_key: unknown key; allowed here: model, base_url"):
        read_campaign_file(world(planner="llm", chat_model={"api_key": "secret"}))


def test_an_endpoint_that_is_not_there_costs_no_evaluation(world: Callable[..., Path], tmp_path: Path) -> None:
    nowhere = {"model": "any", "base_url": "http://127.0.0.1:9/v1", "timeout_seconds": 5, "tries": 1}
    code, output = run(tmp_path / "home", str(world(planner="llm", chat_model=nowhere, memory=False)))
    assert code == 0, output
    state = state_of(tmp_path / "home")
    assert len(state.completed) == 20
    assert [event.is_final for event in state.given_up] == [False] * 4 + [True]
    assert "Connection" in state.given_up[0].reason


def test_the_report_says_what_was_done_without_the_chat_model() -> None:
    asked = ChatExchanged(batch=1, step="propose", model="big", fault="it is empty", input_tokens=1200, usd=0.5)
    told = [
        *made_up.events(4),
        (900.0, asked),
        (901.0, asked),
        (902.0, ChatGivenUp(batch=1, step="propose", reason="2 tries in a row gave nothing usable", is_final=True)),
    ]
    text = chat(fold(made_up.entries(told)))
    assert "big was asked 2 times" in text
    assert "2,400 tokens in and 0 out, 1,200 in the longest question, 0 s, 1.000 USD." in text
    assert "- it is empty (2 times)" in text
    assert "1 step of 1 were done by the builtin planner:\n\n- 2 tries in a row gave nothing usable" in text
    assert "From batch 1 on the campaign went on without the chat model." in text
    assert chat(made_up.state(4)) == ""


def test_what_is_recorded_can_be_read_again(world: Callable[..., Path], tmp_path: Path) -> None:
    from athanor.agent.chat_model.replay import record_to_message

    run(tmp_path / "home", str(world(**OBEDIENT)))
    replies = [record_to_message(event.reply) for event in state_of(tmp_path / "home").exchanges]
    calls = [call["name"] for reply in replies for call in reply.tool_calls]
    assert calls.count("submit_batch") == calls.count("rank_candidates") == 5


@pytest.mark.parametrize("has_tool_calls", [True, False])
def test_a_campaign_over_http_ends_however_badly_it_is_answered(
    world: Callable[..., Path], tmp_path: Path, has_tool_calls: bool
) -> None:
    script = obedient if has_tool_calls else in_text(obedient)
    with ChatServer(ScriptedChatModel(script=script), Faults(0.5, 4), slow_seconds=3) as server:
        settings = {
            "model": "test",
            "base_url": server.base_url,
            "timeout_seconds": 2,
            "has_tool_calls": has_tool_calls,
        }
        code, output = run(tmp_path / "home", str(world(planner="llm", chat_model=settings, memory=False)))
    assert code == 0, output
    state = state_of(tmp_path / "home")
    assert len(state.completed) == 20
    assert len(state.exchanges) == len(server.done)
    assert sum(count for done, count in server.counts.items() if done != "none") > 3
    assert any(event.fault for event in state.exchanges)
    assert len(state.exchanges) > len(state.given_up)
