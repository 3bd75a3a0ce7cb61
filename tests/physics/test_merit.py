"""Pareto sets, hypervolumes and reference points against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

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
from athanor.memory.state import Trial
from athanor.tools.acquisition import merit


def goal_of(*directions: str, limit: float | None = None) -> Goal:
    objectives = tuple(Objective(property=f"y{k}", direction=d, unit="1") for k, d in enumerate(directions))
    bound = Constraint(property="c", comparison="<=", value=limit, unit="1") if limit is not None else None
    return Goal(
        statement="", objectives=objectives, constraints=(bound,) if bound else (), budget=Budget(evaluations=9)
    )


def trial(number: int, **values: float) -> Trial:
    candidate = Candidate(content=Point(values={"x": float(number)}), provenance=Provenance(tool="test"))
    measured = tuple(
        Measurement(property=name, value=value, unit="1", method="simulated", source="test")
        for name, value in values.items()
    )
    outcome = Outcome(measurements=measured) if values else Outcome(failure=Failure(kind="crash", message=""))
    return Trial(number, 1, "test", candidate, None, "", {}, "completed" if values else "failed", outcome)


STAIRS = [trial(1, y0=1, y1=3), trial(2, y0=2, y1=2), trial(3, y0=3, y1=1), trial(4, y0=1, y1=1), trial(5, y0=2, y1=1)]


def test_staircase_of_three_steps() -> None:
    goal = goal_of("maximise", "maximise")
    assert [t.number for t in merit.pareto(goal, STAIRS)] == [1, 2, 3]
    assert merit.hypervolume(goal, STAIRS, [0, 0]) == 6.0
    assert merit.hypervolume(goal, STAIRS, [1, 1]) == 1.0
    assert merit.hypervolume(goal, STAIRS, [3, 3]) == 0.0


def test_a_target_is_approached_from_both_sides_and_met_within_its_tolerance() -> None:
    near = Objective(property="y0", direction="target", target=2.0, tolerance=0.5, unit="1")
    goal = goal_of("maximise").model_copy(update={"objectives": (near,)})
    tries = [trial(n, y0=value) for n, value in enumerate([0.0, 2.4, 3.0, 1.8], start=1)]
    assert [t.number for t in merit.feasible(goal, tries)] == [2, 4]
    assert [t.number for t in merit.pareto(goal, tries)] == [4]
    assert [best for _, best in merit.best_so_far(goal, tries)] == [
        None,
        pytest.approx(0.4),
        pytest.approx(0.4),
        pytest.approx(0.2),
    ]


@pytest.mark.parametrize(
    ("direction", "more", "said"),
    [
        ("target", {"target": 1.0}, "needs a target and a tolerance"),
        ("maximise", {"tolerance": 1.0}, "goes with direction target"),
        ("target", {"target": 1.0, "tolerance": 0.0}, "greater than 0"),
    ],
)
def test_half_a_target_is_refused(direction: str, more: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Objective(property="y", unit="1", direction=direction, **more)


def test_minimising_mirrors_maximising() -> None:
    goal = goal_of("maximise", "minimise")
    mirrored = [trial(t.number, y0=t.values["y0"], y1=-t.values["y1"]) for t in STAIRS]
    assert [t.number for t in merit.pareto(goal, mirrored)] == [1, 2, 3]
    assert merit.hypervolume(goal, mirrored, [0, 0]) == 6.0
    reference = merit.reference_point(goal, mirrored)
    assert reference is not None
    np.testing.assert_allclose(reference, [1 - 0.2, -1 + 0.2])


def test_three_objectives_agree_with_the_union_of_boxes() -> None:
    goal = goal_of("maximise", "maximise", "maximise")
    # Inclusion and exclusion: three boxes of 4, each pair shares 2, all three share 1.
    corners = [trial(1, y0=2, y1=2, y2=1), trial(2, y0=2, y1=1, y2=2), trial(3, y0=1, y1=2, y2=2)]
    assert merit.hypervolume(goal, corners, [0, 0, 0]) == pytest.approx(3 * 4 - 3 * 2 + 1)


def test_sweep_agrees_with_counting_cells() -> None:
    rng = np.random.default_rng(3)
    gains = rng.integers(1, 9, size=(12, 2)).astype(float)
    cells = sum(any(x < a and y < b for a, b in gains) for x in range(9) for y in range(9))
    assert merit.dominated_volume(gains) == cells


def test_a_broken_or_unknown_constraint_is_no_hit() -> None:
    goal = goal_of("maximise", limit=0.5)
    trials = [trial(1, y0=9, c=0.6), trial(2, y0=8), trial(3, c=0.1), trial(4), trial(5, y0=1, c=0.5)]
    assert [t.number for t in merit.feasible(goal, trials)] == [5]
    assert [t.number for t in merit.pareto(goal, trials)] == [5]
    assert merit.values(goal, trials[2]) is None
    assert merit.best_so_far(goal, trials) == ((1, None), (2, None), (3, None), (4, None), (5, 1.0))


def test_best_so_far_is_the_hypervolume_of_each_beginning() -> None:
    goal = goal_of("maximise", "maximise")
    series = merit.best_so_far(goal, reversed(STAIRS), [0, 0])
    assert series == ((1, 3.0), (2, 5.0), (3, 6.0), (4, 6.0), (5, 6.0))
    assert merit.best_so_far(goal_of("minimise"), STAIRS) == ((1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0), (5, 1.0))


def test_every_hit_gains_over_the_reference_point() -> None:
    goal = goal_of("maximise", "minimise", limit=1.0)
    trials = [trial(1, y0=5, y1=5, c=0), trial(2, y0=-100, y1=100, c=9)]
    reference = merit.reference_point(goal, trials)
    assert reference is not None
    np.testing.assert_allclose(reference, [4.5, 5.5])
    assert merit.hypervolume(goal, trials, reference) == pytest.approx(0.25)
    assert merit.reference_point(goal, []) is None
    assert merit.reference_point(goal, [trial(1, y0=5)]) is None


def test_a_search_of_settings_gains_from_what_is_typical_or_from_the_front_where_that_is_worse() -> None:
    goal = goal_of("maximise", "minimise")
    # One far off is no hit to start from, and a set of one point is not all that is wanted.
    trials = [trial(1, y0=5, y1=1), trial(2, y0=-1000, y1=1000)]
    expected = np.array([[1.0, 1.0], [3.0, 5.0], [4.0, 9.0]])
    np.testing.assert_allclose(merit.typical_reference(goal, trials, expected), [3 - 0.2, 5 + 0.4])
    wide = [*trials, trial(3, y0=25, y1=11)]
    np.testing.assert_allclose(merit.typical_reference(goal, wide, expected), [3 - 2.2, 11 + 1.0])
    np.testing.assert_allclose(merit.typical_reference(goal, trials[:1], np.empty((0, 2))), [4.5, 1.1])
    assert merit.typical_reference(goal, [], expected) is None
    assert merit.typical_reference(goal, [trial(1, y0=5)], expected) is None


def test_means_become_amounts_in_the_goals_order() -> None:
    near = Objective(property="y1", direction="target", target=2.0, tolerance=0.5, unit="1")
    goal = goal_of("maximise").model_copy(update={"objectives": (near, goal_of("maximise").objectives[0])})
    found = merit.amounts(goal, ("y0", "c", "y1"), np.array([[1.0, 9.0, 5.0], [2.0, 9.0, 1.0]]))
    np.testing.assert_allclose(found, [[3.0, 1.0], [1.0, 2.0]])


def test_equal_results_are_both_on_the_front() -> None:
    goal = goal_of("maximise", "maximise")
    twins = [trial(1, y0=1, y1=1), trial(2, y0=1, y1=1)]
    assert len(merit.pareto(goal, twins)) == 2
    assert merit.hypervolume(goal, twins, [0, 0]) == 1.0
