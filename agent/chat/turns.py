"""A chat as the ledger keeps it: one event for each thing said, from which it can be taken up again.

Knows the ledger and its chat turns. Must not know chat models, terminals or campaigns.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...memory.errors import UserError
from ...memory.foreign import clean
from ...memory.ledger import CHATS
from ...memory.people_events import ChatTurn
from ..interrupt import held_back

if TYPE_CHECKING:
    from ...memory.ledger import Ledger

PATIENCE = 5.0
"""Seconds that a turn waits for another chat's turn to be written."""
_PAUSE = 0.05
LAST = "last"
"""Stands for the chat of which the latest turn is."""
PERSON, MODEL, TOOL, COMMAND, DRAFT = "user", "assistant", "tool", "command", "draft"
"""Roles of messages: what the chat model may read again, then what people commanded, and campaign files."""


def write_turn(ledger: Ledger, turn: ChatTurn) -> None:
    """Write a turn down among those of all chats of the home.

    Raises:
        UserError: Others keep writing.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with held_back():
                ledger.append(CHATS, [turn])
        except UserError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
        else:
            return


def turns_of(ledger: Ledger, session: str) -> tuple[ChatTurn, ...]:
    """What was said in a chat, the oldest first."""
    return tuple(turn for turn in _turns(ledger) if turn.session == session)


def session_of(wanted: str, ledger: Ledger) -> str:
    """The name of a chat that is to be taken up again.

    Raises:
        UserError: There is none of that name.
    """
    known = list(dict.fromkeys(turn.session for turn in reversed([*_turns(ledger)])))
    if wanted == LAST and known:
        return known[0]
    if wanted not in known:
        shown = ", ".join(known[:8]) or "none yet"
        raise UserError(f"--resume {clean(wanted, 64)}: no chat of that name; the latest are: {shown}")
    return wanted


def new_session(now: datetime, ledger: Ledger) -> str:
    """A name that no chat bears: the minute in which it begins, with a number where that is taken."""
    taken = {turn.session for turn in _turns(ledger)}
    first = f"{now:%Y-%m-%d-%H%M}"
    names = (first, *(f"{first}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def whole(turns: Sequence[ChatTurn]) -> tuple[Mapping[str, Any], ...]:
    """The messages that a chat model may read again: usable ones, and no call without its result or the reverse.

    A chat that was killed, or an answer that was stopped, leaves calls behind that no tool has answered; no endpoint
    takes such a conversation.
    """
    spoken = [turn.message for turn in turns if turn.message.get("role") in (PERSON, MODEL, TOOL) and not turn.fault]
    answered = {str(message["tool_call_id"]) for message in spoken if message["role"] == TOOL}
    kept: list[Mapping[str, Any]] = []
    called: set[str] = set()
    for message in spoken:
        if message["role"] == MODEL:
            own = {str(call["id"]) for call in _calls(message)}
            if not own <= answered:
                continue
            called |= own
        if message["role"] != TOOL or str(message["tool_call_id"]) in called:
            kept.append(message)
    return tuple(kept)


def spoken_before(turns: Sequence[ChatTurn], n: int = 6) -> list[str]:
    """The last things that people and the chat model have said in a chat, each cut to a few lines."""
    said = [turn for turn in turns if turn.message.get("role") in (PERSON, MODEL) and not turn.fault]
    shown = [(turn.author or turn.model, clean(str(turn.message.get("content", "")), 300)) for turn in said]
    return [f"  {clean(who, 64)}: {text}" for who, text in shown if text][-n:]


def _calls(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    calls = message.get("tool_calls")
    return calls if isinstance(calls, list) else ()


def _turns(ledger: Ledger) -> Iterator[ChatTurn]:
    return (entry.event for entry in ledger.entries(CHATS) if isinstance(entry.event, ChatTurn))
