"""Tools are called by JSON in the text where an endpoint knows no tool calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, Field

from athanor.agent.chat_model.connect import connect
from athanor.agent.chat_model.scripted import ScriptedChatModel, in_order
from athanor.agent.chat_model.settings import ChatModelSettings
from athanor.agent.chat_model.test_server import ChatServer
from athanor.agent.chat_model.text_tools import TextToolsChatModel, find_call, with_calls

WORDS = st.text(st.characters(exclude_characters="{}", exclude_categories=("Cs",)), max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Weigh(BaseModel):
    """Weigh something."""

    grams: float = Field(description="At most 500.")


def answer(text: str, *messages: BaseMessage) -> AIMessage:
    model = TextToolsChatModel(inner=ScriptedChatModel(script=in_order([AIMessage(text)])))
    return model.bind_tools([Weigh]).invoke(list(messages) or "Go on")


def heard(*messages: BaseMessage, with_tools: bool = True) -> list[BaseMessage]:
    """What the inner model is asked."""
    given: list[BaseMessage] = []

    def script(asked: Any, tools: Any) -> AIMessage:
        given.extend(asked)
        assert not tools
        return AIMessage("Yes.")

    model = TextToolsChatModel(inner=ScriptedChatModel(script=script))
    (model.bind_tools([Weigh]) if with_tools else model).invoke(list(messages))
    return given


@given(st.text(min_size=1), st.dictionaries(st.text(), VALUES, max_size=4), WORDS, WORDS, st.booleans(), st.booleans())
def test_a_call_is_found_in_any_words(
    name: str, arguments: dict[str, Any], before: str, after: str, is_fenced: bool, is_indented: bool
) -> None:
    told = json.dumps({"tool": name, "arguments": arguments}, indent=2 if is_indented else None)
    text = f"{before}\n```json\n{told}\n```\n{after}" if is_fenced else f"{before}{told}{after}"
    reply = with_calls(AIMessage(text), "call-1")
    assert reply.tool_calls == [{"name": name, "args": arguments, "id": "call-1", "type": "tool_call"}]
    assert not reply.invalid_tool_calls
    assert "{" not in reply.text


@given(st.dictionaries(st.text(), VALUES, min_size=1, max_size=4), st.data())
def test_a_call_that_is_cut_is_no_call(arguments: dict[str, Any], draw: Any) -> None:
    told = json.dumps({"tool": "weigh", "arguments": arguments})
    cut = told[: draw.draw(st.integers(len('{"tool":'), len(told) - 1))]
    reply = with_calls(AIMessage(cut), "call-1")
    assert not reply.tool_calls
    assert [(one["args"], one["id"]) for one in reply.invalid_tool_calls] == [(cut, "call-1")]


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    reply = with_calls(AIMessage(text), "call-1")
    assert reply.tool_calls or reply.invalid_tool_calls or reply.text == text


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ('{"thought": "weigh it"} {"tool": "weigh", "arguments": {"grams": 5}}', "weigh", {"grams": 5}),
        ('As {"tool": NAME, "arguments": {...}}: {"tool": "weigh", "arguments": {"grams": 5}}', "weigh", {"grams": 5}),
        ('{"arguments": {"tool": "hammer"}, "tool": "weigh"}', "weigh", {"tool": "hammer"}),
        ('{"tool": "rest"}', "rest", {}),
        ('{"tool": "note", "arguments": {"text": "two\nlines"}}', "note", {"text": "two\nlines"}),
        ('{"tool": "a", "arguments": {}} {"tool": "b", "arguments": {}}', "a", {}),
        ('in {a set} of {"sets"}: {"tool": "weigh", "arguments": {}}', "weigh", {}),
    ],
)
def test_the_call_is_told_from_what_is_round_it(text: str, name: str, arguments: dict[str, Any]) -> None:
    assert [(one["name"], one["args"]) for one in with_calls(AIMessage(text), "c").tool_calls] == [(name, arguments)]


@pytest.mark.parametrize(
    "text", ["It is heavy.", '{"grams": 5}', '{"call": {"tool": "weigh"}}', '{"tool": 5}', "{", "{}", "{" * 200_000, ""]
)
def test_words_without_a_call_are_an_answer(text: str) -> None:
    assert find_call(text, "c") is None
    assert answer(text).text == text


@pytest.mark.parametrize(
    ("text", "name", "error"),
    [
        ('{"tool": "weigh", "arguments": {"grams": }}', "weigh", "Expecting value"),
        ('Now:\n```json\n{"arguments": {"grams": 5}, "tool": "weigh"\n```', "weigh", "Expecting"),
        ('{"tool": weigh, "arguments": {}}', "a tool", "Expecting value"),
        ('{"tool": "weigh", "arguments": [5]}', "weigh", "arguments are an object, not a list"),
    ],
)
def test_broken_json_is_an_invalid_call(text: str, name: str, error: str) -> None:
    reply = answer(text)
    assert not reply.tool_calls
    assert [one["name"] for one in reply.invalid_tool_calls] == [name]
    assert error in (reply.invalid_tool_calls[0]["error"] or "")


def test_tools_are_described_in_the_one_system_message() -> None:
    first, second = heard(SystemMessage("You weigh."), HumanMessage("Go on"), SystemMessage("Be quick."))
    assert isinstance(first, SystemMessage)
    assert first.text.startswith("You weigh.\n\nBe quick.\n\nYou have tools.")
    described = json.loads(first.text.splitlines()[-1])
    assert described["name"] == "Weigh"
    assert described["description"] == "Weigh something."
    assert described["parameters"]["properties"]["grams"]["description"] == "At most 500."
    assert second == HumanMessage("Go on")


def test_without_tools_nothing_is_added_or_read() -> None:
    assert heard(HumanMessage("Go on"), with_tools=False) == [HumanMessage("Go on")]
    model = TextToolsChatModel(inner=ScriptedChatModel(script=in_order([AIMessage('{"tool": "weigh"}')])))
    assert model.invoke("Go on").text == '{"tool": "weigh"}'


def test_calls_and_results_are_told_in_turn() -> None:
    made = {"name": "Weigh", "args": {"grams": 5}, "id": "c1", "type": "tool_call"}
    broken = {"name": "Weigh", "args": '{"grams"', "id": "c2", "error": "cut", "type": "invalid_tool_call"}
    told = heard(
        HumanMessage("Weigh it."),
        AIMessage("So:", tool_calls=[made]),
        ToolMessage("5 g", name="Weigh", tool_call_id="c1"),
        HumanMessage("And again."),
        AIMessage("", invalid_tool_calls=[broken]),
        HumanMessage("That was no JSON."),
    )
    assert [one.type for one in told] == ["system", "human", "ai", "human", "ai", "human"]
    assert told[2].text == 'So:\n{"tool": "Weigh", "arguments": {"grams": 5}}'
    assert told[3].text == "Result of Weigh:\n5 g\n\nAnd again."
    assert told[4].text == '{"grams"'


def test_what_the_inner_model_costs_is_kept() -> None:
    assert (answer('{"tool": "Weigh"}').usage_metadata or {})["output_tokens"] > 0


@pytest.fixture
def rank() -> Callable[..., BaseMessage]:
    def ranking(reply: AIMessage) -> BaseMessage:
        return ToolMessage(f"2 offered\n{7:016x} a\n{8:016x} b", name="rank", tool_call_id=reply.tool_calls[0]["id"])

    return ranking


def test_the_obedient_model_plans_without_tool_calls(rank: Callable[..., BaseMessage]) -> None:
    tools = [{"name": name, "description": "x", "parameters": {}} for name in ("rank_candidates", "submit_batch")]
    model = connect(ChatModelSettings(model="scripted:obedient", has_tool_calls=False)).bind_tools(tools)
    messages: list[BaseMessage] = [SystemMessage("You plan."), HumanMessage("choose a batch of 1")]
    first = model.invoke(messages)
    assert [(one["name"], one["args"]) for one in first.tool_calls] == [("rank_candidates", {"n": 1})]
    second = model.invoke([*messages, first, rank(first)])
    assert [one["name"] for one in second.tool_calls] == ["submit_batch"]
    assert [one["id"] for one in second.tool_calls[0]["args"]["candidates"]] == [f"{7:016x}"]


def test_a_stream_of_the_conversation_shows_words_and_no_calls() -> None:
    from langchain.agents import create_agent

    said = [AIMessage('{"tool": "Weigh", "arguments": {"grams": 5}}'), AIMessage("It is heavy.")]
    weigh = StructuredTool.from_function(lambda grams: f"{grams} g", name="Weigh", description="x", args_schema=Weigh)
    with ChatServer(ScriptedChatModel(script=in_order(said))) as server:
        model = connect(ChatModelSettings(model="x", base_url=server.base_url, has_tool_calls=False))
        agent = create_agent(model, [weigh])
        pieces = agent.stream({"messages": [("user", "Weigh it.")]}, stream_mode="messages")
        shown = [piece.text for piece, _ in pieces if piece.text]
    assert shown == ["5.0 g", "It is heavy."]
