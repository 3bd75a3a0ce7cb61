"""What it costs to come near the optimum with a cheap level of fidelity beside the true one, and without.

usage: python benchmarks/fidelity.py [--seeds 10] [--workers 2]

The cheap level costs 1, the true one 10. It is Branin in the augmented form of BoTorch, whose fidelity parameter s is 1
at the true level; another function altogether; or the true one with waves over it, of 0.4 or 0.8 of its standard
deviation over the space. A search ends when a true result is within 5 % of the way from the optimum to the median of
the space, or its budget is used up, which then counts as its cost. Medians over seeds; the ratio of the costs, seed by
seed, as a geometric mean with its 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np
import torch
from botorch.test_functions import Ackley, AugmentedBranin, Hartmann, Levy, StyblinskiTang
from botorch.test_functions.base import BaseTestProblem
from numpy.typing import NDArray
from points import cube, row, search
from record import write_result

from athanor.memory.records import Point
from athanor.memory.state import Trial

Array = NDArray[np.float64]
Function = Callable[[Array], Array]
"""Points of the unit cube, `(n_points, n_variables)`, to values."""

COSTS = {"cheap": 1.0, "true": 10.0}
NEAR = 0.05
BUDGET = 400.0
LEVELS = {"kind": "fidelity", "name": "level", "unit": "1", "labels": list(COSTS), "costs": list(COSTS.values())}


@dataclass(frozen=True)
class Problem:
    """Two levels of one function, to be minimised over the unit cube."""

    true: Function
    cheap: Function
    n_variables: int
    optimum: float

    @cached_property
    def drawn(self) -> Array:
        """Points that stand for the space."""
        return np.random.default_rng(0).random((4000, self.n_variables))

    @property
    def enough(self) -> float:
        """A value that is near the optimum."""
        return self.optimum + NEAR * (float(np.median(self.true(self.drawn))) - self.optimum)

    @property
    def correlation(self) -> float:
        """Of the two levels over the space."""
        return float(np.corrcoef(self.true(self.drawn), self.cheap(self.drawn))[0, 1])


def _scaled(problem: BaseTestProblem, *more: float) -> Function:
    """A test problem of the unit cube; further inputs are held."""

    def values(x: Array) -> Array:
        low, high = problem.bounds.numpy()[:, : x.shape[1]]
        held = np.broadcast_to(np.array(more), (len(x), len(more)))
        rows = torch.from_numpy(np.hstack([low + (high - low) * x, held]))
        found: Array = problem.evaluate_true(rows).numpy()
        return found

    return values


def _waves(x: Array) -> Array:
    """Three waves across the space, the same for all functions of as many variables."""
    random = np.random.default_rng(7)
    slopes, phases = 4 * random.normal(size=(3, x.shape[1])), 2 * np.pi * random.random(3)
    found: Array = np.sin(x @ slopes.T + phases).sum(axis=1)
    return found


def _under_waves(plain: Problem, height: float) -> Problem:
    factor = height * plain.true(plain.drawn).std() / _waves(plain.drawn).std()
    return replace(plain, cheap=lambda x: plain.true(x) + factor * _waves(x))


def _problems() -> dict[str, Problem]:
    branin, best = AugmentedBranin(), 0.397887
    true = _scaled(branin, 1.0)
    found = {f"Branin, s = {s}": Problem(true, _scaled(branin, s), 2, best) for s in (0.5, 0.0)}
    found["Branin, unrelated"] = Problem(true, lambda x: 100 + 80 * np.sin(9 * x[:, 0]) * np.cos(7 * x[:, 1]), 2, best)
    others = {
        "Hartmann 3": Hartmann(dim=3),
        "Ackley 4": Ackley(dim=4, bounds=[(-4.0, 8.0)] * 4),
        "Levy 4": Levy(dim=4, bounds=[(-5.0, 10.0)] * 4),
        "Styblinski-Tang 3": StyblinskiTang(dim=3),
    }
    for name, problem in others.items():
        true = _scaled(problem)
        plain = Problem(true, true, problem.dim, problem.optimal_value)
        found |= {f"{name}, waves of {height}": _under_waves(plain, height) for height in (0.4, 0.8)}
    return found


PROBLEMS = _problems()


def cost_to_come_near(name: str, with_cheap: bool, seed: int) -> tuple[float, bool]:
    """What was spent, and whether it came near."""
    torch.set_num_threads(1)
    problem = PROBLEMS[name]
    enough = problem.enough
    space = cube(problem.n_variables, LEVELS) if with_cheap else cube(problem.n_variables)

    def spent(trials: Sequence[Trial]) -> float:
        return sum(COSTS[level_of(t)] for t in trials)

    def is_near(trials: Sequence[Trial]) -> bool:
        return any(t.values["y"] <= enough for t in trials if level_of(t) == "true")

    def answer(point: Point) -> float:
        function = problem.cheap if point.values.get("level") == "cheap" else problem.true
        return float(function(row(point)[None])[0])

    trials = search(space, answer, lambda done: is_near(done) or spent(done) >= BUDGET, 1000 * seed)
    return spent(trials), is_near(trials)


def level_of(trial: Trial) -> str:
    """`cheap` or `true`."""
    assert isinstance(trial.candidate.content, Point)
    return str(trial.candidate.content.values.get("level", "true"))


def compared(alone: Sequence[tuple[float, bool]], both: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """The costs without and with the cheap level, seed by seed."""
    costs = {kind: np.array([cost for cost, _ in some]) for kind, some in (("alone", alone), ("both", both))}
    logs = np.log(costs["both"] / costs["alone"])
    drawn = np.random.default_rng(0).integers(len(logs), size=(4000, len(logs)))
    low, high = np.exp(np.quantile(logs[drawn].mean(axis=1), [0.025, 0.975])).tolist()
    return {
        "seeds": len(logs),
        "median cost": {"true only": float(np.median(costs["alone"])), "two levels": float(np.median(costs["both"]))},
        "came near": {"true only": sum(near for _, near in alone), "two levels": sum(near for _, near in both)},
        "cost ratio": {"mean": float(np.exp(logs.mean())), "95": [low, high]},
    }


def main() -> None:
    """Search, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    figures: dict[str, Any] = {}
    alone: dict[Function, list[tuple[float, bool]]] = {}
    with ProcessPoolExecutor(asked.workers) as executor:
        for name, problem in PROBLEMS.items():
            # One true function under several cheap ones is searched alone once.
            seeds = range(asked.seeds)
            if problem.true not in alone:
                alone[problem.true] = list(executor.map(cost_to_come_near, repeat(name), repeat(False), seeds))
            both = list(executor.map(cost_to_come_near, repeat(name), repeat(True), seeds))
            figures[name] = {"correlation": problem.correlation} | compared(alone[problem.true], both)
            print(name, figures[name], flush=True)
            write_result("fidelity", figures)


if __name__ == "__main__":
    main()
