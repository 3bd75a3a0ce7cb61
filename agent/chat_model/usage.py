"""What questions to a chat model cost: calls, tokens, seconds, US dollars.

Knows LangChain's messages. Must not know budgets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, BaseMessage

    from .settings import Prices

_CHARACTERS = 4
"""Characters a token, roughly, where an endpoint does not count. English has about as many; ids and formulas have
fewer, so that an estimate of them is low."""


@dataclass(frozen=True)
class Usage:
    """What was used.

    Attributes:
        calls: Questions asked.
        input_tokens: Of the questions.
        output_tokens: Of the answers.
        seconds: Waited for.
        usd: By prices; None where no prices are known.
        is_estimated: Whether some of the tokens were estimated, because an endpoint did not count them.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    usd: float | None = None
    is_estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        known = [usd for usd in (self.usd, other.usd) if usd is not None]
        return Usage(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.seconds + other.seconds,
            sum(known) if known else None,
            self.is_estimated or other.is_estimated,
        )


def usage_of(asked: Sequence[BaseMessage], reply: AIMessage | None, seconds: float, prices: Prices | None) -> Usage:
    """What one question cost.

    Args:
        asked: The question.
        reply: The answer, if there was one.
        seconds: Waited for it.
        prices: Of tokens.

    Returns:
        Tokens as the endpoint counts them. Where there is no answer, or none of its questions' tokens are counted, an
        estimate by characters, without the schemas of tools.
    """
    counted = reply.usage_metadata if reply else None
    # Some endpoints send counts of zero instead of none; but no question has zero tokens.
    is_counted = counted is not None and counted["input_tokens"] > 0
    if counted is not None and is_counted:
        tokens = counted["input_tokens"], counted["output_tokens"]
    else:
        tokens = estimated_tokens(asked), estimated_tokens([reply] if reply else [])
    usd = (tokens[0] * prices.input + tokens[1] * prices.output) / 1e6 if prices else None
    return Usage(1, *tokens, seconds, usd, not is_counted)


def estimated_tokens(messages: Iterable[BaseMessage]) -> int:
    """A quarter of the characters of messages and of the tool calls in them, rounded up."""
    return -(-sum(map(_characters, messages)) // _CHARACTERS)


def _characters(message: BaseMessage) -> int:
    calls = [*getattr(message, "tool_calls", ()), *getattr(message, "invalid_tool_calls", ())]
    return len(message.text) + sum(len(str(call["name"])) + len(_told(call["args"])) for call in calls)


def _told(arguments: object) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, default=str)
