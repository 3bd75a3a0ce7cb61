"""A chat model that answers by a function: for tests, demonstrations, and campaigns without an endpoint.

Knows LangChain. Must not know what it is asked about; obedient.py is one that plans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

from ...memory.errors import TerminalError
from .usage import estimated_tokens

Script = Callable[[Sequence[BaseMessage], Sequence[str]], AIMessage]
"""Makes an answer of the messages so far and the names of the tools."""


class ScriptedChatModel(BaseChatModel):
    """Answers as its script says; tokens are estimated by characters where the script counts none."""

    script: Script

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **more: Any) -> Runnable[Any, AIMessage]:
        """Tell the script which tools there are."""
        names = [convert_to_openai_tool(tool)["function"]["name"] for tool in tools]
        return self.bind(tools=names)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **more: Any,
    ) -> ChatResult:
        reply = self.script(messages, more.get("tools", ()))
        asked, answered = estimated_tokens(messages), estimated_tokens([reply])
        counted = UsageMetadata(input_tokens=asked, output_tokens=answered, total_tokens=asked + answered)
        # A copy, because a script may give the same message twice, and LangChain writes into what it is given.
        told = reply.model_copy(update={"usage_metadata": reply.usage_metadata or counted})
        return ChatResult(generations=[ChatGeneration(message=told)])


def in_order(replies: Iterable[AIMessage | Exception | Script]) -> Script:
    """A script that gives replies one after another; an exception is raised, a function is asked.

    Raises:
        TerminalError: (the script) One more is asked for than there are.
    """
    left, lock = iter(replies), Lock()

    def script(messages: Sequence[BaseMessage], tools: Sequence[str]) -> AIMessage:
        with lock:
            reply = next(left, None)
        if reply is None:
            raise TerminalError("the script has no more replies, and one more is asked for")
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, AIMessage) else reply(messages, tools)

    return script
