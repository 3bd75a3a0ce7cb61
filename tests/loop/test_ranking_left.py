"""Leaving the acquisition's ranking: recorded with what it displaced, scored by what came back, and told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_up_campaign as made_up
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from athanor.agent.campaign import Campaign
from athanor.agent.campaign_file import read_campaign_file
from athanor.agent.chat_model.scripted import ScriptedChatModel
from athanor.agent.chat_model.settings import ChatModelSettings
from athanor.agent.llm.briefing import briefing
from athanor.agent.llm.planner import LlmPlanner
from athanor.agent.planners.builtin import BuiltinPlanner
from athanor.agent.reports.report_chat import chat
from athanor.agent.standing import goal_of
from athanor.agent.views.summary import summarise
from athanor.memory.chat_model_events import ChatExchanged, ChatGivenUp
from athanor.memory.events import Event, PassedOver, RankingLeft
from athanor.memory.records import Failure, Outcome
from athanor.memory.state import State, fold
from athanor.tools.acquisition.override import overrides_of
from athanor.tools.oracles.build import evaluate
from athanor.tools.space import PoolSpace

# Importing BoTorch compiles a few functions by torch.jit.script, which torch 2.13 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")


def contrary(messages: Sequence[BaseMessage], tools: Sequence[str]) -> AIMessage:
    """Takes one of the best and the worst three of twenty, from the second batch on."""
    text = str(messages[-1].text)
    if isinstance(messages[-1], HumanMessage):
        return call("rank_candidates", n=20) if "submit_batch" in tools else AIMessage("So it went.")
    assert isinstance(messages[-1], ToolMessage)
    names = [line.split()[0] for line in text.splitlines()[1:]]
    is_first = "Plan batch 1:" in str(next(m.text for m in messages if isinstance(m, HumanMessage)))
    chosen = names[:4] if is_first else [names[0], *names[-3:]]
    picks = [{"id": name, "reason": "a hunch"} for name in chosen]
    return call(
        "submit_batch", candidates=picks, follows_ranking=is_first, why_not="" if is_first else "500 MPa at last"
    )


def call(name: str, **arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call-{name}", "type": "tool_call"}])


@pytest.fixture
def left(world: Callable[..., Path], campaign: Callable[..., Campaign]) -> State:
    """A campaign of four batches whose chat model left the ranking in three of them."""
    path = world(planner="llm", chat_model={"model": "scripted:contrary"})
    path.write_text(path.read_text().replace("evaluations: 20", "evaluations: 16"))
    file = read_campaign_file(path)
    assert isinstance(file.space, PoolSpace)
    builtin = BuiltinPlanner(file.goal, file.space, file.seed)
    model = ScriptedChatModel(script=contrary)
    planner = LlmPlanner(file.goal, file.space, file.seed, builtin, ChatModelSettings(model="scripted:contrary"), model)
    return campaign(file, planner=planner, evaluate=lambda one: evaluate(file.oracle, one)).run("test", {})


def test_what_was_picked_and_displaced_is_recorded_scored_and_told(left: State) -> None:
    assert len(left.trials) == 16
    assert not left.given_up
    assert [event.batch for event in left.overrides] == [2, 3, 4]
    for event in left.overrides:
        own = [trial for trial in left.trials.values() if trial.batch == event.batch]
        assert event.picked == tuple(trial.candidate.id for trial in own[1:])
        assert len(event.displaced) == 3
        assert not {one.candidate for one in event.displaced} & {trial.candidate.id for trial in own}
        assert event.why_not == "500 MPa [no source] at last"
    assert not left.overrides[0].displaced[0].predicted
    assert set(left.overrides[2].displaced[0].predicted) == {"strength", "cost"}
    goal = goal_of(left)
    found = overrides_of(goal, left)
    assert found.trials == 9
    assert found.scored
    assert found.mean is not None
    # The ranking wants what is strong; the worst of twenty is not that.
    assert found.mean > 0.5
    fared = summarise(left)["ranking_left"]
    assert (fared["trials"], fared["scored"], fared["mean"]) == (9, len(found.scored), found.mean)
    report = chat(left)
    assert "It left the acquisition's ranking in 3 of 4 batches that it planned, for 9 trials." in report
    assert f"with a probability of {found.mean:.2f} (95 % interval" in report
    assert report.count("500 MPa \\[no source\\] at last") == 3
    told = briefing(goal, PoolSpace(file=Path("x"), variables={"x": "1"}), left, 4, ("x",))
    assert f"would have been better with probability {found.mean:.2f}" in told


def test_the_report_says_where_the_ranking_was_followed() -> None:
    asked = [ChatExchanged(batch=batch, step="propose", model="big") for batch in (1, 1, 2, 3)]
    failed = ChatGivenUp(batch=3, step="propose", reason="nothing usable")
    told = [(900.0 + n, event) for n, event in enumerate([*asked, failed])]
    text = chat(fold(made_up.entries([*made_up.events(4), *told])))
    assert "It followed the acquisition's ranking in 2 batches that it planned." in text


def test_what_was_evaluated_later_is_compared_directly() -> None:
    state = scored_by(made_up.state(12, failing=0.0, one_objective=True))
    goal, found = goal_of(state), overrides_of(goal_of(state), state)
    picked, displaced = state.trials[4], state.trials[9]
    assert [(one.trial, one.compared, one.displaced) for one in found.scored] == [(4, 1, 1)]
    hits = [all(c.holds(t.values[c.property]) for c in goal.constraints) for t in (picked, displaced)]
    modulus = [t.values["bulk_modulus"] for t in (picked, displaced)]
    expected = (
        0.5 if hits[0] == hits[1] and not hits[0] else float(hits[1] and (not hits[0] or modulus[1] > modulus[0]))
    )
    assert found.mean == expected


def test_a_fault_of_the_instrument_is_no_answer() -> None:
    state = made_up.state(12, failing=0.0, one_objective=True)
    for kind, scored in (("fault", 0), ("unconverged", 1)):
        failed = Outcome(failure=Failure(kind=kind, message="no"))  # type: ignore[arg-type]
        trials = {**state.trials, 4: replace(state.trials[4], status="failed", outcome=failed)}
        found = overrides_of(goal_of(state), scored_by(replace(state, trials=trials)))
        assert (found.trials, len(found.scored)) == (1, scored)


def test_without_anything_to_compare_with_nothing_is_scored() -> None:
    state = made_up.state(12, failing=0.0, one_objective=True)
    event = RankingLeft(
        batch=state.trials[4].batch,
        picked=(state.trials[4].candidate.id, 16 * "f"),
        displaced=(PassedOver(candidate=16 * "0", name="MgO"),),
        why_not="a hunch",
    )
    found = overrides_of(goal_of(state), replace(state, overrides=(event,)))
    assert (found.trials, found.scored, found.mean, found.interval) == (1, (), None, None)


def scored_by(state: State) -> State:
    """Trial 4 was picked where the ranking wanted what came to be trial 9."""
    event = RankingLeft(
        batch=state.trials[4].batch,
        picked=(state.trials[4].candidate.id,),
        displaced=(PassedOver(candidate=state.trials[9].candidate.id, name="MgO", predicted={"bulk_modulus": (1, 1)}),),
        why_not="a hunch",
    )
    return replace(state, overrides=(event,))


def test_the_fold_keeps_overrides_in_order() -> None:
    told: list[tuple[float, Event]] = list(made_up.events(4))
    events = [RankingLeft(batch=n, picked=(), displaced=(), why_not=str(n)) for n in (1, 2)]
    entries = made_up.entries([*told, *((900.0 + n, event) for n, event in enumerate(events))])
    assert fold(entries).overrides == tuple(events)
    assert fold(entries[-1:], fold(entries[:-1])).overrides == tuple(events)
