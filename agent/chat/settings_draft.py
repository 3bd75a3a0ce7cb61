"""Settings of a process that people try out, as a chat model drafts them, and the parts of a campaign file they become.

Knows what a chat model hands in. Must not know chat models, nor what a space makes of its variables: that is checked
with the whole campaign.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ..llm.submission import Asked


class OnlyForAsked(Asked):
    """What another variable must be so that this one exists."""

    variable: str = Field(description="One listed earlier, with whole numbers, few numbers or labels.")
    among: Annotated[list[float | str], Field(min_length=1, description="Its values that will do.")]


class VariableAsked(Asked):
    """Something that people set. Give what its kind needs and leave the rest out."""

    name: str
    unit: str = Field(description="1 for none.")
    kind: Literal["continuous", "integer", "ordinal", "categorical", "composition"]
    low: float | None = Field(default=None, description="Continuous and integer.")
    high: float | None = Field(default=None, description="Continuous and integer.")
    scale: Literal["linear", "log"] = Field(default="linear", description="Continuous; log where ratios matter.")
    values: list[float] = Field(default_factory=list, description="Ordinal: the few numbers allowed, rising.")
    labels: list[str] = Field(default_factory=list, description="Categorical: the choices.")
    parts: list[str] = Field(default_factory=list, description="Composition: what is mixed; each has its own share.")
    total: float | None = Field(default=None, description="Composition: what the parts sum to, as 100 for unit %.")
    at_most: int | None = Field(default=None, description="Composition: parts other than zero, at most.")
    only_for: OnlyForAsked | None = None


class LimitAsked(Asked):
    """A sum of coefficient times variable, or part of a composition, that must keep a bound."""

    terms: Annotated[dict[str, float], Field(min_length=1, description="Variable to coefficient.")]
    comparison: Literal["<=", ">=", "="]
    bound: float


class SettingsAsked(Asked):
    """Settings of a process, which people try out and measure."""

    variables: list[VariableAsked] = Field(min_length=1)
    limits: list[LimitAsked] = Field(default_factory=list, description="Between several variables.")
    properties: Annotated[dict[str, str], Field(min_length=1, description="What is measured, name to unit.")]


def of_settings(asked: SettingsAsked) -> dict[str, Any]:
    """The space and the oracle of a campaign file."""
    space = {
        "kind": "parameters",
        "variables": [_variable(one) for one in asked.variables],
        "constraints": [one.model_dump() for one in asked.limits],
    }
    return {"space": space, "oracle": {"kind": "manual", "properties": asked.properties}}


def _variable(asked: VariableAsked) -> dict[str, Any]:
    content = asked.model_dump(exclude_defaults=True, exclude={"only_for"})
    if asked.kind == "integer":
        # A chat model may write 3.0; a bound that is not whole is left to be refused.
        ends = {name: content[name] for name in ("low", "high") if name in content}
        content |= {name: int(value) for name, value in ends.items() if value.is_integer()}
    if asked.only_for:
        content["when"] = {"variable": asked.only_for.variable, "is": asked.only_for.among}
    return content
