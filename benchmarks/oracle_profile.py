"""Evaluations per hour on two cores, and where the time goes, on candidates as the default campaign makes them.

usage: python benchmarks/oracle_profile.py [--candidates 20] [--potentials chgnet sevennet]

Processor time is what counts: a busy machine stretches the wall clock, not the figures. Two workers share nothing, so
evaluations per hour on two free cores are 7200 s over the mean processor time of one evaluation, failures included.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from statistics import mean, median
from typing import Any

from record import write_result

from athanor.agent import assemble
from athanor.agent.campaign_file import read_campaign_file
from athanor.agent.executors import process_pool
from athanor.memory.records import Candidate, Outcome
from athanor.tools.generators.generate import Wish, generate, generators_for
from athanor.tools.oracles.build import build_oracle, evaluate
from athanor.tools.oracles.oracle import SimulationSettings
from athanor.tools.space import Space

CORES = 2


def candidates_of(space: Space, n: int) -> tuple[Candidate, ...]:
    """Candidates of the default campaign's space, always the same."""
    return generate(Wish(n=n, seed=0), generators_for(space), space).candidates


def load(settings: SimulationSettings) -> float:
    """Processor seconds to import and load a potential in a fresh process."""
    start = time.process_time()
    build_oracle(settings)
    return time.process_time() - start


def rows(outcomes: list[Outcome]) -> dict[str, Any]:
    """Sum up the outcomes of one potential."""
    good = [o for o in outcomes if o.failure is None]
    details: list[dict[str, Any]] = [o.details for o in outcomes]
    spent = mean(o.cpu_seconds for o in outcomes)
    stages = Counter[str]()
    for found in details:
        stages.update(found["cpu_seconds"])
    total = sum(o.cpu_seconds for o in outcomes)
    curves = [d["equation_of_state"] for d in details if "equation_of_state" in d]
    return {
        "candidates": len(outcomes),
        "failures": dict(Counter(o.failure.kind for o in outcomes if o.failure)),
        "without_modulus": sum("bulk_modulus" not in {m.property for m in o.measurements} for o in good),
        "cpu_seconds_mean": round(spent, 2),
        "cpu_seconds_median": round(median(o.cpu_seconds for o in outcomes), 2),
        "cpu_seconds_largest": round(max(o.cpu_seconds for o in outcomes), 2),
        "evaluations_per_hour": round(3600 * CORES / spent),
        "share_by_stage": {stage: round(seconds / total, 3) for stage, seconds in stages.most_common()},
        "relaxation_steps_mean": round(mean(d["steps"] for d in details if "steps" in d), 1),
        "equation_of_state_steps_mean": round(mean(c["steps"] for c in curves), 1),
        "equation_of_state_without_relaxing": sum(c["steps"] == 0 for c in curves),
        "r2_smallest": min(c["r2"] for c in curves if "r2" in c),
    }


def main() -> None:
    """Evaluate, sum up and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--potentials", nargs="+", default=["chgnet", "sevennet"])
    options = parser.parse_args()
    space = read_campaign_file(assemble.ready_made("stiff")).space
    candidates = candidates_of(space, options.candidates)
    figures = {}
    for name in options.potentials:
        settings = SimulationSettings(calculator=name)
        with process_pool(CORES)() as pool:
            loading = [pool.submit(load, settings) for _ in range(CORES)]
            seconds = max(future.result() for future in loading)
            outcomes = list(pool.map(evaluate, [settings] * len(candidates), candidates))
        figures[name] = {"load_cpu_seconds": round(seconds, 1)} | rows(outcomes)
        print(name, figures[name])
    print(f"written to {write_result('oracle_profile', figures)}")


if __name__ == "__main__":
    main()
