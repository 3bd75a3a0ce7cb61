"""Holding an interruption back while something must not be cut in two.

Knows signals. Must not know what is protected.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[None]:
    """Let an interruption wait until the block has ended.

    A database driver that is interrupted within a write gives its connection up, and with it the right to write.
    Signals reach the main thread only; elsewhere nothing is held back.

    Raises:
        KeyboardInterrupt: At the end of the block, if an interruption came within it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    previous = {number: signal.signal(number, lambda caught, _: came.append(caught)) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, reaction in previous.items():
            signal.signal(number, reaction)
    if came:
        raise KeyboardInterrupt
