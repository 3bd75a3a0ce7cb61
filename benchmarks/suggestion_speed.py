"""Seconds for one proposal in a space of continuous parameters, beside Ax and BayBE.

usage: python benchmarks/suggestion_speed.py [--methods NAME...] [--observations 20 100 500 2000] [--kept FILE]

5 and 20 variables, one objective with noise, batches of 1 and 8. Timed is the call after one more result has come, with
what a method has kept from the call before. Processor time stands beside wall-clock time, for a busy machine stretches
the latter. Where a call has taken more than LIMIT processor seconds, larger ones of that method are not tried. What is
measured is kept in --kept and not measured again.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result
from suggesters import SUGGESTERS, Known, installed

from athanor.memory.records import Budget, Goal, Objective, Point
from athanor.models.threads import configure_torch
from athanor.tools.parameters.parameter_space import ParameterSpace

LIMIT = 120.0
GOAL = Goal(
    statement="",
    objectives=(Objective(property="y", direction="maximise", unit="1"),),
    budget=Budget(evaluations=10_000),
)


def space_of(dimension: int) -> ParameterSpace:
    """The unit cube."""
    line = {"kind": "continuous", "unit": "1", "low": 0.0, "high": 1.0}
    return ParameterSpace.model_validate({"variables": [{**line, "name": f"x{k}"} for k in range(dimension)]})


def observed(n: int, dimension: int) -> Known:
    """Random points of a smooth function of five variables, with noise."""
    random = np.random.default_rng(0)
    rows = random.random((n, dimension))
    values = -((rows[:, :5] - 0.6) ** 2).sum(axis=1) + 0.2 * np.sin(6 * rows[:, 0]) + 0.02 * random.standard_normal(n)
    points = [Point(values={f"x{k}": float(v) for k, v in enumerate(row)}) for row in rows]
    return [(point, {"y": float(value)}) for point, value in zip(points, values, strict=True)]


def measure(method: str, n: int, dimension: int, q: int) -> dict[str, float | str]:
    """Wall-clock and processor seconds of one call."""
    suggest = SUGGESTERS[method](space_of(dimension), GOAL, 0)
    known = observed(n + 1, dimension)
    start = time.process_time()
    suggest(known[:n], q)
    if (first := time.process_time() - start) > LIMIT:
        return {"processor_s": round(first, 1), "note": "the first call, with all results to be told"}
    wall, start = time.perf_counter(), time.process_time()
    suggest(known, q)
    return {"wall_s": round(time.perf_counter() - wall, 3), "processor_s": round(time.process_time() - start, 3)}


def main() -> None:
    """Time the proposals, print them and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=installed(), choices=list(SUGGESTERS))
    parser.add_argument("--observations", nargs="+", type=int, default=[20, 100, 500, 2000])
    parser.add_argument("--kept", type=Path, default=Path("suggestion-speed.json"))
    asked = parser.parse_args()
    configure_torch()
    figures: dict[str, dict[str, Any]] = json.loads(asked.kept.read_text()) if asked.kept.exists() else {}
    for n in asked.observations:
        for dimension in (5, 20):
            for q in (1, 8):
                row = figures.setdefault(f"{n} observations, {dimension} variables, batch of {q}", {})
                for method in asked.methods:
                    slow = [r[method] for r in figures.values() if r.get(method, {}).get("processor_s", 0.0) > LIMIT]
                    if method not in row:
                        skipped = {"note": "not tried, for a smaller one took too long"}
                        row[method] = skipped if slow else measure(method, n, dimension, q)
                        asked.kept.write_text(json.dumps(figures))
                        print(n, dimension, q, method, row[method], flush=True)
    others = {p: version(p) for p, m in (("ax-platform", "ax"), ("baybe", "baybe")) if m in installed()}
    write_result("suggestion_speed", {"limit_s": LIMIT, "others": others, "proposals": figures})


if __name__ == "__main__":
    main()
