"""Pictures of what a surrogate has learnt of a space of parameters: parity left out, slices through the best trial.

Knows state, standing and the pictures. Must not know files; networks of no kind are loaded before there is a figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from ...memory.records import Point
from ...tools.parameters.parameter_space import ParameterSpace
from ...tools.space import Space
from ..standing import Standing, best_first

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...memory.state import State

LEARNT = ("left_out", "slices")
"""File names without ending."""


def learnt_plots(state: State, standing: Standing) -> dict[str, Figure]:
    """File name without ending to figure; empty for other spaces, and before there is a surrogate."""
    space = _space(state)
    if space is None:
        return {}
    from ...tools.parameters.explain import believed, learnt, slices
    from ..pictures.learnt import left_out
    from ..pictures.learnt import slices as drawn_slices

    goal, units = standing.goal, dict(standing.columns)
    surrogate = believed(space, goal, standing.answered)
    if surrogate is None:
        return {}
    found = {"left_out": left_out(learnt(space, surrogate), units)}
    best = (*standing.hits, *best_first(goal, standing.answered))[0]
    through = best.candidate.content
    if isinstance(through, Point):
        along = slices(space, surrogate, through)
        found["slices"] = drawn_slices(along, surrogate.properties, units, through, f"trial {best.number}")
    return found


def _space(state: State) -> ParameterSpace | None:
    try:
        space = TypeAdapter[Space](Space).validate_python(state.spec.get("space"))
    except ValidationError:
        # The file of a pool may be gone; then there is a report without these pictures.
        return None
    return space if isinstance(space, ParameterSpace) else None
