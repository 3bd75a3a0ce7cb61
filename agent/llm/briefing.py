"""What a chat model reads before it plans a batch, and before it reflects on one: bounded, however long the campaign.

Knows the state read against its goal. Must not know chat models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...memory.foreign import quoted
from ...tools.acquisition.override import overrides_of
from ...tools.crystals.feature import FEATURES
from ...tools.parameters.parameter_space import ParameterSpace
from ...tools.parameters.words import variable_words
from ..guidance import guidance_lines
from ..labels import better, counted, figure, unit_of, wording
from ..planners.reflect import open_hypotheses, reflection, skill
from ..spending import prices_of
from ..standing import best_first
from .words import passage_line, trial_line

if TYPE_CHECKING:
    from ...memory.records import Goal
    from ...memory.state import State
    from ...tools.space import Space

BEST, LATEST, JUDGED, REFLECTIONS, PASSAGES, PEOPLE = 8, 12, 6, 2, 4, 16
"""The most of each that is told: best trials, latest ones, judged hypotheses, reflections, notes, words of people."""


def briefing(goal: Goal, space: Space, state: State, n: int, features: tuple[str, ...]) -> str:
    """What is wanted, what may vary, what is known, and what is asked for now."""
    paid = [trial for trial in state.trials.values() if trial.batch > 0 and trial.is_paid]
    prices = prices_of(space)
    cost = [f"The evaluations cost {prices.in_words(paid, goal.budget.cost)}."] if prices else []
    parts = [
        f"Goal: {quoted(goal.statement, 300)}",
        *_wishes(goal),
        _space(space),
        f"Features that conditions may name: {', '.join(_feature(name) for name in features)}.",
        f"Budget: {max(0, goal.budget.evaluations - len(paid))} of {goal.budget.evaluations} evaluations are left.",
        *cost,
        *_results(goal, state),
        *_claims(state),
        *_overrides(goal, state),
        *_memory(state),
        *guidance_lines(state, state.batches + 1)[-PEOPLE:],
        f"Plan batch {state.batches + 1}: choose a batch of {n} (at most).",
    ]
    return "\n".join(parts)


def account(goal: Goal, state: State, batch: int) -> str:
    """What a finished batch has brought, for a reflection on it."""
    trials = [trial for trial in state.trials.values() if trial.batch == batch]
    names = {trial.hypothesis for trial in trials if trial.hypothesis}
    claims = [f"{name}: {state.hypotheses[name].statement}" for name in sorted(names)]
    lines = [
        *_wishes(goal),
        *claims,
        "Trials of the batch:",
        *(trial_line(trial) for trial in trials[:LATEST]),
        f"Computed: {reflection(goal, state, batch)}",
    ]
    return "\n".join(lines)


def _wishes(goal: Goal) -> Iterator[str]:
    for objective in goal.objectives:
        yield f"Objective: {better(objective)}, in {unit_of(objective.unit) or 'no unit'} ({objective.property})"
    for constraint in goal.constraints:
        bound = f"{constraint.comparison} {figure(constraint.value)} {unit_of(constraint.unit)}".rstrip()
        yield f"Constraint: {wording(constraint.property)} {bound} ({constraint.property})"


def _space(space: Space) -> str:
    if isinstance(space, ParameterSpace):
        varied = "; ".join(quoted(variable_words(one), 200) for one in space.variables)
        kept = f" Kept: {'; '.join(quoted(one.words, 100) for one in space.constraints)}." if space.constraints else ""
        listed = " Only settings of a finite list are allowed." if space.pool else ""
        return f"Space: settings of {varied}.{kept}{listed}"
    if space.kind == "pool":
        names = ", ".join(f"{name} ({unit_of(unit) or 'no unit'})" for name, unit in space.variables.items())
        return f"Space: settings of {names} from a finite list."
    low, high = space.n_elements
    required = f", at least one of {', '.join(space.required)}" if space.required else ""
    return (
        f"Space: crystals of {low} to {high} elements among {', '.join(space.elements)}{required}; at most "
        f"{space.max_atoms} atoms in the primitive cell."
    )


def _feature(name: str) -> str:
    known = FEATURES.get(name)
    return f"{name} ({known.unit})" if known and known.unit else name


def _results(goal: Goal, state: State) -> Iterator[str]:
    if not state.completed and not state.failed:
        yield "No trial has an answer yet."
        return
    best = best_first(goal, state.completed)[:BEST]
    yield f"Best of {counted(len(state.completed), 'completed trial')}:"
    yield from (f"  {trial_line(trial)}" for trial in best)
    shown = {trial.number for trial in best}
    finished = [trial for trial in state.trials.values() if trial.is_finished and trial.number not in shown]
    if finished:
        yield "Latest of the others:"
        yield from (f"  {trial_line(trial)}" for trial in finished[-LATEST:])
    kinds = Counter(trial.outcome.failure.kind for trial in state.failed if trial.outcome and trial.outcome.failure)
    if kinds:
        yield f"Failures: {', '.join(f'{wording(kind)} {count}' for kind, count in sorted(kinds.items()))}"
    if state.pending:
        yield f"Pending: {', '.join(f'#{trial.number}' for trial in state.pending[:40])}"
    known = skill(goal, state)
    if known is not None:
        yield f"The surrogate's latest predictions had R² {known:.2f} (1 is perfect, 0 is what a mean would do)."


def _claims(state: State) -> Iterator[str]:
    waiting = open_hypotheses(state)
    judged = [name for name in state.hypotheses if name not in waiting][-JUDGED:]
    for name in (*judged, *waiting):
        verdict = state.judgements.get(name)
        told = f"{verdict.verdict}; {verdict.statistic}" if verdict else "open; no trial counts yet"
        yield f"{name} ({told}): {state.hypotheses[name].statement}"
    for batch in sorted(state.reflections)[-REFLECTIONS:]:
        yield f"Reflection on batch {batch}: {quoted(state.reflections[batch], 700)}"


def _overrides(goal: Goal, state: State) -> Iterator[str]:
    """How leaving the acquisition's ranking has fared."""
    found = overrides_of(goal, state)
    if found.mean is None or found.interval is None:
        return
    low, high = found.interval
    yield (
        f"Where you left the ranking ({counted(len(found.scored), 'trial')} with an answer), what it would have taken "
        f"would have been better with probability {found.mean:.2f} (95 %: {low:.2f} to {high:.2f}; 0.5 is even)."
    )


def _memory(state: State) -> Iterator[str]:
    given = state.reminded(state.batches + 1)
    for passage in given.passages[:PASSAGES] if given else ():
        yield f"Memory, {passage_line(passage)}"
