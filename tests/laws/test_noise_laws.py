"""Laws of noise in pools: stated deviations, replicates and failures count alike in any order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athanor.memory.records import (
    Budget,
    Candidate,
    Failure,
    Goal,
    Measurement,
    Objective,
    Outcome,
    Point,
    Provenance,
)
from athanor.memory.state import Trial
from athanor.tools.acquisition.acquire import acquire
from athanor.tools.acquisition.noise import Results, merge

GOAL = Goal(
    statement="",
    objectives=(Objective(property="y", direction="maximise", unit="1"),),
    budget=Budget(evaluations=9),
)


def candidate(x: float, y: float) -> Candidate:
    return Candidate(content=Point(values={"x": x, "y": y}), provenance=Provenance(tool="test"))


def results(seed: int, n: int = 12, deviation: float | None = None, without: str | None = None) -> list[Trial]:
    """The answers rise with x, and each point is measured twice; what has y > 0.6 may fail."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(1, 2 * n + 1):
        x, y = np.random.default_rng([seed, number // 2]).random(2)
        value = 10 * x + float(random.normal(scale=0.5))
        measured = Measurement(
            property="y", value=value, deviation=deviation, unit="1", method="measured", source="test"
        )
        fails = without is not None and y > 0.6
        outcome = Outcome(failure=Failure(kind=without, message="")) if fails else Outcome(measurements=(measured,))  # type: ignore[arg-type]
        status = "failed" if fails else "completed"
        found.append(Trial(number, 1, "test", candidate(x, y), None, "", {}, status, outcome))  # type: ignore[arg-type]
    return found


POOL = [candidate(*row) for row in np.random.default_rng(99).random((40, 2))]


@settings(max_examples=5, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from([None, 0.5]), st.sampled_from([None, "infeasible"]))
def test_any_order_of_replicates_and_failures_gives_the_same_picks(
    seed: int, deviation: float | None, without: str | None
) -> None:
    trials = results(seed, 12, deviation, without)
    first = acquire(GOAL, trials, POOL, 2, seed)
    second = acquire(GOAL, trials[::-1], POOL[::-1], 2, seed)
    assert [c.candidate.id for c in first.picks] == [c.candidate.id for c in second.picks]
    assert [c.predicted for c in first.picks] == [c.predicted for c in second.picks]
    assert first.notes == second.notes


def test_the_noise_is_what_replicates_or_deviations_say() -> None:
    (told,) = [n for n in acquire(GOAL, results(1), POOL, 1, 0).notes if n.startswith("noise")]
    assert float(told.split("deviation ")[1].split(",")[0]) == pytest.approx(0.5, abs=0.2)
    (stated,) = [n for n in acquire(GOAL, results(1, deviation=0.5), POOL, 1, 0).notes if n.startswith("noise")]
    assert "as stated" in stated


def test_what_failed_in_a_pool_weighs_its_like() -> None:
    picks = acquire(GOAL, results(3, 20, without="infeasible"), POOL, 40, 0).picks
    made = {c.candidate.id: c.made for c in picks}
    low, high = (
        [m for c in POOL if (m := made[c.id]) is not None and inside(float(c.content.values["y"]))]  # type: ignore[union-attr]
        for inside in (lambda y: y < 0.4, lambda y: y > 0.8)
    )
    assert min(low) > 0.6
    assert max(high) < 0.6
    faults = acquire(GOAL, results(3, 20, without="fault"), POOL, 5, 0).picks
    assert all(c.made is None for c in faults)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.booleans())
def test_merging_does_not_depend_on_order_and_keeps_the_weighted_mean(seed: int, stated: bool) -> None:
    random = np.random.default_rng(seed)
    rows = random.integers(0, 3, (20, 2)).astype(float)
    values, deviations = random.normal(size=20), random.uniform(0.1, 1.0, 20) if stated else np.full(20, np.nan)
    order = random.permutation(20)
    first = merge(Results(rows, values, deviations))
    second = merge(Results(rows[order], values[order], deviations[order]))
    for name in ("rows", "values", "counts"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.counts.sum() == 20
    group = (rows == first.rows[0]).all(axis=1)
    weights = 1 / deviations[group] ** 2 if stated else np.ones(group.sum())
    assert first.values[0] == pytest.approx(np.average(values[group], weights=weights))
    if stated:
        assert first.variances is not None
        assert first.variances[0] == pytest.approx(1 / weights.sum())
