"""The default campaign against random search: best-so-far hypervolume at equal evaluations, several seeds.

usage: python benchmarks/hypervolume.py [--seeds 5] [--home FOLDER]

Both planners draw from the same generators and screens; the oracle, the budget and the batches are the same. The
reference point is inferred once from the hits of all runs together. With --home a stopped benchmark goes on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from record import write_result
from runs import interval, remembered

from athanor.agent import assemble
from athanor.agent.campaign_file import CampaignFile, parse_campaign, read_campaign_file
from athanor.memory.state import State, Trial
from athanor.tools.acquisition.merit import best_so_far, feasible, reference_point

PLANNERS = ("builtin", "random")
EVALUATIONS = 36
SHOWN = (8, 16, 24, EVALUATIONS)


def run(planner: str, seed: int, home: Path) -> State:
    """Run the default campaign with a planner, a seed and a smaller budget, without limit of hours and confirmation."""
    content = read_campaign_file(assemble.ready_made("stiff")).model_dump(mode="json")
    name = f"{planner}-{seed}"
    content |= {"name": name, "planner": planner, "seed": seed, "confirmation": None, "memory": False}
    content["goal"]["budget"] |= {"evaluations": EVALUATIONS, "hours": None}
    file: CampaignFile = parse_campaign(content, name)
    ledger = assemble.open_home(home)
    cache = home / "outcomes"
    cache.mkdir(parents=True, exist_ok=True)
    return assemble.wire(file, ledger, ask=partial(remembered, cache)).run(assemble.holder(), assemble.versions())


def hypervolumes(state: State, file: CampaignFile, reference: np.ndarray) -> list[float]:
    """Best-so-far hypervolume after each of the campaign's evaluations."""
    return [float(value or 0.0) for _, value in best_so_far(file.goal, state.trials.values(), reference)]


def main() -> None:
    """Run all seeds and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    home = options.home or Path(tempfile.mkdtemp())
    file = read_campaign_file(assemble.ready_made("stiff"))
    states = {}
    for seed in range(options.seeds):
        for planner in PLANNERS:
            states[planner, seed] = run(planner, seed, home)
            print(planner, seed, len(states[planner, seed].completed), "completed", file=sys.stderr)
    everything: list[Trial] = [trial for state in states.values() for trial in state.trials.values()]
    reference = reference_point(file.goal, feasible(file.goal, everything))
    assert reference is not None
    curves = {key: hypervolumes(state, file, reference) for key, state in states.items()}
    figures: dict[str, object] = {
        "seeds": options.seeds,
        "reference_point": reference.tolist(),
        "objectives": [f"{o.property} ({o.unit}, {o.direction})" for o in file.goal.objectives],
    }
    for n in SHOWN:
        by_planner = {
            p: np.array([curves[p, s][min(n, len(curves[p, s])) - 1] for s in range(options.seeds)]) for p in PLANNERS
        }
        figures[f"after_{n}_evaluations"] = {
            "builtin_mean": float(by_planner["builtin"].mean()),
            "random_mean": float(by_planner["random"].mean()),
            "difference_95": interval(by_planner["builtin"] - by_planner["random"]),
            "builtin": by_planner["builtin"].tolist(),
            "random": by_planner["random"].tolist(),
        }
    figures["hits"] = {
        f"{p}-{s}": [
            len(feasible(file.goal, states[p, s].trials.values())),
            len(states[p, s].completed),
            len(states[p, s].failed),
        ]
        for p, s in states
    }
    write_result("hypervolume", figures)


if __name__ == "__main__":
    main()
