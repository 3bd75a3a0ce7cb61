"""The section of a report on the chat model: what it was asked and cost, where it left the ranking or was done without.

Knows the state. Must not know how a chat model is asked.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...tools.acquisition.override import Override, overrides_of
from ..labels import counted, duration, figure, label_of, markdown
from ..standing import goal_of
from .report_table import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...memory.chat_model_events import ChatExchanged
    from ...memory.events import RankingLeft
    from ...memory.state import State

_FAULTS, _REASONS, _OVERRIDES = 5, 5, 12


def chat(state: State) -> str:
    """Write the section; empty where no chat model was asked."""
    asked, given_up = state.exchanges, state.given_up
    if not asked and not given_up:
        return ""
    parts = ["## The chat model", *([_cost(state)] if asked else []), *_faults(asked), *_overrides(state)]
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


def _overrides(state: State) -> list[str]:
    """Where the acquisition's ranking was left, and what that was worth."""
    failed = {event.batch for event in state.given_up if event.step == "propose"}
    planned = {event.batch for event in state.exchanges if event.step == "propose"} - failed
    if not state.overrides:
        told = f"It followed the acquisition's ranking in {counted(len(planned), 'batch', 'batches')} that it planned."
        return [told] if planned else []
    found = overrides_of(goal_of(state), state)
    said = (
        f"It left the acquisition's ranking in {len({event.batch for event in state.overrides})} of "
        f"{counted(len(planned), 'batch', 'batches')} that it planned, for {counted(found.trials, 'trial')}."
    )
    if found.mean is not None and found.interval is not None:
        low, high = found.interval
        said += (
            f" What it would have taken instead would have been better than {counted(len(found.scored), 'answer')} "
            f"with a probability of {found.mean:.2f} (95 % interval {low:.2f} to {high:.2f}; a half is no difference). "
            f"{_judged(low, high)} In {counted(found.compared, 'case')} something displaced was evaluated later, and "
            "compared directly; else the surrogate's own expectation stands in, which flatters its ranking."
        )
    scores = {one.trial: one for one in found.scored}
    rows = [
        [
            str(event.batch),
            picked,
            "; ".join(markdown(one.name, 60) for one in event.displaced),
            markdown(event.why_not),
        ]
        for event in state.overrides[-_OVERRIDES:]
        for picked in [_picked(state, event, scores)]
    ]
    return [said, table(["batch", "picked (chance that what it displaced is better)", "displaced", "why"], rows)]


def _judged(low: float, high: float) -> str:
    if high < 0.5:
        return "Leaving it has paid."
    return "Following it would have been better." if low > 0.5 else "Which was better cannot be told yet."


def _picked(state: State, event: RankingLeft, scores: Mapping[int, Override]) -> str:
    own = [t for t in state.trials.values() if t.batch == event.batch and t.candidate.id in event.picked]
    return "; ".join(
        f"#{t.number} {markdown(label_of(t.candidate), 60)}"
        + (f" ({scores[t.number].chance:.2f})" if t.number in scores else "")
        for t in own
    )


def _times(n: int) -> str:
    return f" ({n} times)" if n > 1 else ""
