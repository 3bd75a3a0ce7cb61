"""A search over process parameters, from an empty table to suggestions: what labs ask of it, and bad input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from athanor.memory.errors import RetryError
from athanor.memory.records import (
    Budget,
    Candidate,
    Constraint,
    Failure,
    Goal,
    Measurement,
    Objective,
    Outcome,
    Point,
    Provenance,
    content_hash,
)
from athanor.memory.state import Trial
from athanor.tools.parameters.parameter_space import ParameterSpace
from athanor.tools.parameters.propose import propose
from athanor.tools.parameters.repair import check, repair
from athanor.tools.parameters.sample import sample

ALLOY = ParameterSpace.model_validate(
    {
        "variables": [
            {"kind": "composition", "name": "alloy", "unit": "%", "parts": ["Fe", "Ni", "Cr"], "total": 100},
            {"kind": "continuous", "name": "anneal", "unit": "K", "low": 600, "high": 1400},
            {"kind": "categorical", "name": "quench", "unit": "1", "labels": ["oil", "water"]},
        ],
        "constraints": [{"terms": {"Fe": 1, "Cr": -1}, "comparison": ">=", "bound": 0}],
    }
)
STRENGTH = Objective(property="strength", direction="maximise", unit="MPa")
CHEAP = Objective(property="price", direction="minimise", unit="1")


def goal(*objectives: Objective, constraints: tuple[Constraint, ...] = ()) -> Goal:
    return Goal(statement="", objectives=objectives, constraints=constraints, budget=Budget(evaluations=50))


def answer(point: Point) -> dict[str, float]:
    v = {name: value for name, value in point.values.items() if not isinstance(value, str)}
    peak = -(((v["anneal"] - 1100) / 400) ** 2) - ((v["Ni"] - 35) / 50) ** 2
    return {"strength": 500 + 100 * peak + 20 * (point.values["quench"] == "oil"), "price": v["Ni"] + 2 * v["Cr"]}


def trial(number: int, point: Point, outcome: Outcome | None = None, status: str = "staged") -> Trial:
    candidate = Candidate(content=point, provenance=Provenance(tool="test"))
    return Trial(number, 1, "test", candidate, None, "", {}, status, outcome)  # type: ignore[arg-type]


def completed(number: int, point: Point) -> Trial:
    found = tuple(
        Measurement(property=name, value=value, unit="1", method="measured", source="test")
        for name, value in answer(point).items()
    )
    return trial(number, point, Outcome(measurements=found), "completed")


def known(n: int) -> list[Trial]:
    return [completed(i, p) for i, p in enumerate(sample(ALLOY, n, 1), start=1)]


def text_of(described: dict[str, object]) -> str:
    with pytest.raises(ValidationError) as caught:
        ParameterSpace.model_validate(described)
    return str(caught.value)


def line(name: str, low: float = 0.0, high: float = 1.0) -> dict[str, object]:
    return {"kind": "continuous", "name": name, "unit": "1", "low": low, "high": high}


def test_searches_beat_nine_of_ten_random_ones() -> None:
    bests = []
    for seed in range(3):
        trials = [completed(i, p.point) for i, p in enumerate(propose(ALLOY, goal(STRENGTH), [], 4, seed).picks, 1)]
        for _ in range(7):
            picks = propose(ALLOY, goal(STRENGTH), trials, 1, seed).picks
            assert check(ALLOY, picks[0].point) == ()
            trials.append(completed(len(trials) + 1, picks[0].point))
        bests.append(max(t.values["strength"] for t in trials))
    chance = [max(answer(p)["strength"] for p in sample(ALLOY, 11, seed)) for seed in range(200)]
    assert np.median(bests) > np.quantile(chance, 0.9)


def test_the_first_points_fill_the_space_and_say_so() -> None:
    found = propose(ALLOY, goal(STRENGTH), [], 3, 0)
    assert len({content_hash(p.point) for p in found.picks}) == 3
    assert "space-filling" in found.notes[0]
    assert "0 of strength" in found.notes[0]


def test_the_order_of_trials_changes_nothing_and_pending_points_are_kept_away_from() -> None:
    trials = known(8)
    first = propose(ALLOY, goal(STRENGTH, CHEAP), trials, 1, 5)
    assert propose(ALLOY, goal(STRENGTH, CHEAP), trials[::-1], 1, 5) == first
    waiting = [*trials, *(trial(20 + i, p.point) for i, p in enumerate(first.picks))]
    second = propose(ALLOY, goal(STRENGTH, CHEAP), waiting, 2, 5)
    assert "1 pending" in second.notes
    before = {content_hash(p.point) for p in first.picks}
    assert before.isdisjoint(content_hash(p.point) for p in second.picks)


def test_a_person_keeps_a_variable_and_rejects_a_point() -> None:
    trials = known(6)
    plain = propose(ALLOY, goal(STRENGTH), trials, 1, 2).picks[0].point
    kept = propose(ALLOY, goal(STRENGTH), trials, 1, 2, fixed={"Ni": 12.5, "quench": "water"}).picks
    assert all(p.point.values["Ni"] == 12.5 and p.point.values["quench"] == "water" for p in kept)
    other = propose(ALLOY, goal(STRENGTH), trials, 1, 2, rejected=[plain]).picks[0].point
    far = [
        abs(float(other.values[leaf.name]) - float(plain.values[leaf.name])) / (leaf.high - leaf.low)
        for leaf in ALLOY.leaves
        if leaf.is_continuous
    ]
    assert max(far) >= 0.05 or other.values["quench"] != plain.values["quench"]
    with pytest.raises(RetryError, match=r"Ni = 90"):
        propose(ALLOY, goal(STRENGTH), trials, 1, 2, fixed={"Ni": 90.0, "Fe": 50.0})


def test_a_fault_may_come_back_and_an_infeasible_point_may_not() -> None:
    space = ParameterSpace.model_validate(
        {"variables": [{"kind": "ordinal", "name": "x", "unit": "1", "values": [1, 2]}]}
    )
    here, there = Point(values={"x": 1.0}), Point(values={"x": 2.0})
    fault = Outcome(failure=Failure(kind="fault", message="pump"))
    infeasible = Outcome(failure=Failure(kind="infeasible", message="solid"))
    trials = [trial(1, here, fault, "failed"), trial(2, there, infeasible, "failed")]
    assert [p.point for p in propose(space, goal(STRENGTH), trials, 5, 0).picks] == [here]


def test_a_target_and_a_constraint_are_met_more_surely_than_by_chance() -> None:
    wanted = Objective(property="strength", direction="target", unit="MPa", target=480.0, tolerance=5.0)
    cheap = Constraint(property="price", comparison="<=", value=60.0, unit="1")
    aim = goal(wanted, constraints=(cheap,))
    trials = known(8)
    for _ in range(4):
        pick = propose(ALLOY, aim, trials, 1, 3).picks[0]
        assert pick.keeps is not None
        trials.append(completed(len(trials) + 1, pick.point))
    found = [t.values for t in trials[8:]]
    assert any(abs(v["strength"] - 480) <= 5 and v["price"] <= 60 for v in found)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_or_equal_results_give_an_answer(n: int) -> None:
    point = sample(ALLOY, n, 0)
    same = Measurement(property="strength", value=5.0, unit="MPa", method="measured", source="test")
    trials = [trial(i, p, Outcome(measurements=(same,)), "completed") for i, p in enumerate(point, start=1)]
    found = propose(ALLOY, goal(STRENGTH), trials, 2, 0)
    assert [check(ALLOY, p.point) for p in found.picks] == [(), ()]


def test_a_pool_gives_each_row_once(tmp_path: Path) -> None:
    file = tmp_path / "pool.csv"
    file.write_text("x,grade\n0.1,1\n0.5,2\n0.9,1\n0.95,1\n", "utf-8")
    space = ParameterSpace.model_validate(
        {
            "variables": [line("x"), {"kind": "categorical", "name": "grade", "unit": "1", "labels": ["1", "2"]}],
            "constraints": [{"terms": {"x": 1}, "comparison": "<=", "bound": 0.92}],
            "pool": file,
        }
    )
    picks = propose(space, goal(STRENGTH), [], 9, 0).picks
    assert sorted(float(p.point.values["x"]) for p in picks) == [0.1, 0.5, 0.9]
    assert repair(space, {"x": 0.6, "grade": "2"}).values == {"x": 0.5, "grade": "2"}
    assert check(space, Point(values={"x": 0.2, "grade": "1"})) == ("no row of the pool is this point",)
    assert "'x <= 0.01'" in text_of(
        space.model_dump() | {"constraints": [{"terms": {"x": 1}, "comparison": "<=", "bound": 0.01}]}
    )


def test_conflicting_constraints_are_named_and_no_others() -> None:
    told = text_of(
        {
            "variables": [line("x"), line("y")],
            "constraints": [
                {"terms": {"x": 1}, "comparison": ">=", "bound": 0.8},
                {"terms": {"y": 1}, "comparison": ">=", "bound": 0.1},
                {"terms": {"x": 1, "y": 1}, "comparison": "<=", "bound": 0.5},
            ],
        }
    )
    assert "'x >= 0.8'" in told
    assert "'x + y <= 0.5'" in told
    assert "'y >= 0.1'" not in told


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ([line("x", 1, 0)], "low < high is allowed"),
        ([line("x"), line("x")], "each name once"),
        ([line("x") | {"scale": "log"}], "above zero"),
        ([line("x", 0, float("nan"))], "finite number"),
        ([line("x"), line("y") | {"when": {"variable": "x", "at_least": 0.5}}], "listed earlier"),
        ([line("x") | {"unit": ""}], "at least 1 character"),
        ([{"kind": "ordinal", "name": "o", "unit": "1", "values": [2, 1]}], "must rise"),
        ([{"kind": "composition", "name": "c", "unit": "1", "parts": ["A", "B"], "minimum": 2}], "no part can be"),
    ],
)
def test_a_space_that_cannot_be_is_refused_in_words(variables: Sequence[object], said: str) -> None:
    assert said in text_of({"variables": variables})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Ni": 60.0}, "parts sum to"),
        ({"anneal": 2000.0}, "outside 600 to 1400 K"),
        ({"anneal": "hot"}, "not a finite number"),
        ({"quench": "air"}, "none of oil, water"),
        ({"Mo": 1.0}, "no such variable"),
        ({"Fe": 10.0, "Cr": 60.0}, "is broken by 50"),
    ],
)
def test_what_is_wrong_with_a_point_is_said(change: dict[str, float | str], said: str) -> None:
    values: dict[str, float | str] = {"Fe": 50.0, "Ni": 30.0, "Cr": 20.0, "anneal": 900.0, "quench": "oil"}
    assert check(ALLOY, Point(values=values)) == ()
    assert said in "; ".join(check(ALLOY, Point(values=values | change)))


def test_a_missing_and_an_infinite_value_are_found() -> None:
    assert check(ALLOY, Point(values={"Fe": 50.0, "Ni": 30.0, "Cr": 20.0, "quench": "oil"})) == ("anneal: missing",)
    guess = Point.model_construct(values={"Fe": 50.0, "Ni": 30.0, "Cr": 20.0, "quench": "oil", "anneal": float("inf")})
    assert "not a finite number" in check(ALLOY, guess)[0]
    assert check(ALLOY, repair(ALLOY, guess.values)) == ()


def test_a_trial_outside_the_space_is_named() -> None:
    wrong = completed(3, Point(values={"Fe": 50.0, "Ni": 30.0, "Cr": 20.0, "anneal": 2000.0, "quench": "oil"}))
    with pytest.raises(RetryError, match=r"trial 3 is outside the space: anneal: 2000"):
        propose(ALLOY, goal(STRENGTH), [wrong], 1, 0)


def test_a_pool_that_is_not_there_is_a_plain_error(tmp_path: Path) -> None:
    assert "cannot be read" in text_of({"variables": [line("x")], "pool": tmp_path / "none.csv"})
