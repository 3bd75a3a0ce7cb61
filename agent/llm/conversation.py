"""A conversation with a chat model for one step: every question is counted, recorded and repaired within limits.

Knows LangChain's agents and what a budget allows. Must not know campaigns, tools by name, or what is talked about.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse, hook_config
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from ...memory.chat_model_events import ChatExchanged, ChatStep
from ...memory.errors import TerminalError
from ...memory.foreign import clean
from ..chat_model.connect import without_key
from ..chat_model.replay import message_to_record
from ..chat_model.retry_after import wait_after
from ..chat_model.usage import Usage, usage_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import RunnableConfig
    from langchain_core.tools import BaseTool

    from ..chat_model.settings import ChatModelSettings
    from .names import Names

MOST_CALLS = 16
"""Questions in one step; a chat model that has not come to an end by then does not."""


class Stalled(TerminalError):
    """The chat model gave nothing that could be used, within the limits of a step."""


@dataclass
class Conversation:
    """One step's talk with the chat model, or with its fallback from the question on at which it fails.

    LangChain's own middleware for retries and fallbacks hides the tries, each of which costs and is recorded here.

    Attributes:
        model: The chat model that is asked now.
        settings: Its tries and prices.
        batch: The batch it is about.
        step: What it is asked for.
        left: Whether a question may still be asked, given what this step has used so far.
        exchanges: What was asked and answered.
        fallback: The chat model that is asked after it, if there is one.
        names: What it reads in place of names; None for the names themselves.
    """

    model: BaseChatModel
    settings: ChatModelSettings
    batch: int
    step: ChatStep
    left: Callable[[Usage], str]
    exchanges: list[ChatExchanged] = field(default_factory=list)
    used: Usage = field(default_factory=Usage)
    fallback: BaseChatModel | None = None
    names: Names | None = None
    _wait: float = 0.0

    def ask(
        self,
        call: Callable[[list[BaseMessage]], AIMessage],
        messages: Sequence[BaseMessage],
        system: BaseMessage | None = None,
    ) -> AIMessage:
        """Ask once, and again with the fault told where the answer cannot be used.

        Args:
            call: Asks `model`.
            messages: The conversation so far.
            system: What `call` puts before it, if it does.

        Raises:
            Stalled: The tries, the calls of a step or the budget are used up.
        """
        tries = 0
        while True:
            repair: list[BaseMessage] = []
            for _ in range(self.settings.tries):
                reply, fault = self._try(call, [*messages, *repair], system)
                tries += 1
                if reply is not None and not fault:
                    return reply
                if reply is not None:
                    repair = [HumanMessage(f"That answer could not be used: {fault}.")]
            if self.fallback is None:
                break
            self.model, self.settings, self.fallback = self.fallback, self.settings.in_turn[1], None
        raise Stalled(f"{tries} tries in a row gave nothing usable, the last: {fault}")

    def _try(
        self, call: Callable[[list[BaseMessage]], AIMessage], asked: list[BaseMessage], system: BaseMessage | None
    ) -> tuple[AIMessage | None, str]:
        """One question: the answer, if one came, and what is wrong with it, or why none came."""
        refused = self.left(self.used)
        if refused or len(self.exchanges) >= MOST_CALLS:
            raise Stalled(refused or f"no end after {MOST_CALLS} questions")
        time.sleep(self._wait)
        self._wait, start = 0.0, time.monotonic()
        reply: AIMessage | None = None
        try:
            reply = self._border(call, asked)
            fault = fault_of(reply, needs_a_tool=self.step == "propose")
        except Exception as error:  # noqa: BLE001 - whatever a client raises is a failed try
            fault = f"{type(error).__name__}: {clean(without_key(str(error)), 200)}"
            self._wait = wait_after(error)
        self._record([*([system] if system else []), *asked], reply, time.monotonic() - start, fault)
        return reply, fault

    def _border(self, call: Callable[[list[BaseMessage]], AIMessage], asked: list[BaseMessage]) -> AIMessage:
        """Ask in names that tell nothing, where they are hidden, and take the answer in those that code knows."""
        names = self.names
        return _revealed(call([_hidden(one, names) for one in asked]), names) if names else call(asked)

    def _record(self, asked: Sequence[BaseMessage], reply: AIMessage | None, seconds: float, fault: str) -> None:
        used = usage_of(asked, reply, seconds, self.settings.prices)
        self.used = self.used + used
        self.exchanges.append(
            ChatExchanged(
                batch=self.batch,
                step=self.step,
                model=self.settings.name,
                reply=message_to_record(reply) if reply else {},
                fault=fault,
                input_tokens=used.input_tokens,
                output_tokens=used.output_tokens,
                seconds=round(seconds, 3),
                usd=used.usd,
                is_estimated=used.is_estimated,
            )
        )


def _hidden(message: BaseMessage, names: Names) -> BaseMessage:
    """A message as a chat model reads it that is not to know what it is about."""
    changes: dict[str, Any] = {"content": names.hide(str(message.text))}
    if isinstance(message, AIMessage):
        changes["tool_calls"] = [{**call, "args": names.hide_all(call["args"])} for call in message.tool_calls]
    return message.model_copy(update=changes)


def _revealed(reply: AIMessage, names: Names) -> AIMessage:
    """What it has written, as code and people read it."""
    calls = [{**call, "args": names.reveal(call["args"])} for call in reply.tool_calls]
    return reply.model_copy(update={"content": names.reveal(str(reply.text)), "tool_calls": calls})


def fault_of(reply: AIMessage, needs_a_tool: bool) -> str:
    """Why an answer cannot be used; empty where it can."""
    if reply.invalid_tool_calls:
        broken = reply.invalid_tool_calls[0]
        return f"the arguments of {clean(str(broken['name']), 40)} are no valid JSON"
    refusal = reply.additional_kwargs.get("refusal")
    if refusal:
        return f"it is a refusal ({clean(str(refusal), 100)})"
    if needs_a_tool and not reply.tool_calls:
        return "it calls no tool; call one, and submit_batch in the end"
    if not reply.tool_calls and not str(reply.text).strip():
        return "it is empty"
    return ""


class _Watched(AgentMiddleware[Any, Any, Any]):
    """Sends every question through the conversation, and ends the agent once there is what was wanted."""

    def __init__(self, conversation: Conversation, is_done: Callable[[], bool]) -> None:
        super().__init__()
        self._conversation, self._is_done = conversation, is_done

    @hook_config(can_jump_to=["end"])
    def before_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        return {"jump_to": "end"} if self._is_done() else None

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> AIMessage:
        def call(messages: list[Any]) -> AIMessage:
            found = handler(request.override(model=self._conversation.model, messages=messages)).result[0]
            if not isinstance(found, AIMessage):
                raise TypeError(f"the chat model gave a {type(found).__name__}")
            return found

        return self._conversation.ask(call, request.messages, request.system_message)


def work(
    conversation: Conversation, tools: Sequence[BaseTool], system: str, human: str, is_done: Callable[[], bool]
) -> tuple[str, ...]:
    """Let the chat model use tools until there is what was wanted.

    Args:
        conversation: Counts and records.
        tools: What it may call.
        system: What it is.
        human: What it is asked.
        is_done: Whether there is what was wanted.

    Returns:
        What the tools have said.

    Raises:
        Stalled: It came to no end.
    """
    watched = _Watched(conversation, is_done)
    agent = create_agent(conversation.model, list(tools), system_prompt=system, middleware=[watched])
    steps = 4 * MOST_CALLS + 10  # a question and its tools take two or three of the graph's steps
    # LangChain runs the calls of one message side by side otherwise, and what they make depends on their order.
    limits: RunnableConfig = {"recursion_limit": steps, "max_concurrency": 1}
    end = agent.invoke({"messages": [HumanMessage(human)]}, limits)
    if not is_done():
        raise Stalled("it ended without handing anything in")
    return tuple(str(message.text) for message in end["messages"] if isinstance(message, ToolMessage))
