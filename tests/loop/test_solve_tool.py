"""The `solve` tool as a planner's chat model, a chat and its slash command call it: short, with all doubts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chat_partner import partner

from athanor.agent.chat import talk
from athanor.agent.chat.commands import obey
from athanor.agent.chat.limits import Limits
from athanor.agent.chat.screen import Screen
from athanor.agent.chat.session import ChatModel, Session, opened
from athanor.agent.chat.terminal import heed
from athanor.agent.chat_model.scripted import ScriptedChatModel
from athanor.agent.chat_model.settings import ChatModelSettings
from athanor.agent.chat_model.test_server import ChatServer
from athanor.agent.llm.bench import Bench
from athanor.agent.llm.tools import LINES, tools_for
from athanor.memory.errors import UserError
from athanor.memory.events import CampaignOpened, Entry, TrialFinished, TrialProposed
from athanor.memory.records import Candidate, Goal, Measurement, Outcome, Point, Provenance, Trace
from athanor.memory.state import State, fold
from athanor.tools.solving.closed_forms import laser_flash
from athanor.tools.solving.registry import PROBLEMS
from athanor.tools.solving.trace import write_trace
from athanor.tools.space import PoolSpace

NOW = datetime(2030, 1, 1, 8, 0, tzinfo=UTC)
GOAL = {
    "statement": "A plate that conducts",
    "objectives": [{"property": "diffusivity", "direction": "maximise", "unit": "mm2/s"}],
    "budget": {"evaluations": 10},
}
ORACLE = {
    "kind": "manual",
    "properties": {"diffusivity": "mm2/s"},
    "traces": {"diffusivity": {"problem": "laser_flash", "known": {"pulse": "20 ms"}}},
}


@pytest.fixture
def trace() -> Trace:
    """A plate of 2 mm and 1.6 mm2/s, whose thickness was noted."""
    t = np.linspace(0.05, 4, 60)
    values = laser_flash(t, 1.6e-6, 2e-3, 0.05, 0.02, 1.5) + 0.01 * np.random.default_rng(0).standard_normal(60)
    return Trace(columns={"t [s]": tuple(t), "temperature [K]": tuple(values)}, known={"thickness": "2 mm"})


@pytest.fixture
def state(trace: Trace) -> State:
    """Two trials, the first with a trace."""
    number = Measurement(property="diffusivity", value=1.6, unit="mm2/s", method="measured", source="told by Ada")
    events: list[Any] = [CampaignOpened(spec={"name": "plates", "goal": GOAL, "oracle": ORACLE}, versions={})]
    for k, traces in ((1, {"diffusivity": trace}), (2, {})):
        candidate = Candidate(content=Point(values={"x": float(k)}), provenance=Provenance(tool="test"))
        events.append(TrialProposed(trial=k, batch=1, oracle="by hand", candidate=candidate, reason="a test"))
        events.append(TrialFinished(trial=k, outcome=Outcome(measurements=(number,), traces=traces)))
    return fold([Entry(campaign="plates", number=n, time=NOW, event=e) for n, e in enumerate(events, start=1)])


@pytest.fixture
def solve(state: State, tmp_path: Path) -> Callable[..., str]:
    """The planner's tool."""
    space = PoolSpace(file=tmp_path / "pool.csv", variables={"x": "1"})
    bench = Bench(Goal.model_validate(GOAL), space, state, 2, 1)
    (tool,) = [one for one in tools_for(bench, lambda batch: None) if one.name == "solve"]
    return lambda **asked: str(tool.invoke(asked))


def test_a_planner_infers_again_with_another_thickness(solve: Callable[..., str]) -> None:
    told = solve(trial=1)
    assert "diffusivity: 1.6" in told
    assert " ± " in told.split("diffusivity: ")[1].split("\n")[0]
    assert "(inferred)" in told
    thinner = solve(trial=1, known=[{"name": "thickness", "value": 1.0, "unit": "mm"}])
    assert "diffusivity: 0.40" in thinner or "diffusivity: 0.39" in thinner
    assert len(told.split("\n")) < LINES


