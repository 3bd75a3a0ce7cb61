"""Stop rules: each budget stops by its own name, and only when it is used up."""

from __future__ import annotations

import pytest

from athanor.agent.spending import prices_of
from athanor.agent.stop import stop_reason
from athanor.memory.records import Budget, Candidate, Failure, Measurement, Outcome, Point, Provenance
from athanor.memory.state import State, Trial
from athanor.tools.parameters.parameter_space import ParameterSpace

GOOD = Outcome(measurements=(Measurement(property="p", value=1.0, unit="1", method="simulated", source="t"),))
BAD = Outcome(failure=Failure(kind="unconverged", message=""))


def state(marks: str, oracle: str = "o") -> State:
    """A state with one trial a letter: g completed, b failed, p pending."""
    candidate = Candidate(content=Point(values={"x": 1.0}), provenance=Provenance(tool="t"))
    outcomes = {"g": ("completed", GOOD), "b": ("failed", BAD), "p": ("staged", None)}
    trials = {n: Trial(n, 1, oracle, candidate, None, "", {}, *outcomes[mark]) for n, mark in enumerate(marks, start=1)}
    return State(trials=trials)


@pytest.mark.parametrize(
    ("marks", "seconds", "expected"),
    [
        ("", 0, None),
        ("gggg", 0, None),
        ("ggggg", 0, "evaluations"),
        ("ggppp", 0, "evaluations"),
        ("gg", 3600, "hours"),
        ("gg", 3599, None),
        ("bbb", 0, "failures_in_a_row"),
        ("gbbb", 0, "failures_in_a_row"),
        ("bbgb", 0, None),
        ("bbbp", 0, "failures_in_a_row"),
        ("bbg", 0, None),
    ],
)
def test_reason(marks: str, seconds: float, expected: str | None) -> None:
    budget = Budget(evaluations=5, hours=1, failures_in_a_row=3)
    stop = stop_reason(state(marks), budget, "o", seconds)
    assert (stop and stop.reason) == expected


@pytest.mark.parametrize(
    ("marks", "limit", "expected"),
    [("gbp", 30.1, None), ("gbp", 30, "cost"), ("gggg", 35, "cost"), ("ggggg", 1, "evaluations")],
)
def test_costs_are_summed_by_the_prices_of_the_space(marks: str, limit: float, expected: str | None) -> None:
    variable = {"kind": "continuous", "name": "x", "unit": "g", "low": 0, "high": 2}
    cost = {"unit": "EUR", "base": 7, "terms": {"x": 3}}
    prices = prices_of(ParameterSpace.model_validate({"variables": [variable], "cost": cost}))
    stop = stop_reason(state(marks), Budget(evaluations=5, cost=limit), "o", 0, prices=prices)
    assert (stop and stop.reason) == expected
    if expected == "cost":
        assert stop is not None
        assert f"{10 * len(marks)} of {limit:g} EUR" in stop.message


def test_trials_at_another_oracle_do_not_count() -> None:
    assert stop_reason(state("ggggg", oracle="other"), Budget(evaluations=5), "o", 0) is None


def test_no_limit_of_hours_is_no_limit() -> None:
    assert stop_reason(state("g"), Budget(evaluations=5), "o", 1e9) is None
