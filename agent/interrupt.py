"""Interruptions: remembered where a library may swallow them, and held back where nothing must be cut in two.

Knows signals. Must not know what is interrupted.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Interruptions:
    """The interruptions that came, by their signals."""

    came: list[int] = field(default_factory=list)

    def check(self) -> None:
        """End what is at work if an interruption came and nothing has come of it.

        Raises:
            KeyboardInterrupt: One came.
        """
        if self.came:
            raise KeyboardInterrupt


@contextmanager
def remembered() -> Iterator[Interruptions]:
    """Remember the interruptions that come within the block, which they end as they would without this.

    The exception of an interruption is lost where it is raised within a finaliser, a callback of the garbage
    collector, or an import that a library tries and can do without. Whoever loops within the block asks `check` in
    each round, so that such a one still ends it. A signal that is ignored, or ends the process at once, stays so.
    """
    interruptions = Interruptions()
    if threading.current_thread() is not threading.main_thread():
        yield interruptions
        return
    previous = {number: reaction for number in _SIGNALS if callable(reaction := signal.getsignal(number))}

    def react(caught: int, frame: FrameType | None) -> None:
        interruptions.came.append(caught)
        previous[signal.Signals(caught)](caught, frame)

    try:
        for number in previous:
            signal.signal(number, react)
        yield interruptions
    finally:
        for number, reaction in previous.items():
            signal.signal(number, reaction)


@contextmanager
def held_back() -> Iterator[None]:
    """Let an interruption wait until the block has ended.

    A database driver that is interrupted within a write gives its connection up, and with it the right to write. A
    wait for futures that is interrupted may leave one locked, and the pool it belongs to cannot be shut down any more.
    Signals reach the main thread only; elsewhere nothing is held back.

    Raises:
        KeyboardInterrupt: At the end of the block, if an interruption came within it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, lambda caught, _: came.append(caught)) for number in heeded}
    try:
        yield
    finally:
        for number, reaction in previous.items():
            signal.signal(number, reaction)
    if came:
        raise KeyboardInterrupt
