"""What earlier campaigns on the same variables are worth to a search, and what they cost where they mislead.

usage: python benchmarks/transfer.py

The target is Branin (2 variables, 15 evaluations). An earlier campaign is 30 random points, answered by: the target
moved by 0.05 in each variable, 1.3 times as steep and 20 % of its spread higher (helpful); waves that have nothing to
do with it (useless); the target upside down (misleading); and all three together. The figure is the regret of the best
so far, in units of the way from the optimum to the median of the space and cut at 1, averaged over all evaluations of a
search. Below the search without transfer is better; the margin that must not be passed is MARGIN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from botorch.test_functions import Branin
from points import completed, cube, row, search
from record import write_result
from runs import interval

from athanor.memory.records import Point
from athanor.memory.state import Trial

SEEDS = range(10)
MARGIN = 0.1
Function = Callable[[np.ndarray], float]


def branin(x: np.ndarray) -> float:
    """In the unit square."""
    return float(Branin().evaluate_true(torch.tensor([[15 * x[0] - 5, 15 * x[1]]], dtype=torch.float64)))


TARGETS: dict[str, tuple[Function, int, float, int]] = {
    "Branin": (branin, 2, 0.397887, 15),
}
"""Function, variables, optimum, evaluations."""


def sources(name: str, seed: int) -> dict[str, list[Trial]]:
    """Earlier campaigns, by kind."""
    function, n_variables, _, _ = TARGETS[name]
    random = np.random.default_rng(1000 + seed)
    spread = float(np.std([function(x) for x in random.random((500, n_variables))]))
    kinds: dict[str, Function] = {
        "helpful": lambda x: 1.3 * function(np.clip(x - 0.05, 0, 1)) + 0.2 * spread,
        "useless": lambda x: spread * float(np.sin(9 * x[0] + 3 * x[-1]) * np.cos(7 * x[1])),
        "misleading": lambda x: -function(x),
    }
    found = {}
    for kind, answer in kinds.items():
        points = [
            Point(values={f"x{k}": float(v) for k, v in enumerate(x)})
            for x in random.random((15 * n_variables, n_variables))
        ]
        found[kind] = [completed(i, p, answer(row(p))) for i, p in enumerate(points, start=1)]
    return found


def regret(name: str, earlier: Mapping[str, Sequence[Trial]], seed: int) -> float:
    """The mean over a search."""
    function, n_variables, optimum, n = TARGETS[name]
    drawn = np.random.default_rng(0).random((4000, n_variables))
    way = float(np.median([function(x) for x in drawn])) - optimum
    trials = search(
        cube(n_variables), lambda p: function(row(p)), lambda done: len(done) >= n, 1000 * seed, earlier=earlier
    )
    best = np.minimum.accumulate([t.values["y"] for t in trials])
    return float(np.minimum((best - optimum) / way, 1.0).mean())


def main() -> None:
    """Search, print, and write the result."""
    torch.set_num_threads(1)
    figures: dict[str, object] = {"margin": MARGIN, "seeds": len(SEEDS)}
    for name in TARGETS:
        without = np.array([regret(name, {}, seed) for seed in SEEDS])
        found: dict[str, object] = {"without": float(without.mean())}
        for kind in ("helpful", "useless", "misleading", "all three"):
            chosen = [{k: v for k, v in sources(name, seed).items() if kind in (k, "all three")} for seed in SEEDS]
            with_them = np.array([regret(name, earlier, seed) for earlier, seed in zip(chosen, SEEDS, strict=True)])
            found[kind] = {
                "regret": float(with_them.mean()),
                "worse by": float((with_them - without).mean()),
                "interval of that": interval(with_them - without),
            }
            print(name, kind, found[kind], "without", found["without"], flush=True)
        figures[name] = found
        write_result("transfer", figures)


if __name__ == "__main__":
    main()
