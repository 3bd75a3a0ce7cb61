"""What benchmarks that run whole campaigns share: answers that are kept, and intervals over seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from athanor.memory.records import Candidate, Outcome
from athanor.tools.oracles.build import evaluate
from athanor.tools.oracles.oracle import OracleSettings


def remembered(folder: Path, settings: OracleSettings, candidate: Candidate) -> Outcome:
    """Evaluate, or read what an earlier run got for the same candidate: the oracle is deterministic."""
    path = folder / f"{candidate.id}.json"
    if path.exists():
        return Outcome.model_validate_json(path.read_text())
    outcome = evaluate(settings, candidate)
    path.write_text(outcome.model_dump_json())
    return outcome


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Bootstrap 95 % interval of a mean over seeds."""
    random = np.random.default_rng(0)
    means = random.choice(differences, size=(10_000, len(differences))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
