"""What laboratories meet: failures by kind, partial results, costs, levels of fidelity, earlier campaigns, outliers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from athanor.agent.planners.settings import Lessons, acquired
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
)
from athanor.memory.state import State, Trial
from athanor.tools.parameters.believe import believe, meant
from athanor.tools.parameters.explain import learnt
from athanor.tools.parameters.parameter_space import ParameterSpace
from athanor.tools.parameters.propose import propose
from athanor.tools.parameters.sample import sample


def line(name: str) -> dict[str, object]:
    return {"kind": "continuous", "name": name, "unit": "1", "low": 0.0, "high": 1.0}


SQUARE = ParameterSpace.model_validate({"variables": [line("x"), line("y")]})
LEVEL: dict[str, object] = {
    "kind": "fidelity",
    "name": "level",
    "unit": "1",
    "labels": ["guess", "truth"],
    "costs": [1, 10],
}
LAYERED = ParameterSpace.model_validate({"variables": [line("x"), line("y"), LEVEL]})
YIELD = Objective(property="yield", direction="maximise", unit="%")
WASTE = Objective(property="waste", direction="minimise", unit="g")


def goal(*objectives: Objective, constraints: tuple[Constraint, ...] = ()) -> Goal:
    return Goal(statement="", objectives=objectives, constraints=constraints, budget=Budget(evaluations=50))


def trial(number: int, point: Point, values: Mapping[str, float], deviation: float | None = None) -> Trial:
    measured = tuple(
        Measurement(property=n, value=v, deviation=deviation, unit="1", method="measured", source="test")
        for n, v in values.items()
    )
    candidate = Candidate(content=point, provenance=Provenance(tool="test"))
    return Trial(number, 1, "test", candidate, None, "", {}, "completed", Outcome(measurements=measured))


def failed(number: int, point: Point, kind: str) -> Trial:
    outcome = Outcome(failure=Failure(kind=kind, message="test"))  # type: ignore[arg-type]
    candidate = Candidate(content=point, provenance=Provenance(tool="test"))
    return Trial(number, 1, "test", candidate, None, "", {}, "failed", outcome)


def at(**values: float | str) -> Point:
    return Point(values=values)


def numbers(point: Point) -> tuple[float, float]:
    return float(point.values["x"]), float(point.values["y"])


def hill(point: Point, top: float = 0.7) -> float:
    x, y = numbers(point)
    return 50 * float(np.exp(-4 * ((x - top) ** 2 + (y - top) ** 2)))


def tried(n: int, seed: int = 0) -> list[Trial]:
    return [trial(i, p, {"yield": hill(p)}) for i, p in enumerate(sample(SQUARE, n, seed), start=1)]


def test_what_cannot_be_made_is_kept_away_from_and_a_fault_teaches_nothing() -> None:
    """The yield rises to one corner, which cannot be made."""
    rising = [trial(i, p, {"yield": sum(numbers(p))}) for i, p in enumerate(sample(SQUARE, 30, 1), 1)]
    done = [
        t if sum(numbers(t.candidate.content)) < 1.2 else failed(t.number, t.candidate.content, "infeasible")
        for t in rising
    ]  # type: ignore[arg-type]
    (pick,) = propose(SQUARE, goal(YIELD), done, 1, 0).picks
    assert pick.made is not None
    assert pick.made > 0.3
    assert sum(numbers(pick.point)) < 1.5
    completed = [t for t in done if t.status == "completed"]
    (bold,) = propose(SQUARE, goal(YIELD), completed, 1, 0).picks
    assert sum(numbers(bold.point)) > 1.8
    assert bold.made is None
    faults = [failed(t.number, t.candidate.content, "fault") for t in done if t.status == "failed"]  # type: ignore[arg-type]
    assert propose(SQUARE, goal(YIELD), [*completed, *faults], 1, 0) == propose(SQUARE, goal(YIELD), completed, 1, 0)


def test_properties_may_be_known_at_different_points_and_in_any_order() -> None:
    aim = goal(YIELD, constraints=(Constraint(property="waste", comparison="<=", value=1.0, unit="g"),))
    trials = tried(6)
    trials += [trial(10 + i, p, {"waste": sum(numbers(p))}) for i, p in enumerate(sample(SQUARE, 5, 7))]
    trials.append(trial(20, at(x=0.2, y=0.3), {"yield": 9.0, "waste": 0.5}))
    found = propose(SQUARE, aim, trials, 1, 0)
    (pick,) = found.picks
    assert pick.keeps is not None
    assert set(pick.predicted) == {"yield", "waste"}
    assert found == propose(SQUARE, aim, trials[::-1], 1, 0)


@pytest.mark.parametrize("objectives", [(YIELD,), (YIELD, WASTE)])
def test_where_nothing_keeps_the_constraints_yet_the_search_goes_where_something_may(
    objectives: tuple[Objective, ...],
) -> None:
    aim = goal(*objectives, constraints=(Constraint(property="heat", comparison="<=", value=0.3, unit="K"),))
    hot = [p for p in sample(SQUARE, 40, 0) if numbers(p)[0] > 0.5][:8]
    trials = [
        trial(i, p, {"yield": hill(p), "waste": numbers(p)[1], "heat": numbers(p)[0]}) for i, p in enumerate(hot, 1)
    ]
    found = propose(SQUARE, aim, trials, 1, 0)
    assert numbers(found.picks[0].point)[0] < 0.45


def test_a_cost_leads_to_cheaper_points_of_about_the_same_worth() -> None:
    """The yield does not depend on y, which costs."""
    described = SQUARE.model_dump(by_alias=True) | {"cost": {"unit": "EUR", "base": 1.0, "terms": {"y": 50.0}}}
    priced = ParameterSpace.model_validate(described)
    trials = [trial(i, p, {"yield": 10 * numbers(p)[0] ** 2}) for i, p in enumerate(sample(SQUARE, 12, 0), 1)]
    (frugal,), (plain,) = (propose(space, goal(YIELD), trials, 1, 0).picks for space in (priced, SQUARE))
    assert frugal.cost == pytest.approx(1 + 50 * numbers(frugal.point)[1])
    assert frugal.cost < 2 < 1 + 50 * numbers(plain.point)[1]
    assert numbers(frugal.point)[0] > 0.9


def layered(points: list[Point]) -> list[Trial]:
    """The guess is 5 too high everywhere."""
    return [trial(i, p, {"yield": hill(p) + 5 * (p.values["level"] == "guess")}) for i, p in enumerate(points, start=1)]


def test_a_start_asks_all_levels_for_the_same_settings() -> None:
    picks = propose(LAYERED, goal(YIELD), [], 4, 0).picks
    assert [p.point.values["level"] for p in picks] == ["guess", "truth"] * 2
    assert numbers(picks[0].point) == numbers(picks[1].point) != numbers(picks[2].point)
    assert [p.cost for p in picks] == [1.0, 10.0] * 2
    others = propose(LAYERED, goal(YIELD), [], 4, 0, rejected=[picks[0].point]).picks
    assert numbers(picks[0].point) not in {numbers(p.point) for p in others}


def test_cheap_answers_teach_of_true_ones_and_are_no_results_themselves() -> None:
    start = [p.point for p in propose(LAYERED, goal(YIELD), [], 6, 0).picks]
    cheap = [at(**{**p.values, "level": "guess"}) for p in sample(LAYERED, 24, 1)]
    trials = layered([*start, *cheap])
    known = believe(LAYERED, goal(YIELD), trials)
    assert known is not None
    asked = [at(**{**p.values, "level": "truth"}) for p in sample(LAYERED, 40, 2)]
    means, deviations = known.surrogate.predict(known.frame.rows(asked))
    truth = np.array([hill(p) for p in asked])
    assert np.abs(means[:, 0] - truth).mean() < 3
    assert (np.abs(means[:, 0] - truth) < 3 * deviations[:, 0] + 0.5).mean() > 0.9
    assert [t.candidate.content for t in meant(LAYERED, trials)] == [p for p in start if p.values["level"] == "truth"]
    assert "level" in {name for name, _ in learnt(known)[0].weights}


def test_a_batch_of_levels_has_no_twins() -> None:
    start = [p.point for p in propose(LAYERED, goal(YIELD), [], 6, 0).picks]
    picks = propose(LAYERED, goal(YIELD), layered(start), 4, 0).picks
    rows = np.array([[*numbers(p.point), p.cost / 10] for p in picks])
    apart = np.abs(rows[:, None] - rows[None]).max(axis=-1) + np.eye(4)
    assert apart.min() > 0.02


def test_an_earlier_campaign_leads_to_its_best_and_what_is_outside_is_passed_over() -> None:
    earlier = {"spring": [*tried(20, 3), trial(99, at(x=7.0, y=0.0), {"yield": 90.0})]}
    trials = [trial(i, p, {"yield": hill(p) + 8}) for i, p in enumerate(sample(SQUARE, 3, 5), 1)]
    found = propose(SQUARE, goal(YIELD), trials, 1, 0, earlier=earlier)
    assert "learnt from spring: 20 of 21 results; 1 are outside the space" in found.notes
    assert hill(found.picks[0].point) > 40
    assert propose(SQUARE, goal(YIELD), [], 1, 0, earlier=earlier).picks == propose(SQUARE, goal(YIELD), [], 1, 0).picks


def test_a_planner_hands_earlier_campaigns_on() -> None:
    state = State(trials={t.number: t for t in tried(4, 5)})
    found = acquired(goal(YIELD), SQUARE, state, 1, 0, lessons=Lessons(False, {"spring": tried(20, 3)}))
    assert "learnt from spring: 20 of 20 results" in found.notes


def test_what_is_still_to_gain_falls_as_a_search_goes_on() -> None:
    few = propose(SQUARE, goal(YIELD), tried(5), 1, 0).gain
    top = [
        trial(90 + i, at(x=0.7 + dx, y=0.7 + dx), {"yield": hill(at(x=0.7 + dx, y=0.7 + dx))})
        for i, dx in enumerate((-0.01, 0.0, 0.01))
    ]
    many = propose(SQUARE, goal(YIELD), [*tried(40), *top], 1, 0).gain
    assert few is not None
    assert many is not None
    assert few > 1 > 0.2 > many >= 0
    assert (
        propose(
            SQUARE,
            goal(YIELD, WASTE),
            [trial(i, t.candidate.content, {**t.values, "waste": 1.0}) for i, t in enumerate(tried(5), 1)],
            1,
            0,
        ).gain
        is None
    )  # type: ignore[arg-type]


def test_outliers_are_named_and_not_learnt_from() -> None:
    trials = tried(25)
    wild = [
        trial(t.number, t.candidate.content, {"yield": t.values["yield"] + 400 * (t.number in (4, 9))}) for t in trials
    ]  # type: ignore[arg-type]
    found = propose(SQUARE, goal(YIELD), wild, 1, 0, robust=True)
    told = [n for n in found.notes if "outliers" in n]
    assert len(told) == 1
    assert told[0].count(",") == 1
    assert hill(found.picks[0].point) > 40
    assert not [n for n in propose(SQUARE, goal(YIELD), trials, 1, 0, robust=True).notes if "outliers" in n]


@pytest.mark.parametrize(
    "values", [[5.0] * 6, [0.0] * 6, [1e12, 1e12 + 1, 1e12 + 2, 1e12, 1e12, 1e12], [1e-12] * 5 + [3e-12]]
)
def test_numbers_of_any_size_give_an_answer(values: list[float]) -> None:
    trials = [trial(i, p, {"yield": v}) for i, (p, v) in enumerate(zip(sample(SQUARE, 6, 0), values, strict=True), 1)]
    found = propose(SQUARE, goal(YIELD), trials, 1, 0)
    (pick,) = found.picks
    assert np.isfinite(pick.acquisition)
    assert np.isfinite(pick.predicted["yield"]).all()


def test_many_repeats_of_few_points_are_told_as_noise() -> None:
    random = np.random.default_rng(0)
    points = sample(SQUARE, 4, 0)
    trials = [trial(i, points[i % 4], {"yield": hill(points[i % 4]) + float(random.normal())}) for i in range(1, 401)]
    found = propose(SQUARE, goal(YIELD), trials, 1, 0)
    (told,) = [n for n in found.notes if n.startswith("noise of yield")]
    assert "from replicates with 396 degrees of freedom" in told
    assert float(told.split("deviation ")[1].split(",")[0]) == pytest.approx(1.0, abs=0.1)
