"""Options of benchmarks that have a chat model plan, and the settings that they come to.

Knows typer. Must not know what is measured.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from ..memory.errors import UserError

if TYPE_CHECKING:
    from .campaign_file import PlannerName
    from .chat_model.settings import ChatModelSettings

Planners = Annotated[
    list[str] | None,
    typer.Option("--planner", metavar="NAME…", help="random, builtin, llm; all, llm where a chat model is named."),
]
Model = Annotated[str, typer.Option(metavar="NAME", help="Chat model of llm; without it, what ATHANOR_MODEL names.")]
BaseUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="Its OpenAI-compatible endpoint; else OPENAI_BASE_URL.")
]
Prices = Annotated[
    str, typer.Option(metavar="IN,OUT", help="US dollars for a million tokens of questions, of answers.")
]
ToolCalls = Annotated[bool, typer.Option(help="Whether the endpoint knows tool calls.")]
Reflect = Annotated[bool, typer.Option("--reflection/--no-reflection", help="Whether it reflects on what came back.")]
Names = Annotated[str, typer.Option(metavar="told|hidden", help="Whether it reads names, or tokens in their place.")]
_KNOWN: tuple[PlannerName, ...] = ("random", "builtin", "llm")


def chat_model_of(
    model: str, base_url: str | None, prices: str, tool_calls: bool, reflect: bool, names: str
) -> ChatModelSettings | None:
    """The chat model that the options or the environment name; None where neither does.

    Raises:
        UserError: An option's value is not allowed.
    """
    from .chat_model.settings import ChatModelSettings, prices_of

    model = model or os.environ.get("ATHANOR_MODEL", "")
    if not model:
        return None
    given = {"model": model, "base_url": base_url, "has_tool_calls": tool_calls, "reflection": reflect, "names": names}
    try:
        return ChatModelSettings.model_validate({**given, "prices": prices_of(prices)})
    except ValidationError as error:
        fault = error.errors()[0]
        raise UserError(f"--{str(fault['loc'][0]).replace('_', '-')}: {fault['msg']}") from error


def planners_of(names: list[str] | None, chat_model: ChatModelSettings | None) -> list[PlannerName]:
    """The planners that are to be measured, each once.

    Raises:
        UserError: There is no such planner, or no chat model for the one that needs it.
    """
    strange = [name for name in names or () if name not in _KNOWN]
    if strange:
        raise UserError(f"--planner {strange[0]}: {', '.join(_KNOWN)} are allowed")
    chosen = [one for one in _KNOWN if one in (names or _KNOWN)]
    if chat_model is None and names and "llm" in names:
        raise UserError("--planner llm needs a chat model: --model NAME, or ATHANOR_MODEL in the environment")
    return [one for one in chosen if one != "llm" or chat_model is not None]
