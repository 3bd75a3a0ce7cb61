"""What people and instruments answer to trials: read from words, checked against what was asked, told as events.

Knows records, state and the goal. Must not know who asks, or by what face.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..memory.errors import UserError
from ..memory.events import Event, TrialFinished, TrialProposed
from ..memory.foreign import clean
from ..memory.records import Candidate, Failure, FailureKind, Measurement, Origin, Outcome
from ..memory.state import State, Trial
from .labels import unit_of
from .planner import Pick

MAX_TRIES = 3
"""Trials that one candidate gets where the instrument fails."""
TOLD_FAILURES: tuple[FailureKind, ...] = ("infeasible", "fault", "missing", "timeout")
"""Kinds of failure that people may report."""
_NUMBER = r"[-+−]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+−]?\d+)?"
_TOLD = re.compile(rf"^\s*(?P<value>{_NUMBER})\s*(?:(?:±|\+/-|\+-)\s*(?P<deviation>{_NUMBER}))?\s*(?P<unit>\D.*)?$")


@dataclass(frozen=True)
class Answer:
    """An outcome of a trial, or of a candidate that no planner had proposed.

    Attributes:
        about: Number of the trial, or the candidate.
        author: Who tells it.
    """

    about: int | Candidate
    outcome: Outcome
    author: str


def measured(told: Mapping[str, str], properties: Mapping[str, str], author: str) -> Outcome:
    """Read measurements from words: `{"strength": "12.3±0.4 MPa"}`.

    Args:
        told: Property to value, with its standard deviation and its unit where one likes.
        properties: What the oracle answers, name to unit.
        author: Who measured.

    Raises:
        UserError: A property is not asked for, a value is no finite number, or the unit is another one.
    """
    found = []
    for name, text in told.items():
        if name not in properties:
            raise UserError(f"{clean(name, 40)}: not asked for; asked for are {', '.join(properties)}")
        match = _TOLD.match(text)
        unit = properties[name]
        if match is None:
            raise UserError(f"{name}={clean(text, 40)!r} is no number; write {name}=12.3 or {name}=12.3±0.4")
        value = _number(name, match["value"])
        deviation = None if match["deviation"] is None else _number(name, match["deviation"])
        given_unit = (match["unit"] or "").strip()
        if given_unit and given_unit not in (unit, unit_of(unit)):
            raise UserError(f"{name} is asked for in {unit!r} and told in {clean(given_unit, 20)!r}; convert it")
        if deviation is not None and deviation < 0:
            raise UserError(f"{name}: a standard deviation of {deviation:g}; zero or more is allowed")
        source = f"told by {author}"
        found.append(
            Measurement(property=name, value=value, deviation=deviation, unit=unit, method="measured", source=source)
        )
    if not found:
        raise UserError(f"nothing is told; asked for are {', '.join(properties)}")
    return Outcome(measurements=tuple(found))


def failed(kind: str, message: str) -> Outcome:
    """A failure that people report.

    Raises:
        UserError: It is of no kind that they may report.
    """
    known = next((one for one in TOLD_FAILURES if one == kind), None)
    if known is None:
        raise UserError(f"no kind of failure {clean(kind, 40)!r}; {', '.join(TOLD_FAILURES)} are allowed")
    return Outcome(failure=Failure(kind=known, message=clean(message, 500)))


def answered(answers: Sequence[Answer], state: State, oracle: str) -> tuple[Event, ...]:
    """Answers as events of the ledger; one that was told before, in the same words, changes nothing.

    Raises:
        UserError: There is no such trial, or it has another answer already.
    """
    events: list[Event] = []
    new = {number: trial.outcome for number, trial in state.trials.items()}
    last = max(new, default=0)
    for answer in answers:
        if isinstance(answer.about, Candidate):
            number = last = last + 1
            reason = f"handed in by {answer.author}"
            events.append(TrialProposed(trial=number, batch=0, oracle=oracle, candidate=answer.about, reason=reason))
        else:
            number = answer.about
            if number not in new:
                raise UserError(f"there is no trial #{number}; those that wait are: {_waiting(state)}")
            if new[number] == answer.outcome:
                continue
            if new[number] is not None:
                raise UserError(f"trial #{number} has an answer already; those that wait are: {_waiting(state)}")
        new[number] = answer.outcome
        events.append(TrialFinished(trial=number, outcome=answer.outcome))
    return tuple(events)


def trials_again(state: State, n: int) -> tuple[Pick, ...]:
    """What is to be tried again because the instrument failed, at most `n`; `MAX_TRIES` times each at most."""
    tries: dict[str, list[Trial]] = {}
    for trial in state.trials.values():
        tries.setdefault(trial.candidate.id, []).append(trial)
    due = [own[-1] for own in tries.values() if own[-1].is_fault and len(own) < MAX_TRIES]
    return tuple(
        Pick(last.candidate, f"#{last.number} again: the instrument failed", last.hypothesis, last.predicted)
        for last in due[: max(0, n)]
    )


def repeats(state: State, number: int, n: int) -> tuple[Pick, ...]:
    """The candidate of a trial `n` times more.

    Raises:
        UserError: There is no such trial.
    """
    if number not in state.trials:
        raise UserError(f"there is no trial #{number} to repeat; the last one is #{max(state.trials, default=0)}")
    first = state.trials[number]
    return (Pick(first.candidate, f"#{number} once more, as asked for", None, first.predicted),) * n


def proposed(pick: Pick, number: int, batch: int, oracle: str, reused: Origin | None = None) -> TrialProposed:
    """A pick as a new trial.

    Args:
        reused: Where its result is taken over from.
    """
    return TrialProposed(
        trial=number,
        batch=batch,
        oracle=oracle,
        candidate=pick.candidate,
        hypothesis=pick.hypothesis,
        reason=pick.reason,
        predicted=dict(pick.predicted),
        reused=reused,
    )


def _number(name: str, text: str) -> float:
    value = float(text.replace("−", "-"))
    if not math.isfinite(value):
        raise UserError(f"{name}={clean(text, 40)} is not finite")
    return value


def _waiting(state: State) -> str:
    return ", ".join(f"#{trial.number}" for trial in state.pending) or "none"
