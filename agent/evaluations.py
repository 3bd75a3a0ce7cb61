"""The evaluations of a run that are under way: handed to an executor, collected, and traced where a worker dies.

Knows executors and candidates. Must not know ledgers, budgets or what an outcome means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from typing import TYPE_CHECKING

from ..memory.records import Candidate, Failure, Outcome
from .executors import ExecutorFactory, end_workers
from .interrupt import held_back

if TYPE_CHECKING:
    from ..memory.state import Trial

Evaluate = Callable[[Candidate], Outcome]
"""An oracle, as the executor calls it; picklable."""


class Evaluations:
    """Trials at work in an executor, which is replaced where one of them ends a worker process."""

    def __init__(self, oracles: Mapping[str, Evaluate], make_executor: ExecutorFactory) -> None:
        """Start an executor.

        Args:
            oracles: By name.
            make_executor: Makes it.
        """
        self._oracles, self._make_executor = oracles, make_executor
        self._executor = make_executor()
        self._running: dict[Future[Outcome], int] = {}
        self._suspects: set[int] = set()

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of the trials at work, in the order in which they were begun."""
        return tuple(self._running.values())

    def beginnable(self, waiting: Sequence[Trial]) -> Sequence[Trial]:
        """Which of the trials that wait may be begun now: all, unless it is open which one ended a worker process."""
        at_work = set(self.numbers)
        suspects = [trial for trial in waiting if trial.number in self._suspects]
        if not suspects and not at_work & self._suspects:
            return waiting
        # Alone with a pool, the guilty one shows itself.
        return () if at_work else suspects[:1]

    def begin(self, trials: Iterable[Trial]) -> None:
        """Hand trials to the executor."""
        with held_back():
            for trial in trials:
                self._running[self._submit(trial)] = trial.number

    def cancel(self) -> None:
        """Take back what no worker has begun."""
        self._running = {f: n for f, n in self._running.items() if not f.cancel()}

    def collect(self, seconds: float) -> Mapping[int, Outcome]:
        """Wait for results, at most so long; those that came, by trial."""
        with held_back():
            done, _ = wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        finished: dict[int, Outcome] = {}
        is_broken = False
        for future in done:
            try:
                finished[self._running[future]] = future.result()
            except BrokenExecutor:
                is_broken = True
        self._running = {f: n for f, n in self._running.items() if n not in finished}
        if is_broken:
            lost = set(self._running.values())
            self._running = {}
            self._renew()
            self._suspects |= lost
            if len(lost) == 1:
                message = "the evaluation ended its worker process (out of memory, or a fault in compiled code)"
                finished[lost.pop()] = Outcome(failure=Failure(kind="crash", message=message))
        self._suspects -= finished.keys()
        return dict(sorted(finished.items()))

    def close(self) -> None:
        """End the executor, and at once whatever is still at work."""
        if self._running:
            end_workers()
        self._executor.shutdown(cancel_futures=True)

    def _submit(self, trial: Trial) -> Future[Outcome]:
        evaluate = self._oracles[trial.oracle]
        try:
            return self._executor.submit(evaluate, trial.candidate)
        except BrokenExecutor:
            # A worker died while a batch was being planned. What it was at work on shows when results are collected.
            self._renew()
            return self._executor.submit(evaluate, trial.candidate)

    def _renew(self) -> None:
        self._executor.shutdown(wait=False)
        self._executor = self._make_executor()
