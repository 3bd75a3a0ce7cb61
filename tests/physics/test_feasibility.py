"""What can be made, learnt from failures: which of them count, and against a boundary that is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from athanor.memory.records import Candidate, Failure, Outcome, Point, Provenance
from athanor.memory.state import Trial
from athanor.tools.acquisition import feasibility
from athanor.tools.acquisition.feasibility import is_infeasible, learn


def failed(kind: str) -> Trial:
    candidate = Candidate(content=Point(values={"x": 0.5}), provenance=Provenance(tool="test"))
    outcome = Outcome(failure=Failure(kind=kind, message="test"))  # type: ignore[arg-type]
    return Trial(1, 1, "test", candidate, None, "", {}, "failed", outcome)


def test_only_failures_of_the_input_teach() -> None:
    assert [is_infeasible(failed(k)) for k in ("infeasible", "exploded", "not_a_number")] == [True] * 3
    assert [is_infeasible(failed(k)) for k in ("fault", "crash", "timeout", "missing")] == [False] * 4


def test_a_boundary_is_found_and_order_changes_nothing() -> None:
    random = np.random.default_rng(0)
    rows = random.random((60, 2))
    made = rows[:, 0] + rows[:, 1] < 1.2
    known = learn(rows, made.tolist())
    assert known is not None
    asked = random.random((400, 2))
    truth = asked.sum(axis=1) < 1.2
    chances = known.probabilities(asked)
    assert ((chances > 0.5) == truth).mean() > 0.92
    assert chances[truth].mean() > 0.75 > 0.25 > chances[~truth].mean()
    order = random.permutation(60)
    again = learn(rows[order], made[order].tolist())
    assert again is not None
    np.testing.assert_allclose(again.probabilities(asked), chances, atol=1e-9)


def test_one_failure_lowers_the_chance_nearby_and_hardly_far_away() -> None:
    rows = np.array([[0.1], [0.2], [0.9]])
    known = learn(rows, [True, True, False])
    assert known is not None
    near, far = known.probabilities(np.array([[0.88], [0.15]]))
    assert near < 0.5 < far
    assert learn(rows, [True] * 3) is None


def test_all_failures_still_give_chances_between_zero_and_one() -> None:
    known = learn(np.repeat(np.array([[0.3, 0.3]]), 40, axis=0), [False] * 40)
    assert known is not None
    chances = known.probabilities(np.array([[0.3, 0.3], [1.0, 1.0]]))
    assert 0 < chances[0] < chances[1] < 0.5


def test_the_mode_is_that_of_the_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    """One failed row: the latent mode solves f = k (y - sigmoid(f + level)), and the mean is near the exact one."""
    monkeypatch.setattr(feasibility, "LENGTHS", (0.4,))
    known = learn(np.array([[0.5]]), [False])
    assert known is not None
    mode = feasibility.VARIANCE * float(known.slopes[0])
    assert mode == pytest.approx(-feasibility.VARIANCE * expit(mode + known.level), abs=1e-5)
    scale = np.sqrt(feasibility.VARIANCE)

    def weight(f: float) -> float:
        return float(expit(-(f + known.level)) * norm.pdf(f, scale=scale))

    exact = quad(lambda f: expit(f + known.level) * weight(f), -30, 30)[0] / quad(weight, -30, 30)[0]
    assert known.probabilities(np.array([[0.5]]))[0] == pytest.approx(exact, abs=0.1)


def test_its_slope_can_be_followed() -> None:
    known = learn(np.array([[0.2], [0.8]]), [True, False])
    assert known is not None
    row = torch.tensor([[0.5]], dtype=torch.float64, requires_grad=True)
    known.log_probability(row).sum().backward()
    assert row.grad is not None
    assert row.grad[0, 0] < 0
