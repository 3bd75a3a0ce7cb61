"""What a search with one objective may still gain, as an event beside the noise of the measurements.

Knows state and goal. Must not know surrogates, or what follows from little gain (stop.py).
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from ...memory.events import Event, GainExpected
from ...memory.records import Point

if TYPE_CHECKING:
    from ...memory.records import Goal
    from ...memory.state import State

LEAST = 5
"""Measured values with a deviation for each variable, before a surrogate's word on what is left is taken: one that has
seen nothing yet but a plain expects no peak."""


def still_to_gain(goal: Goal, state: State, gain: float | None) -> tuple[Event, ...]:
    """The event; none without an expected gain or without measured noise.

    What a simulation gives as its deviation is the error of a fit, not noise, and says nothing here. Of crystals no
    space is ever told whole, so nothing is said of them.
    """
    objective = goal.objectives[0]
    found = [
        one.deviation
        for trial in state.completed
        for one in (trial.outcome.measurements if trial.outcome else ())
        if one.property == objective.property and one.method == "measured" and one.deviation is not None
    ]
    variables = max((len(c.values) for t in state.completed if isinstance(c := t.candidate.content, Point)), default=0)
    if gain is None or not variables or len(found) < LEAST * variables:
        return ()
    batch = state.batches + 1
    return (
        GainExpected(batch=batch, property=objective.property, unit=objective.unit, gain=gain, noise=median(found)),
    )
