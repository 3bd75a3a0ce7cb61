"""The section of a report on what people told the campaign: hints, and trials that they took back.

Knows the state. Must not know by what face people spoke.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..labels import label_of, markdown

if TYPE_CHECKING:
    from ...memory.people_events import HintGiven, TrialAbandoned
    from ...memory.state import State, Trial


def guidance(state: State) -> str:
    """Write the section; empty where nobody said anything."""
    hints = [_hint(state, hint) for _, hint in sorted(state.hints.items())]
    taken_back = [_taken_back(trial, trial.abandoned) for trial in state.trials.values() if trial.abandoned]
    if not hints and not taken_back:
        return ""
    return "\n".join(["## What people told the campaign", "", *hints, *taken_back])


def _taken_back(trial: Trial, by: TrialAbandoned) -> str:
    why = f": {markdown(by.reason, 400)}" if by.reason else ""
    return (
        f"- trial {trial.number}, {markdown(label_of(trial.candidate))}, was taken back by {markdown(by.author)}{why}"
    )


def _hint(state: State, hint: HintGiven) -> str:
    rules = [f"no {symbol}" for symbol in hint.banned]
    rules += [markdown(f"{name} is {value}") for name, value in hint.fixed]
    if hint.wanted:
        rules.append(f"{' or '.join(hint.wanted)} in half of the candidates")
    meant = f" ({'; '.join(rules)})" if rules else ""
    back = state.withdrawn.get(hint.number)
    until = f", withdrawn from batch {back.since} on by {markdown(back.author)}" if back else ""
    when = f"for batch {hint.since} alone" if hint.until == hint.since else f"from batch {hint.since} on"
    return f"- {when}, {markdown(hint.author)}: {markdown(hint.text, 400)}{meant}{until}"
