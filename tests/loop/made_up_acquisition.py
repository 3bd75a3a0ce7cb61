"""An acquisition without a surrogate, which takes no time: untried candidates at random, or the first by their ids."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import pytest

from athanor.memory.records import Candidate, Goal
from athanor.memory.state import Trial


@dataclass(frozen=True)
class Choice:
    """As that of the acquire tool."""

    candidate: Candidate
    predicted: Mapping[str, tuple[float, float]]
    acquisition: float = 0.0
    keeps: float | None = None
    made: float | None = None


@dataclass(frozen=True)
class Acquired:
    """As that of the acquire tool."""

    picks: tuple[Choice, ...]
    notes: tuple[str, ...] = ("a made-up order",)
    gain: float | None = None


def use_made_up_acquisition(
    monkeypatch: pytest.MonkeyPatch, predicted: tuple[float, float] | None = None, by_id: bool = False
) -> list[object]:
    """Put it in the place of the acquire tool.

    Args:
        monkeypatch: Takes it away again.
        predicted: Mean and deviation that it tells of the first objective of each candidate; None for nothing.
        by_id: Whether it takes the first candidates by their ids, tried or not.

    Returns:
        The predictors that it is handed, one each time it is asked.
    """
    handed: list[object] = []

    def acquire(
        goal: Goal, trials: Sequence[Trial], pool: Sequence[Candidate], q: int, seed: int, predictor: object
    ) -> Acquired:
        handed.append(predictor)
        ordered = sorted(pool, key=lambda candidate: candidate.id)
        if not by_id:
            tried = {trial.candidate.id for trial in trials}
            ordered = [candidate for candidate in ordered if candidate.id not in tried]
            ordered = random.Random(seed).sample(ordered, min(q, len(ordered)))
        told = {goal.objectives[0].property: predicted} if predicted else {}
        return Acquired(tuple(Choice(candidate, told) for candidate in ordered[:q]))

    module = ModuleType("athanor.tools.acquisition.acquire")
    module.acquire = acquire  # type: ignore[attr-defined]
    module.informative = lambda goal, trials, limit: tuple(trials)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return handed
