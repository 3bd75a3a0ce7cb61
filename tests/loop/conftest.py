"""What the loop's tests share: a small world that costs nothing to evaluate."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest
import yaml
from straight_line import answer

from athanor.agent.campaign import Campaign
from athanor.agent.campaign_file import CampaignFile, read_campaign_file
from athanor.agent.executors import InlineExecutor
from athanor.agent.planner import Pick, Planner, Proposal, Reflection
from athanor.agent.recollection.recollect import Recollection, Sources
from athanor.memory.records import Candidate, Outcome, Point, Provenance
from athanor.memory.state import State
from athanor.memory.volatile import VolatileLedger


class LinePlanner:
    """Proposes x = 0, 1, 2, … and keeps what it was shown, for tests that look at the campaign's promises."""

    name = "line"

    def __init__(self, last: int = 10_000) -> None:
        self.last = last
        self.seen: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = []

    def propose(self, state: State, n: int) -> Proposal:
        """The next `n` numbers."""
        self.seen.append(
            (state.batches + 1, tuple(t.number for t in state.completed), tuple(t.number for t in state.pending))
        )
        start = len(state.trials)
        values = range(start, min(start + n, self.last))
        return Proposal(tuple(Pick(point(x), reason=f"x is {x}") for x in values))

    def reflect(self, state: State, batch: int) -> Reflection:
        """A sentence that shows what was known."""
        return Reflection(f"batch {batch}: {len(state.completed)} completed")


def point(x: float) -> Candidate:
    """A candidate with one variable."""
    return Candidate(content=Point(values={"x": float(x)}), provenance=Provenance(tool="test"))


@pytest.fixture
def line_planner() -> type[LinePlanner]:
    """The planner that proposes 0, 1, 2, …"""
    return LinePlanner


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., Path]:
    """Make a campaign file over a pool of 200 points in two variables, answered from a table."""

    def make(**changes: Any) -> Path:
        rows = [(x, y) for x in range(20) for y in range(10)]
        lines = [f"{x},{y},{100 - (x - 13) ** 2 - (y - 4) ** 2},{x + y}" for x, y in rows]
        (tmp_path / "pool.csv").write_text("\n".join(["x,y,strength,cost", *lines]) + "\n")
        content = {
            "name": "table",
            "goal": {
                "statement": "strong and cheap",
                "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
                "constraints": [{"property": "cost", "comparison": "<=", "value": 25, "unit": "EUR"}],
                "budget": {"evaluations": 20},
            },
            "space": {"kind": "pool", "file": "pool.csv", "variables": {"x": "1", "y": "1"}},
            "oracle": {"kind": "table", "file": "pool.csv", "properties": {"strength": "MPa", "cost": "EUR"}},
            "planner": "random",
            "seed": 3,
        } | changes
        path = tmp_path / "campaign.yaml"
        path.write_text(yaml.safe_dump(json.loads(json.dumps(content))))
        return path

    return make


@pytest.fixture
def file(world: Callable[..., Path]) -> CampaignFile:
    """The small world's campaign file, validated."""
    return read_campaign_file(world())


@pytest.fixture
def campaign(line_planner: type[Planner]) -> Callable[..., Campaign]:
    """Wire a campaign that evaluates at once."""

    def make(
        file: CampaignFile,
        ledger: VolatileLedger | None = None,
        planner: Planner | None = None,
        evaluate: Callable[[Candidate], Outcome] = answer,
        executor: Callable[[], Executor] = InlineExecutor,
        fingerprint: str = "",
    ) -> Campaign:
        ledger = ledger or VolatileLedger()
        memory = Recollection(file, Sources(ledger, None, lambda crystal: None, {"table": fingerprint}))
        return Campaign(file, ledger, planner or line_planner(), {"table": evaluate}, executor, memory)

    return make
