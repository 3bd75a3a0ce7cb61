"""What benchmarks that run whole campaigns share: the default campaign, answers that are kept, intervals over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from athanor.agent import assemble
from athanor.agent.campaign_file import CampaignFile, parse_campaign, read_campaign_file
from athanor.memory.records import Candidate, Outcome
from athanor.memory.state import State
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


def default_file(name: str, seed: int, changes: Mapping[str, Mapping[str, Any]], **fields: Any) -> CampaignFile:
    """The default campaign without confirmation; some of its parts changed, and some fields replaced."""
    content = read_campaign_file(assemble.ready_made("stiff")).model_dump(mode="json")
    content |= {"name": name, "seed": seed, "confirmation": None, **fields}
    for part, own in changes.items():
        content[part] |= own
    return parse_campaign(content, name)


def finished(file: CampaignFile, home: Path, answers: Path) -> State:
    """Run a campaign, or go on with it.

    Args:
        file: The campaign.
        home: Holds its ledger, and the index if it remembers.
        answers: Folder of answers of its oracle.
    """
    answers.mkdir(parents=True, exist_ok=True)
    ledger = assemble.open_home(home)
    with ExitStack() as stack:
        recall = stack.enter_context(closing(assemble.open_index(home))) if file.memory else None
        campaign = assemble.wire(file, ledger, recall, partial(remembered, answers))
        return campaign.run(assemble.holder(), assemble.versions())


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Bootstrap 95 % interval of a mean over seeds."""
    random = np.random.default_rng(0)
    means = random.choice(differences, size=(10_000, len(differences))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
