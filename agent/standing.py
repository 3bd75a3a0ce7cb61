"""Where a campaign stands: its goal, the trials its budget is for, the hits and the best of them.

Knows the state and merit. Must not know how any of it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..memory.errors import UserError
from ..memory.records import Goal, Measurement
from ..memory.state import State, Trial
from ..tools.acquisition import merit
from ..tools.properties.predicted import PREDICTED

if TYPE_CHECKING:
    from numpy.typing import NDArray

HULL = "energy_above_hull"
"""The property by which stability is told, in eV/atom, wherever an oracle gives it."""


@dataclass(frozen=True)
class Standing:
    """The state, read against its goal.

    Attributes:
        trials: Those at the oracle the budget is for, in order of proposal.
        reused: Those whose answer was there at no cost: taken over from another campaign, or told by a person.
        abandoned: Those at that oracle which a person took back before they were at work.
        confirming: Those at another oracle, which look at hits a second time.
        hits: Trials that keep all constraints, the best first.
        front: Hits that no other hit dominates (the Pareto set), the best in the first objective first.
        predicted: Properties of the goal whose values are predicted, not simulated or measured.
    """

    goal: Goal
    oracle: str
    trials: tuple[Trial, ...]
    reused: tuple[Trial, ...]
    confirming: tuple[Trial, ...]
    hits: tuple[Trial, ...]
    front: tuple[Trial, ...]
    predicted: frozenset[str] = frozenset()
    abandoned: tuple[Trial, ...] = ()

    @property
    def completed(self) -> tuple[Trial, ...]:
        """Trials with measurements, in order of proposal."""
        return tuple(t for t in self.trials if t.status == "completed")

    @property
    def failed(self) -> tuple[Trial, ...]:
        """Trials that ended in a failure, in order of proposal."""
        return tuple(t for t in self.trials if t.status == "failed")

    @property
    def answered(self) -> tuple[Trial, ...]:
        """Trials with measurements, those taken over first."""
        return tuple(t for t in (*self.reused, *self.trials) if t.status == "completed")

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Properties the goal names, with their units: objectives first, then constraints."""
        return columns_of(self.goal)


def columns_of(goal: Goal) -> tuple[tuple[str, str], ...]:
    """Properties a goal names, with their units: objectives first, then constraints, each once."""
    wanted = [(o.property, o.unit) for o in goal.objectives] + [(c.property, c.unit) for c in goal.constraints]
    return tuple(dict.fromkeys(wanted))


def goal_of(state: State) -> Goal:
    """The goal of a campaign.

    Raises:
        UserError: The campaign has never been opened, so that nothing is known about it.
    """
    if "goal" not in state.spec:
        raise UserError("the ledger holds no such campaign, or it was never opened; there is nothing to show")
    return Goal.model_validate(state.spec["goal"])


def standing_of(state: State) -> Standing:
    """Read a state against its goal.

    Raises:
        UserError: The campaign has never been opened.
    """
    goal = goal_of(state)
    oracle = next((t.oracle for t in state.trials.values()), "")
    known = tuple(t for t in state.trials.values() if t.oracle == oracle)
    confirming = tuple(t for t in state.trials.values() if t.oracle != oracle)
    front = merit.pareto(goal, known)
    in_front = {t.number for t in front}
    others = [t for t in merit.feasible(goal, known) if t.number not in in_front]
    return Standing(
        goal=goal,
        oracle=oracle,
        trials=tuple(t for t in known if t.is_paid),
        reused=tuple(t for t in known if t.reused or t.batch == 0),
        confirming=confirming,
        hits=(*best_first(goal, front), *best_first(goal, others)),
        front=best_first(goal, front),
        predicted=predicted_of(state),
        abandoned=tuple(t for t in known if t.abandoned),
    )


def predicted_of(state: State) -> frozenset[str]:
    """Properties of a goal whose values are predicted: those that the oracle says are, and those that came back so."""
    oracle = state.spec.get("oracle", {})
    announced = PREDICTED if oracle.get("predictor") else ()
    seen = {m.property for t in state.completed if t.outcome for m in t.outcome.measurements if m.method == "predicted"}
    return frozenset(name for name, _ in columns_of(goal_of(state)) if name in announced or name in seen)


def best_first(goal: Goal, trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """Trials that know the first objective, sorted by it."""
    first = goal.objectives[0]
    sign = -1 if first.direction == "maximise" else 1
    known = [t for t in trials if first.property in t.values]
    return tuple(sorted(known, key=lambda t: (sign * first.amount(t.values[first.property]), t.number)))


def compared(standing: Standing, name: str) -> NDArray[np.float64]:
    """Predicted mean, its standard deviation and what came back of a property, `(n_trials, 3)` in its unit."""
    both = [t for t in standing.completed if name in t.predicted and name in t.values]
    return np.array([(*t.predicted[name], t.values[name]) for t in both], dtype=float).reshape(-1, 3)


def measurement(trial: Trial, name: str) -> Measurement | None:
    """A trial's measurement of a property, None if it has none."""
    if trial.outcome is None:
        return None
    return next((m for m in trial.outcome.measurements if m.property == name), None)
