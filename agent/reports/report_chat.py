"""The section of a report on the chat model: what it was asked, what that cost, and where it was done without.

Knows the state. Must not know how a chat model is asked.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..labels import counted, duration, figure, markdown

if TYPE_CHECKING:
    from ...memory.events import ChatExchanged
    from ...memory.state import State

_FAULTS, _REASONS = 5, 5


def chat(state: State) -> str:
    """Write the section; empty where no chat model was asked."""
    asked, given_up = state.exchanges, state.given_up
    if not asked and not given_up:
        return ""
    parts = ["## The chat model", *([_cost(state)] if asked else []), *_faults(asked)]
    if given_up:
        steps = len({(e.batch, e.step) for e in asked} | {(e.batch, e.step) for e in given_up})
        reasons = Counter(markdown(event.reason, 200) for event in given_up)
        listed = "\n".join(f"- {reason}{_times(n)}" for reason, n in reasons.most_common(_REASONS))
        parts.append(f"{counted(len(given_up), 'step')} of {steps} were done by the builtin planner:\n\n{listed}")
    final = next((event for event in given_up if event.is_final), None)
    if final:
        parts.append(f"From batch {final.batch} on the campaign went on without the chat model.")
    return "\n\n".join(parts)


def _cost(state: State) -> str:
    asked = state.exchanges
    names = ", ".join(dict.fromkeys(markdown(event.model, 80) for event in asked))
    paid = [event.usd for event in asked if event.usd is not None]
    money = f", {figure(sum(paid))} USD" if paid else ""
    guessed = sum(event.is_estimated for event in asked)
    estimated = f" The tokens of {counted(guessed, 'question')} are estimated by characters." if guessed else ""
    tokens = f"{sum(e.input_tokens for e in asked):,} tokens in and {sum(e.output_tokens for e in asked):,} out"
    longest = f"{max(event.input_tokens for event in asked):,} in the longest question"
    about = f"{counted(len(asked), 'time')} about {counted(state.batches, 'batch', 'batches')}"
    return (
        f"{names} was asked {about}: {tokens}, {longest}, {duration(sum(e.seconds for e in asked))}{money}.{estimated}"
    )


def _faults(asked: tuple[ChatExchanged, ...]) -> list[str]:
    faults = Counter(markdown(event.fault, 200) for event in asked if event.fault)
    if not faults:
        return []
    listed = "\n".join(f"- {fault}{_times(n)}" for fault, n in faults.most_common(_FAULTS))
    return [f"{counted(faults.total(), 'answer')} could not be used, which it was told:\n\n{listed}"]


def _times(n: int) -> str:
    return f" ({n} times)" if n > 1 else ""
