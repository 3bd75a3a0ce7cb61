"""Every registered problem against its known answer, with the error estimate and the finite differences beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from athanor.models.pinn.eigenstates import eigenstates, finite_difference_energies
from athanor.models.pinn.posed import Law, Posed, Value
from athanor.models.pinn.slabs import NotMarched, march
from athanor.tools.solving.closed_forms import allen_cahn, burgers, fisher, sorption
from athanor.tools.solving.registry import problem_named
from athanor.tools.solving.solve import Solved, solve

PI = math.pi


def relative(solved: Solved, exact: Callable[..., np.ndarray], low: float = 0.02) -> float:
    posed = solved.posed
    points = posed.low + posed.span * np.random.default_rng(3).uniform(low, 0.98, (500, len(posed.low)))
    truth = exact(*points.T)
    return float(np.linalg.norm(solved.solution.field(points) - truth) / np.linalg.norm(truth))


EXACT = {
    "heat": (lambda x, t: np.exp(-(PI**2) * 0.4 * t) * np.sin(PI * x), 1e-9),
    "steady": (lambda x: np.sin(PI * x) + x / 2, 1e-12),
    "poisson": (lambda x, y: np.sin(PI * x) * np.sin(PI * y), 1e-9),
    "heat_2d": (lambda x, y, t: np.exp(-2 * PI**2 * 0.1 * t) * np.sin(PI * x) * np.sin(PI * y), 1e-4),
    "fisher": (fisher, 1e-5),
    "sorption": (lambda x, t: sorption(x, t, 1.0, 1.0), 1e-4),
}


@pytest.mark.parametrize("name", EXACT)
def test_a_registered_problem_meets_its_known_answer(name: str) -> None:
    exact, allowed = EXACT[name]
    solved = solve(problem_named(name), check=name in ("heat", "poisson"))
    error = relative(solved, exact)
    assert error < allowed
    assert error < 3 * solved.answer.error_estimate
    assert solved.answer.error_estimate < 10 * allowed
    assert not [warning for warning in solved.answer.warnings if "believe" in warning]
    assert solved.answer.solver.startswith("time slabs" if name == "fisher" else "random tanh features")
    if solved.answer.check is not None:
        assert solved.answer.check.difference == pytest.approx(solved.answer.check.own_error, rel=0.5)


def test_slabs_solve_a_linear_problem_too() -> None:
    zero = [Value("x", side, lambda at, p: 0 * at["t"]) for side in ("low", "high")]
    start = Value("t", "low", lambda at, p: torch.sin(PI * at["x"]))
    posed = Posed(
        ("x", "t"), np.zeros(2), np.ones(2), lambda u, du, at, p: du["t"] - 0.4 * du["xx"], ("t", "xx"), (*zero, start)
    )
    found = march(posed, 10, 1e-6)
    points = np.random.default_rng(0).uniform(0, 1, (200, 2))
    exact = np.exp(-(PI**2) * 0.4 * points[:, 1]) * np.sin(PI * points[:, 0])
    assert np.abs(found(points) - exact).max() < 1e-5
    with pytest.raises(NotMarched, match="has 1 conditions"):
        march(replace(posed, conditions=(zero[0], start)), 10, 1e-6)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("burgers", 0.1),
        ("burgers", 1e-4),
        ("fisher", 1e-4),
        ("fisher", 1e-8),
        ("allen_cahn", 1e-4),
    ],
)
def test_a_march_states_an_error_that_is_neither_too_small_nor_far_too_great(name: str, tolerance: float) -> None:
    solved = solve(problem_named(name).model_copy(update={"tolerance": tolerance}), check=False)
    assert "time slabs" in solved.answer.solver
    if name == "allen_cahn":
        rng = np.random.default_rng(1)
        points = np.column_stack([-1 + 2 * rng.integers(0, 1024, 2000) / 1024, rng.integers(1, 11, 2000) / 10])
        times = np.linspace(0.1, 1, 10)
        _, fields = allen_cahn(times)
        row = np.round(points[:, 1] * 10).astype(int) - 1
        truth = fields[row, np.round((points[:, 0] + 1) * 512).astype(int)]
        found = solved.solution.field(points)
        error = float(np.linalg.norm(found - truth) / np.linalg.norm(truth))
    else:
        error = relative(solved, {"burgers": lambda x, t: burgers(x, t, 0.01 / PI), "fisher": fisher}[name])
    assert error < solved.answer.error_estimate < min(tolerance, 100 * error)


def test_a_march_that_leaves_the_laws_domain_goes_on_in_shorter_slabs() -> None:
    """u_t = u_xx − 30 √u from a constant: √u = 1 − 15 t until it ends at t = 1/15."""
    flat = [Law("x", side, lambda u, du, at, p: du["x"], ("x",)) for side in ("low", "high")]
    start = Value("t", "low", lambda at, p: 1 + 0 * at["x"])
    posed = Posed(
        ("x", "t"), np.zeros(2), np.array([1.0, 0.06]), lambda u, du, at, p: du["t"] - du["xx"] + 30 * torch.sqrt(u),
        ("t", "xx"), (*flat, start),
    )  # fmt: skip
    points = np.random.default_rng(0).uniform(0, 1, (200, 2)) * [1, 0.06]
    assert np.abs(march(posed, 4, 1e-6)(points) - (1 - 15 * points[:, 1]) ** 2).max() < 1e-5
    with pytest.raises(NotMarched, match="no slab after t = 0.066"):
        march(replace(posed, high=np.array([1.0, 0.1])), 4, 1e-6)


def test_levels_of_three_wells() -> None:
    box = eigenstates(lambda x: 0 * x, 0.0, 1.0, 1.0, (), 4)
    assert box.energies == pytest.approx((PI * np.arange(1, 5)) ** 2, rel=1e-10)
    # Airy zeros: M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions (1964), table 10.13.
    ramp = eigenstates(lambda x: x, 0.0, 16.0, 1.0, (), 3)
    assert ramp.energies == pytest.approx([2.33810741045977, 4.08794944413097, 5.52055982809555], rel=1e-9)
    assert finite_difference_energies(lambda x: x, 0.0, 16.0, 1.0, 3) == pytest.approx(ramp.energies, rel=1e-4)

    def finite(x: np.ndarray) -> np.ndarray:
        return np.where(np.abs(x) < 1, 0.0, 20.0)

    well = eigenstates(finite, -5.0, 5.0, 1.0, (-1.0, 1.0), 2)
    k = np.sqrt(well.energies[0])
    assert k * np.tan(k) == pytest.approx(np.sqrt(20 - k**2), rel=1e-6)
    assert well.error < 1e-7
