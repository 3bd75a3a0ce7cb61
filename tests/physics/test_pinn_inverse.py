"""What is inferred from noisy data: values within their deviations, deviations that are right, doubts that are told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from athanor.models.pinn.ladder import profiles
from athanor.tools.solving.answer import Inferred
from athanor.tools.solving.closed_forms import angstrom, laser_flash
from athanor.tools.solving.problem import Points, Problem
from athanor.tools.solving.read_problem import parse_problem
from athanor.tools.solving.registry import problem_named
from athanor.tools.solving.solve import solve

PI = math.pi


def noisy_heat(seed: int, deviation: float | None = 0.01) -> Problem:
    rng = np.random.default_rng(seed)
    x, t = rng.uniform(0, 1, (2, 50))
    values = np.exp(-(PI**2) * 0.4 * t) * np.sin(PI * x) + 0.01 * rng.standard_normal(50)
    points = Points(columns={"x": tuple(x), "t": tuple(t)}, values=tuple(values), deviation=deviation)
    return problem_named("diffusivity").model_copy(update={"data": points, "tolerance": 1e-4})


def test_deviations_of_a_diffusivity_are_calibrated_and_at_the_floor() -> None:
    scores = []
    for seed in range(40):
        (found,) = solve(noisy_heat(seed), check=False).answer.inferred
        assert found.deviation is not None
        scores.append((found.value - 0.4) / found.deviation)
        assert 0.5 * 0.0033 < found.deviation < 2 * 0.0033
    # 40 draws: 27 expected within one deviation, give or take 3.
    assert 20 <= sum(abs(score) < 1 for score in scores) <= 34
    assert max(map(abs, scores)) < 4


def flash(seed: int, a: float, biot: float, n: int = 200) -> Problem:
    rng = np.random.default_rng(seed)
    t = np.linspace(0.0005, 0.2, n)
    values = laser_flash(t, a * 1e-6, 1e-3, biot, 1e-3, 1.5) + 0.1 + 0.015 * rng.standard_normal(n)
    data = Points(columns={"t": tuple(t)}, values=tuple(values), deviation=0.015)
    return problem_named("laser_flash").model_copy(update={"data": data})


@pytest.mark.parametrize(("a", "biot"), [(15.0, 0.03), (6.0, 0.3)])
def test_a_laser_flash_trace_tells_the_diffusivity_within_two_per_cent(a: float, biot: float) -> None:
    solved = solve(flash(5, a, biot), check=False)
    found = {one.name: one for one in solved.answer.inferred}
    assert found["diffusivity"].value == pytest.approx(a, rel=0.02)
    for name, truth in (("diffusivity", a), ("loss", biot), ("rise", 1.5), ("ambient", 0.1)):
        assert within(found[name], truth, 4)
    assert solved.answer.loss.data[-1] == pytest.approx(1.0, abs=0.4)


def within(one: Inferred, truth: float, times: float) -> bool:
    return one.deviation is not None and abs(one.value - truth) < times * one.deviation


def test_a_rod_that_is_heated_periodically_tells_diffusivity_and_loss() -> None:
    rng = np.random.default_rng(0)
    t = np.tile(np.linspace(0, 59, 40), 3)
    x = np.repeat([5.0, 10.0, 20.0], 40)
    values = angstrom(x * 1e-3, t, 2e-5, 4e-3, 0.03, 1 / 60) + 0.01 * rng.standard_normal(120)
    data = Points(columns={"x": tuple(x), "t": tuple(t)}, values=tuple(values), deviation=0.01)
    answer = solve(problem_named("angstrom").model_copy(update={"data": data}), check=False).answer
    assert within(answer.inferred[0], 20.0, 4)
    assert answer.inferred[0].value == pytest.approx(20.0, rel=0.03)
    assert within(answer.inferred[1], 4e-3, 4)


def test_a_conductivity_that_varies_is_found_within_five_per_cent() -> None:
    from scipy.integrate import quad

    rng = np.random.default_rng(1)
    x = np.sort(rng.uniform(0, 0.01, 100))

    def k(s: float) -> float:
        return 1.0 + 0.5 * s / 0.01

    # −k u' = q (x − c): the constant makes both ends cold.
    c = quad(lambda s: s / k(s), 0, 0.01)[0] / quad(lambda s: 1 / k(s), 0, 0.01)[0]
    exact = np.array([quad(lambda s: -2e6 * (s - c) / k(s), 0, one)[0] for one in x])
    noise = 0.002 * exact.max()
    data = Points(
        columns={"x": tuple(1e3 * x)}, values=tuple(exact + noise * rng.standard_normal(100)), deviation=noise
    )
    answer = solve(problem_named("graded_conductivity").model_copy(update={"data": data}), check=False).answer
    (curve,) = answer.functions
    truth = np.array([k(s * 1e-3) for s in curve.arguments])
    error = np.abs(np.array(curve.values) / truth - 1)
    assert np.sqrt(np.mean(error**2)) < 0.05


def test_a_profile_is_the_parabola_of_the_deviation() -> None:
    solved = solve(noisy_heat(0), check=False)
    (one,) = profiles(solved.posed, solved.solution)
    parabola = np.linspace(-3, 3, 9) ** 2
    assert one.excess == pytest.approx(parabola, abs=0.6)


def test_noise_that_is_not_told_is_estimated() -> None:
    quiet = noisy_heat(2, None)
    assert quiet.data is not None
    # Five times the noise about the same field, which no default can have foreseen.
    x, t = (np.array(quiet.data.columns[name]) for name in "xt")
    exact = np.exp(-(PI**2) * 0.4 * t) * np.sin(PI * x)
    loud = quiet.data.model_copy(update={"values": tuple(exact + 5 * (np.array(quiet.data.values) - exact))})
    one, other = (
        solve(quiet.model_copy(update={"data": data}), check=False).answer.inferred[0] for data in (quiet.data, loud)
    )
    assert one.deviation == pytest.approx(0.0033, rel=0.4)
    assert other.deviation == pytest.approx(5 * one.deviation, rel=0.2)


def test_what_the_data_cannot_tell_is_said() -> None:
    content = {
        "problem": "heat",
        "parameters": {"diffusivity": {"unknown": "number", "low": 1e-3, "high": 1e3}},
        # At the walls the temperature is known whatever the diffusivity.
        "data": {
            "columns": {"x": [0.0, 1.0, 0.0], "t": [0.2, 0.5, 0.8]},
            "values": [0.001, -0.001, 0.0],
            "deviation": 0.01,
        },
    }
    answer = solve(parse_problem(content, "test"), check=False).answer
    assert any("diffusivity cannot be identified" in warning for warning in answer.warnings)
    assert answer.inferred[0].deviation is None or answer.inferred[0].deviation > answer.inferred[0].value
