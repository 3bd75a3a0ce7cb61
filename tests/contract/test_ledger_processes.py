"""What the ledger keeps when a real process that writes to it is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from athanor.memory.errors import UserError
from athanor.memory.events import Reflected
from athanor.memory.sql import SqlLedger

HOLD = """
import os, sys, time
from athanor.memory.sql import SqlLedger
with SqlLedger(sys.argv[1]).writer("stiff", f"ada@athens, pid {os.getpid()}"):
    child = os.fork() if sys.argv[2] == "fork" else 0
    if sys.argv[2] == "fork" and child == 0:
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    time.sleep(60)
"""

WRITE = """
import sys
from athanor.memory.events import Reflected
from athanor.memory.sql import SqlLedger
ledger = SqlLedger(sys.argv[1])
with ledger.writer("stiff", "ada"):
    for batch in range(100000):
        entries = ledger.append("stiff", [Reflected(batch=batch, text=letter * 3000) for letter in "abc"])
        print(entries[-1].number, flush=True)
"""


@contextmanager
def started(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen([sys.executable, "-c", *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def soon_free(ledger: SqlLedger) -> None:
    """Take the writer; a server may need a moment to notice that a client is gone."""
    for _ in range(150):
        try:
            with ledger.writer("stiff", "bob"):
                return
        except UserError:
            time.sleep(0.1)
    with ledger.writer("stiff", "bob"):
        return


@pytest.mark.parametrize("way", ["alone", "fork"])
def test_a_killed_writer_holds_nothing(database_url: str, way: str) -> None:
    if way == "fork" and database_url.startswith("postgres"):
        pytest.skip("a forked child inherits the socket: pools must start afresh there (docs/decisions/0002)")
    ledger = SqlLedger(database_url)
    with started(HOLD, database_url, way) as process:
        child = int(process.stdout.readline())
        try:
            with pytest.raises(UserError, match=f"ada@athens, pid {process.pid} since"):
                ledger.writer("stiff", "bob").__enter__()
            with ledger.writer("light", "bob"):
                assert list(ledger.entries("stiff")) == []
            process.kill()
            process.wait()
            soon_free(ledger)
        finally:
            if child:
                os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("instant", range(4))
def test_a_kill_between_any_two_instructions_leaves_whole_appends(database_url: str, instant: int) -> None:
    ledger = SqlLedger(database_url)
    with started(WRITE, database_url) as process:
        acknowledged = int(process.stdout.readline())
        time.sleep(0.02 + 0.013 * instant)
        process.kill()
        acknowledged = max([acknowledged, *(int(line) for line in process.stdout.read().splitlines())])
    soon_free(ledger)
    entries = list(ledger.entries("stiff"))
    assert len(entries) >= acknowledged, "an append that was reported has to be there"
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    texts = [entry.event.text[:1] for entry in entries if isinstance(entry.event, Reflected)]
    assert texts == list("abc") * (len(entries) // 3), "an append is there as a whole or not at all"
    assert ledger.append("stiff", [Reflected(batch=0, text="")])[0].number == len(entries) + 1


def test_processes_that_open_a_new_database_at_once_all_succeed(database_url: str) -> None:
    url = database_url.partition("?timeout")[0]
    code = "import sys; from athanor.memory.sql import SqlLedger; SqlLedger(sys.argv[1]).campaigns()"
    processes = [subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE) for _ in range(3)]
    failures = [process.communicate()[1].decode() for process in processes]
    assert failures == [""] * 3
