"""What a search with one objective may still gain, as an event beside the noise of the measurements.

Knows state and goal. Must not know surrogates, or what follows from little gain (stop.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum, sqrt
from statistics import fmean, median
from typing import TYPE_CHECKING

from ...memory.events import Event, GainExpected
from ...memory.records import Measurement, Point

if TYPE_CHECKING:
    from ...memory.records import Goal
    from ...memory.state import State

LEAST, LEAST_REPEATS = 5, 5
"""Measured values for each variable, before a surrogate's word on what is left is taken: one that has seen nothing yet
but a plain expects no peak. Degrees of freedom among replicates that show the noise where it is not stated."""


def still_to_gain(goal: Goal, state: State, gain: float | None) -> tuple[Event, ...]:
    """The event; none without an expected gain or without measured noise.

    The noise is the median of what is stated with results, or else what replicates show. What a simulation gives as its
    deviation is the error of a fit, not noise, and says nothing here. Of crystals no space is ever told whole, so
    nothing is said of them.
    """
    objective = goal.objectives[0]
    found: dict[str, list[Measurement]] = {}
    for trial in state.completed:
        for one in trial.outcome.measurements if trial.outcome else ():
            if one.property == objective.property and one.method == "measured":
                found.setdefault(trial.candidate.id, []).append(one)
    measured = [one for replicates in found.values() for one in replicates]
    variables = max((len(c.values) for t in state.completed if isinstance(c := t.candidate.content, Point)), default=0)
    if gain is None or not variables or len(measured) < LEAST * variables:
        return ()
    stated = [one.deviation for one in measured if one.deviation is not None]
    noise = median(stated) if len(stated) >= LEAST * variables else _of_replicates(found.values())
    if noise is None:
        return ()
    batch = state.batches + 1
    return (GainExpected(batch=batch, property=objective.property, unit=objective.unit, gain=gain, noise=noise),)


def _of_replicates(groups: Iterable[Sequence[Measurement]]) -> float | None:
    """The pooled standard deviation of results of equal settings; None with too few of them."""
    values = [[one.value for one in group] for group in groups]
    freedom = sum(len(group) - 1 for group in values)
    if freedom < LEAST_REPEATS:
        return None
    return sqrt(fsum((v - fmean(group)) ** 2 for group in values for v in group) / freedom)
