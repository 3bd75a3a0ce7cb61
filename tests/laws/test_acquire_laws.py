"""Laws of the acquire tool: order and repetition change nothing."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from athanor.memory.records import (
    Budget,
    Candidate,
    Constraint,
    Goal,
    Measurement,
    Objective,
    Outcome,
    Point,
    Provenance,
)
from athanor.memory.state import Trial
from athanor.tools.acquisition.acquire import acquire

GOAL = Goal(
    statement="",
    objectives=(
        Objective(property="a", direction="maximise", unit="1"),
        Objective(property="b", direction="minimise", unit="1"),
    ),
    constraints=(Constraint(property="c", comparison=">=", value=0.2, unit="1"),),
    budget=Budget(evaluations=9),
)


def points(n: int, seed: int) -> list[Candidate]:
    rng = np.random.default_rng(seed)
    return [
        Candidate(
            content=Point(values={"x": float(x), "y": float(y), "phase": "fcc" if x > y else "bcc"}),
            provenance=Provenance(tool="test"),
        )
        for x, y in rng.random((n, 2))
    ]


def trials(n: int, seed: int) -> list[Trial]:
    done = []
    for number, point in enumerate(points(n, seed), start=1):
        assert isinstance(point.content, Point)
        x, y = float(point.content.values["x"]), float(point.content.values["y"])
        values = {"a": x * y, "b": x + 2 * y, "c": x}
        measured = tuple(
            Measurement(property=name, value=value, unit="1", method="simulated", source="test")
            for name, value in values.items()
        )
        pending = number % 5 == 0
        outcome = None if pending else Outcome(measurements=measured)
        status = "staged" if pending else "completed"
        done.append(Trial(number, 1, "test", point, None, "", {}, status, outcome))  # type: ignore[arg-type]
    return done


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from([2, 4, 12]), st.randoms(use_true_random=False))
def test_order_of_trials_and_pool_changes_no_pick(seed: int, n: int, shuffler: object) -> None:
    known, pool = trials(n, seed), points(20, seed + 1)
    first = acquire(GOAL, known, pool, 3, seed)
    mixed, mixed_pool = list(known), list(pool)
    shuffler.shuffle(mixed)  # type: ignore[attr-defined]
    shuffler.shuffle(mixed_pool)  # type: ignore[attr-defined]
    second = acquire(GOAL, mixed, mixed_pool, 3, seed)
    assert [c.candidate.id for c in first.picks] == [c.candidate.id for c in second.picks]
    assert [c.predicted for c in first.picks] == [c.predicted for c in second.picks]
    assert first.notes == second.notes
    assert all(mixed_pool[c.index] == c.candidate for c in second.picks)


@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_same_input_gives_the_same_answer_and_leaves_the_random_state_alone(seed: int) -> None:
    known, pool = trials(9, seed), points(15, seed + 1)
    before = torch.random.get_rng_state()
    first = acquire(GOAL, known, pool, 2, seed)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.rand(3)
    assert acquire(GOAL, known, pool, 2, seed) == first


@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_a_larger_batch_begins_with_the_smaller(seed: int) -> None:
    known, pool = trials(12, seed), points(20, seed + 1)
    small, large = acquire(GOAL, known, pool, 2, seed), acquire(GOAL, known, pool, 4, seed)
    assert [c.candidate.id for c in large.picks][:2] == [c.candidate.id for c in small.picks]


def test_a_candidate_given_twice_is_chosen_once() -> None:
    pool = points(4, 3)
    answer = acquire(GOAL, trials(9, 1), [*pool, *pool], 8, 0)
    assert sorted(c.candidate.id for c in answer.picks) == sorted(c.id for c in pool)
