"""A chat in a process of its own: taken up by a second one, and held at a real terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from athanor.memory.sql import open_ledger
from athanor.memory.state import fold

CHAT = "import os, typer; from athanor.agent.chat_cli import chat; typer.run(chat)"
GOAL = {
    "statement": "strong and cheap",
    "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
    "constraints": [{"property": "cost", "comparison": "<=", "value": 25, "unit": "EUR"}],
    "budget": {"evaluations": 8},
}


def lines_of(process: subprocess.Popen[str], *lines: str) -> str:
    out, _ = process.communicate("".join(f"{line}\n" for line in lines), timeout=100)
    return out


def begun(home: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHAT, "--home", str(home), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_second_process_takes_chat_and_campaign_up(world: Callable[..., Path], tmp_path: Path) -> None:
    home, file = tmp_path / "home", world(memory=False, workers=1, goal=GOAL)
    first = lines_of(
        begun(home), "/approve on", f"/new {file}", "/start", "y", "/wait", "/veto 3 too dear", "/approve 1"
    )
    assert "Pausing table" in first, first
    assert "athanor run --resume table" in first
    state = fold(open_ledger(home, None).entries("table"))
    assert state.ended is not None
    assert state.ended.reason == "paused"
    second = lines_of(begun(home, "--resume", "last"), "/resume", "/wait", "/why 3", "/hints")
    assert "It is about campaign table" in second, second
    assert "ended (evaluations)" in second
    assert "too dear" in second
    state = fold(open_ledger(home, None).entries("table"))
    assert sum(trial.status == "completed" for trial in state.trials.values()) == 8
    assert state.trials[3].status == "abandoned"


PROMPT = "[?2004h"
"""What a terminal is told when a prompt begins to read; what is typed before it is read line by line."""


class Terminal:
    """The other end of a chat at a real terminal; what was shown is read once."""

    def __init__(self, end: int) -> None:
        self.end, self._shown = end, ""

    def type(self, text: str) -> None:
        """Type on it, where it is still there."""
        with suppress(OSError):
            os.write(self.end, text.encode())

    def read_until(self, wanted: str, seconds: float = 60.0) -> str:
        """What it shows up to some text, and no further."""
        until = time.monotonic() + seconds
        while wanted not in self._shown and time.monotonic() < until:
            if select.select([self.end], [], [], 0.2)[0]:
                try:
                    new = os.read(self.end, 65536)
                except OSError:
                    break
                self._shown += new.decode(errors="replace")
                if b"\x1b[6n" in new:
                    self.type("\x1b[1;1R")
        assert wanted in self._shown, self._shown
        before, _, self._shown = self._shown.partition(wanted)
        return before


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A chat at a real terminal."""
    child, end = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-c", CHAT, "--home", str(tmp_path / "home")])
    yield Terminal(end)
    os.close(end)
    os.waitpid(child, 0)


def test_at_a_real_terminal_one_types_completes_and_leaves(terminal: Terminal, tmp_path: Path) -> None:
    terminal.read_until(PROMPT)
    terminal.type("/camp")
    terminal.read_until("turn to one")  # what the menu of completions says of it
    terminal.type("\t")
    terminal.read_until("aigns")
    terminal.type("\r")
    terminal.read_until("No campaigns here yet.")
    terminal.read_until(PROMPT)
    terminal.type("two\x1b\rlines\r")
    terminal.read_until("no chat model is named")
    terminal.read_until(PROMPT)
    terminal.type("\x03")
    terminal.read_until("Ctrl-C once more leaves")
    terminal.read_until(PROMPT)
    terminal.type("\x03")
    terminal.read_until("athanor chat --resume")
    typed = (tmp_path / "home" / "chat_history").read_text()
    assert "+two\n+lines\n" in typed
