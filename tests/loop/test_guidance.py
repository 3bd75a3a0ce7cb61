"""What people tell a campaign: hints by batch, approvals, trials taken back, a soft end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from straight_line import answer

from athanor.agent.campaign import Campaign
from athanor.agent.campaign_file import CampaignFile, read_campaign_file
from athanor.agent.guidance import guidance, guidance_lines, heard, tell_offline
from athanor.agent.planner import Pick, Planner, Proposal, Reflection
from athanor.agent.planners.builtin import BuiltinPlanner
from athanor.agent.planners.supply import Supply
from athanor.agent.reports.report_guidance import guidance as said
from athanor.memory.errors import UserError
from athanor.memory.people_events import HintGiven, HintWithdrawn, TrialAbandoned, TrialApproved
from athanor.memory.records import Budget, Candidate, Crystal, Failure, Goal, Objective, Outcome
from athanor.memory.state import State, fold
from athanor.memory.volatile import VolatileLedger
from athanor.tools.space import CrystalSpace

Campaigns = Callable[..., Campaign]
CRYSTALS = CrystalSpace(elements=("Mg", "Al", "Co", "O", "S"), required=("O", "S"), n_elements=(2, 3))
STIFF = Goal(
    statement="stiff",
    objectives=(Objective(property="bulk_modulus", direction="maximise", unit="GPa"),),
    budget=Budget(evaluations=20),
)
PATIENCE = 20.0


def hint(*, banned: Sequence[str] = (), wanted: Sequence[str] = ()) -> HintGiven:
    return HintGiven(author="Ada", text="in words", banned=tuple(banned), wanted=tuple(wanted))


def hinted(*hints: HintGiven | HintWithdrawn) -> State:
    """The state of a campaign that was told something before its first batch."""
    ledger = VolatileLedger()
    for one in hints:
        ledger.append("c", heard([one], fold(ledger.entries("c")), CRYSTALS))
    return fold(ledger.entries("c"))


def test_what_is_banned_is_never_offered_and_half_of_what_is_made_has_what_is_wanted() -> None:
    state = hinted(hint(banned=["Co"]), hint(wanted=["S"]))
    offered = Supply(STIFF, CRYSTALS, 0, 20).offer(state).candidates
    species = [set(one.content.species) for one in offered if isinstance(one.content, Crystal)]
    assert len(species) == 20
    assert not any("Co" in held for held in species)
    assert sum("S" in held for held in species) >= 10
    without = Supply(STIFF, CRYSTALS, 0, 20).offer(State()).candidates
    assert any("Co" in one.content.species for one in without if isinstance(one.content, Crystal))


def test_half_of_the_picks_follow_a_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    from made_up_acquisition import use_made_up_acquisition

    use_made_up_acquisition(monkeypatch, predicted=(20.0, 5.0))
    picks = BuiltinPlanner(STIFF, CRYSTALS, 0).propose(hinted(hint(wanted=["S"])), 4).picks
    assert len(picks) == 4
    assert sum("S" in p.candidate.content.species for p in picks if isinstance(p.candidate.content, Crystal)) >= 2
    assert "asked for S" in picks[0].reason


def test_the_report_tells_hints_and_what_was_withdrawn() -> None:
    text = said(hinted(hint(banned=["Co"]), hint(wanted=["S"]), HintWithdrawn(author="Eve", number=1)))
    assert "(no Co), withdrawn from batch 1 on by Eve" in text
    assert "(S in half of the candidates)" in text
    assert said(State()) == ""


def test_a_hint_counts_from_the_next_batch_on_until_it_is_withdrawn() -> None:
    state = hinted(hint(banned=["Co"]), hint(wanted=["S"]), HintWithdrawn(author="Ada", number=1))
    assert guidance(state, 1).banned == frozenset()
    assert guidance(state, 1).wanted == {"S"}
    assert guidance(state, 0).hints == ()
    assert [line for line in guidance_lines(state, 1) if "Hint 2 by Ada" in line]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (hint(banned=["Fe"]), "Fe: not among the elements"),
        (hint(banned=["O"], wanted=["O"]), "both banned and wanted"),
        (hint(banned=["O", "S"]), "cannot all be banned"),
        (hint(banned=["Mg", "Al", "Co", "S"]), "only O would be left"),
        (HintWithdrawn(author="Ada", number=7), "no hint 7"),
        (TrialApproved(author="Ada", trial=3), "no trial #3"),
    ],
)
def test_what_cannot_be_followed_is_refused_in_words(told: HintGiven, said: str) -> None:
    with pytest.raises(UserError, match=said):
        heard([told], State(), CRYSTALS)


def refuse(candidate: Candidate) -> Outcome:
    return Outcome(failure=Failure(kind="missing", message="never there"))


def test_a_campaign_that_is_not_at_work_is_told_in_its_ledger(campaign: Campaigns, file: CampaignFile) -> None:
    ledger = VolatileLedger()
    campaign(file, ledger).run("me", {})
    before = fold(ledger.entries("table"))
    tell_offline(ledger, "table", HintGiven(author="Ada", text="try x above 10"))
    after = fold(ledger.entries("table"))
    assert (after.hints[1].since, after.hints[1].text) == (before.batches + 1, "try x above 10")
    assert after.spent == before.spent
    with pytest.raises(UserError, match="this one has settings"):
        tell_offline(ledger, "table", hint(banned=["Co"]))


class Stubborn:
    """Proposes one crystal with an element that is banned, and one without."""

    name = "stubborn"

    def propose(self, state: State, n: int) -> Proposal:
        offered = Supply(STIFF, CRYSTALS, 0, 40).offer(State()).candidates
        tried = {trial.candidate.id for trial in state.trials.values()}
        fresh = [one for one in offered if one.id not in tried and isinstance(one.content, Crystal)]
        split = [[c for c in fresh if ("Co" in c.content.species) is has][:1] for has in (True, False)]
        return Proposal(tuple(Pick(one, "I insist") for part in split for one in part))

    def reflect(self, state: State, batch: int) -> Reflection:
        return Reflection("so be it")


def test_what_is_banned_goes_no_further_whatever_a_planner_proposes(campaign: Campaigns, file: CampaignFile) -> None:
    ledger = VolatileLedger()
    crystals = file.model_copy(update={"space": CRYSTALS, "goal": STIFF})
    ledger.append("table", heard([hint(banned=["Co"])], State(), CRYSTALS))
    made = campaign(crystals, ledger, planner=Stubborn(), evaluate=refuse)
    state = made.run("me", {})
    contents = [t.candidate.content for t in state.trials.values()]
    assert len(contents) > 3
    assert not any("Co" in content.species for content in contents if isinstance(content, Crystal))


def in_background(campaign: Campaign) -> threading.Thread:
    thread = threading.Thread(target=campaign.run, args=("me", {}))
    thread.start()
    return thread


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)


def test_trials_wait_for_approval_and_those_taken_back_cost_nothing(
    campaign: Campaigns, line_planner: type[Planner], world: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("athanor.agent.campaign._MOMENT", 0.01)
    made = campaign(read_campaign_file(world()), planner=line_planner())
    made.needs_approval = True
    thread = in_background(made)
    until(lambda: len(made.state.trials) == 8)
    assert not made.state.completed
    made.tell(TrialAbandoned(author="Ada", trial=2, reason="too dear"), TrialApproved(author="Ada", trial=1))
    with pytest.raises(UserError, match="#2 is abandoned already"):
        made.tell(TrialApproved(author="Ada", trial=2))
    until(lambda: len(made.state.completed) == 1)
    with pytest.raises(UserError, match="#1 is completed already"):
        made.tell(TrialAbandoned(author="Ada", trial=1))
    made.needs_approval = False
    thread.join(PATIENCE)
    state = made.state
    assert state.ended is not None
    assert state.ended.reason == "evaluations"
    assert len(state.completed) == 20
    assert state.trials[2].abandoned is not None
    assert state.trials[2].values == {}
    assert len({trial.candidate.id for trial in state.trials.values()}) == 21
    assert "taken back by Ada: too dear" in said(state)


def test_a_pause_records_what_is_at_work_and_begins_nothing_new(
    campaign: Campaigns, file: CampaignFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, asked = VolatileLedger(), []

    def evaluate(candidate: Candidate) -> Outcome:
        asked.append(candidate.id)
        if len(asked) == 6:
            made.pause("Ada")
        return answer(candidate)

    made = campaign(file, ledger, evaluate=evaluate)
    state = made.run("me", {})
    assert state.ended is not None
    assert (state.ended.reason, state.ended.message) == ("paused", "paused by Ada")
    assert len(state.completed) == len(asked) < 20
    state = made.run("me", {})
    assert state.ended is not None
    assert state.ended.reason == "evaluations"
    assert len(state.completed) == len(asked) == len(set(asked)) == 20
