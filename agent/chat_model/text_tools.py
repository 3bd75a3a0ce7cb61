"""Tool calls for endpoints that know none: tools are described in the text, and calls are read from it.

Knows LangChain's messages and JSON. Must not know tools by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

HOW = """You have tools. To call one, answer with one JSON object and nothing else:
{"tool": NAME, "arguments": {...}}
The arguments keep the JSON schema of the tool. The result comes with the next message. Call one tool at a time.

Tools:"""
"""Stands before the tools, each of which is JSON on a line of its own."""
RESULT = "Result of "
"""Begins the message with what a tool has answered."""
_DECODER = json.JSONDecoder(strict=False)
"""Lets line breaks within strings pass, which chat models often write."""
_MOST_TRIED = 200
"""Braces that may begin a call; a text of nothing but braces would take minutes."""
_CALL_BEGINS = re.compile(r'\{\s*"(tool|arguments)"\s*:')


class TextToolsChatModel(BaseChatModel):
    """Another chat model, which calls tools by JSON in its text."""

    inner: BaseChatModel

    @property
    def _llm_type(self) -> str:
        return "text-tools"

    def bind_tools(self, tools: Sequence[Any], **more: Any) -> Runnable[Any, AIMessage]:
        """Have tools described to the inner model; that one must be called cannot be enforced in text."""
        return self.bind(tools=[convert_to_openai_tool(tool)["function"] for tool in tools])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **more: Any,
    ) -> ChatResult:
        tools = more.get("tools", ())
        # Without the callbacks of what surrounds it: a stream of the conversation would show calls as words.
        reply = self.inner.invoke(as_text(messages, tools), {"callbacks": []}, stop=stop)
        told = with_calls(reply, f"call-{len(messages)}") if tools else reply
        return ChatResult(generations=[ChatGeneration(message=told)])


def as_text(messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]) -> list[BaseMessage]:
    """A conversation with tools as one without.

    Args:
        messages: The conversation, with calls and results.
        tools: Name, description and schema of each.

    Returns:
        One system message in front, then people and model in turn: the templates of many models allow nothing else.
    """
    rules = [str(one.text) for one in messages if isinstance(one, SystemMessage)]
    told = [HOW + "".join(f"\n{json.dumps(tool, ensure_ascii=False)}" for tool in tools)] if tools else []
    front: list[BaseMessage] = [SystemMessage("\n\n".join([*rules, *told]))] if rules or told else []
    spoken = [one for one in messages if not isinstance(one, SystemMessage)]
    return [*front, *_merged(_plain(spoken))]


def _plain(messages: Sequence[BaseMessage]) -> Iterator[BaseMessage]:
    """Calls and their results as words."""
    for message in messages:
        if isinstance(message, AIMessage):
            calls = [call_text(call["name"], call["args"]) for call in message.tool_calls]
            broken = [str(call["args"]) for call in message.invalid_tool_calls]
            yield AIMessage("\n".join(filter(None, [message.text, *calls, *broken])))
        elif isinstance(message, ToolMessage):
            yield HumanMessage(f"{RESULT}{message.name or 'the tool'}:\n{message.text}")
        else:
            yield HumanMessage(str(message.text))


def call_text(name: str, arguments: dict[str, Any]) -> str:
    """A call as it stands in text."""
    return json.dumps({"tool": name, "arguments": arguments}, ensure_ascii=False)


def _merged(messages: Iterator[BaseMessage]) -> list[BaseMessage]:
    """Neighbours of one side as one message."""
    merged: list[BaseMessage] = []
    for message in messages:
        if merged and merged[-1].type == message.type:
            message = type(message)(f"{merged.pop().text}\n\n{message.text}")
        merged.append(message)
    return merged


def with_calls(reply: AIMessage, call_id: str) -> AIMessage:
    """An answer with the call that stands in its text, if one does.

    Args:
        reply: Of a model that knows no tool calls.
        call_id: For the call, by which its result is known.

    Returns:
        The words before the call, and the call; as an invalid one where its JSON is broken. Without a call, the answer.
    """
    text = str(reply.text)
    found = find_call(text, call_id)
    if found is None:
        return reply
    start, call = found
    kind = "tool_calls" if call["type"] == "tool_call" else "invalid_tool_calls"
    return reply.model_copy(update={"content": _before(text, start), kind: [call]})


def find_call(text: str, call_id: str) -> tuple[int, ToolCall | InvalidToolCall] | None:
    """The first JSON object in a text that names a tool, and where it starts.

    Fences and words round it do not matter, nor do objects that name no tool. An object that begins as a call and is no
    JSON counts only where no whole call stands in the text. What is inside an object is its own business.
    """
    broken: tuple[int, InvalidToolCall] | None = None
    at = text.find("{")
    for _ in range(_MOST_TRIED):
        if at < 0:
            break
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            if broken is None and _CALL_BEGINS.match(text, at):
                broken = at, _invalid(text[at:], call_id, str(error))
            end = at + 1
        else:
            if isinstance(value.get("tool"), str):
                return at, _call(value, text[at:end], call_id)
        at = text.find("{", end)
    return broken


def _call(value: dict[str, Any], text: str, call_id: str) -> ToolCall | InvalidToolCall:
    arguments = value.get("arguments", {})
    if isinstance(arguments, dict):
        return ToolCall(name=value["tool"], args=arguments, id=call_id, type="tool_call")
    return _invalid(text, call_id, f"arguments are an object, not a {type(arguments).__name__}", value["tool"])


def _invalid(text: str, call_id: str, error: str, name: str = "") -> InvalidToolCall:
    named = name or next(iter(re.findall(r'"tool"\s*:\s*"([^"]*)"', text)), "a tool")
    return InvalidToolCall(name=named, args=text, id=call_id, error=error, type="invalid_tool_call")


def _before(text: str, start: int) -> str:
    """The words before a call, without the fence that opens it."""
    return re.sub(r"```\w*\s*$", "", text[:start]).strip()
