"""Physics-informed solving: errors and CPU seconds of registered problems, other solvers in the same table.

Fields are judged by their relative L2 error on random points; medians over five seeds. Inferred numbers are judged over
simulated noise: the share within one stated deviation, the greatest error, and the Cramér-Rao bound beside. Rows of
DeepXDE come from `pinn_deepxde.py`. Written after each part; parts that are there already are kept.
`python benchmarks/pinn.py`
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from record import RESULTS, write_result
from scipy.integrate import cumulative_trapezoid
from scipy.stats import norm

from athanor.models.pinn.eigenstates import eigenstates
from athanor.models.pinn.finite_differences import NoGrid, finite_differences
from athanor.tools.solving.closed_forms import allen_cahn, burgers, laser_flash
from athanor.tools.solving.problem import Points
from athanor.tools.solving.registry import problem_named
from athanor.tools.solving.solve import solve

Array = NDArray[np.float64]
SEEDS = 5
DRAWS = 100
AIRY = 2.33810741045977
TOLERANCES = {"heat": 1e-9, "steady": 1e-12, "poisson": 1e-9, "burgers": 1e-5, "allen_cahn": 1e-4}
INTERVALS = {"heat": (80, 160), "steady": (400,), "poisson": (80, 160), "burgers": (400, 800), "allen_cahn": (400, 800)}


def exact() -> dict[str, Callable[[Array], Array]]:
    """Known answers at points `(n_points, n_coordinates)`."""
    times = np.linspace(0.1, 1, 10)
    places, fields = allen_cahn(times, n_points=2048, steps=4000)

    def separated(points: Array) -> Array:
        row = np.round(points[:, 1] * 10).astype(int) - 1
        column = np.round((points[:, 0] + 1) / (places[1] - places[0])).astype(int)
        found: Array = fields[row, column % len(places)]
        return found

    return {
        "heat": lambda p: np.exp(-(np.pi**2) * 0.4 * p[:, 1]) * np.sin(np.pi * p[:, 0]),
        "steady": lambda p: np.sin(np.pi * p[:, 0]) + p[:, 0] / 2,
        "poisson": lambda p: np.sin(np.pi * p[:, 0]) * np.sin(np.pi * p[:, 1]),
        "burgers": lambda p: burgers(p[:, 0], p[:, 1], 0.01 / np.pi),
        "allen_cahn": separated,
    }


def points_for(name: str, low: Array, span: Array) -> Array:
    """Where the error is measured: random points, for Allen-Cahn those of its reference."""
    rng = np.random.default_rng(1)
    if name == "allen_cahn":
        return np.column_stack([-1 + 2 * rng.integers(0, 2048, 2000) / 2048, rng.integers(1, 11, 2000) / 10])
    found: Array = low + span * rng.uniform(0.001, 1, (2000, len(low)))
    return found


def relative(found: Array, truth: Array) -> float:
    """Relative L2 error."""
    return float(np.linalg.norm(found - truth) / np.linalg.norm(truth))


def fields() -> dict[str, Any]:
    """Forward problems."""
    rows: dict[str, Any] = {}
    for name, truth in exact().items():
        errors, seconds, solvers, estimates = [], [], set(), []
        for seed in range(SEEDS):
            problem = problem_named(name).model_copy(update={"seed": seed, "tolerance": TOLERANCES[name]})
            start = time.process_time()
            solved = solve(problem, check=False)
            seconds.append(time.process_time() - start)
            points = points_for(name, solved.posed.low, solved.posed.span)
            errors.append(relative(solved.solution.field(points), truth(points)))
            estimates.append(solved.answer.error_estimate)
            solvers.add(solved.answer.solver)
        rows[name] = {
            "median_error": median(errors),
            "worst_error": max(errors),
            "median_estimate": median(estimates),
            "median_cpu_seconds": round(median(seconds), 3),
            "solvers": sorted(solvers),
        }
        for n in INTERVALS.get(name, ()):
            try:
                start = time.process_time()
                grid = finite_differences(solved.posed, solved.posed.start(), n)
                spent = time.process_time() - start
                error = relative(grid(points), truth(points))
                rows[f"{name}, finite differences, {n} intervals"] = {
                    "error": error,
                    "cpu_seconds": round(spent, 3),
                }
            except NoGrid as reason:
                rows[f"{name}, finite differences"] = str(reason)
        print(name, rows[name], flush=True)
    return rows


def well() -> dict[str, float]:
    """Ground state of the triangular well."""
    errors, seconds = [], []
    for seed in range(SEEDS):
        start = time.process_time()
        found = eigenstates(lambda x: x, 0.0, 16.0, 1.0, (), 1, seed=seed)
        seconds.append(time.process_time() - start)
        errors.append(abs(found.energies[0] / AIRY - 1))
    return {"median_energy_error": median(errors), "median_cpu_seconds": round(median(seconds), 4)}


def diffusivity() -> dict[str, float]:
    """Unknown diffusivity from 50 points with 1 % noise."""
    errors, scores, floors, seconds = [], [], [], []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        x, t = rng.uniform(0, 1, (2, 50))
        clean = np.exp(-(np.pi**2) * 0.4 * t) * np.sin(np.pi * x)
        values = clean + 0.01 * rng.standard_normal(50)
        points = Points(columns={"x": tuple(x), "t": tuple(t)}, values=tuple(values), deviation=0.01)
        problem = problem_named("diffusivity").model_copy(update={"data": points, "tolerance": 1e-4, "seed": seed})
        start = time.process_time()
        (found,) = solve(problem, check=False).answer.inferred
        seconds.append(time.process_time() - start)
        floors.append(0.01 / np.sqrt(((np.pi**2 * t * clean) ** 2).sum()) / 0.4)
        errors.append(found.value / 0.4 - 1)
        scores.append((found.value - 0.4) / (found.deviation or np.inf))
    return told(errors, scores, seconds) | {"cramer_rao_deviation": float(np.mean(floors))}


def flashes(n: int) -> dict[str, float]:
    """Diffusivity from laser-flash traces of `n` points: 1 % noise, losses and diffusivities drawn at random."""
    errors, scores, seconds, floors = [], [], [], []
    t = np.linspace(0.0005, 0.2, n)
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        a, biot, rise = 10 ** rng.uniform((0.5, -2, -0.3), (1.7, -0.3, 0.7))
        values = laser_flash(t, a * 1e-6, 1e-3, biot, 1e-3, rise) + 0.1 + 0.01 * rise * rng.standard_normal(n)
        data = Points(columns={"t": tuple(t)}, values=tuple(values), deviation=0.01 * rise)
        problem = problem_named("laser_flash").model_copy(update={"data": data, "seed": seed})
        start = time.process_time()
        found = solve(problem, check=False).answer.inferred[0]
        seconds.append(time.process_time() - start)
        errors.append(found.value / a - 1)
        scores.append((found.value - a) / (found.deviation or np.inf))
        floors.append(flash_floor(t, np.log([a * 1e-6, biot, rise]), 0.01 * rise))
    # What an unbiased estimate with the least possible deviation would reach.
    share = float(np.mean(1 - 2 * norm.sf(0.02 / np.array(floors))))
    return told(errors, scores, seconds) | {
        "share_within_2_per_cent": float(np.mean(np.abs(errors) < 0.02)),
        "cramer_rao_deviation": float(np.sqrt(np.mean(np.square(floors)))),
        "greatest_cramer_rao_deviation": max(floors),
        "share_within_2_per_cent_at_the_bound": share,
    }


def flash_floor(t: Array, logarithms: Array, noise: float) -> float:
    """Least relative deviation of a diffusivity beside unknown loss, rise and level before the flash."""

    def trace(theta: Array) -> Array:
        diffusivity, biot, rise = np.exp(theta)
        return laser_flash(t, diffusivity, 1e-3, biot, 1e-3, rise)

    slopes = [(trace(logarithms + step) - trace(logarithms - step)) / 2e-4 for step in 1e-4 * np.eye(3)]
    rows = np.column_stack([*slopes, np.ones(len(t))]) / noise
    return float(np.sqrt(np.linalg.inv(rows.T @ rows)[0, 0]))


def conductivities() -> dict[str, Any]:
    """k(x) along 10 mm from 100 temperatures with 1 % noise: root mean square of k/k_true − 1 over the length."""
    shapes: dict[str, Callable[[Array], Array]] = {
        "rising by half": lambda x: 1 + 0.5 * x / 0.01,
        "a wave of 40 %": lambda x: 1 + 0.4 * np.sin(2 * np.pi * x / 0.01),
    }
    grid = np.linspace(0, 0.01, 20001)
    found: dict[str, Any] = {}
    for name, k in shapes.items():
        errors, seconds = [], []
        # −k u' = q (x − c): the constant makes both ends cold.
        one, first = (cumulative_trapezoid(part / k(grid), grid, initial=0) for part in (np.ones_like(grid), grid))
        exact = -2e6 * (first - first[-1] / one[-1] * one)
        for seed in range(2 * SEEDS):
            rng = np.random.default_rng(seed)
            x, noise = rng.uniform(0, 0.01, 100), 0.01 * exact.max()
            values = np.interp(x, grid, exact) + noise * rng.standard_normal(100)
            data = Points(columns={"x": tuple(1e3 * x)}, values=tuple(values), deviation=noise)
            problem = problem_named("graded_conductivity").model_copy(update={"data": data, "seed": seed})
            start = time.process_time()
            (curve,) = solve(problem, check=False).answer.functions
            seconds.append(time.process_time() - start)
            truth = k(1e-3 * np.array(curve.arguments))
            errors.append(float(np.sqrt(np.mean((np.array(curve.values) / truth - 1) ** 2))))
        found[name] = {
            "median_error": median(errors),
            "worst_error": max(errors),
            "seeds": len(errors),
            "median_cpu_seconds": round(median(seconds), 3),
        }
    return found


def told(errors: list[float], scores: list[float], seconds: list[float]) -> dict[str, float]:
    """What is reported of inferred numbers."""
    return {
        "root_mean_square_error": float(np.sqrt(np.mean(np.square(errors)))),
        "worst_error": float(np.abs(errors).max()),
        "share_within_one_deviation": float(np.mean(np.abs(scores) < 1)),
        "greatest_score": float(np.abs(scores).max()),
        "median_cpu_seconds": round(median(seconds), 3),
        "greatest_cpu_seconds": round(max(seconds), 3),
    }


def reference_error() -> float:
    """Relative difference of the Allen-Cahn reference from one with twice the points: mostly early, at the kink."""
    times = np.linspace(0.1, 1, 10)
    (_, fields), (_, finer) = (allen_cahn(times, n_points=n, steps=4000) for n in (2048, 4096))
    return relative(fields, finer[:, ::2])


def main() -> None:
    """Measure, and write results/pinn.json after each part."""
    torch.set_num_threads(1)
    path, beside = RESULTS / "pinn.json", RESULTS / "pinn_deepxde.json"
    figures: dict[str, Any] = json.loads(path.read_text("utf-8"))["figures"] if path.exists() else {}
    if figures.get("tolerances") != TOLERANCES:
        figures = {"seeds": SEEDS, "draws": DRAWS, "tolerances": TOLERANCES}
    parts: dict[str, Callable[[], Any]] = {
        "fields": fields,
        "own error of the Allen-Cahn reference": reference_error,
        "triangular well": well,
        "diffusivity, 50 points, 1 % noise": diffusivity,
        "k(x), 100 points, 1 % noise": conductivities,
        "laser flash, 1000 points, 1 % noise": lambda: flashes(1000),
        "laser flash, 200 points, 1 % noise": lambda: flashes(200),
    }
    for name, measure in parts.items():
        if name not in figures:
            figures[name] = measure()
            print(name, figures[name], flush=True)
        if beside.exists():
            figures["DeepXDE"] = json.loads(beside.read_text("utf-8"))["figures"]["medians"]
        write_result("pinn", figures)


if __name__ == "__main__":
    main()
