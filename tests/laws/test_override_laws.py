"""Laws of the score of leaving the acquisition's ranking: a chance, the same as by drawing, and fair between equals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athanor.memory.records import Budget, Constraint, Goal, Objective
from athanor.tools.acquisition.override import Override, Overrides, chance_of_better

GOALS = (
    Goal(
        statement="strong",
        objectives=(Objective(property="strength", direction="maximise", unit="MPa"),),
        budget=Budget(evaluations=9),
    ),
    Goal(
        statement="strong, light, cheap",
        objectives=(
            Objective(property="strength", direction="maximise", unit="MPa"),
            Objective(property="weight", direction="minimise", unit="kg"),
        ),
        constraints=(
            Constraint(property="cost", comparison="<=", value=1.0, unit="EUR"),
            Constraint(property="strength", comparison=">=", value=-1.0, unit="MPa"),
        ),
        budget=Budget(evaluations=9),
    ),
    Goal(
        statement="a gap of one",
        objectives=(Objective(property="gap", direction="target", unit="eV", target=1.0, tolerance=0.75),),
        constraints=(Constraint(property="gap", comparison="<=", value=1.5, unit="eV"),),
        budget=Budget(evaluations=9),
    ),
)
NAMES = ("strength", "weight", "cost", "gap")
GRID = st.integers(-16, 16).map(lambda n: n / 8)
"""Numbers that a sum or difference does not round, so that equal amounts are equal."""
values = st.fixed_dictionaries(dict.fromkeys(NAMES, GRID))
expectations = st.fixed_dictionaries(dict.fromkeys(NAMES, st.tuples(GRID, st.sampled_from((0.25, 0.5, 2.0)))))
goals = st.sampled_from(GOALS)
DRAWS = 4000


@given(goals, st.one_of(st.just({}), values), st.one_of(st.just({}), expectations))
def test_it_is_a_chance(goal: Goal, result: dict[str, float], expected: dict[str, tuple[float, float]]) -> None:
    assert 0 <= chance_of_better(goal, result, expected) <= 1 + 1e-12


@given(goals, st.one_of(st.just({}), values), st.one_of(st.just({}), values))
def test_of_two_results_the_chances_sum_to_one(goal: Goal, one: dict[str, float], other: dict[str, float]) -> None:
    def sure(result: dict[str, float]) -> dict[str, tuple[float, float]]:
        return {name: (value, 0.0) for name, value in result.items()}

    total = chance_of_better(goal, one, sure(other)) + chance_of_better(goal, other, sure(one))
    assert total == pytest.approx(1)
    assert chance_of_better(goal, one, sure(one)) == 0.5


@given(values, expectations, st.floats(0.01, 5))
def test_who_expects_more_has_no_smaller_chance(
    result: dict[str, float], expected: dict[str, tuple[float, float]], more: float
) -> None:
    mean, deviation = expected["strength"]
    raised = expected | {"strength": (mean + more, deviation)}
    for goal in GOALS[:2]:
        assert chance_of_better(goal, result, raised) >= chance_of_better(goal, result, expected) - 1e-12


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_drawing_gives(goal: Goal, seed: int) -> None:
    random = np.random.default_rng(seed)
    result = {name: float(random.normal()) * 0.7 for name in NAMES} if seed else {}
    expected = {name: (float(random.normal()), float(random.uniform(0.2, 1.5))) for name in NAMES}
    drawn = {name: random.normal(*expected[name], size=DRAWS) for name in NAMES}
    outcomes = [{name: (float(drawn[name][k]), 0.0) for name in NAMES} for k in range(DRAWS)]
    chances = np.array([chance_of_better(goal, result, one) for one in outcomes])
    error = max(float(chances.std()) / math.sqrt(len(chances)), 1e-3)
    assert chance_of_better(goal, result, expected) == pytest.approx(float(chances.mean()), abs=5 * error)


def test_a_certain_hit_beats_what_is_none_and_a_failure_beats_nothing() -> None:
    goal = GOALS[1]
    hit = {"strength": 1.0, "weight": 1.0, "cost": 0.5}
    dear = hit | {"cost": 2.0, "strength": 9.0}
    assert chance_of_better(goal, dear, {name: (value, 0.0) for name, value in hit.items()}) == 1
    assert chance_of_better(goal, hit, {name: (value, 0.0) for name, value in dear.items()}) == 0
    assert chance_of_better(goal, hit, {}) == 0
    assert chance_of_better(goal, {}, {}) == 0.5


@given(st.lists(st.tuples(st.floats(0.05, 0.95), st.integers(1, 5)), min_size=1, max_size=20))
def test_the_interval_holds_the_mean_and_narrows_with_batches(scores: list[tuple[float, int]]) -> None:
    scored = tuple(Override(n, batch, chance, 0, 1) for n, (chance, batch) in enumerate(scores, start=1))
    found = Overrides(len(scored), scored)
    assert found.mean is not None
    assert found.interval is not None
    low, high = found.interval
    assert 0 <= low < high <= 1
    assert low <= found.mean <= high
    more = tuple(
        Override(n, batch + 10 * k, chance, 0, 1) for k in range(4) for n, (chance, batch) in enumerate(scores)
    )
    narrower = Overrides(len(more), more).interval
    assert narrower is not None
    assert narrower[1] - narrower[0] < high - low
    assert Overrides(3, ()).mean is Overrides(3, ()).interval is None
