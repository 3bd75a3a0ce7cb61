"""How the chat model is reached, as a campaign file states it.

Knows pydantic. Must not know LangChain, campaigns, or a key: keys stay in the environment.
"""

from __future__ import annotations

import os
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from ...memory.errors import UserError
from ...memory.records import Record


class Prices(Record):
    """What tokens cost, in US dollars for a million of them."""

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)]


def prices_of(text: str) -> Prices | None:
    """Prices as a command line gives them: `2.5,10`; None for nothing.

    Raises:
        UserError: It is not two numbers.
    """
    if not text:
        return None
    parts = text.split(",")
    try:
        cost_in, cost_out = map(float, parts)
        return Prices(input=cost_in, output=cost_out)
    except ValueError as error:
        raise UserError(
            f"--prices {text}: two numbers are needed, as in 2.5,10 (US dollars for a million tokens)"
        ) from error


class Fallback(Record):
    """Another chat model, asked where the first one gives nothing usable.

    Attributes:
        model: Its name at the endpoint.
        base_url: Of its endpoint; None for that of the first.
        prices: Of its tokens.
    """

    model: Annotated[str, Field(min_length=1)]
    base_url: str | None = None
    prices: Prices | None = None

    @field_validator("base_url")
    @classmethod
    def _is_an_address_without_secrets(cls, base_url: str | None) -> str | None:
        return _address(base_url)


class ChatModelSettings(Record):
    """A chat model behind an OpenAI-compatible endpoint, or a scripted one.

    Attributes:
        model: Its name at the endpoint; empty for what `ATHANOR_MODEL` names. `scripted:obedient` is one that follows
            the acquisition's ranking, needs no endpoint, and shows that the path works.
        base_url: Of the endpoint, such as http://localhost:11434/v1; None for `OPENAI_BASE_URL`, or OpenAI's own.
        temperature: 0 to 2.
        timeout_seconds: The longest silence of the endpoint within one question.
        tries: At one question before the step is given up; the fault is told in each.
        has_tool_calls: Whether the endpoint knows tool calls; without, tools are called by JSON in the text.
        prices: Of tokens, for a budget in US dollars.
        fallback: Asked where all tries at a question have failed, for the rest of the step.
        reflection: Whether it is asked to reflect on what came back; without, only what is computed is written.
        names: Whether elements, properties, features and units are told by their names, or hidden behind others that
            tell nothing, so that what it knows of chemistry is of no use to it.
        replay: Name of a campaign of the same home whose recorded answers are given again; then no chat model is asked.
    """

    model: str = ""
    base_url: str | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    timeout_seconds: Annotated[float, Field(gt=0)] = 120.0
    tries: Annotated[int, Field(ge=1, le=10)] = 3
    has_tool_calls: bool = True
    prices: Prices | None = None
    fallback: Fallback | None = None
    reflection: bool = True
    names: Literal["told", "hidden"] = "told"
    replay: str | None = None

    @field_validator("base_url")
    @classmethod
    def _is_an_address_without_secrets(cls, base_url: str | None) -> str | None:
        return _address(base_url)

    @property
    def name(self) -> str:
        """Of the chat model, by the environment where it is not named here; empty where neither does."""
        return f"replay of {self.replay}" if self.replay else self.model or os.environ.get("ATHANOR_MODEL", "")

    @property
    def in_turn(self) -> tuple[ChatModelSettings, ...]:
        """Settings of each chat model in the order in which they are asked: this one's, then the fallback's."""
        if self.fallback is None:
            return (self,)
        other = self.fallback
        changes = {"model": other.model, "base_url": other.base_url or self.base_url, "prices": other.prices}
        return self, self.model_copy(update={**changes, "fallback": None})


def _address(base_url: str | None) -> str | None:
    """An address of an endpoint without secrets: settings are recorded and shown."""
    if base_url is None:
        return None
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("base_url is an address such as http://localhost:11434/v1; http:// and https:// are allowed")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("base_url holds no user, key or query; a key stands in OPENAI_API_KEY")
    return base_url
