"""One answer of the chat model to a person: asked with tools, spoken while it comes, and kept turn by turn.

Knows LangChain's agents, the session and the limits of a conversation. Must not know terminals or slash commands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage, merge_message_runs, trim_messages
from langchain_core.runnables import RunnableConfig

from ...memory.errors import AthanorError, UserError
from ...memory.foreign import quoted, readable
from ...prompts.render import render
from ..chat_model.replay import message_to_record, record_to_message
from ..chat_model.usage import estimated_tokens, usage_of
from ..llm.conversation import MOST_CALLS, Conversation, Stalled
from ..llm.known_values import Known, knowns_from_text
from . import turns
from .answers import standing_text
from .spoken import Spoken
from .tools import tools_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ..chat_model.settings import ChatModelSettings
    from .session import Session

MAX_HISTORY = 12_000
"""Estimated tokens of earlier turns that are told again; what is older stays in the ledger, and tools read it there.

A summary would cost a question of its own, and be a second account of what the ledger holds."""
MAX_STANDING = 6000
"""Characters of what is told about the campaign before each answer."""
STOPPED = "stopped by the person"


def converse(session: Session, text: str) -> None:
    """Answer what a person says.

    Raises:
        KeyboardInterrupt: The person has stopped the answer; what was said so far is kept.
    """
    said = readable(text)
    session.record({"role": turns.PERSON, "content": said}, author=session.author)
    try:
        model = session.chat_model.model
    except UserError as error:
        session.screen.line(f"{error}.\nSlash commands work without a chat model: /help.")
        return
    standing, before = _standing(session), session.used
    knowns = _Knowns(session, standing)
    spoken = Spoken(session.screen, knowns.all)
    talk = Conversation(
        model,
        session.chat_model.settings,
        0,
        "reflect",  # a chat's answer, like a reflection, may come without a call of a tool
        lambda used: session.limits.reached(before + used),
    )
    kept = _Kept(session, talk, spoken, knowns)
    system = render("chat", standing=standing)
    agent = create_agent(model, tools_of(session), system_prompt=system, middleware=[kept])
    config: RunnableConfig = {
        "recursion_limit": 4 * MOST_CALLS + 10,  # a question and its tools take two or three of the graph's steps
        "callbacks": [_Tokens(spoken.hear)],
    }
    asked: list[Any] = [*history(session)]
    with session.screen.speaking():
        try:
            agent.invoke({"messages": asked}, config)
        except Stalled as error:
            session.screen.piece(f"\nThe chat model gave no usable answer: {error}. Slash commands work: /help.\n")
        except AthanorError as error:
            session.screen.piece(f"\n{error}\n")


def history(session: Session) -> list[BaseMessage]:
    """What was said, as the chat model reads it again: the latest turns within a bound, from a person's words on."""
    # What was said after an answer that never came follows a person's words; not every endpoint takes two in a row.
    messages = merge_message_runs([_message(record) for record in turns.whole(session.turns)])
    kept = trim_messages(
        messages, max_tokens=MAX_HISTORY, token_counter=estimated_tokens, strategy="last", start_on="human"
    )
    # What the person has just said is told, however long the tools' answers before it were.
    return kept or messages[-1:]


class _Kept(AgentMiddleware[Any, Any, Any]):
    """Sends every question through the conversation, keeps what comes of it, and speaks it."""

    def __init__(self, session: Session, talk: Conversation, spoken: Spoken, knowns: _Knowns) -> None:
        super().__init__()
        self._session, self._talk, self._spoken, self._knowns = session, talk, spoken, knowns
        self._recorded, self._told = 0, set[str]()

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> AIMessage:
        self._keep_tools(request.messages)

        def call(messages: list[Any]) -> AIMessage:
            self._spoken.begin()
            self._keep_faults()
            try:
                found = handler(request.override(messages=messages)).result[0]
            except KeyboardInterrupt:
                self._keep_stopped(messages)
                raise
            if not isinstance(found, AIMessage):
                raise TypeError(f"the chat model gave a {type(found).__name__}")
            return found

        try:
            reply = self._talk.ask(call, request.messages, request.system_message)
        except Stalled:
            self._keep_faults()
            raise
        self._keep(reply, self._spoken.end(str(reply.text)))
        return reply

    def _keep_tools(self, messages: Sequence[BaseMessage]) -> None:
        for message in messages:
            if isinstance(message, ToolMessage) and message.tool_call_id not in self._told:
                self._told.add(message.tool_call_id)
                if self._knowns.take(message):
                    self._session.record(_tool_record(message))

    def _keep_faults(self) -> None:
        """Record the questions that nothing usable came of."""
        for exchange in self._talk.exchanges[self._recorded :]:
            self._session.record({"role": turns.MODEL, **exchange.reply}, **_cost(exchange))
        self._recorded = len(self._talk.exchanges)

    def _keep(self, reply: AIMessage, said: str) -> None:
        *_, last = self._talk.exchanges
        self._recorded = len(self._talk.exchanges)
        record = {"role": turns.MODEL, **message_to_record(reply)}
        # The model reads again what the person has read; what it had written stays beside it.
        shown = {"content": said, "written": record["content"]} if said != record["content"].strip() else {}
        self._session.record(record | shown, **_cost(last))

    def _keep_stopped(self, messages: Sequence[BaseMessage]) -> None:
        used = usage_of(messages, AIMessage(self._spoken.text), 0.0, self._session.chat_model.settings.prices)
        self._session.record(
            {"role": turns.MODEL, "content": self._spoken.text},
            model=self._session.chat_model.settings.name,
            fault=STOPPED,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            usd=used.usd,
            is_estimated=True,
        )


