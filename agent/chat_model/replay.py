"""Answers of a chat model kept as JSON, and a chat model that gives them again.

Knows LangChain's messages. Must not know where answers are kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

from ...memory.errors import TerminalError

_FIELDS = ("content", "tool_calls", "invalid_tool_calls", "usage_metadata")
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and halves of surrogate pairs: JSON lets an endpoint send them, but not every database keeps them."""
_DEEPEST = 30
"""Levels of lists and objects that are kept; no tool's arguments have as many."""


def message_to_record(reply: AIMessage) -> dict[str, Any]:
    """What an answer says and calls, as JSON that every database keeps; what else is sent with it is left out."""
    given = {name: getattr(reply, name) for name in _FIELDS[1:]} | {"refusal": reply.additional_kwargs.get("refusal")}
    kept = {"content": str(reply.text)} | {name: value for name, value in given.items() if value}
    return {name: _keepable(value) for name, value in kept.items()}


def _keepable(value: Any, level: int = 0) -> Any:
    if isinstance(value, str):
        return _UNKEEPABLE.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping | Sequence) and level >= _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {_keepable(str(key)): _keepable(one, level + 1) for key, one in value.items()}
    return [_keepable(one, level + 1) for one in value] if isinstance(value, Sequence) else value


def record_to_message(record: Mapping[str, Any]) -> AIMessage:
    """The answer of a record."""
    own = {key: value for key, value in record.items() if key in _FIELDS}
    refusal = {"refusal": record["refusal"]} if record.get("refusal") else {}
    return AIMessage(**own, additional_kwargs=refusal)


class ReplayChatModel(BaseChatModel):
    """Gives recorded answers in their order, whatever it is asked."""

    records: Sequence[Mapping[str, Any]]
    _given: int = PrivateAttr(default=0)
    _lock: Any = PrivateAttr(default_factory=Lock)

    @property
    def _llm_type(self) -> str:
        return "replay"

    def bind_tools(self, tools: Any, **more: Any) -> ReplayChatModel:
        """What was recorded calls the tools it calls."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **more: Any,
    ) -> ChatResult:
        with self._lock:
            if self._given >= len(self.records):
                raise TerminalError(f"only {len(self.records)} answers were recorded, and one more is asked for")
            record = self.records[self._given]
            self._given += 1
        if not record:
            raise TerminalError(f"no answer came to question {self._given} when it was recorded")
        return ChatResult(generations=[ChatGeneration(message=record_to_message(record))])
