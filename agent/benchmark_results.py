"""What commands that measure share: where figures go, and how long work ends when it is interrupted.

Knows typer and processes. Must not know what is measured.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..memory.errors import UserError

INTERRUPTED = 130
Out = Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write the figures as JSON.")]


def check_out(out: Path | None) -> None:
    """See that figures can be written, before hours are spent on them.

    Raises:
        UserError: There is no such folder.
    """
    if out is not None and not out.parent.is_dir():
        raise UserError(f"--out {out}: no such folder; a folder that is there is needed")


def write(out: Path | None, figures: Mapping[str, Any]) -> None:
    """Write figures as JSON, if anywhere.

    Raises:
        UserError: The file cannot be written.
    """
    if out is None:
        return
    try:
        out.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written: {error}") from error


@contextmanager
def interruptible(workers: int, kept: Path | None) -> Iterator[Executor]:
    """Processes that work side by side, and end at once with exit code 130 on an interruption.

    Args:
        workers: How many.
        kept: Where what was done is kept; None for nowhere.
    """
    from . import executors

    # An operator's `kill` or a service manager's stop is an interruption like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    executor: Executor = executors.process_pool(workers)()
    try:
        yield executor
    except KeyboardInterrupt:
        told = f"what was done is kept in {kept}: the same command goes on" if kept else "nothing is kept"
        Console(stderr=True).print(f"Interrupted; {told}.", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        executors.end_workers()
        executor.shutdown(cancel_futures=True)
