"""The default campaign and what each of its parts brings: best-so-far hypervolume at equal evaluations, several seeds.

usage: python benchmarks/hypervolume.py [--arms default random vae tuned] [--seeds 5] [--home FOLDER]

The arms differ in one thing from the default campaign: random search in place of the planner; the crystal VAE as a
third generator; and that VAE learning the campaign's best results every second batch. Oracle, budget, batches and
screens are the same. The reference point is inferred once from the hits of all runs together. With --home a stopped
benchmark goes on.
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

from athanor.agent.views.generators import parts_of
from athanor.memory.state import State, Trial
from athanor.tools.acquisition.merit import best_so_far, feasible, reference_point

EVALUATIONS = 36
SHOWN = (8, 16, 24, EVALUATIONS)
BASE = "default"
THREE = ["substitute", "decorate", "vae"]
ARMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    BASE: ({}, {}),
    "random": ({"planner": "random"}, {}),
    "vae": ({}, {"generators": THREE}),
    "tuned": ({}, {"generators": THREE, "fine_tune_every": 2}),
}
"""Fields of the campaign that an arm replaces, and fields of its space."""


def run(arm: str, seed: int, home: Path) -> State:
    """Run the default campaign with a smaller budget, without limit of hours and without memory."""
    fields, space = ARMS[arm]
    changes = {"goal": {"budget": {"evaluations": EVALUATIONS, "failures_in_a_row": 12}}, "space": space}
    file = default_file(f"{arm}-{seed}", seed, changes, memory=False, **fields)
    return finished(file, home, home / "outcomes")


def main() -> None:
    """Run all seeds of all arms and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    home = options.home or Path(tempfile.mkdtemp())
    seeds, arms = range(options.seeds), list(dict.fromkeys([BASE, *options.arms]))
    states = {}
    for arm in arms:
        for seed in seeds:
            states[arm, seed] = run(arm, seed, home)
            print(arm, seed, len(states[arm, seed].completed), "completed", file=sys.stderr, flush=True)
    goal = default_file("any", 0, {}).goal
    everything: list[Trial] = [trial for state in states.values() for trial in state.trials.values()]
    reference = reference_point(goal, feasible(goal, everything))
    assert reference is not None
    curves = {
        key: [float(value or 0.0) for _, value in best_so_far(goal, state.trials.values(), reference)]
        for key, state in states.items()
    }
    figures: dict[str, Any] = {
        "seeds": options.seeds,
        "reference_point": reference.tolist(),
        "objectives": [f"{o.property} ({o.unit}, {o.direction})" for o in goal.objectives],
    }
    for n in SHOWN:
        reached = {arm: np.array([curves[arm, s][min(n, len(curves[arm, s])) - 1] for s in seeds]) for arm in arms}
        figures[f"after_{n}_evaluations"] = {
            "mean": {arm: float(values.mean()) for arm, values in reached.items()},
            f"more_than_{BASE}_95": {arm: interval(reached[arm] - reached[BASE]) for arm in arms if arm != BASE},
            "by_seed": {arm: values.tolist() for arm, values in reached.items()},
        }
    figures["hits_completed_failed"] = {
        f"{arm}-{seed}": [len(feasible(goal, state.trials.values())), len(state.completed), len(state.failed)]
        for (arm, seed), state in states.items()
    }
    figures["by_generator"] = {f"{arm}-{seed}": parts_of(state) for (arm, seed), state in states.items()}
    print(write_result("hypervolume", figures).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
