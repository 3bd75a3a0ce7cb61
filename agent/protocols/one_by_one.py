"""A campaign one trial at a time: each is proposed with all earlier answers in mind, as published protocols want it.

Knows campaigns and where they are kept. Must not know which protocol it is, nor what answers a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...memory.records import Candidate, Outcome
from ...memory.state import State, Trial
from .. import assemble
from ..answers import Answer
from ..campaign import Campaign

AUTHOR = "benchmark"


def paid(state: State) -> list[Trial]:
    """Trials that the budget is for, in their order."""
    return [trial for trial in state.trials.values() if trial.is_paid]


def without_chat_model(state: State) -> int:
    """Batches of a campaign with the planner `llm` that the builtin planner proposed in its place."""
    asked = {one.batch for one in state.exchanges if one.step == "propose"}
    failed = {one.batch for one in state.given_up if one.step == "propose"}
    return len({trial.batch for trial in paid(state)} - (asked - failed))


def one_by_one(
    campaign: Campaign,
    begin: Sequence[Candidate],
    answer: Callable[[Candidate], Outcome],
    is_done: Callable[[State], bool],
) -> State:
    """Propose, answer, and so on, until it is done, the budget is used or nothing is left to try.

    What the ledger holds of the campaign is not done again, so that an interrupted one goes on where it was.

    Args:
        campaign: Of which people would give the answers.
        begin: Candidates whose answers are told before anything is proposed; they cost no budget.
        answer: Answers a candidate.
        is_done: Is asked after each answer.
    """
    told = assemble.holder(), assemble.versions()
    state = campaign.observe((), *told)
    if not state.trials and begin:
        state = campaign.observe([Answer(candidate, answer(candidate), AUTHOR) for candidate in begin], *told)
    while True:
        waiting = [trial for trial in state.trials.values() if not trial.is_finished]
        for trial in waiting:
            state = campaign.observe([Answer(trial.number, answer(trial.candidate), AUTHOR)], *told)
        if is_done(state) or len(paid(state)) >= campaign.file.goal.budget.evaluations:
            return state
        if not campaign.suggest(1, *told):
            return campaign.state
        state = campaign.state
