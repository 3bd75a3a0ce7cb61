"""A killed campaign goes on: nothing recorded is evaluated twice, nothing is lost, the list is the same.

A real process is ended by SIGKILL at random instants, its start and its end included.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from athanor.memory.sql import open_ledger
from athanor.memory.state import State, fold

KILLS = 20
CHAT_KILLS = 6
"""With a chat model each start takes seven seconds of processor time."""
EVALUATIONS = 120
LONG = (30, 0.5)
"""Evaluations and seconds for each: long enough that a busy machine finds the campaign still at work."""

WORLD = """
import os, time
def answer(content, log, seconds):
    time.sleep(seconds)
    x, y = content.values["x"], content.values["y"]
    with open(log, "a") as stream:
        stream.write(f"{x:g},{y:g}\\n")
    if (x + y) % 11 == 0:
        raise ValueError("this point cannot be made")
    return {"strength": 100 - (x - 13) ** 2 - (y - 4) ** 2, "cost": x + y}
"""


@pytest.fixture
def slow_world(tmp_path: Path, world: Callable[..., Path]) -> Callable[..., Path]:
    (tmp_path / "slow_world.py").write_text(WORLD)

    def make(name: str, evaluations: int = EVALUATIONS, seconds: float = 0.03, **changes: Any) -> Path:
        goal = yaml.safe_load(world().read_text())["goal"]
        goal["budget"] = {"evaluations": evaluations}
        path = world(
            name=name,
            goal=goal,
            oracle={
                "kind": "function",
                "function": "slow_world:answer",
                "properties": {"strength": "MPa", "cost": "EUR"},
                "arguments": {"log": str(tmp_path / f"{name}.log"), "seconds": seconds},
            },
            **changes,
        )
        return path.rename(tmp_path / f"{name}.yaml")

    return make


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from athanor.agent.cli import main; main()", "run", *arguments]
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "ATHANOR_HOME": str(tmp_path / "home")}
    return subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def end_of(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Exit code and what was said on the error stream."""
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors.decode()


def state_in(tmp_path: Path, name: str) -> State:
    return fold(open_ledger(tmp_path / "home", None).entries(name))


def as_list(state: State) -> list[tuple[int, str, dict[str, float], str | None]]:
    return [
        (t.number, t.candidate.id, t.values, t.outcome.failure.kind if t.outcome and t.outcome.failure else None)
        for t in state.trials.values()
    ]


def evaluated(tmp_path: Path, name: str) -> Counter[str]:
    log = tmp_path / f"{name}.log"
    return Counter(log.read_text().split()) if log.exists() else Counter()


def names_of_finished(state: State) -> set[str]:
    points = [t.candidate.content.values for t in state.trials.values() if t.is_finished]
    return {f"{values['x']:g},{values['y']:g}" for values in points}


