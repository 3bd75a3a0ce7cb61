"""Pictures of what a surrogate has learnt of a space of parameters: parity left out, slices through the best trial.

Knows state, standing and the pictures. Must not know files; networks of no kind are loaded before there is a figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...memory.errors import UserError
from ...memory.records import Point
from ...tools.parameters.parameter_space import ParameterSpace
from ...tools.space import space_of
from ..standing import Standing, best_first

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...memory.state import State

LEARNT = ("left_out", "slices")
"""File names without ending."""


def learnt_plots(state: State, standing: Standing) -> dict[str, Figure]:
    """File name without ending to figure; empty for other spaces, and before there is a surrogate."""
    try:
        space = space_of(state.spec)
    except UserError:
        # The file of a pool may be gone; then there is a report without these pictures.
        return {}
    if not isinstance(space, ParameterSpace):
        return {}
    from ...tools.parameters.believe import believe
    from ...tools.parameters.explain import learnt, slices
    from ..pictures.learnt import left_out
    from ..pictures.learnt import slices as drawn_slices

    goal, units = standing.goal, dict(standing.columns)
    believed = believe(space, goal, standing.answered, bool((state.spec.get("learning") or {}).get("outliers")))
    if believed is None:
        return {}
    found = {"left_out": left_out(learnt(believed), units)}
    best = (*standing.hits, *best_first(goal, standing.answered))[0]
    through = best.candidate.content
    if isinstance(through, Point):
        along = slices(believed, through)
        found["slices"] = drawn_slices(along, believed.surrogate.properties, units, through, f"trial {best.number}")
    return found
