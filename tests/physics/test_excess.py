"""The excess over a bound against quadrature and closed forms, and what it is for: a list whose best are all wanted."""

from __future__ import annotations

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from athanor.memory.records import Budget, Constraint, Goal, Objective
from athanor.tools.acquisition.excess import Excess, log_excess, wants_all_the_best
from athanor.tools.acquisition.noise import Results, merge
from athanor.tools.acquisition.process import Columns, Processes, learnt_from, point_prior
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


EVERYTHING = places(0, 1, 2, 3, 4)


def plain_excess(mean: float, deviation: float, bound: float) -> float:
    """Its integral by quadrature."""
    return float(quad(lambda x: (x - bound) * norm.pdf(x, mean, deviation), bound, mean + 12 * deviation)[0])


@pytest.mark.parametrize("above", [-3e4, -1e4 - 1, -1e4 + 1, -300.0, -37.0, -5.0, -1.001, -0.999, 0.0, 2.0, 60.0])
def test_the_log_of_the_excess_is_exact_far_below_the_bound_and_above(above: float) -> None:
    with mpmath.workdps(60):
        u = mpmath.mpf(above)
        wanted = mpmath.log(mpmath.npdf(u) + u * mpmath.ncdf(u)) if u > -40 else _series(u)
    found = log_excess(torch.tensor([above], dtype=torch.float64))
    assert float(found[0]) == pytest.approx(float(wanted), rel=1e-12)


def _series(u: mpmath.mpf) -> mpmath.mpf:
    """From the asymptotic series of the Mills ratio."""
    ratio = 1 - 3 / u**2 + 15 / u**4 - 105 / u**6 + 945 / u**8
    return mpmath.log(mpmath.npdf(0)) - u**2 / 2 - 2 * mpmath.log(-u) + mpmath.log(ratio)


def test_it_is_the_excess_over_the_bound_under_the_mean_and_the_spread(belief: FiniteModel) -> None:
    acquisition = Excess(goal(HIGH), belief, EVERYTHING, None)
    found = acquisition(EVERYTHING[:, None]).exp()
    covariance = belief.covariances[0].numpy()
    reach = np.sqrt((covariance**2).mean(axis=1) / covariance.diagonal())
    spread = np.sqrt(reach / reach.max())
    means = belief.means[:, 0].numpy()
    wanted = [plain_excess(m, s, acquisition.bound) for m, s in zip(means, spread, strict=True)]
    assert found.numpy() == pytest.approx(wanted, rel=1e-6)
    # All deviations are alike; what stands alone would teach nothing of the others.
    assert int(found.argmin()) == 4


def test_above_the_bound_as_many_are_expected_as_are_looked_for() -> None:
    random = np.random.default_rng(0)
    means, deviations = random.normal(size=400), random.uniform(0.01, 2, 400)
    belief = FiniteModel(
        torch.from_numpy(means[:, None]), torch.diag(torch.from_numpy(deviations**2))[None], torch.zeros(1).double()
    )
    listed = torch.arange(400, dtype=torch.float64)[:, None]
    bound = Excess(goal(HIGH), belief, listed, None).bound
    draws = means + deviations * random.normal(size=(20_000, 400))
    assert (draws > bound).sum(axis=1).mean() == pytest.approx(20, rel=0.02)


def test_a_point_that_is_known_raises_the_bound_and_is_not_wanted_again(belief: FiniteModel) -> None:
    means, covariances = belief.means.clone(), belief.covariances.clone()
    means[4], covariances[0, 4, 4] = 5.0, 1e-12
    known = FiniteModel(means, covariances, belief.jitter)
    assert Excess(goal(HIGH), known, EVERYTHING, None).bound > Excess(goal(HIGH), belief, EVERYTHING[:4], None).bound


def test_a_list_of_one_and_one_of_equals_have_a_bound() -> None:
    for n in (1, 7):
        flat = FiniteModel(torch.zeros(n, 1).double(), torch.ones(1, n, n).double(), torch.zeros(1).double())
        listed = torch.arange(n, dtype=torch.float64)[:, None]
        acquisition = Excess(goal(HIGH), flat, listed, None)
        assert np.isfinite(acquisition.bound)
        assert torch.isfinite(acquisition(listed[:, None])).all()


def test_minimising_is_maximising_the_opposite(belief: FiniteModel) -> None:
    opposite = FiniteModel(-belief.means, belief.covariances, belief.jitter)
    one, other = Excess(goal(HIGH), belief, EVERYTHING, None), Excess(goal(LOW), opposite, EVERYTHING, None)
    assert one.bound == pytest.approx(-other.bound)
    assert one(EVERYTHING[:, None]).numpy() == pytest.approx(other(EVERYTHING[:, None]).numpy())
    assert f"above {one.bound:.4g} 1" in one.name
    assert f"below {other.bound:.4g} 1" in other.name


def test_a_pending_point_takes_the_excess_off_its_like_and_moves_no_mean(belief: FiniteModel) -> None:
    acquisition = Excess(goal(HIGH), belief, EVERYTHING, None)
    before, bound = acquisition(EVERYTHING[:, None]).exp(), acquisition.bound
    acquisition.set_X_pending(places(1))
    after = acquisition(EVERYTHING[:, None]).exp()
    assert acquisition.bound == bound
    assert after[1].item() < 1e-9
    assert (after <= before + 1e-9).all()
    assert (after[:4] < before[:4]).all()
    assert after[4].item() == pytest.approx(before[4].item(), rel=1e-6)
    acquisition.set_X_pending(None)
    assert (acquisition(EVERYTHING[:, None]).exp() == before).all()


def test_parts_of_a_list_have_the_values_they_have_together() -> None:
    rows = np.random.default_rng(0).random((30, 2))
    process, fault = learnt_from(
        merge(Results(rows[:8], np.sin(5 * rows[:8, 0]), np.full(8, np.nan))),
        Columns(2),
        point_prior(2, NARROW_NOISE),
        (0.0, 1.0),
        100,
    )
    assert fault is None
    listed = torch.from_numpy(rows[8:])
    acquisition = Excess(goal(HIGH), Processes([process]), listed, listed[:2])
    together = acquisition(listed[:, None])
    apart = torch.cat([acquisition(part[:, None]) for part in listed.split(5)])
    # The pending rows themselves have no spread left, only rounding.
    assert together[2:].numpy() == pytest.approx(apart[2:].numpy(), abs=1e-6)


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
