"""What every child process of this package does: leave Ctrl-C to its parent, and not outlive it.

Knows processes and signals. Must not know what the child is for.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from .errors import TerminalError

T = TypeVar("T")
R = TypeVar("R")


def follow_parent(grace_seconds: float = 0.0) -> None:
    """Make this child process ignore Ctrl-C, which reaches the whole process group, and end with its parent.

    Without this a killed campaign leaves its children behind for ever.

    Args:
        grace_seconds: How long it may finish what it is at when its parent is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(grace_seconds,), daemon=True).start()


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """A pool of child processes; spawned, not forked: torch's thread pools do not survive a fork."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=follow_parent)


def mapped(function: Callable[[T], R], items: Sequence[T], workers: int, killed: str) -> Iterator[R]:
    """Apply a function to items in child processes, in this one where that is as quick; the order is kept.

    Args:
        function: Picklable.
        items: What it is applied to.
        workers: Child processes; with 1, or a single item, there are none.
        killed: What to say if one of them is killed.

    Raises:
        TerminalError: A child process was killed.
    """
    if workers == 1 or len(items) == 1:
        yield from map(function, items)
        return
    pool = worker_pool(workers)
    try:
        yield from pool.map(function, items)
    except BrokenProcessPool as error:
        raise TerminalError(killed) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent(grace_seconds: float) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        time.sleep(grace_seconds)
        os._exit(1)
