"""The optimistic gain against its closed form, and what it is for: a list whose best are all wanted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from athanor.memory.records import Budget, Constraint, Goal, Objective
from athanor.tools.acquisition.noise import Results, merge
from athanor.tools.acquisition.optimism import DEVIATIONS, Optimism, wants_all_the_best
from athanor.tools.acquisition.process import Columns, Processes, dimension_prior, learnt_from
from athanor.tools.acquisition.surrogate import NARROW_NOISE, FiniteModel

HIGH = Objective(property="a", direction="maximise", unit="1")
LOW = HIGH.model_copy(update={"direction": "minimise"})


def goal(*objectives: Objective, constraints: tuple[Constraint, ...] = ()) -> Goal:
    return Goal(statement="", objectives=objectives, constraints=constraints, budget=Budget(evaluations=9))


@pytest.fixture
def belief() -> FiniteModel:
    """Five candidates: two that go together, two alike to them at a distance, one that stands alone."""
    near = np.array([[0.0], [0.1], [0.5], [0.6], [9.0]])
    covariance = np.exp(-((near - near.T) ** 2))
    means = np.array([[0.0], [0.1], [0.2], [0.0], [0.0]])
    return FiniteModel(torch.from_numpy(means), torch.from_numpy(covariance)[None], torch.zeros(1, dtype=torch.float64))


def places(*which: int) -> torch.Tensor:
    return torch.tensor(which, dtype=torch.float64)[:, None]


def test_it_is_the_mean_and_twice_the_reach_in_units_of_the_largest_deviation(belief: FiniteModel) -> None:
    found = Optimism(goal(HIGH), belief, places(0, 1, 2, 3, 4), None, -1.0)(places(0, 1, 2, 3, 4)[:, None]).exp()
    covariance = belief.covariances[0].numpy()
    reach = np.sqrt((covariance**2).mean(axis=1) / covariance.diagonal())
    wanted = belief.means[:, 0].numpy() + 1.0 + DEVIATIONS * reach / reach.max()
    assert found.numpy() == pytest.approx(wanted, rel=1e-9)
    # All deviations are alike; what stands alone would teach nothing of the others.
    assert int(found.argmin()) == 4


def test_minimising_is_maximising_the_opposite(belief: FiniteModel) -> None:
    opposite = FiniteModel(-belief.means, belief.covariances, belief.jitter)
    everything = places(0, 1, 2, 3, 4)
    one = Optimism(goal(HIGH), belief, everything, None, -1.0)(everything[:, None])
    other = Optimism(goal(LOW), opposite, everything, None, 1.0)(everything[:, None])
    assert one.numpy() == pytest.approx(other.numpy())


def test_a_pending_point_lowers_the_reach_of_its_like_and_moves_no_mean(belief: FiniteModel) -> None:
    everything = places(0, 1, 2, 3, 4)
    acquisition = Optimism(goal(HIGH), belief, everything, None, -1.0)
    before = acquisition(everything[:, None]).exp()
    acquisition.set_X_pending(places(1))
    after = acquisition(everything[:, None]).exp()
    assert after[1].item() == pytest.approx(1.1, abs=1e-4)
    assert (after <= before + 1e-9).all()
    assert int(after.argmax()) == 2
    assert after[4].item() == pytest.approx(before[4].item(), rel=1e-6)
    acquisition.set_X_pending(None)
    assert (acquisition(everything[:, None]).exp() == before).all()


def test_parts_of_a_list_have_the_values_they_have_together() -> None:
    rows = np.random.default_rng(0).random((30, 2))
    process, fault = learnt_from(
        merge(Results(rows[:8], np.sin(5 * rows[:8, 0]), np.full(8, np.nan))),
        Columns(2),
        dimension_prior(2, NARROW_NOISE),
        (0.0, 1.0),
        100,
    )
    assert fault is None
    listed = torch.from_numpy(rows[8:])
    acquisition = Optimism(goal(HIGH), Processes([process]), listed, listed[:2], -2.0)
    together = acquisition(listed[:, None])
    apart = torch.cat([acquisition(part[:, None]) for part in listed.split(5)])
    assert together.numpy() == pytest.approx(apart.numpy(), abs=1e-6)


@pytest.mark.parametrize(
    ("wanted", "is_so"),
    [
        (goal(HIGH), True),
        (goal(LOW), True),
        (goal(HIGH, HIGH.model_copy(update={"property": "b"})), False),
        (goal(Objective(property="a", direction="target", target=1, tolerance=0.1, unit="1")), False),
        (goal(HIGH, constraints=(Constraint(property="c", comparison="<=", value=0, unit="1"),)), False),
    ],
)
def test_all_the_best_are_wanted_of_a_single_free_value(wanted: Goal, is_so: bool) -> None:
    assert wants_all_the_best(wanted) == is_so
