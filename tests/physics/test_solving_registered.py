"""Registered problems of solid-state physics and diffusion against closed forms and independent schemes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ai_zeros

from athanor.memory.errors import TerminalError, UserError
from athanor.tools.solving.closed_forms import allen_cahn
from athanor.tools.solving.levels import solve_levels
from athanor.tools.solving.problem import Condition, Known, Points
from athanor.tools.solving.read_problem import parse_problem
from athanor.tools.solving.registry import problem_named
from athanor.tools.solving.solve import solve

HBAR, M_E, E = 1.054571817e-34, 9.1093837139e-31, 1.602176634e-19
MASS = 0.067 * M_E


def energies(content: dict[str, object]) -> list[float]:
    """Levels in J."""
    return [level.energy * E for level in solve_levels(parse_problem(content, "test")).answer.levels]


def test_levels_between_hard_walls() -> None:
    n = np.arange(1, 5)
    exact = (n * math.pi * HBAR / 10e-9) ** 2 / (2 * MASS)
    assert energies({"problem": "infinite_well", "states": 4}) == pytest.approx(exact, rel=1e-9)


def test_levels_between_barriers_are_roots_of_the_transcendental_equations() -> None:
    depth, width = 0.3 * E, 10e-9

    def even(energy: float) -> float:
        k, kappa = math.sqrt(2 * MASS * energy) / HBAR, math.sqrt(2 * MASS * (depth - energy)) / HBAR
        return k * math.sin(k * width / 2) - kappa * math.cos(k * width / 2)

    def odd(energy: float) -> float:
        k, kappa = math.sqrt(2 * MASS * energy) / HBAR, math.sqrt(2 * MASS * (depth - energy)) / HBAR
        return k * math.cos(k * width / 2) + kappa * math.sin(k * width / 2)

    def well(n: int) -> float:
        # The n-th level of the box that is as wide, and the one below it, enclose that of the open well.
        box = [(m * math.pi * HBAR / width) ** 2 / (2 * MASS) for m in (n - 1, n)]
        return float(brentq(even if n % 2 else odd, box[0] + 1e-6 * E, min(box[1], depth) - 1e-6 * E))

    found = solve_levels(problem_named("finite_well")).answer
    assert [one.energy * E for one in found.levels] == pytest.approx([well(n) for n in (1, 2, 3)], rel=1e-7)
    assert not found.warnings


def test_levels_in_a_field_are_at_the_zeros_of_the_airy_function() -> None:
    exact = -ai_zeros(3)[0] * (HBAR**2 / (2 * MASS)) ** (1 / 3) * (E * 1e7) ** (2 / 3)
    found = solve_levels(problem_named("triangular_well")).answer
    assert [one.energy * E for one in found.levels] == pytest.approx(exact, rel=1e-7)
    assert found.check is not None
    assert found.check.difference < 1e-4


def test_measured_levels_tell_the_width_of_a_well_with_its_deviation() -> None:
    truth = solve_levels(problem_named("finite_well")).answer.levels
    content = {
        "problem": "finite_well",
        "parameters": {"width": {"unknown": "number", "low": 3, "high": 20, "unit": "nm"}},
        "data": {"columns": {"n": [1, 2]}, "deviation": 0.0005},
    }
    rng = np.random.default_rng(0)
    z = []
    for _ in range(6):
        values = [one.energy + 0.0005 * float(rng.standard_normal()) for one in truth[:2]]
        content["data"] = {"columns": {"n": [1, 2]}, "values": values, "deviation": 0.0005}
        (width,) = solve_levels(parse_problem(content, "test"), check=False).answer.inferred
        assert width.deviation is not None
        z.append((width.value - 10.0) / width.deviation)
    assert 0.3 < np.sqrt(np.mean(np.square(z))) < 1.8


def test_levels_that_only_the_domain_holds_are_told() -> None:
    found = solve_levels(parse_problem({"problem": "finite_well", "states": 6}, "test"), check=False).answer
    assert any("level 4, 5, 6 is not bound" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parameters": {"mass": {"value": 1, "unit": "nm"}}}, "parameters.mass is in nm"),
        ({"field": {"name": "energy", "unit": "K"}}, "field is in K; an energy is needed"),
        ({"parameters": {"width": {"unknown": "number", "low": 1, "high": 9, "unit": "nm"}}}, "width is unknown"),
        ({"data": {"columns": {"x": [1]}, "values": [0.1]}}, "a column n"),
        ({"data": {"columns": {"n": [0.5]}, "values": [0.1]}}, "whole numbers"),
    ],
)
def test_a_wrong_well_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(UserError) as error:
        solve_levels(parse_problem({"problem": "finite_well", **change}, "test"))
    assert words in str(error.value)


def scharfetter_gummel(voltage: float, length: float, contact: float, mobility: float, n: int = 800) -> float:
    """Current density of a film with electrons only, by Gummel's iteration; A/m2, against x.

    Source: D. L. Scharfetter, H. K. Gummel, IEEE Trans. Electron Devices 16, 64 (1969), doi:10.1109/T-ED.1969.16566.
    """
    permittivity, thermal = 2.65626e-11, 0.025852
    h = length / n
    potential, density = np.linspace(0, voltage, n + 1), np.full(n + 1, contact)

    def bernoulli(x: np.ndarray) -> np.ndarray:
        small = np.abs(x) < 1e-8
        return np.where(small, 1 - x / 2, x / np.expm1(np.where(small, 1.0, x)))

    for _ in range(400):
        step = np.diff(potential) / thermal
        forth, back = bernoulli(step), bernoulli(-step)
        # The flux through an interval is proportional to B(Δ) n_right − B(−Δ) n_left.
        matrix = np.zeros((n - 1, n - 1))
        index = np.arange(n - 1)
        matrix[index, index] = -(forth[:-1] + back[1:])
        matrix[index[:-1], index[:-1] + 1] = forth[1:-1]
        matrix[index[1:], index[1:] - 1] = back[1:-1]
        right = np.zeros(n - 1)
        right[0], right[-1] = -back[0] * contact, -forth[-1] * contact
        density[1:-1] = np.linalg.solve(matrix, right)
        # Poisson's equation for the change of the potential, with n ∝ exp(φ/V_T).
        laplacian = (potential[2:] - 2 * potential[1:-1] + potential[:-2]) / h**2
        residual = laplacian - E / permittivity * density[1:-1]
        jacobian = np.zeros((n - 1, n - 1))
        jacobian[index, index] = -2 / h**2 - E / permittivity * density[1:-1] / thermal
        jacobian[index[:-1], index[:-1] + 1] = jacobian[index[1:], index[1:] - 1] = 1 / h**2
        change = np.linalg.solve(jacobian, -residual)
        potential[1:-1] += change
        if np.abs(change).max() < 1e-12:
            break
    step = np.diff(potential) / thermal
    flux = bernoulli(-step) * density[:-1] - bernoulli(step) * density[1:]
    return float(E * mobility * thermal / h * np.median(flux))


def test_the_current_of_a_unipolar_film_is_that_of_scharfetter_and_gummel() -> None:
    solved = solve(problem_named("unipolar"), check=False)
    voltage = float(solved.solution.field(np.array([[100e-9]]))[0])
    assert abs(scharfetter_gummel(voltage, 100e-9, 1e22, 1e-8, 400)) == pytest.approx(10.0, rel=1e-3)


def test_a_voltage_tells_the_mobility() -> None:
    voltage = float(solve(problem_named("unipolar"), check=False).solution.field(np.array([[100e-9]]))[0])
    content = {
        "problem": "unipolar",
        "parameters": {
            "mobility": {"unknown": "number", "low": 1e-5, "high": 1e-3, "start": 2e-4, "unit": "cm2/(V s)"}
        },
        "data": {"columns": {"x": "high"}, "values": [voltage], "deviation": 0.001},
    }
    (mobility,) = solve(parse_problem(content, "test"), check=False).answer.inferred
    assert mobility.value == pytest.approx(1e-4, rel=1e-4)
    assert mobility.deviation is not None
    assert 0 < mobility.deviation < 0.05e-4


def test_a_nonlinear_equation_that_no_solver_meets_is_no_answer() -> None:
    whole = problem_named("unipolar")
    parameters = {name: one for name, one in whole.parameters.items() if name != "thickness"}
    parameters["current"] = Known(value=1000.0, unit="A/m2")
    without = whole.model_copy(update={"lift": None, "ends": {}, "parameters": parameters})
    with pytest.raises(TerminalError, match="no solver meets the equation"):
        solve(without, check=False)


def test_a_junction_in_equilibrium_is_as_wide_as_the_depletion_approximation_says() -> None:
    solved = solve(problem_named("junction"), check=True)
    assert solved.answer.check is not None
    assert solved.answer.check.difference < 2e-3
    # Field at the middle: e N w/ε with w from the built-in voltage less 2 V_T for the tails of the carriers.
    # Source: S. M. Sze, K. K. Ng, Physics of Semiconductor Devices, Wiley (2007), section 2.2.
    h = 1e-9
    ends = solved.solution.field(np.array([[-h], [h]]))
    width = math.sqrt(1.0359e-10 / (E * 1e22) * (2 * 0.35716 - 2 * 0.025852))
    # The doping changes over 20 nm, a tenth of that width, which the approximation leaves out.
    assert (ends[1] - ends[0]) / (2 * h) == pytest.approx(E * 1e22 * width / 1.0359e-10, rel=0.1)


def test_phases_separate_as_the_spectral_series_says() -> None:
    # With wider walls between the phases than the registered ones, which take a minute.
    content = {"problem": "allen_cahn", "parameters": {"diffusivity": {"value": 1e-2}}, "tolerance": 1e-2}
    solved = solve(parse_problem(content, "test"), check=False)
    places, (half,) = allen_cahn(np.array([0.5]), 1e-2)
    found = solved.solution.field(np.column_stack([places, np.full_like(places, 0.5)]))
    assert np.linalg.norm(found - half) / np.linalg.norm(half) < 1e-2


def test_a_profile_of_concentration_tells_the_diffusion_coefficient() -> None:
    x = np.linspace(2, 98, 40)
    spread = np.exp(-0.2e-12 * (math.pi / 1e-4) ** 2 * 3 * 3600)
    values = 1 + spread * np.cos(math.pi * x * 1e-6 / 1e-4) + 0.01 * np.random.default_rng(4).standard_normal(40)
    data = Points(columns={"x": tuple(x), "t": 3.0}, values=tuple(values), deviation=0.01)
    answer = solve(problem_named("diffusion").model_copy(update={"data": data}), check=False).answer
    (found,) = answer.inferred
    assert found.deviation is not None
    assert abs(found.value - 0.2) < 3 * found.deviation < 0.05


def test_a_length_stands_in_one_place() -> None:
    thick = parse_problem({"problem": "laser_flash", "parameters": {"thickness": {"value": 2, "unit": "mm"}}}, "test")
    assert thick.domain["x"].high == 2
    with pytest.raises(UserError, match="x runs to 1 mm, but thickness is 2 mm"):
        parse_problem(
            {
                "problem": "laser_flash",
                "parameters": {"thickness": {"value": 2, "unit": "mm"}},
                "domain": {"x": {"low": 0, "high": 1, "unit": "mm"}},
            },
            "test",
        )


def test_a_condition_may_be_put_twice_on_a_face_only_at_third_order() -> None:
    base = problem_named("heat")
    twice = base.model_copy(update={"conditions": (*base.conditions, Condition(face="x=low", law="u_x"))})
    with pytest.raises(UserError, match="x=low has more than one"):
        solve(twice, check=False)
