"""What it costs to come near the optimum with a cheap level of fidelity beside the true one, and without.

usage: python benchmarks/fidelity.py

Branin (2 variables) in the augmented form of BoTorch, whose fidelity parameter s is 1 at the true level; and Branin
with a cheap level that knows nothing of it. A cheap evaluation costs 1, a true one 10. A search ends when a true result
is within 5 % of the way from the optimum to the median of the space, or its budget is used up, which then counts as its
cost. Medians over seeds, and the cost ratio seed by seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from botorch.test_functions import AugmentedBranin
from points import cube, row, search
from record import write_result

from athanor.memory.records import Point
from athanor.memory.state import Trial

SEEDS = range(5)
COSTS = {"cheap": 1.0, "true": 10.0}
NEAR = 0.05
LEVELS = {"kind": "fidelity", "name": "level", "unit": "1", "labels": list(COSTS), "costs": list(COSTS.values())}


def branin(x: np.ndarray, s: float) -> float:
    """In the unit square."""
    scaled = [15 * x[0] - 5, 15 * x[1], s]
    return float(AugmentedBranin().evaluate_true(torch.tensor([scaled], dtype=torch.float64)))


def unrelated(x: np.ndarray, s: float) -> float:
    """Branin where it is true, waves where it is cheap."""
    return branin(x, 1.0) if s == 1 else 100 + 80 * float(np.sin(9 * x[0]) * np.cos(7 * x[1]))


PROBLEMS: dict[str, tuple[Callable[[np.ndarray, float], float], int, float, float]] = {
    "Branin, s = 0.5": (branin, 2, 0.5, 0.397887),
    "Branin, s = 0": (branin, 2, 0.0, 0.397887),
    "Branin, unrelated": (unrelated, 2, 0.0, 0.397887),
}
"""Function, variables, fidelity of the cheap level, optimum."""
BUDGET = 400.0


def cost_to_come_near(name: str, with_cheap: bool, seed: int) -> tuple[float, bool]:
    """What was spent, and whether it came near."""
    function, n_variables, cheap, optimum = PROBLEMS[name]
    space = cube(n_variables, LEVELS) if with_cheap else cube(n_variables)
    drawn = np.random.default_rng(0).random((4000, n_variables))
    enough = optimum + NEAR * (float(np.median([function(x, 1.0) for x in drawn])) - optimum)

    def spent(trials: Sequence[Trial]) -> float:
        return sum(COSTS[level_of(t)] for t in trials)

    def is_near(trials: Sequence[Trial]) -> bool:
        return any(t.values["y"] <= enough for t in trials if level_of(t) == "true")

    def answer(point: Point) -> float:
        return function(row(point), cheap if point.values.get("level") == "cheap" else 1.0)

    trials = search(space, answer, lambda done: is_near(done) or spent(done) >= BUDGET, 1000 * seed)
    return spent(trials), is_near(trials)


def level_of(trial: Trial) -> str:
    """`cheap` or `true`."""
    assert isinstance(trial.candidate.content, Point)
    return str(trial.candidate.content.values.get("level", "true"))


def main() -> None:
    """Search, print, and write the result."""
    torch.set_num_threads(1)
    figures = {}
    for name in PROBLEMS:
        runs = {
            kind: [cost_to_come_near(name, kind == "two levels", s) for s in SEEDS]
            for kind in ("true only", "two levels")
        }
        costs = {kind: np.array([cost for cost, _ in found]) for kind, found in runs.items()}
        ratios = costs["two levels"] / costs["true only"]
        figures[name] = {
            "median cost": {kind: float(np.median(some)) for kind, some in costs.items()},
            "came near": {kind: sum(near for _, near in found) for kind, found in runs.items()},
            "cost ratio": {"median": float(np.median(ratios)), "quartiles": np.quantile(ratios, [0.25, 0.75]).tolist()},
            "seeds": len(SEEDS),
        }
        print(name, figures[name], flush=True)
        write_result("fidelity", figures)


if __name__ == "__main__":
    main()
