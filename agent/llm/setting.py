"""Settings that a chat model makes up: mended to the nearest allowed ones, and offered.

Knows the bench and spaces of parameters. Must not know chat models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ...memory.errors import RetryError
from ...memory.foreign import clean
from ...memory.records import Candidate, Provenance
from ...tools.parameters.parameter_space import ParameterSpace
from ...tools.parameters.repair import repair
from ..guidance import guidance
from .submission import NAME, Asked
from .words import name_of

if TYPE_CHECKING:
    from .bench import Bench


class ValueAsked(Asked):
    """A variable with its value."""

    variable: str = Field(max_length=NAME, description="As the briefing lists them.")
    value: float | str = Field(description="A number in the variable's unit, or a label.")


class SettingAsked(Asked):
    """A setting to offer."""

    values: list[ValueAsked] = Field(min_length=1, max_length=64, description="Those left out are filled in.")


def offer_setting(asked: SettingAsked, bench: Bench) -> str:
    """Offer the allowed setting that is nearest to the one asked for.

    Raises:
        RetryError: There is no such variable, or the setting was tried or offered already.
    """
    if not isinstance(bench.space, ParameterSpace):
        raise RetryError("only a space of parameters has room for settings of one's own")
    known = [leaf.name for leaf in bench.space.leaves]
    strange = [clean(one.variable, NAME) for one in asked.values if one.variable not in known]
    if strange:
        raise RetryError(f"no variable {', '.join(strange)}; there are {', '.join(known)}")
    told = guidance(bench.state, bench.state.batches + 1)
    point = repair(bench.space, {one.variable: one.value for one in asked.values}, dict(told.fixed))
    made = Candidate(content=point, provenance=Provenance(tool="parameters/chat model", seed=bench.seed))
    taken, refused = bench.take([made])
    if not taken:
        raise RetryError(f"{name_of(made)} cannot be offered: {next(iter(refused))}")
    return f"offered now, the nearest allowed setting: {made.id} {name_of(made)}"
