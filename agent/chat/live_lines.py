"""What is new in a campaign, in a few plain lines for people who watch it from a prompt.

Knows two states of a campaign. Must not know threads or terminals.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...memory.foreign import clean, quoted
from ...tools.acquisition import merit
from ..guidance import guidance_lines
from ..labels import counted, in_full, label_of, wording
from ..standing import goal_of
from ..views.live import result
from ..views.summary import variables_of

if TYPE_CHECKING:
    from ...memory.records import Goal
    from ...memory.state import State, Trial

_LONG = 700
"""Characters of a reflection; the whole is in the report."""


def news(before: State, after: State, needs_approval: bool = False) -> list[str]:
    """What has come since an earlier state, in the order in which a loop does it.

    Args:
        before: What was told already.
        after: The same campaign later.
        needs_approval: Whether new trials wait for a person.
    """
    if "goal" not in after.spec:
        return []
    goal = goal_of(after)
    return [
        *(line for line in _told(after) if line not in _told(before)),
        *_answers(goal, before, after),
        *_verdicts(before, after),
        *_reflections(before, after),
        *_claims(before, after),
        *_batches(before, after, needs_approval),
        *_trouble(before, after),
        *_end(before, after),
    ]


def _told(state: State) -> tuple[str, ...]:
    # One batch further on everything that people have said so far counts.
    return guidance_lines(state, state.batches + 1)


def _answers(goal: Goal, before: State, after: State) -> Iterator[str]:
    new = [t for n, t in after.trials.items() if t.is_finished and not (n in before.trials and _done(before, n))]
    oracle = next((trial.oracle for trial in after.trials.values()), "")
    made = sum(t.is_finished and t.is_paid and t.oracle == oracle for t in after.trials.values())
    made -= sum(t.is_paid and t.oracle == oracle for t in new)
    seen = [trial for trial in before.completed if trial.oracle == oracle]
    for trial in new:
        made += trial.is_paid and trial.oracle == oracle
        origin = f" (taken over from {clean(trial.reused.campaign, 64)} #{trial.reused.trial})" if trial.reused else ""
        marks = _marks(goal, trial, seen) if trial.oracle == oracle else f", at {clean(trial.oracle, 60)}"
        count = f"  [{made} of {goal.budget.evaluations}]"
        yield f"#{trial.number} {label_of(trial.candidate)}: {result(goal, trial)}{marks}{origin}{count}"
        seen.append(trial)


def _done(state: State, number: int) -> bool:
    return state.trials[number].is_finished


def _marks(goal: Goal, trial: Trial, earlier: list[Trial]) -> str:
    if not merit.is_feasible(goal, trial):
        return ""
    first = goal.objectives[0]
    sign = -1.0 if first.direction == "maximise" else 1.0
    own = sign * first.amount(trial.values[first.property])
    rivals = [sign * first.amount(t.values[first.property]) for t in earlier if merit.is_feasible(goal, t)]
    is_best = all(own < rival for rival in rivals)
    return f", a hit, the best so far in {wording(first.property)}" if is_best else ", a hit"


def _verdicts(before: State, after: State) -> Iterator[str]:
    for name, judgement in after.judgements.items():
        known = before.judgements.get(name)
        if judgement.verdict != (known.verdict if known else "open"):
            yield f"{name} is {judgement.verdict}: {clean(judgement.statistic, 300)}"


def _reflections(before: State, after: State) -> Iterator[str]:
    for batch, text in after.reflections.items():
        if batch not in before.reflections:
            yield f"looking back: {clean(text, _LONG)}"


def _claims(before: State, after: State) -> Iterator[str]:
    for name, hypothesis in after.hypotheses.items():
        if name not in before.hypotheses:
            yield f"{name} is claimed: {clean(hypothesis.statement, 300)} {quoted(hypothesis.rationale, 300)}"


def _batches(before: State, after: State, needs_approval: bool) -> Iterator[str]:
    new: dict[int, list[Trial]] = {}
    for number, trial in after.trials.items():
        if number not in before.trials and trial.batch > 0 and not trial.reused:
            new.setdefault(trial.batch, []).append(trial)
    units = dict(variables_of(after.spec))
    for batch, trials in new.items():
        yield f"batch {batch}: {counted(len(trials), 'trial')} proposed"
        for trial in trials:
            tests = f", tests {trial.hypothesis}" if trial.hypothesis else ""
            yield f"  #{trial.number} {in_full(trial.candidate, units)}: {quoted(trial.reason, 400)}{tests}"
        waiting = [trial.number for trial in trials if trial.status == "proposed"]
        if needs_approval and waiting:
            listed = " ".join(map(str, waiting))
            yield f"  they wait for you: /approve {listed} (or all), /veto {waiting[0]} and why"


def _trouble(before: State, after: State) -> Iterator[str]:
    for given_up in after.given_up[len(before.given_up) :]:
        on = "; it is not asked any more" if given_up.is_final else ""
        yield f"batch {given_up.batch} was done without the chat model: {clean(given_up.reason, 200)}{on}"
    for message in after.lost:
        if message not in before.lost:
            yield f"memory could not be used: {clean(message, 200)}"


def _end(before: State, after: State) -> Iterator[str]:
    if after.ended and after.ended is not before.ended:
        finished = sum(trial.is_finished and trial.is_paid for trial in after.trials.values())
        hits = counted(len(merit.feasible(goal_of(after), after.trials.values())), "hit")
        yield f"ended ({after.ended.reason}): {clean(after.ended.message, 300)}; {finished} evaluations, {hits}"