def test_a_planner_solves_forward_at_points(solve: Callable[..., str]) -> None:
    told = solve(problem="heat", at=[{"x": 0.5, "t": 0.1}], known=[{"name": "diffusivity", "value": 0.2}])
    assert f"temperature at x 0.5, t 0.1: {np.exp(-(np.pi**2) * 0.2 * 0.1):.3g}" in told
    assert "level 1: 0.0342" in solve(problem="finite_well")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"problem": "wave"}, "'wave' is not registered; heat"),
        ({"trial": 2}, "trial #2 came without a raw trace; #1 came with one"),
        ({"trial": 9}, "trial #9 came without"),
        ({"problem": "diffusivity"}, "none given, but 1 numbers are unknown"),
        ({"problem": "heat", "known": [{"name": "colour", "value": 1}]}, "colour is no parameter of heat"),
        ({"problem": "heat", "known": [{"name": "diffusivity", "value": 1, "unit": "mm2/s"}]}, "of the kind of 1"),
        ({"problem": "heat", "at": [{"x": 3, "t": 0}]}, "lies outside 0 to 1"),
        ({"problem": "heat", "at": [{"x": 0.5}]}, "a point needs x, t"),
        ({"problem": "heat", "colour": "red"}, "colour"),
    ],
)  # fmt: skip
def test_what_cannot_be_solved_is_refused_with_what_can(
    solve: Callable[..., str], asked: dict[str, Any], words: str
) -> None:
    told = solve(**asked)
    assert told.startswith("refused: ")
    assert words in told


def chat(tmp_path: Path, lines: list[str], server: ChatServer | None = None) -> Session:
    given: dict[str, Any] = {"model": "test", "base_url": server.base_url, "timeout_seconds": 60} if server else {}
    model = ChatModel(ChatModelSettings(**given), talk.connected)
    return opened(tmp_path / "home", "", "", "ada", model, Limits(), Screen(lines.append), NOW)


def test_a_slash_command_infers_from_a_file(trace: Trace, tmp_path: Path) -> None:
    write_trace(trace, tmp_path / "my rear.csv")
    session = chat(tmp_path, [])
    told = obey(session, f"/solve laser_flash '{tmp_path}/my rear.csv' 'thickness=2 mm' 'pulse=20 ms'")
    assert "diffusivity: 1.6" in told
    assert all(name in str(_refused(session, "/solve")) for name in PROBLEMS)
    assert "one file is allowed" in _refused(session, "/solve heat a.csv b.csv")
    assert "no quantity" in _refused(session, "/solve heat diffusivity=fast")
    assert "cannot be read" in _refused(session, "/solve laser_flash nowhere.csv")


def _refused(session: Session, line: str) -> str:
    with pytest.raises(UserError) as error:
        obey(session, line)
    return str(error.value)


def test_a_chat_tells_what_follows_from_a_trace_that_the_person_has_named(trace: Trace, tmp_path: Path) -> None:
    file = tmp_path / "rear.csv"
    write_trace(trace, file)
    known = [{"name": "thickness", "value": 2.0, "unit": "mm"}, {"name": "pulse", "value": 20.0, "unit": "ms"}]
    asked = ("solve", {"problem": "laser_flash", "file": str(file), "known": known})
    lines: list[str] = []
    with ChatServer(ScriptedChatModel(script=partner({"follows": asked}))) as server:
        session = chat(tmp_path, lines, server)
        heed(session, "what follows from it?")
        assert "the person has not named" in "".join(lines)
        heed(session, f"what diffusivity follows from {file}?")
    (told,) = [
        str(turn.message["content"])
        for turn in session.turns
        if turn.message["role"] == "tool" and "(inferred)" in str(turn.message["content"])
    ]
    assert "diffusivity: 1.6" in told
