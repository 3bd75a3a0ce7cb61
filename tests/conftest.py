"""What holds for every test: no network, one thread, a home folder of its own, no service of the person who runs it."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same examples everywhere, and no deadline: the machine may be busy with other things.
settings.load_profile("ci")

# Before numpy or torch is imported: several processes with several threads each would fight for the cores.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# A shell that starts the tests in the background has them ignore Ctrl-C, and every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
_IS_ENDPOINT_ASKED = os.environ.get("ATHANOR_TEST_ENDPOINT") == "1"
_ENDPOINT = ("ATHANOR_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL")
for _name in (
    "ATHANOR_DATABASE",
    "ATHANOR_CHROMA",
    "ATHANOR_EMBEDDING_MODEL",
    "LANGSMITH_TRACING",
    "LANGCHAIN_TRACING_V2",
    # Only tests/loop/test_real_endpoint.py may meet a real chat model, and only where it is asked for.
    *(() if _IS_ENDPOINT_ASKED else _ENDPOINT),
):
    os.environ.pop(_name, None)


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: looking up or connecting to anything but this machine is an error."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
        host = arguments[1][0]
    else:
        return
    if not _is_this_machine(host):
        raise OSError(f"tests have no network, but something asked for {host!r}")


def _is_this_machine(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


if not _IS_ENDPOINT_ASKED:
    sys.addaudithook(_refuse_network)


@pytest.fixture(autouse=True)
def _home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_HOME", str(tmp_path / "athanor-home"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Give laws their smallest floats back, which a potential loaded by an earlier test flushes to zero."""
    is_law = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    if not is_law or sys.float_info.min / 2 > 0:
        return (yield)
    import torch

    torch.set_flush_denormal(False)
    try:
        return (yield)
    finally:
        torch.set_flush_denormal(True)
