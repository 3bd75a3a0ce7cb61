"""What faulty answers of a chat model cost a campaign: regret against one that is answered well, over real HTTP.

usage: python benchmarks/loop_integrity.py [--seeds 5]

Each campaign looks for the best of 200 points in 20 evaluations by a table. The chat model is the scripted one that
follows the acquisition's ranking, behind the local endpoint, of whose answers a share is spoilt: silence, errors of the
server, broken JSON, cut connections, wrong tools and arguments, refusals, nonsense, endless calls.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result

from athanor.agent import assemble
from athanor.agent.campaign_file import parse_campaign
from athanor.agent.chat_model.faults import Faults
from athanor.agent.chat_model.obedient import obedient
from athanor.agent.chat_model.scripted import ScriptedChatModel
from athanor.agent.chat_model.test_server import ChatServer
from athanor.memory.state import State

SHARES = (0.0, 0.1, 0.3, 0.5)
EVALUATIONS, BEST = 20, 100.0
TIMEOUT, SLOW = 2.0, 3.0
"""Seconds that the client waits, and that a slow answer takes."""


def run(share: float, seed: int, folder: Path) -> tuple[State, Counter[Any]]:
    """Run one campaign."""
    table = folder / "table.csv"
    rows = [f"{x},{y},{100 - (x - 13) ** 2 - (y - 4) ** 2},{x + y}" for x in range(20) for y in range(10)]
    table.write_text("\n".join(["x,y,strength,cost", *rows]) + "\n", encoding="utf-8")
    model = ScriptedChatModel(script=obedient)
    with ChatServer(model, Faults(share, seed) if share else None, slow_seconds=SLOW) as server:
        content = {
            "name": f"faults-{100 * share:.0f}-{seed}",
            "seed": seed,
            "goal": {
                "statement": "strong and cheap",
                "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
                "constraints": [{"property": "cost", "comparison": "<=", "value": 25, "unit": "EUR"}],
                "budget": {"evaluations": EVALUATIONS},
            },
            "space": {"kind": "pool", "file": str(table), "variables": {"x": "1", "y": "1"}},
            "oracle": {"kind": "table", "file": str(table), "properties": {"strength": "MPa", "cost": "EUR"}},
            "planner": "llm",
            "chat_model": {"model": "scripted", "base_url": server.base_url, "timeout_seconds": TIMEOUT},
            "memory": False,
        }
        file = parse_campaign(content, "benchmark")
        campaign = assemble.wire(file, assemble.open_home(folder))
        return campaign.run(assemble.holder(), assemble.versions()), server.counts


def regret(state: State) -> float:
    """Mean over the evaluations of how far the best so far is below the best there is, in MPa."""
    strengths = [t.values["strength"] if t.values["cost"] <= 25 else -np.inf for t in state.trials.values()]
    return float(np.mean(BEST - np.maximum.accumulate(np.maximum(strengths, 0.0))))


def main() -> None:
    """Run all campaigns and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    figures: dict[str, Any] = {"seeds": seeds, "evaluations": EVALUATIONS}
    for share in SHARES:
        states, done = [], Counter[Any]()
        for seed in range(seeds):
            with tempfile.TemporaryDirectory() as folder:
                state, counts = run(share, seed, Path(folder))
            states.append(state)
            done += counts
            print(share, seed, len(state.completed), regret(state), file=sys.stderr, flush=True)
        figures[f"{100 * share:g} % of answers faulty"] = {
            "campaigns_finished": sum(len(state.completed) == EVALUATIONS for state in states),
            "mean_regret_MPa": round(float(np.mean([regret(state) for state in states])), 2),
            "regret_by_seed_MPa": [round(regret(state), 2) for state in states],
            "questions": sum(done.values()),
            "answers_by_fault": {str(kind): n for kind, n in done.most_common()},
            "steps_without_chat_model": sum(len(state.given_up) for state in states),
            "campaigns_that_gave_the_chat_model_up": sum(any(e.is_final for e in s.given_up) for s in states),
        }
    print(write_result("loop_integrity", figures).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
