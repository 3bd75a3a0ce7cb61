"""The command `athanor chat`: a scientist and a chat model at one prompt, with a campaign at work beside them.

Knows typer. Heavy parts are imported inside the command, so that `--help` answers at once.
"""

from __future__ import annotations

import getpass
import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ..memory.errors import UserError
from .options import DEFAULT_HOME, Home

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from .chat.screen import Screen
    from .chat.session import Session
    from .chat_model.settings import ChatModelSettings

_INTERRUPTED = 130


def chat(
    resume: Annotated[str, typer.Option(metavar="CHAT", help="Take a chat up again: its name, or last.")] = "",
    campaign: Annotated[str, typer.Option(metavar="NAME", help="Talk about this campaign.")] = "",
    model: Annotated[str, typer.Option(metavar="NAME", help="Chat model; without it, what ATHANOR_MODEL names.")] = "",
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Its OpenAI-compatible endpoint; else OPENAI_BASE_URL.")
    ] = None,
    tool_calls: Annotated[bool, typer.Option(help="Whether the endpoint knows tool calls.")] = True,
    max_calls: Annotated[int | None, typer.Option(min=1, help="Questions to the chat model in this chat.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Tokens of questions and answers.")] = None,
    max_usd: Annotated[float | None, typer.Option(min=0, help="US dollars; needs --prices.")] = None,
    prices: Annotated[
        str, typer.Option(metavar="IN,OUT", help="US dollars for a million tokens of questions, of answers.")
    ] = "",
    author: Annotated[str | None, typer.Option(help="Who talks; without it, the user's name.")] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Talk: state a wish, start a campaign, ask about it, steer it. /help lists what works without a chat model."""
    from .chat.limits import Limits
    from .chat.session import ChatModel, opened
    from .chat.terminal import hold, piped, typed
    from .chat_model.settings import ChatModelSettings, prices_of

    settings = ChatModelSettings(
        model=model, base_url=_address(base_url), has_tool_calls=tool_calls, prices=prices_of(prices)
    )
    chat_model, limits = ChatModel(settings, _connect), Limits(max_calls, max_tokens, max_usd)

    def session_of(screen: Screen) -> Session:
        now = datetime.now().astimezone()
        session = opened(home, resume, campaign, author or getpass.getuser(), chat_model, limits, screen, now)
        screen.line(_greeting(session, bool(resume)))
        return session

    talk = typed(session_of) if sys.stdin.isatty() else piped(session_of, sys.stdin)
    with talk as (session, next_line):
        try:
            hold(session, next_line)
            session.close()
        except KeyboardInterrupt:
            _leave_at_once(session)
        session.screen.line(_farewell(session))


def _connect(settings: ChatModelSettings) -> BaseChatModel:
    from .chat.talk import connected

    return connected(settings)


def _greeting(session: Session, is_resumed: bool) -> str:
    from .chat.turns import spoken_before

    model = session.chat_model.settings.name
    lines = [
        f"Athanor chat {session.name}" + (f" with {model}" if model else ", without a chat model: no --model is named")
    ]
    lines += spoken_before(session.turns) if is_resumed else []
    if session.campaign:
        on = ", /resume goes on with it" if session.is_unfinished else ""
        lines.append(f"It is about campaign {session.campaign}; /status says how it stands{on}.")
    lines.append("/help lists the commands; Alt-Enter begins a new line, Ctrl-C stops an answer, /quit leaves.")
    return "\n".join(lines)


def _farewell(session: Session) -> str:
    again = f"Take this chat up again: athanor chat --resume {session.name}"
    if not (session.campaign and session.is_unfinished):
        return again
    alone = f"athanor suggest {session.campaign}" if session.is_by_hand else f"athanor run --resume {session.campaign}"
    return f"{again}\nGo on with the campaign alone: {alone}"


def _leave_at_once(session: Session) -> None:
    """End without waiting for what is at work: it is evaluated anew when the campaign goes on."""
    from .executors import end_workers

    session.screen.line(f"Left at once; everything recorded is kept.\n{_farewell(session)}")
    sys.stdout.flush()
    end_workers()
    os._exit(_INTERRUPTED)


def _address(base_url: str | None) -> str | None:
    from pydantic import ValidationError

    from .chat_model.settings import ChatModelSettings

    try:
        return ChatModelSettings(base_url=base_url).base_url
    except ValidationError as error:
        raise UserError(f"--base-url: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
