"""Events of what people say to a campaign, and to all of a home: notes, hints, approvals, turns of a chat.

Knows the records. Must not know how events are stored or what they lead to (state.py folds them).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, field_validator

from .foreign import readable
from .records import Record

MAX_NOTE = 4000
"""Characters that a person's note may have."""
MAX_AUTHOR = 64
"""Characters that the name of its author may have."""

Author = Annotated[str, Field(min_length=1, max_length=MAX_AUTHOR)]
"""Who said or did something."""


class NoteAdded(Record):
    """A person has written something down, about a campaign or (with an empty name) about the whole home."""

    kind: Literal["note_added"] = "note_added"
    author: Author
    campaign: str = ""
    text: Annotated[str, Field(min_length=1, max_length=MAX_NOTE)]

    @field_validator("author", "text", mode="before")
    @classmethod
    def _readable(cls, text: object) -> object:
        return readable(text) if isinstance(text, str) else text


class HintGiven(Record):
    """A person has told a campaign where to look, or where not to.

    Attributes:
        text: In the person's own words.
        banned: Elements that no candidate may hold from then on.
        wanted: Elements of which half of the candidates hold at least one from then on.
        fixed: Variables that keep a value from then on, each with it.
        number: Of the hint in its campaign, from 1.
        since: The first batch that is planned with it.
        until: The last one; 0 where it counts until it is withdrawn.
    """

    kind: Literal["hint_given"] = "hint_given"
    author: Author
    text: Annotated[str, Field(min_length=1, max_length=MAX_NOTE)]
    banned: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    fixed: tuple[tuple[str, float | str], ...] = ()
    number: int = 0
    since: int = 0
    until: int = 0


class HintWithdrawn(Record):
    """A hint does not count any more.

    Attributes:
        since: The first batch that is planned without it.
    """

    kind: Literal["hint_withdrawn"] = "hint_withdrawn"
    author: Author
    number: int
    since: int = 0


class TrialApproved(Record):
    """A person lets a trial go to the oracle, where that is asked for."""

    kind: Literal["trial_approved"] = "trial_approved"
    trial: int
    author: Author


class TrialAbandoned(Record):
    """A person has taken a trial back before it was at work: it costs nothing, and does not come again."""

    kind: Literal["trial_abandoned"] = "trial_abandoned"
    trial: int
    author: Author
    reason: Annotated[str, Field(max_length=MAX_NOTE)] = ""


class ChatTurn(Record):
    """What was said in a chat: by a person, by the chat model, or by a tool that it called.

    Attributes:
        session: Name of the chat.
        campaign: Which it was about; empty for none.
        author: The person; empty for what the chat model or a tool said.
        message: Role, text and calls of tools, by which the chat can be taken up again.
        model: Name of the chat model where it was asked; empty otherwise.
        fault: What was wrong with its answer, in words; empty where nothing was.
        input_tokens: Of the question.
        output_tokens: Of the answer.
        usd: By its prices; None without any.
        is_estimated: Whether the tokens are estimated by characters.
    """

    kind: Literal["chat_turn"] = "chat_turn"
    session: str
    campaign: str = ""
    author: str = ""
    message: dict[str, JsonValue] = {}
    model: str = ""
    fault: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    usd: float | None = None
    is_estimated: bool = False
