"""A search of noisy measurements ends where nothing is left to gain, says so, and goes on where it is told to."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from athanor.agent import assemble
from athanor.agent.campaign import Campaign
from athanor.agent.campaign_file import parse_campaign, read_campaign_file
from athanor.agent.executors import InlineExecutor
from athanor.agent.planners.builtin import BuiltinPlanner
from athanor.memory.events import GainExpected
from athanor.memory.records import Candidate, Measurement, Outcome, Point
from athanor.memory.volatile import VolatileLedger


@pytest.fixture
def noisy(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A table of 100 settings, each measured three times, whose answers are nearly all noise or nearly all signal."""

    def make(height: float) -> dict[str, Any]:
        drawn = random.Random(1)
        rows = [
            f"{x},{y},{height * (x - 4) * (5 - y) + drawn.gauss(0, 1)}"
            for x in range(10)
            for y in range(10)
            for _ in range(3)
        ]
        # An oracle is built once for a file in a process.
        name = f"noisy-{height:g}.csv"
        (tmp_path / name).write_text("\n".join(["x,y,strength", *rows]) + "\n")
        return {
            "goal": {
                "statement": "strong",
                "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
                "budget": {"evaluations": 60},
            },
            "space": {"kind": "pool", "file": name, "variables": {"x": "1", "y": "1"}},
            "oracle": {"kind": "table", "file": name, "properties": {"strength": "MPa"}},
            "planner": "builtin",
            "memory": False,
        }

    return make


def run(path: Path) -> Any:
    file = read_campaign_file(path)
    ledger = VolatileLedger()
    campaign = assemble.wire(file, ledger)
    campaign._make_executor = InlineExecutor
    return campaign.run("me", {}), ledger


def test_a_flat_landscape_settles_and_a_steep_one_does_not_before_its_top(
    noisy: Callable[..., dict[str, Any]], world: Callable[..., Path]
) -> None:
    flat, ledger = run(world(**noisy(0.01)))
    assert flat.ended.reason == "settled"
    assert "less than the noise of a measurement" in flat.ended.message
    told = [entry.event for entry in ledger.entries("table") if isinstance(entry.event, GainExpected)]
    assert all(one.gain < one.noise for one in told[-2:])
    steep, _ = run(world(**noisy(10.0)))
    assert max(trial.values["strength"] for trial in steep.completed) > 240
    assert len(flat.completed) < len(steep.trials) or steep.ended.reason == "settled"


def test_it_goes_on_where_the_file_says_so(noisy: Callable[..., dict[str, Any]], world: Callable[..., Path]) -> None:
    state, _ = run(world(**noisy(0.01), stop_when_settled=False))
    assert state.ended.reason == "evaluations"
    assert state.gains


def test_a_space_of_settings_settles_too_and_not_before_its_top(campaign: Callable[..., Campaign]) -> None:
    line = {"kind": "continuous", "unit": "1", "low": 0, "high": 1}
    content = {
        "name": "settings",
        "goal": {
            "statement": "strong",
            "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
            "budget": {"evaluations": 40},
        },
        "space": {"kind": "parameters", "variables": [{**line, "name": "x"}, {**line, "name": "y"}]},
        "oracle": {"kind": "manual", "properties": {"strength": "MPa"}},
        "batch": 2,
        "memory": False,
    }

    def ended(height: float) -> tuple[str, float]:
        drawn = random.Random(1)

        def truth(candidate: Candidate) -> float:
            assert isinstance(candidate.content, Point)
            x, y = (float(candidate.content.values[name]) for name in ("x", "y"))
            return -height * ((x - 0.4) ** 2 + (y - 0.7) ** 2)

        def answer(candidate: Candidate) -> Outcome:
            found = Measurement(
                property="strength",
                value=truth(candidate) + drawn.gauss(0, 1),
                unit="MPa",
                method="measured",
                source="made up",
                deviation=1.0,
            )
            return Outcome(measurements=(found,))

        file = parse_campaign(content, "test")
        planner = BuiltinPlanner(file.goal, file.space, file.seed)
        state = campaign(file, VolatileLedger(), planner, answer).run("me", {})
        assert state.ended is not None
        return state.ended.reason, max(truth(trial.candidate) for trial in state.completed)

    reason, _ = ended(0.01)
    assert reason == "settled"
    _, best = ended(1000.0)
    # One standard deviation of the noise; of 40 settings at random the best is above it one time in eight.
    assert best > -1
