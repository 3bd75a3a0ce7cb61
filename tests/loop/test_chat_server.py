"""The local endpoint over real HTTP: good answers, and every fault as its table says."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from itertools import count
from operator import add
from typing import Any, get_args

import openai
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from athanor.agent.chat_model.connect import connect
from athanor.agent.chat_model.faults import FAULTS, OF_TOOLS, Done, Fault, Faults
from athanor.agent.chat_model.obedient import obedient
from athanor.agent.chat_model.scripted import ScriptedChatModel, in_order
from athanor.agent.chat_model.settings import ChatModelSettings
from athanor.agent.chat_model.test_server import ChatServer, main
from athanor.agent.chat_model.text_script import in_text
from athanor.agent.chat_model.usage import usage_of
from athanor.memory.errors import RetryError

OBEDIENT = ScriptedChatModel(script=obedient)
RANKING = f"2 offered\n{7:016x} a\n{8:016x} b"


class rank_candidates(BaseModel):  # noqa: N801 - tools are named after their schema
    """Rank candidates."""

    model_config = ConfigDict(extra="forbid")

    n: int = Field(ge=1)
    labels: list[str] = []


class submit_batch(BaseModel):  # noqa: N801
    """Hand in a batch."""

    candidates: list[dict[str, str]]
    follows_ranking: bool


SCHEMAS: dict[str, type[BaseModel]] = {"rank_candidates": rank_candidates, "submit_batch": submit_batch}
ASKED = [SystemMessage("You plan."), HumanMessage("Choose a batch of 1.")]


def client(server: ChatServer, **settings: Any) -> Any:
    return connect(ChatModelSettings(model="test", base_url=server.base_url, **({"timeout_seconds": 20} | settings)))


def with_tools(server: ChatServer, **settings: Any) -> Any:
    return client(server, **settings).bind_tools(list(SCHEMAS.values()))


def whole(server: ChatServer, **settings: Any) -> AIMessage:
    reply = with_tools(server, **settings).invoke(ASKED)
    assert isinstance(reply, AIMessage)
    return reply


def streamed(server: ChatServer, **settings: Any) -> AIMessage:
    reply = reduce(add, with_tools(server, **settings).stream(ASKED))
    assert isinstance(reply, AIMessage)
    return reply


def spoiling(kind: Fault, **more: Any) -> ChatServer:
    return ChatServer(OBEDIENT, Faults(1.0, 0, (kind,)), **more)


def calls(reply: AIMessage) -> list[tuple[str, dict[str, Any]]]:
    return [(call["name"], call["args"]) for call in reply.tool_calls]


def ask(server: ChatServer, method: str, path: str, body: str | None = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(*server.base_url.split("/")[2].split(":"), timeout=20)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_a_plain_answer_with_its_tokens() -> None:
    heard: list[BaseMessage] = []

    def script(messages: Any, tools: Any) -> AIMessage:
        heard.extend(messages)
        return AIMessage("It is heavy — 5 µg.")

    with ChatServer(ScriptedChatModel(script=script)) as server:
        reply = client(server).invoke([SystemMessage("You weigh."), HumanMessage("Weigh it."), AIMessage("5 g")])
    assert reply.text == "It is heavy — 5 µg."
    assert [(one.type, one.text) for one in heard] == [("system", "You weigh."), ("human", "Weigh it."), ("ai", "5 g")]
    assert reply.usage_metadata["input_tokens"] == -(-len("You weigh.Weigh it.5 g") // 4)
    assert reply.usage_metadata["output_tokens"] == -(-len(reply.text) // 4)
    assert not usage_of(heard, reply, 0.1, None).is_estimated
    assert server.done == ["none"]


@pytest.mark.parametrize("ask_for", [whole, streamed])
def test_tools_are_called_and_their_results_heard(ask_for: Callable[[ChatServer], AIMessage]) -> None:
    with ChatServer(OBEDIENT) as server:
        first = ask_for(server)
        assert calls(first) == [("rank_candidates", {"n": 1})]
        told = ToolMessage(RANKING, tool_call_id=first.tool_calls[0]["id"])
        # A chunk goes back as a message of its own kind, as it does from a stream.
        second = with_tools(server).invoke([*ASKED, first, told])
    assert [name for name, _ in calls(second)] == ["submit_batch"]
    assert [one["id"] for one in second.tool_calls[0]["args"]["candidates"]] == [f"{7:016x}"]
    assert server.counts == {"none": 2}


def test_a_stream_comes_in_pieces_and_counts_tokens_where_it_is_asked_to() -> None:
    text = "A sentence that is long enough to come in several pieces, each of them a chunk."
    model = ScriptedChatModel(script=lambda messages, tools: AIMessage(text))
    with ChatServer(model) as server:
        pieces = list(client(server).stream("Hello"))
        counted = reduce(add, client(server).stream("Hello", stream_usage=True))
    assert "".join(piece.text for piece in pieces) == text
    assert sum(bool(piece.text) for piece in pieces) >= 3
    assert reduce(add, pieces).usage_metadata is None
    assert usage_of([HumanMessage("Hello")], reduce(add, pieces), 0.1, None).is_estimated
    assert counted.usage_metadata["output_tokens"] == -(-len(text) // 4)


def test_several_calls_come_whole_through_a_stream() -> None:
    made = [
        {"name": f"tool_{n}", "args": {"of": ["Fe"] * 9, "n": n}, "id": f"c{n}", "type": "tool_call"} for n in (1, 2)
    ]
    model = ScriptedChatModel(script=lambda messages, tools: AIMessage("", tool_calls=made))
    with ChatServer(model) as server:
        reply = streamed(server)
    assert reply.tool_calls == made


EXCEPTIONS: dict[Fault, tuple[type[Exception], str]] = {
    "slow": (openai.APITimeoutError, "timed out"),
    "rate_limit": (openai.RateLimitError, "429"),
    "server_error": (openai.InternalServerError, "500"),
    "broken_json": (json.JSONDecodeError, "Expecting|Unterminated"),
    "cut_stream": (openai.APIConnectionError, "Connection error"),
}


@pytest.mark.parametrize("ask_for", [whole, streamed])
@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_a_fault_of_the_line_is_an_exception(kind: Fault, ask_for: Callable[..., AIMessage]) -> None:
    error, says = EXCEPTIONS[kind]
    with spoiling(kind) as server:
        with pytest.raises(error, match=says) as told:
            ask_for(server, timeout_seconds=0.2 if kind == "slow" else 20)
        # A client that waits no longer may be gone before the server has seen its question.
        until = time.monotonic() + 20
        while not server.done and time.monotonic() < until:
            time.sleep(0.01)
    assert server.done == [kind]  # once: the client does not try again by itself
    if kind == "rate_limit":
        assert told.value.response.headers["Retry-After"] == "0"  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["broken_json", "cut_stream"])
def test_a_stream_breaks_off_after_some_of_it(kind: Fault) -> None:
    text = "A sentence that is long enough to come in several pieces, each of them a chunk."
    model, heard = ScriptedChatModel(script=lambda messages, tools: AIMessage(text)), list[str]()
    with ChatServer(model, Faults(1.0, 0, (kind,))) as server, pytest.raises(EXCEPTIONS[kind][0]):
        heard.extend(piece.text for piece in client(server).stream("Hello"))
    assert text.startswith("".join(heard))
    assert 0 < len("".join(heard)) < len(text)


@pytest.mark.parametrize("ask_for", [whole, streamed])
def test_faults_of_what_is_said(ask_for: Callable[..., AIMessage]) -> None:
    def reply_to(kind: Fault) -> AIMessage:
        with spoiling(kind) as server:
            reply = ask_for(server)
        assert server.done == [kind]
        return reply

    wrong_tool = reply_to("wrong_tool")
    assert len(wrong_tool.tool_calls) == 1
    assert wrong_tool.tool_calls[0]["name"] not in SCHEMAS
    wrong_arguments = reply_to("wrong_arguments")
    assert [name for name, _ in calls(wrong_arguments)] == ["rank_candidates"]
    with pytest.raises(ValidationError) as told:
        rank_candidates.model_validate(wrong_arguments.tool_calls[0]["args"])
    assert {error["loc"][0] for error in told.value.errors()} == {"n", "labels", "there_is_no_such_argument"}
    for kind in ("empty", "refusal", "nonsense"):
        reply = reply_to(kind)  # type: ignore[arg-type]
        assert not reply.tool_calls
        assert not reply.invalid_tool_calls
        assert bool(reply.text) is (kind == "nonsense")
        assert bool(reply.additional_kwargs.get("refusal")) is (kind == "refusal")


def test_arguments_that_are_no_json_are_never_completed() -> None:
    with spoiling("bad_arguments_json") as server:
        reply = whole(server)
        assert [call["name"] for call in reply.invalid_tool_calls] == ["rank_candidates"]
        assert not reply.tool_calls
        with pytest.raises(RetryError, match="arguments of rank_candidates are no valid JSON"):
            streamed(server)


def test_an_endless_conversation_stays_endless_and_others_do_not() -> None:
    def draws(seed: int) -> list[bool]:
        faults = Faults(0.5, seed, ("endless",))
        return [faults.draw(has_tools=True) == "endless" for _ in range(4)]

    seed = next(seed for seed in count() if draws(seed) == [True, False, False, False])
    with ChatServer(OBEDIENT, Faults(0.5, seed, ("endless",))) as server:
        model, messages, made = with_tools(server), list[BaseMessage](ASKED), []
        for _ in range(3):
            reply = model.invoke(messages)
            made += reply.tool_calls
            messages += [reply, ToolMessage(RANKING, tool_call_id=reply.tool_calls[0]["id"])]
        other = model.invoke([HumanMessage("Choose a batch of 3.")])
    assert [(call["name"], call["args"]) for call in made] == [("rank_candidates", {"n": 1})] * 3
    assert len({call["id"] for call in made}) == 3
    assert calls(other) == [("rank_candidates", {"n": 3})]
    assert server.done == ["endless", "endless", "endless", "none"]


def test_the_table_of_faults_is_tested_whole() -> None:
    of_words = {"wrong_tool", "wrong_arguments", "bad_arguments_json", "empty", "refusal", "nonsense", "endless"}
    assert {*EXCEPTIONS, *of_words} == set(FAULTS)
    assert set(get_args(Fault)) == set(FAULTS)


def test_faults_come_as_often_as_stated_and_again_for_the_same_seed() -> None:
    def drawn(seed: int) -> list[Done]:
        faults = Faults(0.3, seed)
        return [faults.draw(has_tools=True) for _ in range(2000)]

    first = drawn(1)
    assert first == drawn(1)
    assert first != drawn(2)
    assert 0.25 < sum(kind != "none" for kind in first) / len(first) < 0.35
    assert set(first) == {"none", *FAULTS}


def test_faults_of_tools_need_tools() -> None:
    assert not OF_TOOLS.intersection(Faults(1.0, seed).draw(has_tools=False) for seed in range(200))
    assert Faults(1.0, 0, ("wrong_tool",)).draw(has_tools=False) == "none"


@pytest.mark.parametrize(("wrong", "allowed"), [({"share": 30}, "0 and 1"), ({"kinds": ("rain",)}, "slow, rate_limit")])
def test_wrong_faults_are_told_what_is_allowed(wrong: dict[str, Any], allowed: str) -> None:
    with pytest.raises(ValueError, match=allowed):
        Faults(**wrong)


def test_many_clients_at_once_are_all_answered_and_counted() -> None:
    kinds: tuple[Fault, ...] = ("rate_limit", "empty")
    with ChatServer(OBEDIENT, Faults(0.5, 3, kinds)) as server:
        model = with_tools(server)

        def one(number: int) -> str:
            try:
                reply = model.invoke([HumanMessage(f"a batch of {number}")])
            except openai.RateLimitError:
                return "rate_limit"
            assert calls(reply) in ([], [("rank_candidates", {"n": number})])
            return "none" if reply.tool_calls else "empty"

        with ThreadPoolExecutor(6) as pool:
            seen = list(pool.map(one, range(1, 19)))
    faults = Faults(0.5, 3, kinds)
    assert sorted(seen) == sorted(server.done) == sorted(faults.draw(has_tools=True) for _ in range(18))


def test_nothing_is_left_running_and_slow_answers_do_not_hold_up_the_end() -> None:
    before = set(threading.enumerate())
    with spoiling("slow", slow_seconds=600) as server, pytest.raises(openai.APITimeoutError):
        whole(server, timeout_seconds=0.2)
    assert set(threading.enumerate()) <= before
    with pytest.raises(openai.APIConnectionError):
        whole(server)


def test_an_error_of_the_model_is_an_error_of_the_server() -> None:
    with (
        ChatServer(ScriptedChatModel(script=in_order([KeyError("lost")]))) as server,
        pytest.raises(openai.InternalServerError, match="KeyError: 'lost'"),
    ):
        whole(server)


def test_a_broken_call_that_is_sent_back_is_read() -> None:
    broken = {"name": "rank_candidates", "args": '{"n": ', "id": "c1", "error": "cut", "type": "invalid_tool_call"}
    told = [AIMessage("", invalid_tool_calls=[broken]), ToolMessage("That is no JSON.", tool_call_id="c1")]
    with ChatServer(OBEDIENT) as server:
        reply = with_tools(server).invoke([*ASKED, *told])
    assert [name for name, _ in calls(reply)] == ["submit_batch"]


def test_tools_are_called_in_text_where_the_endpoint_knows_no_calls() -> None:
    with ChatServer(ScriptedChatModel(script=in_text(obedient))) as server:
        model = with_tools(server, has_tool_calls=False)
        first = model.invoke(ASKED)
        assert calls(first) == [("rank_candidates", {"n": 1})]
        told = ToolMessage(RANKING, name="rank_candidates", tool_call_id=first.tool_calls[0]["id"])
        second = model.invoke([*ASKED, first, told])
        assert [name for name, _ in calls(second)] == ["submit_batch"]
        assert not calls(client(server).invoke(ASKED))


def test_models_are_listed() -> None:
    with ChatServer(OBEDIENT) as server:
        status, listed = ask(server, "GET", "/v1/models")
        assert (status, [model["id"] for model in listed["data"]]) == (200, ["test"])
        assert ask(server, "GET", "/v1/engines")[0] == 404
        assert ask(server, "POST", "/v1/completions", "{}")[0] == 404


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"model": "x"}', '{"model": "x", "messages": 5}'])
def test_a_request_that_cannot_be_read_is_refused(body: str) -> None:
    with ChatServer(OBEDIENT) as server:
        status, told = ask(server, "POST", "/v1/chat/completions", body)
        assert status == 400
        assert "cannot be read" in told["error"]["message"]
        assert server.done == []


def test_it_can_be_started_by_hand() -> None:
    command = [sys.executable, "-m", "athanor.agent.chat_model.test_server", "--port", "0", "--seed", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as server:
        assert server.stdout is not None
        base_url = server.stdout.readline().split()[0]
        try:
            model = connect(ChatModelSettings(model="any", base_url=base_url))
            assert model.invoke("Hello").text
        finally:
            server.send_signal(signal.SIGINT)
        told = server.stdout.read()
    assert "none 1" in told
    assert server.returncode == 0


def test_mistakes_by_hand_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--port", "0", "--faults", "30"])
    assert "0 and 1" in capsys.readouterr().err
    with ChatServer(OBEDIENT) as server, pytest.raises(SystemExit):
        main(["--port", server.base_url.split(":")[2].split("/")[0]])
    assert "in use" in capsys.readouterr().err
