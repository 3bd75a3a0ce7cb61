"""What must hold of every verdict: error rates, order, and what counts as evidence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athanor.agent.judge import ENOUGH, LEVEL, PATIENCE, capital, judge
from athanor.memory.records import (
    Candidate,
    Condition,
    Failure,
    Hypothesis,
    Measurement,
    Outcome,
    Point,
    Prediction,
    Provenance,
)
from athanor.memory.state import State, Trial


def claim(since: int = 1, evidence: tuple[int, ...] = (), low: float = 0.0) -> Hypothesis:
    """Most points with x of at least `low` have a y of at least 10."""
    condition = Condition(feature="x", comparison=">=", value=low)
    return Hypothesis(
        id="h1",
        statement="claim",
        rationale="made up",
        prediction=Prediction(conditions=(condition,), property="y", comparison=">=", value=10.0, unit="1"),
        evidence=evidence,
        since=since,
    )


@cache
def trial(number: int, y: float | None, x: float | None = None, oracle: str = "table") -> Trial:
    """A finished trial; failed where `y` is None."""
    if y is None:
        outcome = Outcome(failure=Failure(kind="crash", message="made to fail"))
    else:
        measurement = Measurement(property="y", value=y, unit="1", method="measured", source="test")
        outcome = Outcome(measurements=(measurement,))
    point = Point(values={"x": float(number if x is None else x)})
    candidate = Candidate(content=point, provenance=Provenance(tool="test"))
    return Trial(number, 1, oracle, candidate, "h1", "", {}, "failed" if y is None else "completed", outcome)


def state(trials: Sequence[Trial]) -> State:
    return State(trials={t.number: t for t in trials})


def from_passes(passes: Sequence[bool]) -> State:
    return state([trial(i, 20.0 if passed else 0.0) for i, passed in enumerate(passes, start=1)])


def verdict_with_a_look_after_each(passes: Sequence[bool]) -> str:
    """The verdict of someone who looks after every trial and stops at the first decision."""
    for end in range(1, len(passes) + 1):
        verdict = judge(claim(), from_passes(passes[:end])).verdict
        if verdict != "open":
            return verdict
    return "open"


@pytest.mark.parametrize(
    ("rate", "wrong"), [(0.5, "supported"), (0.3, "supported"), (0.5, "refuted"), (0.7, "refuted")]
)
def test_looking_after_every_trial_is_wrong_in_at_most_a_tenth(rate: float, wrong: str) -> None:
    random = np.random.default_rng(20260101)
    draws = random.random((600, ENOUGH)) < rate
    errors = sum(verdict_with_a_look_after_each([bool(p) for p in row]) == wrong for row in draws)
    # The bound is 1/LEVEL; three standard deviations of 600 draws are 0.037.
    assert errors / len(draws) <= 1 / LEVEL + 0.037


@pytest.mark.parametrize(("rate", "right", "power"), [(0.9, "supported", 0.85), (0.1, "refuted", 0.85)])
def test_a_clear_effect_is_found(rate: float, right: str, power: float) -> None:
    random = np.random.default_rng(20260102)
    draws = random.random((300, ENOUGH)) < rate
    found = sum(verdict_with_a_look_after_each([bool(p) for p in row]) == right for row in draws)
    assert found / len(draws) >= power


@settings(deadline=None)
@given(wins=st.integers(0, 30), losses=st.integers(0, 30))
def test_a_fair_bet_gains_nothing_on_average(wins: int, losses: int) -> None:
    here = capital(wins, losses)
    assert (capital(wins + 1, losses) + capital(wins, losses + 1)) / 2 == pytest.approx(here)


@settings(deadline=None)
@given(st.lists(st.sampled_from([None, 0.0, 20.0]), max_size=25), st.randoms(use_true_random=False))
def test_the_order_in_which_results_come_in_does_not_matter(values: list[float | None], random: object) -> None:
    trials = [trial(i, y) for i, y in enumerate(values, start=1)]
    shuffled = list(trials)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert judge(claim(), state(trials)) == judge(claim(), state(shuffled))


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=25))
def test_the_opposite_results_give_the_opposite_verdict(passes: list[bool]) -> None:
    opposite = {"supported": "refuted", "refuted": "supported"}
    verdict = judge(claim(), from_passes(passes)).verdict
    mirrored = judge(claim(), from_passes([not p for p in passes])).verdict
    assert mirrored == opposite.get(verdict, verdict)


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=25))
def test_every_counted_trial_is_named_once(passes: list[bool]) -> None:
    judgement = judge(claim(), from_passes(passes))
    assert [n in judgement.passed for n in range(1, len(passes) + 1)] == passes
    assert sorted(judgement.passed + judgement.failed) == list(range(1, len(passes) + 1))


def test_verdicts_from_the_least_evidence() -> None:
    assert judge(claim(), from_passes([True] * 4)).verdict == "open"
    assert judge(claim(), from_passes([True] * 5)).verdict == "supported"
    assert judge(claim(), from_passes([False] * 5)).verdict == "refuted"
    assert judge(claim(), from_passes([True] * 7 + [False])).verdict == "supported"
    assert judge(claim(), from_passes([True, False] * (ENOUGH // 2))).verdict == "inconclusive"


def test_trials_known_at_the_statement_do_not_count() -> None:
    trials = [trial(i, 20.0) for i in range(1, 11)]
    judgement = judge(claim(since=7, evidence=(8,)), state(trials))
    assert judgement.passed == (7, 9, 10)
    assert judgement.verdict == "open"


def test_a_candidate_counts_once_whatever_oracle_answers_it_again() -> None:
    first = [trial(i, 20.0, x=1.0 * i) for i in range(1, 5)]
    again = [trial(i + 4, 20.0, x=1.0 * i, oracle="better") for i in range(1, 5)]
    assert judge(claim(), state(first + again)).passed == (1, 2, 3, 4)
    assert judge(claim(since=5), state(first + again)).passed == ()


def test_only_candidates_that_meet_the_conditions_count() -> None:
    trials = [trial(i, 20.0) for i in range(1, 11)]
    assert judge(claim(low=8.0), state(trials)).passed == (8, 9, 10)


def test_failed_trials_are_named_and_do_not_count() -> None:
    trials = [*[trial(i, 20.0) for i in range(1, 5)], trial(5, None)]
    judgement = judge(claim(), state(trials))
    assert judgement.verdict == "open"
    assert judgement.failed == ()
    assert "#5" in judgement.statistic


def test_a_claim_that_cannot_be_tested_is_given_up() -> None:
    beside = [trial(i, 20.0) for i in range(1, PATIENCE + 1)]
    assert judge(claim(low=1e9), state(beside[:-1])).verdict == "open"
    assert judge(claim(low=1e9), state(beside)).verdict == "inconclusive"
