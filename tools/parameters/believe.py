"""What trials, and those of earlier campaigns, give to believe of a space: results and what can be made.

Knows goals, trials, the surrogate and feasibility. Must not know how points are found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from ...memory.errors import RetryError
from ...memory.records import Goal, Point
from ...memory.state import Trial
from ...models.threads import configure_torch
from ..acquisition.acquire import informative
from ..acquisition.feasibility import Feasibility, is_infeasible, learn
from ..acquisition.noise import Results
from .encode import encode
from .frame import Frame
from .parameter_space import ParameterSpace
from .repair import check
from .surrogate import Surrogate, fit

LEAST = 2
"""Values of each property before there is a surrogate."""
ROWS = 1000
"""Different points that a surrogate learns from; of more, the informative ones are taken."""
EARLIER_ROWS, LEAST_EARLIER = 100, 5
"""Trials of each earlier campaign that are learnt from, likewise, and values of a property that it must have."""

Earlier = Mapping[str, Sequence[Trial]]
"""Earlier campaigns on the same variables, by name, with their trials."""


@dataclass(frozen=True)
class Believed:
    """Beliefs about a space.

    Attributes:
        made: What can be made; None where nothing failed for what was asked.
        notes: What became of earlier campaigns, in words.
    """

    frame: Frame
    surrogate: Surrogate
    made: Feasibility | None
    notes: tuple[str, ...]


def properties_of(goal: Goal) -> tuple[str, ...]:
    """The properties of a goal, each once, objectives first."""
    return tuple(dict.fromkeys([*(o.property for o in goal.objectives), *(c.property for c in goal.constraints)]))


def ordered(space: ParameterSpace, trials: Sequence[Trial]) -> list[Trial]:
    """The trials by number.

    Raises:
        RetryError: The candidate of one is no point, or not one of the space.
    """
    for trial in trials:
        content = trial.candidate.content
        if not isinstance(content, Point):
            raise RetryError(f"trial {trial.number} is a crystal; this space holds points")
        if faults := check(space, content):
            raise RetryError(f"trial {trial.number} is outside the space: {'; '.join(faults)}")
    return sorted(trials, key=lambda t: t.number)


def point_of(trial: Trial) -> Point:
    """The point of a trial of a space of parameters."""
    assert isinstance(trial.candidate.content, Point)  # noqa: S101 - `ordered` has seen to it
    return trial.candidate.content


def meant(space: ParameterSpace, trials: Sequence[Trial]) -> list[Trial]:
    """Completed trials whose results are the goal's, in their order."""
    return [t for t in trials if t.status == "completed" and space.is_meant(point_of(t).values)]


def believe(
    space: ParameterSpace, goal: Goal, trials: Sequence[Trial], robust: bool = False, earlier: Earlier | None = None
) -> Believed | None:
    """Learn from all trials; None while a property of the goal has fewer than `LEAST` values that are meant.

    Args:
        trials: Of points of the space, in any order.
        robust: Whether single results may be outliers.
        earlier: Trials of other campaigns; what is outside this space, or did not complete, is passed over.
    """
    trials = sorted(trials, key=lambda t: t.number)
    names, settled = properties_of(goal), meant(space, trials)
    if min(sum(name in t.values for t in settled) for name in names) < LEAST:
        return None
    configure_torch()
    completed = [t for t in trials if t.status == "completed"]
    if len({t.candidate.id for t in completed}) > ROWS:
        completed = list(informative(goal, completed, ROWS))
    sources, notes = _usable(space, goal, earlier or {})
    results = {name: results_of(space, name, completed) for name in names}
    theirs = {
        name: {
            source: results_of(space, name, known)
            for source, known in sources.items()
            if sum(name in t.values for t in known) >= LEAST_EARLIER
        }
        for name in names
    }
    with threadpool_limits(1, "blas"):
        surrogate = fit(space, results, robust, theirs)
        made = feasibility(space, trials)
    return Believed(surrogate.frame, surrogate, made, notes)


def feasibility(space: ParameterSpace, trials: Sequence[Trial]) -> Feasibility | None:
    """What trials say of what can be made; an instrument's fault says nothing."""
    told = [t for t in trials if t.status == "completed" or is_infeasible(t)][-ROWS:]
    if not any(map(is_infeasible, told)):
        return None
    return learn(encode(space, [point_of(t) for t in told]), [not is_infeasible(t) for t in told])


def _usable(space: ParameterSpace, goal: Goal, earlier: Earlier) -> tuple[dict[str, list[Trial]], tuple[str, ...]]:
    """Completed trials of earlier campaigns that are points of this space, and what was passed over, in words."""
    found, notes = dict[str, list[Trial]](), list[str]()
    for source in sorted(earlier):
        completed = sorted((t for t in earlier[source] if t.status == "completed"), key=lambda t: t.number)
        inside = [t for t in completed if isinstance(p := t.candidate.content, Point) and not check(space, p)]
        outside = f"; {len(completed) - len(inside)} are outside the space" if len(inside) < len(completed) else ""
        notes.append(f"learnt from {source}: {min(len(inside), EARLIER_ROWS)} of {len(completed)} results{outside}")
        if inside:
            found[source] = list(informative(goal, inside, EARLIER_ROWS))
    return found, tuple(notes)


def results_of(space: ParameterSpace, name: str, trials: Sequence[Trial]) -> Results:
    """What trials say of one property; those that do not know it are passed over."""
    knowing = [t for t in trials if name in t.values]
    measured = [next(m for m in t.outcome.measurements if m.property == name) for t in knowing if t.outcome]
    deviations = [np.nan if m.deviation is None else m.deviation for m in measured]
    rows = encode(space, [point_of(t) for t in knowing])
    return Results(rows, np.array([m.value for m in measured]), np.array(deviations, dtype=float))
