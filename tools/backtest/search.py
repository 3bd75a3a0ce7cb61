"""One search of a measured pool, choice by choice, and what chooses.

Knows measured pools and the acquisition. Must not know figures, files or processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from ...memory.errors import TerminalError
from ...memory.records import Budget, Goal
from ...memory.state import Trial
from .measured_pool import MeasuredPool

Known = Sequence[tuple[int, float]]
"""Places of the points that were looked at, in order, each with what came of it."""
Choose = Callable[[Known], int | None]
"""From what is known to the place of the next point; None, for a choice that is not in the pool, costs a look too."""
Method = Callable[[MeasuredPool, int], Choose]
"""From a pool, whose answers it must not look at, and a seed to a chooser."""


@dataclass(frozen=True)
class Search:
    """What one search looked at.

    Attributes:
        order: Places of the points; None for a look that was wasted.
        cpu_seconds: Processor time of the choices.
        instead: Choices that something else made in the method's place.
    """

    order: tuple[int | None, ...]
    cpu_seconds: float
    instead: int = 0


@runtime_checkable
class StoodIn(Protocol):
    """A chooser that can fail, and counts the choices that something else made in its place."""

    @property
    def instead(self) -> int:
        """How many."""
        ...


def search(pool: MeasuredPool, method: Method, seed: int, initial: int, most: int) -> Search:
    """Search until all of the best twentieth are found, or `most` points are looked at.

    Args:
        seed: Draws the first points, the same for every method, and the replicates.
        initial: Points drawn at random first.

    Raises:
        TerminalError: The method chose a point twice, or one that is not there.
    """
    n = len(pool.points)
    answers = pool.answers(seed)
    order: list[int | None] = np.random.default_rng(seed).choice(n, size=min(initial, n), replace=False).tolist()
    start = time.process_time()
    choose = method(pool, seed)
    while len(order) < min(most, n) and not pool.best <= set(order):
        place = choose([(k, float(answers[k])) for k in order if k is not None])
        if place is not None and (not 0 <= place < n or place in order):
            raise TerminalError(f"a search of {pool.file.name} chose point {place}, which is not there or was known")
        order.append(place)
    instead = choose.instead if isinstance(choose, StoodIn) else 0
    return Search(tuple(order), time.process_time() - start, instead)


def builtin(pool: MeasuredPool, seed: int) -> Choose:
    """What a campaign's own planner asks: the acquire tool."""
    from ..acquisition.acquire import acquire

    goal = Goal(statement="", objectives=(pool.objective,), budget=Budget(evaluations=len(pool.points)))

    def trial(number: int, place: int, value: float) -> Trial:
        candidate, outcome = pool.candidates[place], pool.outcome(value)
        return Trial(number, number, "table", candidate, None, "", {}, "completed", outcome)

    def choose(known: Known) -> int | None:
        trials = [trial(number, *pair) for number, pair in enumerate(known, start=1)]
        return acquire(goal, trials, pool.candidates, 1, seed).picks[0].index

    return choose