class _Knowns:
    """Values that may be told: of tools in this chat, of what the chat model is told at the start, of the person."""

    def __init__(self, session: Session, standing: str) -> None:
        self._found: list[Known] = [*knowns_from_text(standing, "the standing")]
        self._seen: set[str] = set()
        for turn in session.turns:
            message = turn.message
            if message.get("role") == turns.PERSON:
                self._found += _wished(str(message["content"]))
            elif message.get("role") == turns.TOOL:
                self._seen.add(str(message["tool_call_id"]))
                self._found += _of_tool(str(message["content"]))

    def all(self) -> Sequence[Known]:
        """All of them."""
        return self._found

    def take(self, message: ToolMessage) -> bool:
        """Take in what a tool has told; False where it was known from before."""
        if message.tool_call_id in self._seen:
            return False
        self._seen.add(message.tool_call_id)
        self._found += _of_tool(str(message.text))
        return True


@lru_cache(maxsize=2048)
def _of_tool(text: str) -> tuple[Known, ...]:
    return knowns_from_text(text, "a tool")


@lru_cache(maxsize=2048)
def _wished(text: str) -> tuple[Known, ...]:
    """Values that the person has told: a wish or a bound, but no source of what came out for a trial or a material."""
    found = knowns_from_text(text, "the person")
    return tuple(
        Known(one.value, one.unit, one.property, one.source, method="expected") for one in found if not one.names
    )


class _Tokens(BaseCallbackHandler):
    """Hands the pieces of an answer on as they come."""

    run_inline = True

    def __init__(self, hear: Callable[[str], None]) -> None:
        self._hear = hear

    def on_llm_new_token(self, token: str | list[Any], **more: Any) -> None:
        if isinstance(token, str):
            self._hear(token)


def _standing(session: Session) -> str:
    lines = []
    if session.campaign:
        lines.append(standing_text(session.state()))
        lines.append("It is at work in this chat." if session.work else "It is not at work in this chat.")
    else:
        lines.append(
            f"No campaign is chosen. Campaigns in this home: {', '.join(session.ledger.campaigns()) or 'none'}."
        )
    if session.draft:
        lines.append(f"A draft named {session.draft.name} is not started: {quoted(session.draft.goal.statement)}")
    first = next((turn.message for turn in session.turns if turn.message.get("role") == turns.PERSON), None)
    if first:
        lines.append(f"The chat began with: {quoted(str(first['content']), 300)}")
    return "\n".join(lines)[:MAX_STANDING]


def _message(record: Any) -> BaseMessage:
    if record["role"] == turns.PERSON:
        return HumanMessage(str(record["content"]))
    if record["role"] == turns.TOOL:
        return ToolMessage(str(record["content"]), name=record["name"], tool_call_id=record["tool_call_id"])
    return record_to_message(record)


def _tool_record(message: ToolMessage) -> dict[str, Any]:
    told = readable(str(message.text))
    return {"role": turns.TOOL, "name": message.name, "tool_call_id": message.tool_call_id, "content": told}


def _cost(exchange: Any) -> dict[str, Any]:
    fields = {"model", "fault", "input_tokens", "output_tokens", "seconds", "usd", "is_estimated"}
    return dict(exchange.model_dump(include=fields))


def connected(settings: ChatModelSettings) -> BaseChatModel:
    """The client of a chat model, which hands answers on piece by piece where it can.

    Raises:
        UserError: No chat model is named, or a key is missing or none.
    """
    from ..chat_model.connect import connect

    model = connect(settings)
    return model.model_copy(update={"streaming": True}) if "streaming" in type(model).model_fields else model
