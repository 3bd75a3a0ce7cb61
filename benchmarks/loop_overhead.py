"""What the loop itself costs per trial: builtin planner, table oracle, durable ledger, after 1,000 and 10,000 trials.

usage: python benchmarks/loop_overhead.py

A ledger is filled with finished trials, then a campaign goes on from there; timed are the batches it adds:
folding, planning, judging, writing. The table's rows cost nothing to look up.
"""

from __future__ import annotations

import csv
import statistics
import sys
import tempfile
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from record import write_result

from athanor.agent.campaign import Campaign
from athanor.agent.campaign_file import CampaignFile
from athanor.agent.executors import InlineExecutor
from athanor.agent.planners.builtin import BuiltinPlanner
from athanor.agent.recollection.recollect import Recollection, Sources
from athanor.memory.events import (
    CampaignOpened,
    Event,
    Reflected,
    RunStarted,
    TrialFinished,
    TrialProposed,
    TrialStaged,
)
from athanor.memory.records import Candidate, Point, Provenance
from athanor.memory.sql import open_ledger
from athanor.memory.state import State
from athanor.tools.oracles.build import evaluate
from athanor.tools.oracles.fingerprint import fingerprint

BATCH = 10
ADDED = 60
SEED = 0


def write_world(folder: Path, n: int, evaluations: int) -> CampaignFile:
    """A pool of `n` points in four variables with two properties to trade off, and a campaign over it."""
    random = np.random.default_rng(SEED)
    points = random.uniform(size=(n, 4)).round(4)
    strength = 100 * np.exp(-((points - 0.6) ** 2).sum(axis=1)) + random.normal(0, 1, n)
    cost = points @ [1.0, 2.0, 0.5, 0.1]
    with (folder / "pool.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["a", "b", "c", "d", "strength", "cost"])
        writer.writerows([*point, s, c] for point, s, c in zip(points, strength, cost, strict=True))
    return CampaignFile.model_validate(
        {
            "name": "overhead",
            "goal": {
                "statement": "strong and cheap",
                "objectives": (
                    {"property": "strength", "direction": "maximise", "unit": "MPa"},
                    {"property": "cost", "direction": "minimise", "unit": "EUR"},
                ),
                "budget": {"evaluations": evaluations},
            },
            "space": {"kind": "pool", "file": folder / "pool.csv", "variables": dict.fromkeys("abcd", "1")},
            "oracle": {
                "kind": "table",
                "file": folder / "pool.csv",
                "properties": {"strength": "MPa", "cost": "EUR"},
            },
            "batch": BATCH,
        }
    )


def finished_trials(file: CampaignFile, n: int) -> list[Event]:
    """Events of a campaign that has already evaluated the first `n` points of the pool."""
    events: list[Event] = [
        CampaignOpened(spec=file.model_dump(mode="json"), versions={}),
        RunStarted(holder="benchmark"),
    ]
    with Path(file.space.file).open() as stream:  # type: ignore[union-attr]
        rows = list(csv.DictReader(stream))[:n]
    for number, row in enumerate(rows, start=1):
        batch = (number - 1) // BATCH + 1
        candidate = Candidate(
            content=Point(values={name: float(row[name]) for name in "abcd"}), provenance=Provenance(tool="benchmark")
        )
        events += [
            TrialProposed(trial=number, batch=batch, oracle="pool.csv", candidate=candidate, reason="prefilled"),
            TrialStaged(trial=number),
            TrialFinished(trial=number, outcome=evaluate(file.oracle, candidate)),
        ]
        if number % BATCH == 0:
            events.append(Reflected(batch=batch, text="prefilled"))
    return events


def seconds_per_trial(n: int) -> dict[str, float]:
    """Milliseconds per trial added after `n` trials; the first batch loads torch and is left out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = write_world(folder, n + 2000, n + ADDED)
        ledger = open_ledger(folder, None)
        ledger.append("overhead", finished_trials(file, n))
        marks: list[tuple[int, float, float]] = []

        def watch(state: State, _: object) -> None:
            marks.append((len(state.completed), time.perf_counter(), time.process_time()))

        planner = BuiltinPlanner(file.goal, file.space, SEED)
        memory = Recollection(file, Sources(ledger, None, lambda crystal: None, {"pool.csv": fingerprint(file.oracle)}))
        oracles = {"pool.csv": partial(evaluate, file.oracle)}
        campaign = Campaign(file, ledger, planner, oracles, InlineExecutor, memory)
        campaign.run("benchmark", {}, watch)
    ends = {completed: (wall, cpu) for completed, wall, cpu in marks if completed % BATCH == 0}
    counts = sorted(count for count in ends if count > n + BATCH)
    pairs = list(pairwise(counts))
    return {
        "wall_ms": statistics.median(1e3 * (ends[b][0] - ends[a][0]) / (b - a) for a, b in pairs),
        "cpu_ms": statistics.median(1e3 * (ends[b][1] - ends[a][1]) / (b - a) for a, b in pairs),
    }


def main() -> None:
    """Measure and write the figures."""
    figures = {f"after_{n}_trials": seconds_per_trial(n) for n in (1_000, 10_000)}
    write_result("loop_overhead", {"batch": BATCH, "seed": SEED, "per_trial": figures})
    print(figures, file=sys.stderr)


if __name__ == "__main__":
    main()
