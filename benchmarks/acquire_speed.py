"""Seconds for one proposal from a pool of 200, at 50 to 10,000 completed trials.

usage: python benchmarks/acquire_speed.py

Three properties of points with four variables, two objectives and one constraint, so that only the acquisition's own
work is timed. Processor time stands beside wall-clock time, for a busy machine stretches the latter.
"""

from __future__ import annotations

import time

import numpy as np
from record import write_result

from athanor.memory.records import (
    Budget,
    Candidate,
    Constraint,
    Goal,
    Measurement,
    Objective,
    Outcome,
    Point,
    Provenance,
)
from athanor.memory.state import Trial
from athanor.tools.acquisition.acquire import acquire

POOL = 200
TRIALS = (50, 200, 1_000, 10_000)
BATCHES = (4, 10)
REPEATS = 3
GOAL = Goal(
    statement="two objectives and a constraint",
    objectives=(
        Objective(property="a", direction="maximise", unit="1"),
        Objective(property="b", direction="minimise", unit="1"),
    ),
    constraints=(Constraint(property="c", comparison="<=", value=0.5, unit="1"),),
    budget=Budget(evaluations=20_000),
)


def candidates(n: int, seed: int) -> list[Candidate]:
    """Points spread at random over the unit cube."""
    rows = np.random.default_rng(seed).random((n, 4))
    return [
        Candidate(
            content=Point(values={f"x{k}": float(v) for k, v in enumerate(row)}),
            provenance=Provenance(tool="benchmark"),
        )
        for row in rows
    ]


def completed(n: int) -> list[Trial]:
    """Trials with smooth answers."""
    trials = []
    for number, candidate in enumerate(candidates(n, 1), start=1):
        assert isinstance(candidate.content, Point)
        x = np.array(list(candidate.content.values.values()), dtype=float)
        answers = {
            "a": 10 * float(np.exp(-3 * ((x - 0.7) ** 2).sum())),
            "b": float(((x - 0.3) ** 2).sum()),
            "c": float(x[0] * x[1] + 0.2 * np.sin(5 * x[2])),
        }
        measured = tuple(
            Measurement(property=name, value=value, unit="1", method="simulated", source="closed form")
            for name, value in answers.items()
        )
        outcome = Outcome(measurements=measured)
        trials.append(Trial(number, 1, "closed form", candidate, None, "", {}, "completed", outcome))
    return trials


def main() -> None:
    """Time the proposals, print them and write the result."""
    pool, known = candidates(POOL, 0), completed(max(TRIALS))
    acquire(GOAL, known[:10], pool, 2, 0)
    figures = {}
    for n in TRIALS:
        for q in BATCHES:
            wall, processor = [], []
            for repeat in range(REPEATS):
                start, start_cpu = time.perf_counter(), time.process_time()
                acquire(GOAL, known[:n], pool, q, repeat)
                wall.append(time.perf_counter() - start)
                processor.append(time.process_time() - start_cpu)
            figures[f"{n} trials, batch of {q}"] = {
                "wall_s": round(min(wall), 3),
                "processor_s": round(min(processor), 3),
                "processor_ms_per_pick": round(1000 * min(processor) / q, 1),
            }
            print(f"{n:6d} trials, batch of {q:2d}: {min(wall):.3f} s, {min(processor):.3f} CPU s")
    settings = {"pool": POOL, "properties": 3, "best_of": REPEATS}
    write_result("acquire_speed", {**settings, "proposals": figures})


if __name__ == "__main__":
    main()
