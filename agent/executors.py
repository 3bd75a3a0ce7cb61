"""Where evaluations run: an executor of the standard library, made by name.

Knows processes. Must not know what is evaluated; Dask's `Client.get_executor()` or Parsl's
`ParslPoolExecutor` fit the same seam.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

from ..memory.children import worker_pool

ExecutorFactory = Callable[[], Executor]


class InlineExecutor(Executor):
    """Evaluates at once, in this process: for tests, and where an oracle costs less than a process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call the function now and return its finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future carries whatever was raised
            future.set_exception(error)
        return future


def process_pool(workers: int) -> ExecutorFactory:
    """Make a factory of process pools; a pool broken by a dying worker is replaced by a new one."""
    return partial(worker_pool, workers)


def end_workers() -> None:
    """End this process's worker processes at once, whatever they are doing."""
    for process in multiprocessing.active_children():
        process.terminate()
