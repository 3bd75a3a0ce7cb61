"""What a finished batch has taught, in a few sentences with numbers, units and methods.

Knows the state read against its goal. Must not know how candidates are chosen; writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ...memory.records import Goal, Measurement
from ...tools.acquisition import merit
from ..labels import counted, figure, label_of, spread, unit_of, with_unit, wording
from ..standing import best_first, measurement

if TYPE_CHECKING:
    from ...memory.state import State, Trial

SKILL_TRIALS = 24
SKILL_LEAST = 8


def reflection(goal: Goal, state: State, batch: int) -> str:
    """Say what came back in a batch, how good the best is now, what was claimed rightly, and what comes next."""
    trials = [trial for trial in state.trials.values() if trial.batch == batch]
    sentences = [answers(state, batch), _best(goal, state), *_surprise(goal, trials), *_verdicts(state, trials)]
    return " ".join([*sentences, _next(state)])


def answers(state: State, batch: int) -> str:
    """How many trials of a batch completed, and how the others failed."""
    trials = [trial for trial in state.trials.values() if trial.batch == batch]
    completed = sum(trial.status == "completed" for trial in trials)
    text = f"Batch {batch}: {completed} of {counted(len(trials), 'trial')} completed"
    kinds = Counter(trial.outcome.failure.kind for trial in trials if trial.outcome and trial.outcome.failure)
    if kinds:
        text += "; failed: " + ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in sorted(kinds.items()))
    return text + "."


def _best(goal: Goal, state: State) -> str:
    # The first oracle is the one the search is for; another that confirms hits at the end is not mixed in.
    oracle = next((trial.oracle for trial in state.trials.values()), "")
    trials = [trial for trial in state.trials.values() if trial.oracle == oracle]
    front = best_first(goal, merit.pareto(goal, trials))
    if not front:
        if not any(trial.is_finished for trial in trials):
            return "No trial has an answer yet."
        return "No trial keeps all constraints yet." if goal.constraints else "No trial is near the target yet."
    best = front[0]
    shown = [measurement(best, objective.property) for objective in goal.objectives]
    numbers = ", ".join(said(found) for found in shown if found)
    return (
        f"The best of {counted(len(merit.feasible(goal, trials)), 'hit')} in {wording(goal.objectives[0].property)} is "
        f"#{best.number} {label_of(best.candidate)}: {numbers}."
    )


def said(found: Measurement) -> str:
    """A measurement in words: `bulk modulus 201.3 ± 2.1 GPa (simulated)`."""
    return f"{wording(found.property)} {number(found.value, found.deviation, found.unit)} ({found.method})"


def number(value: float, deviation: float | None, unit: str) -> str:
    """A number with its standard deviation and unit: `201.3 ± 2.1 GPa`."""
    return f"{spread(value, deviation)} {unit_of(unit)}".rstrip()


def _surprise(goal: Goal, trials: list[Trial]) -> Iterator[str]:
    """How far the surrogate was off, for each objective it predicted."""
    for objective in goal.objectives:
        prop = objective.property
        seen = [(trial.predicted[prop], trial.values[prop]) for trial in trials if _has_both(trial, prop)]
        if seen:
            errors = np.array([value - mean for (mean, _), value in seen])
            deviations = np.array([max(deviation, 1e-12) for (_, deviation), _ in seen])
            name = with_unit(prop, objective.unit)
            methods = {m.method for trial in trials if (m := measurement(trial, prop))}
            itself = ", itself predicted" if methods == {"predicted"} else ""
            yield (
                f"Over {counted(len(seen), 'trial')} the surrogate's {name} was off by "
                f"{figure(float(np.abs(errors).mean()))} on average (predicted against what came back{itself}), "
                f"{figure(float(np.sqrt(((errors / deviations) ** 2).mean())))} of its own standard deviations."
            )


def _has_both(trial: Trial, prop: str) -> bool:
    return prop in trial.predicted and prop in trial.values


def _verdicts(state: State, trials: list[Trial]) -> Iterator[str]:
    numbers = {trial.number for trial in trials}
    for name, judgement in state.judgements.items():
        if numbers & {*judgement.passed, *judgement.failed}:
            is_open = judgement.verdict == "open"
            claim = "" if is_open else f" “{state.hypotheses[name].statement.rstrip('.')}”"
            yield f"{name}{claim} is {judgement.verdict}: {judgement.statistic}."


def _next(state: State) -> str:
    waiting = open_hypotheses(state)
    if waiting:
        return f"Next, {waiting[0]} is tested further."
    return "Next, a new claim is looked for in the results."


def open_hypotheses(state: State) -> tuple[str, ...]:
    """Ids of the hypotheses without a verdict, in the order they were stated."""
    judgements: Mapping[str, object] = {n: j for n, j in state.judgements.items() if j.verdict != "open"}
    return tuple(name for name in state.hypotheses if name not in judgements)


def skill(goal: Goal, state: State) -> float | None:
    """Coefficient of determination of the surrogate's latest predictions, the mean over the objectives.

    One is perfect; zero is what predicting the mean of the answers would give.

    Returns:
        None where fewer than `SKILL_LEAST` predictions have come true or false.
    """
    found = []
    for objective in goal.objectives:
        prop = objective.property
        both = [trial for trial in state.completed if _has_both(trial, prop)][-SKILL_TRIALS:]
        if len(both) < SKILL_LEAST:
            return None
        values = np.array([trial.values[prop] for trial in both])
        errors = values - np.array([trial.predicted[prop][0] for trial in both])
        spread_of_values = float(((values - values.mean()) ** 2).sum())
        found.append(1 - float((errors**2).sum()) / max(spread_of_values, 1e-12))
    return float(np.mean(found))
