"""The default campaign with the crystal VAE among its generators against without: hypervolume at equal evaluations.

usage: python benchmarks/latent_gain.py [--seeds 5] [--evaluations 36] [--home FOLDER]

Planner, goal, oracle, budget and batches are the same; the space alone names one more generator. The reference point
is inferred once from the hits of all runs together. With --home a stopped benchmark goes on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from hypervolume import EVALUATIONS, hypervolumes
from record import write_result
from runs import interval, remembered

from athanor.agent import assemble
from athanor.agent.campaign_file import parse_campaign, read_campaign_file
from athanor.agent.views.generators import parts_of
from athanor.memory.state import State, Trial
from athanor.tools.acquisition.merit import feasible, reference_point

GENERATORS = {"without": ("substitute", "decorate"), "with": ("substitute", "decorate", "vae")}
SHOWN = 4


def run(kind: str, seed: int, evaluations: int, home: Path) -> State:
    """Run the default campaign with some generators, without limit of hours, confirmation and memory."""
    content = read_campaign_file(assemble.ready_made("stiff")).model_dump(mode="json")
    name = f"{kind}-vae-{seed}"
    content |= {"name": name, "seed": seed, "confirmation": None, "memory": False}
    content["goal"]["budget"] |= {"evaluations": evaluations, "hours": None}
    content["space"]["generators"] = list(GENERATORS[kind])
    ledger = assemble.open_home(home)
    cache = home / "outcomes"
    cache.mkdir(parents=True, exist_ok=True)
    campaign = assemble.wire(parse_campaign(content, name), ledger, ask=partial(remembered, cache))
    return campaign.run(assemble.holder(), assemble.versions())


def main() -> None:
    """Run all seeds both ways and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=EVALUATIONS)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    home = options.home or Path(tempfile.mkdtemp())
    file = read_campaign_file(assemble.ready_made("stiff"))
    states = {}
    for seed in range(options.seeds):
        for kind in GENERATORS:
            states[kind, seed] = run(kind, seed, options.evaluations, home)
            print(kind, seed, len(states[kind, seed].completed), "completed", file=sys.stderr)
    everything: list[Trial] = [trial for state in states.values() for trial in state.trials.values()]
    reference = reference_point(file.goal, feasible(file.goal, everything))
    assert reference is not None
    curves = {key: hypervolumes(state, file, reference) for key, state in states.items()}
    figures: dict[str, object] = {
        "seeds": options.seeds,
        "generators": {kind: list(names) for kind, names in GENERATORS.items()},
        "reference_point": reference.tolist(),
        "objectives": [f"{o.property} ({o.unit}, {o.direction})" for o in file.goal.objectives],
    }
    for n in sorted({round(options.evaluations * k / SHOWN) for k in range(1, SHOWN + 1)}):
        reached = {
            kind: np.array([curves[kind, s][min(n, len(curves[kind, s])) - 1] for s in range(options.seeds)])
            for kind in GENERATORS
        }
        figures[f"after_{n}_evaluations"] = {
            "with_mean": float(reached["with"].mean()),
            "without_mean": float(reached["without"].mean()),
            "difference_95": interval(reached["with"] - reached["without"]),
            "with": reached["with"].tolist(),
            "without": reached["without"].tolist(),
        }
    figures["hits"] = {
        f"{kind}-{seed}": [len(feasible(file.goal, state.trials.values())), len(state.completed), len(state.failed)]
        for (kind, seed), state in states.items()
    }
    figures["by_generator"] = {f"{kind}-{seed}": parts_of(state) for (kind, seed), state in states.items()}
    print(write_result("latent_gain", figures).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
