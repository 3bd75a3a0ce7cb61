"""What memory brings: a second campaign on a related goal, with and without what the first has left.

usage: python benchmarks/memory_gain.py [--seeds 5] [--home FOLDER]

For each seed the first campaign has the default goal (stiff and light, two objectives); the second wants the
stiffest crystal below a density, nearer to the hull. Both have the same oracle, space and budget. The second runs
twice from one seed: with `memory` in the first one's home, and without. With --home a stopped benchmark goes on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result
from runs import interval, remembered

from athanor.agent import assemble
from athanor.agent.campaign_file import parse_campaign, read_campaign_file
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


def run(name: str, seed: int, home: Path, answers: Path, goal: dict[str, Any], memory: bool) -> State:
    """Run a campaign on the default campaign's space and oracle, in a home of its own for each seed."""
    content = read_campaign_file(assemble.ready_made("stiff")).model_dump(mode="json")
    content |= {"name": name, "seed": seed, "confirmation": None, "goal": goal, "memory": memory}
    file = parse_campaign(content, name)
    ledger = assemble.open_home(home)
    with closing(assemble.open_index(home)) as recall:
        campaign = assemble.wire(file, ledger, recall, partial(remembered, answers))
        state = campaign.run(assemble.holder(), assemble.versions())
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


def main() -> None:
    """Run all seeds and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    folder = options.home or Path(tempfile.mkdtemp())
    answers = folder / "outcomes"
    answers.mkdir(parents=True, exist_ok=True)
    first_goal = read_campaign_file(assemble.ready_made("stiff")).goal.model_dump(mode="json")
    first_goal["budget"] |= {"evaluations": EVALUATIONS, "hours": None}
    rows = []
    for seed in range(options.seeds):
        home = folder / f"seed-{seed}"
        run("first", seed, home, answers, first_goal, memory=True)
        with_memory = run("with", SECOND_SEED + seed, home, answers, SECOND_GOAL, memory=True)
        without = run("without", SECOND_SEED + seed, home, answers, SECOND_GOAL, memory=False)
        a, b = curve(with_memory), curve(without)
        final = b[-1]
        rows.append(
            {
                "seed": seed,
                "reused": len(standing_of(with_memory).reused),
                "recalled_passages": sum(len(given.passages) for given in with_memory.recalled.values()),
                "with_memory_GPa": {str(n): a[min(n, len(a) - 1)] for n in SHOWN},
                "without_memory_GPa": {str(n): b[min(n, len(b) - 1)] for n in SHOWN},
                "evaluations_until_the_best_without_memory": {
                    "with_memory": reached(a, final),
                    "without_memory": reached(b, final),
                },
            }
        )
        print(rows[-1], file=sys.stderr)
    figures: dict[str, object] = {"seeds": options.seeds, "evaluations": EVALUATIONS, "by_seed": rows}
    for n in SHOWN:
        pair = [np.array([row[f"{which}_memory_GPa"][str(n)] for row in rows]) for which in ("with", "without")]
        figures[f"best_after_{n}_evaluations_GPa"] = {
            "with_memory_mean": float(pair[0].mean()),
            "without_memory_mean": float(pair[1].mean()),
            "difference_95": interval(pair[0] - pair[1]),
        }
    until = [row["evaluations_until_the_best_without_memory"] for row in rows]
    saved = np.array([one["without_memory"] - one["with_memory"] for one in until])
    figures["evaluations_saved"] = {
        "mean": float(saved.mean()),
        "median": float(np.median(saved)),
        "by_seed": saved.tolist(),
    }
    write_result("memory_gain", figures)


if __name__ == "__main__":
    main()
