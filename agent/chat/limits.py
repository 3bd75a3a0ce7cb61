"""What a chat has used of its chat model, and what it may use.

Knows chat turns and usage. Must not know campaigns: what their planners use is counted in their own budgets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...memory.people_events import ChatTurn
from ..chat_model.usage import Usage
from ..labels import duration


@dataclass(frozen=True)
class Limits:
    """What a chat may use; None for no limit.

    Attributes:
        calls: Questions to the chat model.
        tokens: Of questions and answers.
        usd: US dollars, by the prices of its settings.
    """

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None

    @property
    def needs_prices(self) -> bool:
        """Whether money is limited."""
        return self.usd is not None

    def reached(self, used: Usage) -> str:
        """Which limit is reached, in words; empty for none."""
        if self.calls is not None and used.calls >= self.calls:
            return f"all {self.calls} questions of this chat are asked (--max-calls)"
        if self.tokens is not None and used.input_tokens + used.output_tokens >= self.tokens:
            return f"all {self.tokens:,} tokens of this chat are used (--max-tokens)"
        if self.usd is not None and (used.usd or 0.0) >= self.usd:
            return f"the {self.usd:g} USD of this chat are used (--max-usd)"
        return ""


def used_by(turns: Iterable[ChatTurn]) -> Usage:
    """What the questions among some turns have cost."""
    used = Usage()
    for turn in turns:
        if turn.model:
            used = used + Usage(1, turn.input_tokens, turn.output_tokens, turn.seconds, turn.usd, turn.is_estimated)
    return used


def usage_text(used: Usage, limits: Limits) -> str:
    """What was used, and what is left of the limits."""
    about = "about " if used.is_estimated else ""
    calls = f"{used.calls} of {limits.calls}" if limits.calls is not None else f"{used.calls}"
    total = used.input_tokens + used.output_tokens
    most = f" of {limits.tokens:,}" if limits.tokens is not None else ""
    money = "no prices are known (--prices)" if used.usd is None else f"{used.usd:.4f} USD"
    if limits.usd is not None:
        money = f"{used.usd or 0.0:.4f} of {limits.usd:g} USD"
    return (
        f"This chat: {calls} questions to the chat model, {about}{total:,}{most} tokens ({used.input_tokens:,} in, "
        f"{used.output_tokens:,} out), {duration(used.seconds)} of waiting; {money}."
    )
