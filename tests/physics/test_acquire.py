"""Acquisition on synthetic problems whose answers are known, and the fit behind it against GPyTorch's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gpytorch.kernels import MaternKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.models import ExactGP
from gpytorch.priors import LogNormalPrior

from athanor.memory.errors import TerminalError
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
from athanor.tools.acquisition import hyperparameters, merit, process
from athanor.tools.acquisition.acquire import Acquired, acquire, informative

TWO = Goal(
    statement="stiff and light, and not unstable",
    objectives=(
        Objective(property="stiffness", direction="maximise", unit="GPa"),
        Objective(property="density", direction="minimise", unit="g/cm3"),
    ),
    constraints=(Constraint(property="energy", comparison="<=", value=0.1, unit="eV/atom"),),
    budget=Budget(evaluations=25),
)
ONE = Goal(statement="stiff", objectives=TWO.objectives[:1], budget=Budget(evaluations=25))


def candidate(row: np.ndarray) -> Candidate:
    values = {f"x{k}": float(v) for k, v in enumerate(row)}
    return Candidate(content=Point(values=values), provenance=Provenance(tool="test"))


def truth(point: Candidate) -> dict[str, float]:
    assert isinstance(point.content, Point)
    x = np.array([float(v) for v in point.content.values.values()])
    return {
        "stiffness": 400 * math.exp(-4 * float(((x - 0.65) ** 2).sum())),
        "density": 2 + 6 * float(x[0]) + 2 * float(x[1]) ** 2,
        "energy": 0.3 * math.sin(4 * float(x[2])) * float(x[0]) + 0.1 * float(x[3]) - 0.02,
    }


def trial(number: int, point: Candidate, status: str = "completed", without: str = "") -> Trial:
    outcome = None
    if status == "completed":
        outcome = Outcome(
            measurements=tuple(
                Measurement(property=name, value=value, unit="1", method="simulated", source="test")
                for name, value in truth(point).items()
                if name != without
            )
        )
    elif status == "failed":
        outcome = Outcome(failure=Failure(kind="crash", message="test"))
    return Trial(number, 1, "test", point, None, "", {}, status, outcome)  # type: ignore[arg-type]


def points(n: int, seed: int) -> list[Candidate]:
    return [candidate(row) for row in np.random.default_rng(seed).random((n, 4))]


def picked(answer: Acquired) -> list[str]:
    return [choice.candidate.id for choice in answer.picks]


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    return [trial(k, point) for k, point in enumerate(points(14, 1), start=1)]


def search(pool: list[Candidate], seed: int, n: int, batch: int) -> list[Trial]:
    done: list[Trial] = []
    while len(done) < n:
        for choice in acquire(TWO, done, pool, min(batch, n - len(done)), seed).picks:
            done.append(trial(len(done) + 1, choice.candidate))
    return done


def test_hypervolume_beats_random_at_equal_evaluations() -> None:
    pool = points(300, 7)
    everything = [trial(k, point) for k, point in enumerate(pool, start=1)]
    reference = [0.0, 10.0]
    ceiling = merit.hypervolume(TWO, everything, reference)
    found, random = [], []
    for seed in range(6):
        found.append(merit.hypervolume(TWO, search(pool, seed, 25, 5), reference) / ceiling)
        drawn = [np.random.default_rng([seed, k]).choice(300, 25, replace=False) for k in range(20)]
        random += [merit.hypervolume(TWO, [everything[i] for i in rows], reference) / ceiling for rows in drawn]
    assert min(found) > np.quantile(random, 0.95)
    assert np.mean(found) > np.mean(random) + 0.15


def test_single_objective_finds_the_best_of_the_pool() -> None:
    pool = points(200, 5)
    best = max(pool, key=lambda c: truth(c)["stiffness"])
    done = [trial(k, point) for k, point in enumerate(pool[:5], start=1)]
    while len(done) < 25 and best.id not in {t.candidate.id for t in done}:
        for choice in acquire(ONE, done, pool, 4, 0).picks:
            done.append(trial(len(done) + 1, choice.candidate))
    assert best.id in {t.candidate.id for t in done}


def test_a_target_within_the_range_is_hit(trials: list[Trial]) -> None:
    values = [t.values["stiffness"] for t in trials]
    target = float(np.median(values))
    near = Objective(property="stiffness", direction="target", target=target, tolerance=0.1, unit="GPa")
    goal = Goal(statement="", objectives=(near,), budget=Budget(evaluations=99))
    pool = points(200, 5)
    picks = acquire(goal, trials, pool, 4, 0).picks
    drawn = np.abs(np.array([truth(one)["stiffness"] for one in pool]) - target)
    chosen = np.abs(np.array([truth(pick.candidate)["stiffness"] for pick in picks]) - target)
    assert chosen.mean() < np.quantile(drawn, 0.25)


def test_minimising_prefers_the_low(trials: list[Trial]) -> None:
    low = ONE.model_copy(update={"objectives": (TWO.objectives[1],)})
    high = ONE.model_copy(update={"objectives": (TWO.objectives[1].model_copy(update={"direction": "maximise"}),)})
    pool = points(60, 2)
    density = {c.id: truth(c)["density"] for c in pool}
    middle = np.median(list(density.values()))
    assert all(density[name] < middle for name in picked(acquire(low, trials, pool, 3, 0)))
    assert all(density[name] > middle for name in picked(acquire(high, trials, pool, 3, 0)))


def test_constraint_is_kept(trials: list[Trial]) -> None:
    more = [*trials, *(trial(k, point) for k, point in enumerate(points(26, 3), start=15))]
    answer = acquire(TWO, more, points(150, 4), 6, 0)
    energies = [truth(choice.candidate)["energy"] for choice in answer.picks]
    assert sum(energy <= 0.1 for energy in energies) >= 5
    assert all(choice.keeps is not None and choice.keeps > 0.3 for choice in answer.picks)


def test_pending_point_keeps_its_twin_away(trials: list[Trial]) -> None:
    pool = points(40, 6)
    first = acquire(TWO, trials, pool, 1, 0).picks[0]
    assert isinstance(first.candidate.content, Point)
    nudged = {name: float(v) + 2e-6 for name, v in first.candidate.content.values.items()}
    twin = first.candidate.model_copy(update={"content": Point(values=nudged)})
    waiting = trial(len(trials) + 1, twin, status="staged")
    after = acquire(TWO, [*trials, waiting], pool, 3, 0)
    assert first.candidate.id not in picked(after)
    assert any("1 pending" in note for note in after.notes)


def test_tried_failed_and_pending_are_never_chosen_again(trials: list[Trial]) -> None:
    pool = points(12, 8)
    held = [
        trial(20, pool[0]),
        trial(21, pool[1], status="failed"),
        trial(22, pool[2], status="staged"),
        trial(23, pool[3], status="proposed"),
    ]
    for known in ([], trials):
        answer = acquire(TWO, [*known, *held], pool, 12, 0)
        assert sorted(picked(answer)) == sorted(c.id for c in pool[4:])
        assert all(pool[choice.index].id == choice.candidate.id for choice in answer.picks)
    assert acquire(TWO, held, pool[:4], 2, 0).picks == ()


def test_a_missing_property_still_informs_the_others(trials: list[Trial]) -> None:
    partial = [
        *trials[:8],
        *(trial(t.number, t.candidate, without="stiffness") for t in trials[8:]),
    ]
    answer = acquire(TWO, partial, points(30, 9), 2, 0)
    assert "learnt from 8 of stiffness, 14 of density, 14 of energy" in answer.notes[1]
    reference = merit.reference_point(TWO, partial)
    assert reference is not None
    stiffness, density = reference
    wanted = f"beyond stiffness {stiffness:.4g} GPa, density {density:.4g} g/cm3 (the reference point)"
    assert answer.notes[0] == f"expected hypervolume {wanted}"
    assert set(answer.picks[0].predicted) == {"stiffness", "density", "energy"}


def test_before_the_second_result_there_is_no_surrogate_and_it_says_so(trials: list[Trial]) -> None:
    pool = points(30, 10)
    answer = acquire(TWO, trials[:1], pool, 4, 0)
    assert len(set(picked(answer))) == 4
    assert "no surrogate yet" in answer.notes[0]
    assert "1 of stiffness" in answer.notes[0]
    assert answer.picks[0].predicted == {}


def test_prediction_is_calibrated() -> None:
    known = [trial(k, point) for k, point in enumerate(points(40, 11), start=1)]
    answer = acquire(TWO, known, points(25, 12), 25, 0)
    z = [
        (choice.predicted[name][0] - truth(choice.candidate)[name]) / choice.predicted[name][1]
        for choice in answer.picks
        for name in ("stiffness", "density", "energy")
    ]
    assert np.mean(np.abs(z) < 2) > 0.8
    errors = [choice.predicted["density"][0] - truth(choice.candidate)["density"] for choice in answer.picks]
    assert np.std(errors) < 0.5


def test_informative_trials_hold_the_front_and_the_newest() -> None:
    known = [trial(k, point) for k, point in enumerate(points(400, 13), start=1)]
    kept = {t.number for t in informative(TWO, known, 100)}
    assert len(kept) == 100
    assert {t.number for t in merit.pareto(TWO, known)} <= kept
    assert set(range(376, 401)) <= kept


def test_a_failed_fit_is_told(trials: list[Trial], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise TerminalError("not positive definite")

    monkeypatch.setattr(process, "most_probable", fails)
    answer = acquire(TWO, trials, points(20, 14), 2, 0)
    assert len(answer.picks) == 2
    assert "; density: the fit failed (not positive definite)" in answer.notes[0]


@pytest.mark.parametrize("isotropic", [True, False])
def test_log_posterior_and_gradient_agree_with_gpytorch(isotropic: bool) -> None:
    rng = np.random.default_rng(0)
    rows = torch.from_numpy(rng.random((15, 3)))
    targets = torch.from_numpy(rng.normal(size=15))
    n_lengths = 1 if isotropic else 3
    prior = hyperparameters.Prior((1.9, 1.7), (-4.0, 1.0))
    lengths, noise = torch.tensor([0.4, 0.9, 1.7], dtype=torch.float64)[:n_lengths], 0.07

    class Reference(ExactGP):
        def __init__(self) -> None:
            likelihood = GaussianLikelihood(noise_prior=LogNormalPrior(-4.0, 1.0))
            super().__init__(rows, targets - 0.2, likelihood)
            ard = None if isotropic else 3
            self.kernel = MaternKernel(2.5, ard_num_dims=ard, lengthscale_prior=LogNormalPrior(1.9, 1.7))

        def forward(self, x: torch.Tensor) -> object:
            from gpytorch.distributions import MultivariateNormal

            return MultivariateNormal(torch.zeros(len(x), dtype=x.dtype), self.kernel(x))

    model = Reference().double()
    model.kernel.lengthscale, model.likelihood.noise = lengths, noise
    wanted = ExactMarginalLogLikelihood(model.likelihood, model)(model(rows), targets - 0.2).item()
    squares = (rows[:, None] - rows[None]) ** 2
    squares = squares.sum(-1, keepdim=True) if isotropic else squares
    scatter = hyperparameters.Scatter(torch.ones(15, dtype=torch.float64))
    parameters = np.concatenate([np.log(lengths.numpy()), [math.log(noise), 0.2]])
    loss, slopes = hyperparameters._loss(parameters, squares, targets, prior, scatter)
    assert -loss == pytest.approx(wanted, abs=1e-6)
    for k in range(len(parameters)):
        step = np.eye(len(parameters))[k] * 1e-5
        up, down = (hyperparameters._loss(parameters + s, squares, targets, prior, scatter)[0] for s in (step, -step))
        assert slopes[k] == pytest.approx((up - down) / 2e-5, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_where_no_trial_keeps_the_constraints_one_objective_still_gets_picks(trials: list[Trial], seed: int) -> None:
    bound = Constraint(property="energy", comparison="<=", value=-5.0, unit="eV/atom")
    goal = ONE.model_copy(update={"constraints": (bound,)})
    pool = points(30, seed + 50)
    answer = acquire(goal, trials, pool, 4, seed)
    assert len(set(picked(answer))) == 4
    assert all(choice.keeps is not None and choice.keeps < 0.5 for choice in answer.picks)
