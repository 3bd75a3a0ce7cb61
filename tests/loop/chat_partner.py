"""A chat partner by script: what it says follows from what the person has said last, and from what a tool answered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from athanor.agent.chat_model.scripted import Script

Call = tuple[str, dict[str, Any]]


def partner(says: Mapping[str, str | Call], after_tools: str = "A tool says: {told}") -> Script:
    """A script.

    Args:
        says: A pattern to look for in the person's last words, to an answer or a call of a tool.
        after_tools: What is said when a tool has answered; `{told}` stands for its first line.
    """

    def script(messages: Sequence[BaseMessage], tools: Sequence[str]) -> AIMessage:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            return AIMessage(after_tools.format(told=str(last.text).partition("\n")[0]))
        person = [str(one.text) for one in messages if isinstance(one, HumanMessage)]
        # A fault is told as a message of its own; what it is about stands before it.
        words = next(one for one in reversed(person) if not one.startswith("That answer could not be used"))
        for pattern, answer in says.items():
            if not re.search(pattern, words):
                continue
            if isinstance(answer, str):
                return AIMessage(answer)
            call = {"name": answer[0], "args": answer[1], "id": f"call-{len(messages)}", "type": "tool_call"}
            return AIMessage("", tool_calls=[call])
        return AIMessage("I do not know.")

    return script
