"""Settings and the environment name a chat model; scripted ones answer as they are told; tokens are counted."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import BaseModel, ValidationError

from athanor.agent.chat_model.connect import connect
from athanor.agent.chat_model.obedient import obedient
from athanor.agent.chat_model.scripted import ScriptedChatModel, in_order
from athanor.agent.chat_model.settings import ChatModelSettings, Prices
from athanor.agent.chat_model.text_tools import TextToolsChatModel
from athanor.agent.chat_model.usage import Usage, estimated_tokens, usage_of
from athanor.memory.errors import TerminalError, UserError

TOOLS = ("rank_candidates", "look_at_trial", "submit_batch")
RANKING = "3 of 9 offered candidates, best first:\n" + "\n".join(
    f"{n:016x} x = {n}; predicted: 1" for n in (10, 11, 12)
)


class Weigh(BaseModel):
    """Weigh something."""

    grams: float


def call(name: str, **arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call-{name}", "type": "tool_call"}])


@pytest.mark.parametrize(
    ("wrong", "allowed"),
    [
        ({"temperature": 2.1}, "less than or equal to 2"),
        ({"temperature": -0.1}, "greater than or equal to 0"),
        ({"timeout_seconds": 0}, "greater than 0"),
        ({"tries": 0}, "greater than or equal to 1"),
        ({"prices": {"input": -1, "output": 1}}, "greater than or equal to 0"),
        ({"api_key": "sk-1"}, "Extra inputs are not permitted"),
        ({"base_url": "localhost:11434"}, "such as http://localhost:11434/v1"),
        ({"base_url": "ftp://localhost/v1"}, "http:// and https:// are allowed"),
        ({"base_url": "https://me:secret@there.org/v1"}, "a key stands in OPENAI_API_KEY"),
        ({"base_url": "https://there.org/v1?key=secret"}, "a key stands in OPENAI_API_KEY"),
    ],
)
def test_wrong_settings_are_told_what_is_allowed(wrong: dict[str, Any], allowed: str) -> None:
    with pytest.raises(ValidationError, match=allowed):
        ChatModelSettings.model_validate(wrong)


def test_the_name_comes_from_the_settings_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ChatModelSettings().name == ""
    monkeypatch.setenv("ATHANOR_MODEL", "small")
    assert ChatModelSettings().name == "small"
    assert ChatModelSettings(model="large").name == "large"


def test_settings_load_no_chat_library() -> None:
    code = "import sys, athanor.agent.chat_model.settings; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not {"langchain_core", "langchain_openai", "openai"}.intersection(done.stdout.split())


def test_no_name_is_a_persons_mistake() -> None:
    with pytest.raises(UserError, match=r"chat_model: \{model: NAME\}.*ATHANOR_MODEL"):
        connect(ChatModelSettings())


def test_no_key_for_openai_is_a_persons_mistake() -> None:
    with pytest.raises(UserError, match="OPENAI_API_KEY is not set"):
        connect(ChatModelSettings(model="some-model"))


@pytest.mark.parametrize("key", ["sk-secret\nsecond", "sk-sécret"])
def test_a_key_that_is_none_is_not_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(UserError, match="printable ASCII") as told:
        connect(ChatModelSettings(model="some-model"))
    assert "cret" not in str(told.value)


def test_an_unknown_scripted_model_is_a_persons_mistake() -> None:
    with pytest.raises(UserError, match="scripted:obedient is allowed"):
        connect(ChatModelSettings(model="scripted:wise"))


def test_the_client_is_set_up_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    from langchain_openai import ChatOpenAI

    monkeypatch.setenv("OPENAI_API_KEY", " sk-secret\n")
    monkeypatch.setenv("OPENAI_API_BASE", "https://elsewhere.org/v1")
    model = connect(ChatModelSettings(model="some-model", temperature=0.5, timeout_seconds=7))
    assert isinstance(model, ChatOpenAI)
    assert model.openai_api_base == "https://api.openai.com/v1"
    assert model.root_client.api_key == "sk-secret"
    assert (model.temperature, model.request_timeout, model.max_retries, model.stream_usage) == (0.5, 7, 0, True)
    assert "secret" not in repr(model)


def test_an_endpoint_of_ones_own_needs_no_key_and_gets_chat_completions(monkeypatch: pytest.MonkeyPatch) -> None:
    from langchain_openai import ChatOpenAI

    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:11434/v1")
    # LangChain would ask a model of this name through an interface that only OpenAI has.
    model = connect(ChatModelSettings(model="my-codex"))
    assert isinstance(model, ChatOpenAI)
    assert (model.openai_api_base, model.use_responses_api) == ("http://localhost:11434/v1", False)
    named = connect(ChatModelSettings(model="x", base_url="http://localhost:8000/v1"))
    assert isinstance(named, ChatOpenAI)
    assert named.openai_api_base == "http://localhost:8000/v1"


def test_text_tools_are_put_before_an_endpoint_without_tool_calls() -> None:
    settings = ChatModelSettings(model="x", base_url="http://localhost:1/v1", has_tool_calls=False)
    assert isinstance(connect(settings), TextToolsChatModel)


def test_a_script_is_told_messages_and_the_names_of_tools() -> None:
    heard: list[Any] = []

    def script(messages: Any, tools: Any) -> AIMessage:
        heard.append(([message.text for message in messages], tools))
        return AIMessage("Noted.")

    model = ScriptedChatModel(script=script)
    assert model.bind_tools([Weigh]).invoke("Hello").text == "Noted."
    assert model.invoke("Bye").text == "Noted."
    assert heard == [(["Hello"], ["Weigh"]), (["Bye"], ())]


def test_replies_come_in_order_and_end() -> None:
    replies = [AIMessage("one"), TimeoutError("late"), lambda messages, tools: AIMessage(messages[-1].text * 2)]
    model = ScriptedChatModel(script=in_order(replies))
    assert model.invoke("a").text == "one"
    with pytest.raises(TimeoutError, match="late"):
        model.invoke("b")
    assert model.invoke("c").text == "cc"
    with pytest.raises(TerminalError, match="no more replies"):
        model.invoke("d")


def test_a_scripted_model_counts_tokens_and_leaves_the_script_its_message() -> None:
    reply = AIMessage("12345")
    model = ScriptedChatModel(script=lambda messages, tools: reply)
    first, second = model.invoke("1234"), model.invoke("1234" * 10)
    assert first.usage_metadata == {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    assert second.usage_metadata == {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}
    assert reply.usage_metadata is None


def test_a_scripted_model_streams() -> None:
    model = ScriptedChatModel(script=lambda messages, tools: AIMessage("a whole sentence"))
    assert "".join(chunk.text for chunk in model.stream("Hello")) == "a whole sentence"


def test_the_obedient_one_ranks_then_submits_then_talks() -> None:
    asked = [SystemMessage("You plan."), HumanMessage("Plan batch 1: choose a batch of 2 (at most).")]
    first = obedient(asked, TOOLS)
    assert [(call["name"], call["args"]) for call in first.tool_calls] == [("rank_candidates", {"n": 2})]
    ranked = [*asked, first, ToolMessage(RANKING, tool_call_id=first.tool_calls[0]["id"] or "")]
    second = obedient(ranked, TOOLS)
    assert [call["name"] for call in second.tool_calls] == ["submit_batch"]
    chosen = second.tool_calls[0]["args"]
    assert [one["id"] for one in chosen["candidates"]] == [f"{10:016x}", f"{11:016x}"]
    assert all(one["reason"] for one in chosen["candidates"])
    assert chosen["follows_ranking"] is True
    assert not obedient(asked, ()).tool_calls
    assert obedient(asked, ()).text


def test_the_obedient_one_ranks_again_for_the_next_question() -> None:
    first = obedient([HumanMessage("a batch of 2")], TOOLS)
    earlier = [HumanMessage("a batch of 2"), first, ToolMessage(RANKING, tool_call_id=first.tool_calls[0]["id"] or "")]
    again = obedient([*earlier, HumanMessage("Now a batch of 3.")], TOOLS)
    assert [(call["name"], call["args"]) for call in again.tool_calls] == [("rank_candidates", {"n": 3})]


def test_the_obedient_one_takes_ids_from_the_ranking_only() -> None:
    other = call("look_at_trial", number=1)
    first = obedient([HumanMessage("a batch of 1")], TOOLS)
    messages = [
        HumanMessage("a batch of 1"),
        other,
        ToolMessage(f"{99:016x} is what was tried", tool_call_id="call-look_at_trial"),
    ]
    assert [one["name"] for one in obedient(messages, TOOLS).tool_calls] == ["rank_candidates"]
    messages += [first, ToolMessage(RANKING, tool_call_id=first.tool_calls[0]["id"] or "")]
    chosen = obedient(messages, TOOLS).tool_calls[0]["args"]["candidates"]
    assert [one["id"] for one in chosen] == [f"{10:016x}"]


def counted(asked: int, answered: int) -> AIMessage:
    usage = {"input_tokens": asked, "output_tokens": answered, "total_tokens": asked + answered}
    return AIMessage("x" * 40, usage_metadata=usage)  # type: ignore[arg-type]


def test_usage_is_what_the_endpoint_counts_at_the_prices_given() -> None:
    used = usage_of([HumanMessage("Hello")], counted(1000, 100), 2.0, Prices(input=2.0, output=8.0))
    assert used == Usage(1, 1000, 100, 2.0, pytest.approx(0.0028), is_estimated=False)
    assert usage_of([HumanMessage("Hello")], counted(1000, 100), 2.0, None).usd is None


@pytest.mark.parametrize("reply", [AIMessage("x" * 40), counted(0, 0)])
def test_what_an_endpoint_does_not_count_is_estimated(reply: AIMessage) -> None:
    used = usage_of([HumanMessage("x" * 400)], reply, 1.0, Prices(input=1.0, output=1.0))
    assert used == Usage(1, 100, 10, 1.0, pytest.approx(0.00011), is_estimated=True)


def test_a_question_without_an_answer_costs_its_own_tokens() -> None:
    assert usage_of([HumanMessage("x" * 400)], None, 1.0, None) == Usage(1, 100, 0, 1.0, None, is_estimated=True)


def test_calls_count_as_characters_too() -> None:
    broken = AIMessage("", invalid_tool_calls=[{"name": "weigh", "args": '{"grams"', "id": "1", "error": "cut"}])
    assert estimated_tokens([call("weigh", grams=5)]) == -(-len('weigh{"grams": 5}') // 4)
    assert estimated_tokens([broken]) == -(-len('weigh{"grams"') // 4)


def test_usage_adds_up() -> None:
    one, two = Usage(1, 10, 5, 1.0, 0.5), Usage(2, 20, 6, 2.0, 0.25, is_estimated=True)
    assert one + two == Usage(3, 30, 11, 3.0, 0.75, is_estimated=True)
    assert Usage() + one == one
    assert (Usage() + Usage(1, 1, 1, 1.0)).usd is None
