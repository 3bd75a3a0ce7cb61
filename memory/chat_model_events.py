"""Events of what a chat model that plans was asked, and where it was given up.

Knows the records. Must not know how events are stored or what they lead to (state.py folds them).
"""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from .records import Record

ChatStep = Literal["propose", "reflect"]
"""What a chat model is asked for."""


class ChatExchanged(Record):
    """A question to the chat model, and what came of it.

    Attributes:
        batch: The batch it was about.
        step: What it was asked for.
        model: Name of the chat model.
        reply: The answer as it came, by which a campaign can be run again without the model; empty where none came.
        fault: What was wrong with it, in words; empty where nothing was.
        input_tokens: Of the question.
        output_tokens: Of the answer.
        usd: By the prices of the campaign file; None without any.
        is_estimated: Whether the tokens are estimated by characters, because the endpoint did not count them.
    """

    kind: Literal["chat_exchanged"] = "chat_exchanged"
    batch: int
    step: ChatStep
    model: str
    reply: dict[str, JsonValue] = {}
    fault: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    usd: float | None = None
    is_estimated: bool = False


class ChatGivenUp(Record):
    """A step was done without the chat model, by the builtin planner.

    Attributes:
        is_final: Whether it is not asked again in this campaign.
    """

    kind: Literal["chat_given_up"] = "chat_given_up"
    batch: int
    step: ChatStep
    reason: str
    is_final: bool = False