def wait_for_more(tmp_path: Path, events: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the ledger has grown by some events, or the process has ended."""
    database = tmp_path / "home" / "ledger.sqlite"
    before = state_in(tmp_path, "killed").last if database.exists() else 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if database.exists() and state_in(tmp_path, "killed").last >= before + events:
            return
        time.sleep(0.01)


@pytest.mark.timeout(400)
def test_twenty_kills_leave_the_same_list(tmp_path: Path, slow_world: Callable[..., Path]) -> None:
    assert end_of(start(tmp_path, str(slow_world("whole")))) == (0, "")
    arguments = [str(slow_world("killed"))]
    chance = random.Random(20261122)
    evaluations_when_recorded: dict[str, int] = {}
    instants = []
    for _ in range(KILLS):
        process = start(tmp_path, *arguments)
        if chance.random() < 0.8:
            wait_for_more(tmp_path, chance.randint(1, 12), process)
        time.sleep(chance.uniform(0.0, 0.25))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        time.sleep(0.2)  # an evaluation at work when its campaign was killed may still write its line
        state = state_in(tmp_path, "killed")
        instants.append(state.last)
        counts = evaluated(tmp_path, "killed")
        for name in names_of_finished(state):
            evaluations_when_recorded.setdefault(name, counts[name])
        if state.last:
            arguments = ["--resume", "killed"]
    assert end_of(start(tmp_path, "--resume", "killed")) == (0, "")
    counts = evaluated(tmp_path, "killed")
    assert as_list(state_in(tmp_path, "killed")) == as_list(state_in(tmp_path, "whole"))
    assert {name: counts[name] for name in evaluations_when_recorded} == evaluations_when_recorded
    assert len(set(instants)) > KILLS // 2, f"the kills hit too few different instants: {instants}"


@pytest.mark.timeout(600)
def test_kills_with_a_chat_model_repeat_and_lose_nothing(tmp_path: Path, slow_world: Callable[..., Path]) -> None:
    chat = {"planner": "llm", "chat_model": {"model": "scripted:obedient"}, "memory": False}
    arguments, evaluations_when_recorded, instants = [str(slow_world("killed", 40, **chat))], dict[str, int](), []
    chance = random.Random(20261123)
    for _ in range(CHAT_KILLS):
        process = start(tmp_path, *arguments)
        wait_for_more(tmp_path, chance.randint(1, 8), process)
        time.sleep(chance.uniform(0.0, 0.1))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        time.sleep(0.2)  # as above
        state = state_in(tmp_path, "killed")
        instants.append(state.last)
        counts = evaluated(tmp_path, "killed")
        for name in names_of_finished(state):
            evaluations_when_recorded.setdefault(name, counts[name])
        arguments = ["--resume", "killed"]
    assert end_of(start(tmp_path, "--resume", "killed")) == (0, "")
    state, counts = state_in(tmp_path, "killed"), evaluated(tmp_path, "killed")
    assert sorted(state.trials) == list(range(1, 41))
    assert all(trial.is_finished for trial in state.trials.values())
    assert len({trial.candidate.id for trial in state.trials.values()}) == 40
    assert {name: counts[name] for name in evaluations_when_recorded} == evaluations_when_recorded
    assert state.exchanges
    assert len(set(instants)) > CHAT_KILLS // 2, f"the kills hit too few different instants: {instants}"


def test_ctrl_c_ends_with_130_and_says_how_to_resume(tmp_path: Path, slow_world: Callable[..., Path]) -> None:
    process = start(tmp_path, str(slow_world("stopped", *LONG)))
    deadline = time.monotonic() + 120
    while not evaluated(tmp_path, "stopped") and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"athanor run --resume stopped" in errors
    state = state_in(tmp_path, "stopped")
    assert state.ended is not None
    assert state.ended.reason == "interrupted"
    assert end_of(start(tmp_path, "--resume", "stopped")) == (0, "")
    assert len([t for t in state_in(tmp_path, "stopped").trials.values() if t.is_finished]) == LONG[0]


def test_a_killed_campaign_leaves_no_worker_behind(tmp_path: Path, slow_world: Callable[..., Path]) -> None:
    process = start(tmp_path, str(slow_world("orphans", *LONG)))
    deadline = time.monotonic() + 120
    while not evaluated(tmp_path, "orphans") and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 60
    while processes_in_session(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_in_session(process.pid) == []


def processes_in_session(session: int) -> list[str]:
    listing = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-s", str(session)], capture_output=True, text=True, check=False
    )
    return [line for line in listing.stdout.splitlines() if "Z" not in line.split()[1]]


def test_a_second_process_is_refused_with_the_holders_name(tmp_path: Path, slow_world: Callable[..., Path]) -> None:
    first = start(tmp_path, str(slow_world("shared", 30, 3.0)))
    deadline = time.monotonic() + 120
    while not evaluated(tmp_path, "shared") and time.monotonic() < deadline:
        time.sleep(0.02)
    second = start(tmp_path, "--resume", "shared")
    _, errors = second.communicate(timeout=120)
    assert second.returncode == 2
    assert f"process {first.pid}".encode() in errors
    assert b"Traceback" not in errors
    first.terminate()
    assert end_of(first)[0] == 130
