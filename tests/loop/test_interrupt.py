"""An interruption waits for the end of what must not be cut in two, and is not lost where a library swallows it."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

import pytest

from athanor.agent.interrupt import held_back, remembered


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


def test_one_that_was_swallowed_is_raised_by_the_next_look() -> None:
    before = signal.getsignal(signal.SIGINT)
    with remembered() as interruptions:
        interruptions.check()
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interruptions.check()
    assert signal.getsignal(signal.SIGINT) is before


def test_one_that_nothing_swallows_ends_the_block_at_once() -> None:
    done = []

    def block() -> None:
        with remembered():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert not done


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with remembered() as interruptions, held_back():
            os.kill(os.getpid(), signal.SIGINT)
        interruptions.check()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
