"""What benchmarks that search spaces of process parameters share: a goal, trials, one search after another.

Each search asks `propose` for one point at a time and answers it in closed form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from athanor.memory.records import Budget, Candidate, Goal, Measurement, Objective, Outcome, Point, Provenance
from athanor.memory.state import Trial
from athanor.tools.parameters.parameter_space import ParameterSpace
from athanor.tools.parameters.propose import propose

LOW = Goal(
    statement="as low as can be",
    objectives=(Objective(property="y", direction="minimise", unit="1"),),
    budget=Budget(evaluations=10_000),
)
Answer = Callable[[Point], float]


def cube(n_variables: int, *others: dict[str, Any]) -> ParameterSpace:
    """Numbers between 0 and 1, `x0`, `x1`, …, and other variables."""
    numbers = [
        {"kind": "continuous", "name": f"x{k}", "unit": "1", "low": 0.0, "high": 1.0} for k in range(n_variables)
    ]
    return ParameterSpace.model_validate({"variables": [*numbers, *others]})


def row(point: Point) -> np.ndarray:
    """The numbers of a point, `(n_variables,)`."""
    return np.array([v for v in point.values.values() if not isinstance(v, str)])


def completed(number: int, point: Point, value: float) -> Trial:
    """A trial with its answer."""
    measured = Measurement(property="y", value=value, unit="1", method="simulated", source="closed form")
    candidate = Candidate(content=point, provenance=Provenance(tool="benchmark"))
    return Trial(number, 1, "closed form", candidate, None, "", {}, "completed", Outcome(measurements=(measured,)))


def search(
    space: ParameterSpace, answer: Answer, is_over: Callable[[Sequence[Trial]], bool], seed: int, **options: Any
) -> list[Trial]:
    """Ask and answer until it is over; `options` go to `propose`."""
    trials: list[Trial] = []
    while not is_over(trials):
        (pick,) = propose(space, LOW, trials, 1, seed, **options).picks
        trials.append(completed(len(trials) + 1, pick.point, answer(pick.point)))
    return trials
