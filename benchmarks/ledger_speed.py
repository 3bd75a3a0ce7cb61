"""What the ledger costs: a durable append, opening a database, and reading and folding 10,000 trials.

usage: python benchmarks/ledger_speed.py [DATABASE_URL]

Without a URL, SQLite in a temporary folder beside this file, so that the disk is a real one.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from record import write_result

from athanor.memory.events import CampaignOpened, Event, RunStarted, TrialFinished, TrialProposed, TrialStaged
from athanor.memory.records import Candidate, Crystal, Measurement, Outcome, Provenance
from athanor.memory.sql import SqlLedger
from athanor.memory.state import fold

TRIALS = 10_000
APPENDS = 1_000
ATOMS = 8
UNITS = {"bulk_modulus": "GPa", "density": "g/cm3", "energy_above_hull": "eV/atom", "formation_energy": "eV/atom"}


def crystal(seed: int) -> Crystal:
    """A cell of eight atoms, no two alike."""
    return Crystal(
        lattice=((4.2 + seed / 3e4, 0.0, 0.1), (0.0, 4.2, 0.0), (0.0, 0.3, 4.2 + 1 / 3)),
        species=("Mg", "O") * (ATOMS // 2),
        coordinates=tuple((n / 7, (n + seed) / 9e5 % 1, 0.123456789) for n in range(ATOMS)),
    )


def trial_events(number: int) -> tuple[Event, Event, Event]:
    """What one trial writes: proposed, staged, finished."""
    candidate = Candidate(content=crystal(number), provenance=Provenance(tool="generate/substitute", note="Ti→Zr"))
    predicted = dict.fromkeys(UNITS, (100.0 + number / 7, 12.5))
    measurements = tuple(
        Measurement(property=name, value=number / 3, unit=unit, method="simulated", source="7net-0")
        for name, unit in UNITS.items()
    )
    outcome = Outcome(measurements=measurements, crystal=crystal(number), details={"steps": 57, "r_squared": 0.99998})
    return (
        TrialProposed(
            trial=number,
            batch=1 + number // 8,
            oracle="sevennet",
            candidate=candidate,
            reason="largest expected improvement",
            predicted=predicted,
        ),
        TrialStaged(trial=number),
        TrialFinished(trial=number, outcome=outcome),
    )


def main() -> None:
    """Measure and write benchmarks/results/ledger_speed.json."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/ledger.sqlite"
        start = time.perf_counter()
        ledger = SqlLedger(url)
        created = time.perf_counter() - start

        opening = []
        for _ in range(20):
            start = time.perf_counter()
            SqlLedger(url)
            opening.append(time.perf_counter() - start)

        single = []
        with ledger.writer("appends", "benchmark"):
            for number in range(1, APPENDS + 1):
                event = trial_events(number)[2]
                start = time.perf_counter()
                ledger.append("appends", [event])
                single.append(time.perf_counter() - start)

        with ledger.writer("trials", "benchmark"):
            ledger.append("trials", [CampaignOpened(spec={}, versions={}), RunStarted(holder="benchmark")])
            for first in range(1, TRIALS + 1, 1000):
                batch = [event for number in range(first, first + 1000) for event in trial_events(number)]
                ledger.append("trials", batch)

        start, start_cpu = time.perf_counter(), time.process_time()
        entries = list(ledger.entries("trials"))
        read, read_cpu = time.perf_counter() - start, time.process_time() - start_cpu
        start, start_cpu = time.perf_counter(), time.process_time()
        state = fold(entries)
        folded, folded_cpu = time.perf_counter() - start, time.process_time() - start_cpu
    assert len(state.completed) == TRIALS
    figures = {
        "database": url.split(":", 1)[0],
        "load_average": os.getloadavg()[0],
        "create_s": round(created, 4),
        "open_median_s": round(statistics.median(opening), 5),
        "append_median_ms": round(1000 * statistics.median(single), 3),
        "append_p99_ms": round(1000 * statistics.quantiles(single, n=100)[98], 3),
        "appends": APPENDS,
        "event_bytes": len(trial_events(1)[2].model_dump_json()),
        "trials": TRIALS,
        "events": len(entries),
        "read_s": round(read, 3),
        "read_cpu_s": round(read_cpu, 3),
        "fold_s": round(folded, 3),
        "fold_cpu_s": round(folded_cpu, 3),
    }
    write_result("ledger_speed", figures)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
