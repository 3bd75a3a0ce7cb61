"""What a search may still gain, against closed forms, and the search that ends by it."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import norm

from athanor.memory.records import Budget, Constraint, Goal, Objective
from athanor.tools.acquisition.remaining import expected_gain

HIGH = Goal(
    statement="",
    objectives=(Objective(property="y", direction="maximise", unit="1"),),
    budget=Budget(evaluations=9),
)


def gain(goal: Goal, means: list[float], deviations: list[float], n_fresh: int = 1) -> float | None:
    covariance = torch.diag(torch.tensor(deviations, dtype=torch.float64) ** 2 + 1e-12)[None]
    return expected_gain(goal, ("y",), torch.tensor(means, dtype=torch.float64)[:, None], covariance, n_fresh, 0)


def improvement(mean: float, deviation: float) -> float:
    """E[max(0, X)] of a normal X."""
    z = mean / deviation
    return float(deviation * (norm.pdf(z) + z * norm.cdf(z)))


@pytest.mark.parametrize(("fresh", "known"), [(0.0, 1.0), (1.0, 1.0), (-3.0, 0.0), (2.0, 0.0)])
def test_it_is_the_expected_improvement_of_one_normal_over_another(fresh: float, known: float) -> None:
    found = gain(HIGH, [fresh, known], [0.8, 0.6])
    assert found == pytest.approx(improvement(fresh - known, 1.0), abs=0.12)


def test_the_direction_and_the_target_count() -> None:
    low = HIGH.model_copy(update={"objectives": (Objective(property="y", direction="minimise", unit="1"),)})
    near = Objective(property="y", direction="target", target=2.0, tolerance=0.1, unit="1")
    to_target = HIGH.model_copy(update={"objectives": (near,)})
    assert gain(low, [1.0, 3.0], [1e-3, 1e-3]) == pytest.approx(2.0, abs=0.01)
    assert gain(HIGH, [1.0, 3.0], [1e-3, 1e-3]) == 0.0
    assert gain(to_target, [2.5, 0.0], [1e-3, 1e-3]) == pytest.approx(1.5, abs=0.01)


def test_what_breaks_a_constraint_gains_nothing() -> None:
    bounded = HIGH.model_copy(update={"constraints": (Constraint(property="y", comparison="<=", value=5.0, unit="1"),)})
    assert gain(bounded, [9.0, 4.0, 1.0], [1e-3] * 3, n_fresh=2) == pytest.approx(3.0, abs=0.01)
    assert gain(bounded, [4.0, 9.0], [1e-3] * 2) is None


def test_several_objectives_have_no_single_gain() -> None:
    two = HIGH.model_copy(update={"objectives": (*HIGH.objectives, *HIGH.objectives)})
    assert gain(two, [1.0, 0.0], [1.0, 1.0]) is None


def test_twins_gain_nothing_over_each_other() -> None:
    means, covariance = torch.ones((2, 1), dtype=torch.float64), torch.ones((1, 2, 2), dtype=torch.float64)
    found = expected_gain(HIGH, ("y",), means, covariance + 1e-10 * torch.eye(2), 1, 0)
    assert found is not None
    assert math.isclose(found, 0.0, abs_tol=1e-3)
