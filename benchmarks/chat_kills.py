"""SIGKILL at random instants with a chat model that plans over HTTP: what is repeated, lost or stated twice.

usage: python benchmarks/chat_kills.py [--kills 20] [--evaluations 60]

A campaign looks for the best of 200 points by a function that logs each call; its chat model is the scripted one behind
the local endpoint. Its process is killed at random instants, its start included, and resumed, until it ends.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from record import write_result

from athanor.agent.chat_model.obedient import obedient
from athanor.agent.chat_model.scripted import ScriptedChatModel
from athanor.agent.chat_model.test_server import ChatServer
from athanor.memory.sql import open_ledger
from athanor.memory.state import State, fold

SEED = 20261127
WORLD = """
import time
def answer(content, log):
    time.sleep(0.1)
    x, y = content.values["x"], content.values["y"]
    with open(log, "a") as stream:
        stream.write(f"{x:g},{y:g}\\n")
    return {"strength": 100 - (x - 13) ** 2 - (y - 4) ** 2}
"""


def campaign_file(folder: Path, base_url: str, evaluations: int) -> Path:
    """The campaign and its world."""
    (folder / "killed_world.py").write_text(WORLD)
    (folder / "points.csv").write_text("x,y\n" + "".join(f"{x},{y}\n" for x in range(20) for y in range(10)))
    content = {
        "name": "killed",
        "goal": {
            "statement": "strong",
            "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
            "budget": {"evaluations": evaluations},
        },
        "space": {"kind": "pool", "file": "points.csv", "variables": {"x": "1", "y": "1"}},
        "oracle": {
            "kind": "function",
            "function": "killed_world:answer",
            "properties": {"strength": "MPa"},
            "arguments": {"log": str(folder / "calls.log")},
        },
        "planner": "llm",
        "chat_model": {"model": "scripted", "base_url": base_url},
        "memory": False,
    }
    path = folder / "killed.yaml"
    path.write_text(json.dumps(content))
    return path


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """`athanor run` as a process of its own."""
    command = [sys.executable, "-c", "from athanor.agent.cli import main; main()", "run", *arguments]
    environment = os.environ | {"ATHANOR_HOME": str(folder / "home"), "OPENAI_API_KEY": "none"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **quiet)


def state_in(folder: Path) -> State:
    """What the ledger holds."""
    home = folder / "home"
    return fold(open_ledger(home, None).entries("killed")) if (home / "ledger.sqlite").exists() else State()


def calls(folder: Path) -> Counter[str]:
    """Calls of the oracle by point."""
    log = folder / "calls.log"
    return Counter(log.read_text().split()) if log.exists() else Counter()


def recorded(state: State) -> set[str]:
    """Points whose results the ledger holds."""
    settings = [trial.candidate.content.values for trial in state.trials.values() if trial.is_finished]
    return {f"{values['x']:g},{values['y']:g}" for values in settings}


def kill_often(folder: Path, path: Path, kills: int) -> dict[str, Any]:
    """Kill, resume, let it end, and count."""
    chance = random.Random(SEED)
    arguments, calls_when_recorded, instants = [str(path)], dict[str, int](), []
    for _ in range(kills):
        process = start(folder, *arguments)
        before, wanted = state_in(folder).last, chance.randint(0, 6)
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline and state_in(folder).last < before + wanted:
            time.sleep(0.02)
        time.sleep(chance.uniform(0.0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.5)  # an evaluation at work when its campaign was killed may still write its line
        state = state_in(folder)
        instants.append(state.last)
        for point in recorded(state):
            calls_when_recorded.setdefault(point, calls(folder)[point])
        if state.last:
            arguments = ["--resume", "killed"]
    end = start(folder, *arguments).wait(timeout=600)
    state, counts = state_in(folder), calls(folder)
    statements = Counter(one.statement for one in state.hypotheses.values())
    ids = Counter(trial.candidate.id for trial in state.trials.values())
    return {
        "kills": kills,
        "different_instants": len(set(instants)),
        "exit_code": end,
        "trials": len(state.trials),
        "lost_trials": sum(not trial.is_finished for trial in state.trials.values()),
        "repeated_evaluations_of_recorded_results": sum(
            counts[point] > known for point, known in calls_when_recorded.items()
        ),
        "candidates_proposed_twice": sum(count > 1 for count in ids.values()),
        "hypotheses": len(state.hypotheses),
        "hypotheses_stated_twice": sum(count > 1 for count in statements.values()),
        "questions_recorded": len(state.exchanges),
        "steps_without_chat_model": len(state.given_up),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--evaluations", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ChatServer(ScriptedChatModel(script=obedient), None) as server:
        folder = Path(name)
        found = kill_often(folder, campaign_file(folder, server.base_url, asked.evaluations), asked.kills)
        found["questions_answered"] = sum(server.counts.values())
    print(json.dumps(found, indent=1))
    write_result("chat_kills", found)


if __name__ == "__main__":
    main()
