"""What is inferred from noisy data: values within their deviations, deviations that are right, doubts that are told."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import cumulative_trapezoid

from athanor.models.pinn.ladder import profiles
from athanor.models.pinn.ladder import solve as climb
from athanor.models.pinn.posed import Law, Observations, Posed, UnknownScalar, Value
from athanor.tools.solving.answer import Inferred, InferredFunction
from athanor.tools.solving.closed_forms import angstrom, laser_flash
from athanor.tools.solving.problem import Condition, FieldOf, Interval, Known, Points, Problem, UnknownFunction
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


def misfit(curve: InferredFunction, truth: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
    """Root mean square of the relative error, and of the error in deviations."""
    exact = truth(np.array(curve.arguments))
    off = np.array(curve.values) - exact
    return math.sqrt(np.mean((off / exact) ** 2)), math.sqrt(np.mean((off / np.array(curve.deviations)) ** 2))


@pytest.mark.parametrize("seed", range(3))
def test_a_conductivity_that_varies_is_found_within_five_per_cent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = np.linspace(0, 0.01, 4001)

    def k(x: np.ndarray) -> np.ndarray:
        return 1.0 + 0.5 * x / 0.01

    # −k u' = q (x − c): the constant makes both ends cold.
    one, first = (cumulative_trapezoid(part / k(grid), grid, initial=0) for part in (np.ones_like(grid), grid))
    exact = -2e6 * (first - first[-1] / one[-1] * one)
    x, noise = rng.uniform(0, 0.01, 100), 0.01 * exact.max()
    values = np.interp(x, grid, exact) + noise * rng.standard_normal(100)
    data = Points(columns={"x": tuple(1e3 * x)}, values=tuple(values), deviation=noise)
    answer = solve(problem_named("graded_conductivity").model_copy(update={"data": data}), check=False).answer
    relative, scores = misfit(answer.functions[0], lambda mm: k(1e-3 * mm))
    assert relative < 0.05
    assert scores < 2.5


def test_a_conductivity_that_depends_on_the_temperature_is_found() -> None:
    """By Kirchhoff's transform k₀ (T + β T²/2) = q x (L − x)/2 where k = k₀ (1 + β T)."""
    rng = np.random.default_rng(0)
    k0, beta, source, length = 2.0, 0.02, 4e6, 0.01
    x = rng.uniform(0, length, 100)

    def temperature(x: np.ndarray) -> np.ndarray:
        return (np.sqrt(1 + beta * source * x * (length - x) / k0) - 1) / beta

    hottest = float(temperature(np.array(length / 2)))
    values = temperature(x) + 0.01 * hottest * rng.standard_normal(100)
    problem = Problem(
        name="k(T)",
        equation="conduction",
        field=FieldOf(name="temperature", unit="K", scale=hottest),
        domain={"x": Interval(low=0, high=10, unit="mm")},
        parameters={
            "conductivity": UnknownFunction(
                argument="u", unit="W/(m K)", start=1.0, spread=0.7, terms=5, low=-2, high=1.1 * hottest
            ),
            "source": Known(value=source, unit="W/m3"),
        },
        conditions=(Condition(face="x=low", value=0.0), Condition(face="x=high", value=0.0)),
        tolerance=1e-2,
        data=Points(columns={"x": tuple(1e3 * x)}, values=tuple(values), deviation=0.01 * hottest),
    )
    answer = solve(problem, check=False).answer
    relative, scores = misfit(answer.functions[0], lambda t: k0 * (1 + beta * t))
    assert relative < 0.05
    assert scores < 2.5


def test_a_diffusivity_that_depends_on_the_concentration_is_found() -> None:
    """Barenblatt's solution for D = c: c = t^(−1/3) (1 − x²/(6 t^(2/3)))."""
    rng = np.random.default_rng(0)
    exact = "t**(-1/3)*(1 - x**2/(6*t**(2/3)))"
    x, t = rng.uniform(0, 2, 100), rng.uniform(1, 2, 100)
    values = t ** (-1 / 3) * (1 - x**2 / (6 * t ** (2 / 3))) + 0.001 * rng.standard_normal(100)
    problem = Problem(
        name="D(c)",
        equation="diffusion",
        field=FieldOf(name="concentration", scale=1.0),
        domain={"x": Interval(low=0, high=2), "t": Interval(low=1, high=2)},
        parameters={"diffusivity": UnknownFunction(argument="u", start=0.5, spread=1.0, terms=4, low=0.3, high=1.0)},
        conditions=(
            Condition(face="x=low", law="u_x"),
            Condition(face="x=high", value=exact),
            Condition(face="t=low", value=exact),
        ),
        tolerance=1e-2,
        data=Points(columns={"x": tuple(x), "t": tuple(t)}, values=tuple(values), deviation=0.001),
    )
    answer = solve(problem, check=False).answer
    relative, scores = misfit(answer.functions[0], lambda c: c)
    assert relative < 0.1
    assert scores < 2.5


def swing(noise: float, other: float = 0.0) -> Posed:
    """A frequency that is eight times its start: between them lie minima of the misfit that hold a search fast."""
    rng = np.random.default_rng(0)
    t = np.sort(rng.uniform(0, 3, 40))
    values = np.cos(8 * t) + other * np.sin(23 * t) + noise * rng.standard_normal(40)
    observations = Observations(t[:, None], values, np.full(40, noise))
    conditions = (
        Value("t", "low", lambda at, p: 1 + 0 * at["t"]),
        Law("t", "low", lambda u, du, at, p: du["t"], ("t",)),
    )
    return Posed(
        ("t",), np.zeros(1), np.array([3.0]), lambda u, du, at, p: du["tt"] + p["w"] ** 2 * u, ("tt",), conditions,
        unknown=(UnknownScalar("w", 1.0, 0.5, 20.0),), observations=observations,
    )  # fmt: skip


def test_other_starts_find_what_the_first_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    posed = swing(0.02)
    found = climb(posed, 1e-3)
    assert abs(found.scalars[0].value - 8) < 4 * found.scalars[0].deviation < 0.05
    assert not found.warnings
    monkeypatch.setattr(Posed, "other_starts", lambda _self: [])
    alone = climb(posed, 1e-3)
    assert abs(alone.scalars[0].value - 8) > 1
    assert any("deviations (root mean square) off" in warning for warning in alone.warnings)


def test_exact_data_tell_an_unknown_exactly_or_are_doubted() -> None:
    found = climb(swing(0.0), 1e-3)
    assert found.scalars[0].value == pytest.approx(8, rel=1e-6)
    assert found.scalars[0].deviation < 1e-6
    assert not found.warnings
    doubted = climb(swing(0.0, other=0.3), 1e-3)
    assert any("said to be exact" in warning for warning in doubted.warnings)


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
