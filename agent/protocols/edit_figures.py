"""What planners came to in the tasks of edits: the publication's scores, with intervals over starts and seeds.

Knows states of finished campaigns. Must not know how they ran.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...memory.state import State
from .edit_task import EditTask
from .one_by_one import paid, without_chat_model

RESAMPLES = 2000


@dataclass(frozen=True)
class EditRun:
    """One start and seed.

    Attributes:
        edits: Edits that were evaluated, those that failed counted.
        is_met: Whether the target was met.
        values: The property after each edit that has an answer, in its unit.
        instead: Edits that the builtin planner chose in place of the chat model; all of them for other planners.
        tokens: Of all questions and answers.
    """

    start: str
    seed: int
    edits: int
    is_met: bool
    values: tuple[float, ...]
    instead: int
    tokens: int

    @classmethod
    def of(cls, task: EditTask, start: str, seed: int, state: State) -> EditRun:
        """Read a campaign."""
        trials = paid(state)
        values = tuple(t.values[task.wanted] for t in trials if task.wanted in t.values)
        tokens = sum(one.input_tokens + one.output_tokens for one in state.exchanges)
        return cls(start, seed, len(trials), task.is_met(state), values, without_chat_model(state), tokens)


def scores(task: EditTask, runs: Sequence[EditRun]) -> Mapping[str, Sequence[float]]:
    """Score by name, one number a run; a run that never met the target counts all its edits.

    For the gap: edits used, whether it was met, the gap at the end in eV. For the formation energy: the mean over the
    steps, and the least, in eV/atom.
    """
    told = [run for run in runs if run.values]
    if task.name == "gap":
        return {
            "edits": [float(run.edits if run.is_met else task.edits) for run in runs],
            "met": [float(run.is_met) for run in runs],
            "final gap": [run.values[-1] for run in told],
        }
    return {
        "mean": [float(np.mean(run.values)) for run in told],
        "minimum": [min(run.values) for run in told],
    }


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean with its 95 % bootstrap interval; NaN without values."""
    if not values:
        return float("nan"), float("nan"), float("nan")
    numbers = np.array(values)
    drawn = np.random.default_rng(0).integers(len(numbers), size=(RESAMPLES, len(numbers)))
    low, high = np.quantile(numbers[drawn].mean(axis=1), [0.025, 0.975])
    return float(numbers.mean()), float(low), float(high)
