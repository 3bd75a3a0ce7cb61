"""An interruption waits for the end of what must not be cut in two, and is not lost."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from athanor.agent.interrupt import held_back


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_comes_at_the_end_of_the_block(number: int) -> None:
    before = signal.getsignal(number)
    done = []

    def block() -> None:
        with held_back():
            os.kill(os.getpid(), number)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done
    assert signal.getsignal(number) is before


def test_an_error_of_the_block_is_not_replaced() -> None:
    with pytest.raises(OSError, match="disk full"), held_back():
        raise OSError("disk full")


def test_another_thread_may_use_it() -> None:
    passed = []

    def block() -> None:
        with held_back():
            passed.append(True)

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert passed
