"""A script for a chat model that knows no tool calls: it reads tools from the text, and calls them in its text.

Knows how text_tools.py writes them. Must not know what is asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from .scripted import Script
from .text_tools import HOW, RESULT, call_text, with_calls


def in_text(script: Script) -> Script:
    """The same script for conversations without tool calls."""

    def spoken(messages: Sequence[BaseMessage], tools: Sequence[str]) -> AIMessage:
        rules = "".join(message.text for message in messages if isinstance(message, SystemMessage))
        described = rules.partition(HOW)[2].split("\n")
        named = [json.loads(line)["name"] for line in described if line]
        reply = script([*_with_tools(messages)], [*tools, *named])
        calls = [call_text(call["name"], call["args"]) for call in reply.tool_calls[:1]]
        return AIMessage("\n".join(filter(None, [reply.text, *calls])))

    return spoken


def _with_tools(messages: Sequence[BaseMessage]) -> Iterator[BaseMessage]:
    """The conversation as it was before it was put into text."""
    for at, message in enumerate(messages):
        if isinstance(message, AIMessage):
            yield with_calls(message, f"call-{at}")
        elif isinstance(message, HumanMessage) and message.text.startswith(RESULT):
            name, _, told = message.text.removeprefix(RESULT).partition(":\n")
            yield ToolMessage(told, name=name, tool_call_id=f"call-{at - 1}")
        else:
            yield message
