"""Where a person types: a prompt with history and completion, or plain lines where the input is no terminal.

Knows prompt_toolkit and the session's commands. Must not know what a line does.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...memory.errors import AthanorError
from ...memory.foreign import readable
from .commands import COMMANDS, obey
from .screen import Screen

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.key_binding import KeyBindings

    from .session import Session

HISTORY = "chat_history"
"""File of the home that holds what was typed."""
_NAMED = ("/resume", "/campaigns")
"""Commands behind which names of campaigns are completed."""
_YES, _NO = ("y", "yes"), ("n", "no", "")
NextLine = Callable[[str], str]
"""Reads what is typed behind a prompt.

Raises:
    EOFError: Nothing more will come.
    KeyboardInterrupt: Ctrl-C.
"""


def hold(session: Session, next_line: NextLine) -> None:
    """Hold a chat until the person leaves: by /quit, the end of the input, or Ctrl-C twice at the prompt."""
    is_leaving = False
    while not session.has_ended:
        if session.question:
            session.screen.line(session.question.text)
        try:
            line = next_line(_prompt(session))
        except EOFError:
            return
        except KeyboardInterrupt:
            if is_leaving:
                return
            is_leaving = True
            session.screen.line("Ctrl-C once more leaves; so does /quit.")
            continue
        is_leaving = False
        try:
            heed(session, readable(line))
        except KeyboardInterrupt:
            session.screen.line("(stopped)")


def heed(session: Session, line: str) -> None:
    """Do what a line asks: answer a question, follow a command, or talk."""
    question, session.question = session.question, None
    try:
        if question and line.casefold() in (*_YES, *_NO):
            if line.casefold() in _YES:
                question.act()
            else:
                session.screen.line("Not done; nothing is spent.")
            return
        if question:
            session.screen.line("That was neither y nor n, so nothing is spent.")
        if line.startswith("/"):
            session.record({"role": "command", "content": line}, author=session.author)
            told = obey(session, line)
            if told:
                session.screen.line(told)
        elif line:
            from .talk import converse

            converse(session, line)
    except AthanorError as error:
        session.screen.line(str(error))


def _prompt(session: Session) -> str:
    if session.question:
        return "y/n> "
    return f"{session.campaign or 'athanor'}> "


@contextmanager
def typed(session_of: Callable[[Screen], Session]) -> Iterator[tuple[Session, NextLine]]:
    """A chat at a terminal: lines of a running campaign are printed above the prompt.

    Args:
        session_of: Opens the session on a screen.
    """
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.patch_stdout import patch_stdout

    # One loop for all prompts: what another thread prints just when a prompt ends would find its loop closed.
    loop = asyncio.new_event_loop()
    with patch_stdout(raw=True):
        session = session_of(Screen(_write, _width))
        session.home.mkdir(parents=True, exist_ok=True)
        prompts: PromptSession[str] = PromptSession(
            history=FileHistory(str(session.home / HISTORY)),
            multiline=True,
            key_bindings=_keys(),
            completer=_completer(session),
            complete_while_typing=True,
            prompt_continuation=lambda width, number, is_wrapped: " " * width,
            rprompt=lambda: _at_work(session),
            refresh_interval=1.0,
        )

        def next_line(prompt: str) -> str:
            return loop.run_until_complete(prompts.prompt_async(prompt))

        try:
            yield session, next_line
        finally:
            loop.close()


@contextmanager
def piped(session_of: Callable[[Screen], Session], lines: Iterable[str]) -> Iterator[tuple[Session, NextLine]]:
    """A chat with plain lines, read and answered in order; each is shown, so that what is written can be read alone."""
    session = session_of(Screen(_write))
    coming = iter(lines)

    def next_line(prompt: str) -> str:
        line = next(coming, None)
        if line is None:
            raise EOFError
        session.screen.line(f"{prompt}{line.rstrip()}")
        return line

    yield session, next_line


def _at_work(session: Session) -> str:
    """What runs beside the chat, in few words; empty for nothing."""
    work = session.work
    if work is None:
        return ""
    state = work.state
    made = sum(trial.is_finished and trial.is_paid for trial in state.trials.values())
    waits = ", waits for your /approve" if work.is_waiting_for_approval else ""
    budget = state.spec.get("goal", {}).get("budget", {}).get("evaluations", "?")
    return f"{made} of {budget} evaluations{waits}"


def _width() -> int:
    return shutil.get_terminal_size().columns


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _keys() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def _completer(session: Session) -> Completer:
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document

    class Verbs(Completer):
        """Completes slash commands, and names of campaigns behind those that take one."""

        def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
            text = document.text_before_cursor
            verb, space, begun = text.partition(" ")
            if not text.startswith("/"):
                return
            if not space:
                for one in COMMANDS:
                    if f"/{one.name}".startswith(verb):
                        yield Completion(f"/{one.name}", -len(verb), display_meta=one.says)
            elif verb in _NAMED:
                for name in session.ledger.campaigns():
                    if name.startswith(begun):
                        yield Completion(name, -len(begun))

    return Verbs()
