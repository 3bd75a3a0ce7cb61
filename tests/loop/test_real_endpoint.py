"""A real chat model plans two batches and reflects on them: only where ATHANOR_TEST_ENDPOINT=1 asks for it.

The endpoint and the model are those of OPENAI_BASE_URL, OPENAI_API_KEY and ATHANOR_MODEL; it is asked some ten times.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from athanor.agent.cli import app
from athanor.memory.sql import open_ledger
from athanor.memory.state import fold

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("ATHANOR_TEST_ENDPOINT") != "1",
        reason="asks a real chat model, which may cost money: ATHANOR_TEST_ENDPOINT=1 and ATHANOR_MODEL allow it",
    ),
    # Importing BoTorch compiles a few functions by torch.jit.script, which torch 2.13 calls deprecated.
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning"),
]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("has_tool_calls", [True, False])
def test_a_real_chat_model_plans_and_reflects(world: Callable[..., Path], tmp_path: Path, has_tool_calls: bool) -> None:
    goal = {
        "statement": "the strongest setting that costs at most 25 EUR",
        "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
        "constraints": [{"property": "cost", "comparison": "<=", "value": 25, "unit": "EUR"}],
        "budget": {"evaluations": 8, "chat_calls": 40},
    }
    file = world(planner="llm", chat_model={"has_tool_calls": has_tool_calls}, memory=False, goal=goal)
    result = CliRunner().invoke(app, ["run", str(file), "--home", str(tmp_path / "home"), "--json"])
    assert result.exit_code in (0, 3), result.output
    state = fold(open_ledger(tmp_path / "home", None).entries("table"))
    assert len(state.completed) == 8
    assert any(not event.fault and event.step == "propose" for event in state.exchanges)
    assert not state.given_up, [event.reason for event in state.given_up]
    assert all("The chat model adds" in text for text in state.reflections.values())
