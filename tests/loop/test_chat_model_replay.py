"""Answers are kept as JSON and given again, whatever an endpoint puts into them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from athanor.agent.chat_model.replay import ReplayChatModel, message_to_record, record_to_message
from athanor.memory.chat_model_events import ChatExchanged
from athanor.memory.errors import AthanorError


class Weigh(BaseModel):
    """Weigh something."""

    grams: float


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats()
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def call(arguments: dict[str, Any]) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "weigh", "args": arguments, "id": "call-1", "type": "tool_call"}])


REPLIES = {
    "words": AIMessage("It is heavy."),
    "empty": AIMessage(""),
    "blocks": AIMessage([{"type": "text", "text": "It is heavy."}]),
    "call": call({"grams": 5, "of": ["Fe", "O"]}),
    "words and a call": AIMessage("So.", tool_calls=call({"grams": 5}).tool_calls),
    "broken call": AIMessage("", invalid_tool_calls=[{"name": "weigh", "args": "{", "id": "1", "error": "cut"}]),
    "refusal": AIMessage("", additional_kwargs={"refusal": "I cannot."}),
    "counted": AIMessage("x", usage_metadata={"input_tokens": 3, "output_tokens": 1, "total_tokens": 4}),
}


@pytest.mark.parametrize("name", REPLIES)
def test_an_answer_comes_back_from_its_record(name: str) -> None:
    reply = REPLIES[name]
    back = record_to_message(json.loads(json.dumps(message_to_record(reply))))
    assert back.text == reply.text
    assert back.tool_calls == reply.tool_calls
    assert back.invalid_tool_calls == reply.invalid_tool_calls
    assert back.usage_metadata == reply.usage_metadata
    assert back.additional_kwargs == reply.additional_kwargs


@given(st.text(st.characters(exclude_categories=())), st.dictionaries(st.text(), JSON, max_size=3))
def test_any_answer_can_be_recorded(text: str, arguments: dict[str, Any]) -> None:
    record = message_to_record(AIMessage(text, tool_calls=call(arguments).tool_calls))
    event = ChatExchanged(batch=1, step="propose", model="x", reply=record)
    assert ChatExchanged.model_validate_json(event.model_dump_json()).reply == record
    assert "\\u0000" not in json.dumps(record)


@pytest.mark.parametrize("depth", [40, 400])
def test_an_answer_of_any_depth_can_be_recorded(depth: int) -> None:
    nested: dict[str, Any] = {}
    for _ in range(depth):
        nested = {"in": nested}
    event = ChatExchanged(batch=1, step="propose", model="x", reply=message_to_record(call(nested)))
    assert "…" in event.model_dump_json()


def test_recorded_answers_are_given_in_order() -> None:
    records = [message_to_record(call({"grams": 5})), message_to_record(AIMessage("Done."))]
    model = ReplayChatModel(records=records)
    assert model.bind_tools([Weigh]).invoke("Weigh it").tool_calls[0]["args"] == {"grams": 5}
    assert model.invoke("And now?").text == "Done."
    with pytest.raises(AthanorError, match="only 2 answers were recorded"):
        model.invoke("And now?")


def test_a_question_without_an_answer_stays_without() -> None:
    model = ReplayChatModel(records=[{}, message_to_record(AIMessage(""))])
    with pytest.raises(AthanorError, match="no answer came to question 1"):
        model.invoke("Hello?")
    assert model.invoke("Hello?").text == ""
