"""When a campaign stops: small callables of the state, each with a named reason.

Knows state and goal. Must not know what the campaign does about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from ..memory.records import Budget
from ..memory.state import State
from .labels import figure, unit_of, wording
from .spending import Prices

Reason = Literal["evaluations", "cost", "hours", "failures_in_a_row", "exhausted", "settled", "paused"]


@dataclass(frozen=True)
class Stop:
    """Why no further batch is proposed, by name and in words."""

    reason: Reason
    message: str


SETTLED = 2
"""Batches in a row that were planned with less to gain than the noise, before a search counts as settled."""


def stop_reason(
    state: State,
    budget: Budget,
    oracle: str,
    seconds: float,
    may_settle: bool = True,
    prices: Prices | None = None,
) -> Stop | None:
    """Find out whether a budget is used up.

    Args:
        state: What the campaign knows.
        budget: What it may spend.
        oracle: Name of the oracle the budget is for; trials at others do not count.
        seconds: Wall-clock seconds spent so far, this run's included.
        may_settle: Whether it also stops where less is to be gained than the noise of a measurement.
        prices: Of the space, where it states any.

    Returns:
        The first reason to stop, or None.
    """
    trials = state.paid(oracle)
    finished = [trial for trial in trials if trial.is_finished]
    in_a_row = len(list(takewhile(lambda trial: trial.status == "failed", reversed(finished))))
    if in_a_row >= budget.failures_in_a_row:
        last = finished[-1].outcome
        kind = last.failure.kind if last and last.failure else ""
        return Stop("failures_in_a_row", f"{in_a_row} trials failed one after another, the last: {kind}")
    if len(trials) >= budget.evaluations:
        return Stop("evaluations", f"all {budget.evaluations} evaluations of the budget are used")
    if budget.cost is not None and prices is not None and prices.sum_of(trials) >= budget.cost:
        return Stop("cost", f"what the evaluations may cost is used: {prices.in_words(trials, budget.cost)}")
    if budget.hours is not None and seconds >= 3600 * budget.hours:
        return Stop("hours", f"the {budget.hours:g} hours of the budget are used")
    return settled(state) if may_settle else None


def settled(state: State) -> Stop | None:
    """Whether what is left to gain can no longer be told from noise."""
    latest = [state.gains[batch] for batch in sorted(state.gains)][-SETTLED:]
    if len(latest) < SETTLED or any(one.gain >= one.noise for one in latest):
        return None
    last = latest[-1]
    told = f"{figure(last.gain)} {unit_of(last.unit)}".rstrip()
    noise = f"{figure(last.noise)} {unit_of(last.unit)}".rstrip()
    return Stop(
        "settled",
        f"{wording(last.property)}: the best candidate left is expected to gain {told}, less than the noise of a "
        f"measurement, {noise}",
    )
