"""What memory brings: a second campaign on a related goal, with and without what the first has left.

usage: python benchmarks/memory_gain.py [--seeds 5] [--home FOLDER]

For each seed the first campaign has the default goal (stiff and light, two objectives); the second wants the
stiffest crystal below a density, nearer to the hull. Space and budget are the same. The second runs three times from
one seed, by SevenNet-0: without memory; in the home of a first one at the same oracle, whose answers are reused; and
in the home of a first one by CHGNet, whose answers do not hold here and only remind. With --home a stopped benchmark
goes on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result
from runs import default_file, finished, interval

from athanor.agent.standing import standing_of
from athanor.memory.state import State
from athanor.tools.acquisition.merit import best_so_far

EVALUATIONS = 36
SHOWN = (0, 4, 8, 16, 24, EVALUATIONS)
SECOND_SEED = 100
SAME = 0.01
"""Share by which values of one crystal differ that was found, and relaxed, from two starting points."""
SECOND_GOAL: dict[str, Any] = {
    "statement": "A stiff compound that is light and lies near the hull",
    "objectives": [{"property": "bulk_modulus", "direction": "maximise", "unit": "GPa"}],
    "constraints": [
        {"property": "density", "comparison": "<=", "value": 4.0, "unit": "g/cm3"},
        {"property": "energy_above_hull", "comparison": "<=", "value": 0.05, "unit": "eV/atom"},
    ],
    "budget": {"evaluations": EVALUATIONS, "failures_in_a_row": 12},
}


def run(name: str, seed: int, home: Path, goal: dict[str, Any], memory: bool, calculator: str = "sevennet") -> State:
    """Run a campaign on the default campaign's space; answers of an oracle are kept beside the homes."""
    file = default_file(name, seed, {"oracle": {"calculator": calculator}}, goal=goal, memory=memory)
    state = finished(file, home, home.parent / "outcomes" / calculator)
    if state.lost:
        raise SystemExit(f"{name}, seed {seed}: the index was lost: {state.lost}")
    return state


def curve(state: State) -> list[float]:
    """Best value after 0, 1, 2, … evaluations that this campaign paid for, GPa; 0 where no trial is a hit yet."""
    standing = standing_of(state)
    series = best_so_far(standing.goal, (*standing.reused, *standing.trials))
    values = [float(best or 0.0) for _, best in series]
    n = len(standing.reused)
    return [values[n - 1] if n else 0.0, *values[n:]]


def reached(best: list[float], value: float) -> int:
    """Evaluations until a value was reached; one more than the budget where it never was."""
    return next((n for n, seen in enumerate(best) if seen >= (1 - SAME) * value), EVALUATIONS + 1)


def compared(curves: dict[str, list[list[float]]], which: str) -> dict[str, object]:
    """Best values with memory of one kind against those without, and evaluations saved."""
    figures: dict[str, object] = {}
    for n in SHOWN:
        a, b = (np.array([best[min(n, len(best) - 1)] for best in curves[name]]) for name in (which, "without"))
        figures[f"best_after_{n}_evaluations_GPa"] = {
            "with_memory_mean": float(a.mean()),
            "without_memory_mean": float(b.mean()),
            "difference_95": interval(a - b),
            "with_memory": a.tolist(),
            "without_memory": b.tolist(),
        }
    pairs = list(zip(curves[which], curves["without"], strict=True))
    until = [(reached(a, b[-1]), reached(b, b[-1])) for a, b in pairs]
    saved = np.array([without - with_memory for with_memory, without in until])
    figures["evaluations_until_the_best_without_memory"] = until
    figures["evaluations_saved"] = {"mean": float(saved.mean()), "mean_95": interval(saved), "by_seed": saved.tolist()}
    return figures


def main() -> None:
    """Run all seeds and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    folder = options.home or Path(tempfile.mkdtemp())
    first_goal = default_file("first", 0, {}).goal.model_dump(mode="json")
    first_goal["budget"] |= {"evaluations": EVALUATIONS, "hours": None}
    curves: dict[str, list[list[float]]] = {"reused": [], "reminded": [], "without": []}
    given = {"reused": 0, "passages": 0, "materials": 0}
    for seed in range(options.seeds):
        same, other = folder / f"seed-{seed}", folder / f"other-{seed}"
        run("first", seed, same, first_goal, memory=True)
        run("first", seed, other, first_goal, memory=True, calculator="chgnet")
        reused = run("with", SECOND_SEED + seed, same, SECOND_GOAL, memory=True)
        reminded = run("with", SECOND_SEED + seed, other, SECOND_GOAL, memory=True)
        without = run("without", SECOND_SEED + seed, same, SECOND_GOAL, memory=False)
        for name, state in (("reused", reused), ("reminded", reminded), ("without", without)):
            curves[name].append(curve(state))
            print(name, seed, [round(value) for value in curves[name][-1]], file=sys.stderr, flush=True)
        given["reused"] += len(standing_of(reused).reused)
        given["passages"] += sum(len(one.passages) for one in reminded.recalled.values())
        given["materials"] += sum(len(one.materials) for one in reminded.recalled.values())
    figures: dict[str, object] = {
        "seeds": options.seeds,
        "evaluations": EVALUATIONS,
        "given_in_all": given,
        "answers_of_the_same_oracle_reused": compared(curves, "reused"),
        "reminded_by_another_oracle": compared(curves, "reminded"),
    }
    write_result("memory_gain", figures)


if __name__ == "__main__":
    main()
