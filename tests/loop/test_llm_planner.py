"""The planner with a chat model: what it hands in is checked, and where it fails the builtin planner takes over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from made_up_campaign import recorded

from athanor.agent.chat_model.scripted import ScriptedChatModel
from athanor.agent.chat_model.settings import ChatModelSettings, Prices
from athanor.agent.llm.planner import FAILURES, LlmPlanner
from athanor.agent.planner import Proposal
from athanor.agent.planners.builtin import BuiltinPlanner
from athanor.memory.chat_model_events import ChatExchanged, ChatGivenUp
from athanor.memory.events import RankingLeft
from athanor.memory.records import Budget, Constraint, Goal, Measurement, Objective, Outcome
from athanor.memory.state import State, Trial
from athanor.tools.space import PoolSpace

# Importing BoTorch compiles a few functions by torch.jit.script, which torch 2.13 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")

GOAL = Goal(
    statement="strong and cheap",
    objectives=(Objective(property="strength", direction="maximise", unit="MPa"),),
    constraints=(Constraint(property="cost", comparison="<=", value=20.0, unit="EUR"),),
    budget=Budget(evaluations=100),
)
Reply = AIMessage | Exception
Script = Callable[[Sequence[BaseMessage]], Reply]


@pytest.fixture
def space(tmp_path: Path) -> PoolSpace:
    rows = [f"{x},{y},{kind}" for x in range(6) for y in range(5) for kind in ("hot", "cold")]
    (tmp_path / "pool.csv").write_text("\n".join(["x,y,kind", *rows]) + "\n")
    return PoolSpace(file=tmp_path / "pool.csv", variables={"x": "°C", "y": "1", "kind": "1"})


Make = Callable[..., LlmPlanner]


@pytest.fixture
def make(space: PoolSpace) -> Make:
    def planner(script: Script, goal: Goal = GOAL, **settings: Any) -> LlmPlanner:
        def answer(messages: Sequence[BaseMessage], tools: Any) -> AIMessage:
            reply = script(messages)
            if isinstance(reply, Exception):
                raise reply
            return reply

        model = ScriptedChatModel(script=answer)
        chosen = ChatModelSettings(model="scripted:test", **settings)
        return LlmPlanner(goal, space, 0, BuiltinPlanner(goal, space, 0), chosen, model)

    return planner


def call(name: str, **arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call-{name}", "type": "tool_call"}])


def told(messages: Sequence[BaseMessage]) -> list[str]:
    """What the tools have said so far."""
    return [str(message.text) for message in messages if isinstance(message, ToolMessage)]


def ids(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines()[1:]]


def batch(chosen: Sequence[str], **more: Any) -> AIMessage:
    candidates = [{"id": name, "reason": "it ranks high"} for name in chosen]
    return call("submit_batch", **({"candidates": candidates, "follows_ranking": True} | more))


CLAIM = {
    "conditions": [{"feature": "kind", "comparison": "any_of", "value": ["hot"]}],
    "property": "strength",
    "comparison": ">=",
    "value": 20.0,
    "rationale": "heat helps",
}


def obedient(messages: Sequence[BaseMessage], n: int = 3, **more: Any) -> AIMessage:
    seen = told(messages)
    return batch(ids(seen[-1])[:n], **more) if seen else call("rank_candidates", n=n)


def reflecting(messages: Sequence[BaseMessage]) -> AIMessage:
    return AIMessage("Hot settings did well. Next, try hot ones at high x.")


def exchanges(proposal: Proposal) -> list[ChatExchanged]:
    return [event for event in proposal.events if isinstance(event, ChatExchanged)]


def given_up(proposal: Proposal) -> list[ChatGivenUp]:
    return [event for event in proposal.events if isinstance(event, ChatGivenUp)]


def answered(state: State) -> State:
    def outcome(trial: Trial) -> Outcome:
        values = trial.candidate.content.values  # type: ignore[union-attr]
        x, y = float(values["x"]), float(values["y"])
        found = {"strength": (10 * x + (5 * y if values["kind"] == "hot" else 0), "MPa"), "cost": (4 * x + y, "EUR")}
        return Outcome(
            measurements=tuple(
                Measurement(property=name, value=value, unit=unit, method="measured", source="test")
                for name, (value, unit) in found.items()
            )
        )

    trials = {n: replace(t, outcome=t.outcome or outcome(t), status="completed") for n, t in state.trials.items()}
    return replace(state, trials=trials)


def test_a_batch_is_chosen_through_tools_with_a_claim_and_reasons(make: Make) -> None:
    def script(messages: Sequence[BaseMessage]) -> Reply:
        if not told(messages):
            return call("rank_candidates", n=4, conditions=CLAIM["conditions"])
        return batch(ids(told(messages)[-1])[:3], hypothesis=CLAIM, follows_ranking=False, why_not="to test heat")

    proposal = make(script).propose(State(), 4)
    assert proposal.hypothesis is not None
    assert proposal.hypothesis.statement == "Most settings of kind hot have strength of at least 20 MPa."
    assert proposal.hypothesis.since == 1
    assert len(proposal.picks) == 4
    assert [pick.hypothesis for pick in proposal.picks[:3]] == ["h1"] * 3
    assert proposal.picks[0].reason == "it ranks high"
    assert "acquisition's best" in proposal.picks[3].reason
    assert len(exchanges(proposal)) == 2
    assert not given_up(proposal)


def test_an_open_hypothesis_is_tested_and_no_second_one_stated(make: Make) -> None:
    planner = make(lambda messages: obedient(messages, hypothesis=CLAIM, why_not="heat"))
    state = answered(recorded(State(), planner.propose(State(), 3)))
    refusals = []

    def stubborn(messages: Sequence[BaseMessage]) -> Reply:
        refusals.extend(text for text in told(messages) if text.startswith("refused"))
        return (
            obedient(messages, hypothesis=None if refusals else CLAIM, why_not="heat")
            if not refusals
            else (batch(ids(told(messages)[0])[:3], why_not="heat"))
        )

    proposal = make(stubborn).propose(state, 3)
    assert refusals[0] == "refused: h1 is still open; test it, or leave the hypothesis out"
    assert proposal.hypothesis is None
    assert not given_up(proposal)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            {"candidates": [{"id": 16 * "0", "reason": "a hunch"}]},
            "no candidate '0000000000000000' is offered",
        ),
        ({"hypothesis": CLAIM | {"property": "colour"}}, "property 'colour' is none of the goal's: strength, cost"),
        ({"hypothesis": CLAIM | {"evidence": [7]}}, "there is no trial #7"),
        (
            {"hypothesis": CLAIM | {"conditions": [{"feature": "z", "comparison": "<=", "value": 1.0}]}},
            "feature 'z' is not known; known are x, y, kind",
        ),
        (
            {"hypothesis": CLAIM | {"conditions": [{"feature": "kind", "comparison": "<=", "value": 1.0}]}},
            "kind: any_of with a list of labels is allowed",
        ),
        (
            {"hypothesis": CLAIM | {"conditions": [{"feature": "kind", "comparison": "any_of", "value": ["warm"]}]}},
            "no candidate of the batch meets the hypothesis's conditions",
        ),
    ],
)
def test_what_is_wrong_with_a_batch_is_told_and_can_be_mended(make: Make, change: dict[str, Any], why: str) -> None:
    heard: list[str] = []

    def script(messages: Sequence[BaseMessage]) -> Reply:
        seen = told(messages)
        heard[:] = seen
        if len(seen) == 1:
            good = [{"id": name, "reason": "it ranks high"} for name in ids(seen[0])[:3]]
            return call("submit_batch", **({"candidates": good, "follows_ranking": True, "why_not": "so"} | change))
        return obedient(messages) if not seen else batch(ids(seen[0])[:3])

    proposal = make(script).propose(State(), 3)
    assert not given_up(proposal)
    assert heard[1].startswith(f"refused: {why}")
    assert len(proposal.picks) == 3


def test_leaving_the_ranking_needs_a_reason(make: Make) -> None:
    def script(messages: Sequence[BaseMessage]) -> Reply:
        seen = told(messages)
        if not seen:
            return call("rank_candidates", n=20)
        last = ids(seen[0])[-2:]
        return batch(last) if len(seen) == 1 else batch(last, follows_ranking=False, why_not="«they» are cheap")

    proposal = make(script).propose(State(), 2)
    assert len(exchanges(proposal)) == 3
    left = [event for event in proposal.events if isinstance(event, RankingLeft)]
    assert [event.why_not for event in left] == ["«they» are cheap"]
    assert left[0].picked == tuple(pick.candidate.id for pick in proposal.picks)
    assert len(left[0].displaced) == 2


FAULTS: dict[str, Script] = {
    "time-out": lambda messages: TimeoutError("no answer within 1 s"),
    "server error": lambda messages: RuntimeError("Error code: 500"),
    "empty": lambda messages: AIMessage(""),
    "refusal": lambda messages: AIMessage("", additional_kwargs={"refusal": "I cannot help with that"}),
    "no tool": lambda messages: AIMessage("I would take the strongest ones."),
    "unknown tool": lambda messages: call("order_pizza"),
    "wrong arguments": lambda messages: call("rank_candidates", n="all"),
    "no arguments": lambda messages: call("submit_batch"),
    "endless": lambda messages: call("rank_candidates", n=2),
    "broken JSON": lambda messages: AIMessage(
        "", invalid_tool_calls=[{"name": "submit_batch", "args": '{"candidates": [', "id": "1", "error": "cut"}]
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_chat_model_that_fails_costs_no_batch(make: Make, fault: str, space: PoolSpace) -> None:
    proposal = make(FAULTS[fault]).propose(State(), 3)
    instead = BuiltinPlanner(GOAL, space, 0).propose(State(), 3)
    assert [pick.candidate.id for pick in proposal.picks] == [pick.candidate.id for pick in instead.picks]
    assert len(given_up(proposal)) == 1
    assert given_up(proposal)[0].reason
    assert not given_up(proposal)[0].is_final
    assert 1 <= len(exchanges(proposal)) <= 16


def test_one_fault_is_told_and_mended(make: Make) -> None:
    heard: list[str] = []

    def script(messages: Sequence[BaseMessage]) -> Reply:
        heard.append(str(messages[-1].text))
        return AIMessage("") if len(heard) == 1 else obedient(messages)

    proposal = make(script).propose(State(), 3)
    assert "could not be used: it calls no tool" in heard[1]
    assert not given_up(proposal)
    assert [event.fault != "" for event in exchanges(proposal)] == [True, False, False]


def test_after_some_failures_in_a_row_it_is_not_asked_any_more(make: Make) -> None:
    asked = []

    def script(messages: Sequence[BaseMessage]) -> Reply:
        asked.append(1)
        return TimeoutError("no answer")

    planner, state = make(script, tries=1), State()
    for _ in range(FAILURES):
        proposal = planner.propose(state, 1)
        state = answered(recorded(state, proposal))
    assert [event.is_final for event in state.given_up] == [False] * (FAILURES - 1) + [True]
    assert len(asked) == FAILURES
    assert not planner.propose(state, 1).events
    assert not planner.reflect(state, 1).events
    assert len(asked) == FAILURES


def test_a_success_between_failures_starts_the_count_anew(make: Make) -> None:
    turn = iter([True, True, False, True, True, True])
    now = [False]

    def script(messages: Sequence[BaseMessage]) -> Reply:
        if not told(messages):
            now[0] = next(turn)
        return TimeoutError("no answer") if now[0] else obedient(messages, n=1)

    planner, state = make(script, tries=1), State()
    for _ in range(6):
        state = answered(recorded(state, planner.propose(state, 1)))
    assert len(state.given_up) == 5
    assert not any(event.is_final for event in state.given_up)


@pytest.mark.parametrize(
    ("budget", "told_reason"),
    [
        ({"chat_calls": 3}, "all 3 questions of the budget are asked"),
        ({"chat_tokens": 1000}, "all 1,000 tokens of the budget are used"),
        ({"chat_usd": 0.001}, "the 0.001 USD of the budget are used"),
    ],
)
def test_a_budget_that_is_used_up_ends_the_talk_for_good(make: Make, budget: dict[str, Any], told_reason: str) -> None:
    goal = GOAL.model_copy(update={"budget": Budget(evaluations=100, **budget)})
    planner = make(obedient, goal, prices=Prices(input=1.0, output=4.0))
    state = State()
    for _ in range(4):
        state = answered(recorded(state, planner.propose(state, 2)))
    assert [event.is_final for event in state.given_up] == [True]
    assert state.given_up[0].reason == told_reason
    assert len(state.trials) == 8
    assert sum(event.usd or 0 for event in state.exchanges) > 0


def test_a_reflection_holds_what_was_computed_and_quotes_the_chat_model(make: Make) -> None:
    planner = make(lambda messages: reflecting(messages) if "reflect" in str(messages[0].text) else obedient(messages))
    state = answered(recorded(State(), planner.propose(State(), 3)))
    reflection = planner.reflect(state, 1)
    assert reflection.text.startswith("Batch 1: 3 of 3 trials completed.")
    assert reflection.text.endswith("The chat model adds: «Hot settings did well. Next, try hot ones at high x.»")
    assert [event.kind for event in reflection.events] == ["chat_exchanged"]


def test_a_reflection_without_the_chat_model_is_the_computed_one(make: Make, space: PoolSpace) -> None:
    planner = make(lambda messages: TimeoutError("no answer"))
    state = answered(recorded(State(), BuiltinPlanner(GOAL, space, 0).propose(State(), 3)))
    reflection = planner.reflect(state, 1)
    assert reflection.text == BuiltinPlanner(GOAL, space, 0).reflect(state, 1).text
    assert [event.kind for event in reflection.events][-1] == "chat_given_up"


def test_numbers_from_nowhere_are_marked(make: Make) -> None:
    rationale = "At 900 °C strength doubles to 350 MPa; the claim is 20 MPa."

    def script(messages: Sequence[BaseMessage]) -> Reply:
        if "reflect" in str(messages[0].text):
            value = str(messages[-1].text).split("strength ")[1].split(" MPa")[0]
            return AIMessage(f"#1 has a strength of {value} MPa, and steel would have 5400 MPa.")
        return obedient(messages, hypothesis=CLAIM | {"rationale": rationale}, why_not="heat")

    planner = make(script)
    proposal = planner.propose(State(), 3)
    assert proposal.hypothesis is not None
    assert "350 MPa [no source]" in proposal.hypothesis.rationale
    assert "20 MPa [no source]" not in proposal.hypothesis.rationale
    told = planner.reflect(answered(recorded(State(), proposal)), 1).text
    assert told.endswith("and steel would have 5400 MPa [no source].»")
    assert told.count("[no source]") == 1


def test_a_refusal_gives_no_number_a_source(make: Make) -> None:
    def script(messages: Sequence[BaseMessage]) -> Reply:
        seen = told(messages)
        if len(seen) == 1:
            return batch(ids(seen[0]), hypothesis=CLAIM | {"property": "strength of 350 MPa"}, why_not="heat")
        claim = CLAIM | {"rationale": "It reaches a strength of 350 MPa."}
        return batch(ids(seen[0]), hypothesis=claim, why_not="heat") if seen else call("rank_candidates", n=3)

    proposal = make(script).propose(State(), 3)
    assert proposal.hypothesis is not None
    assert proposal.hypothesis.rationale == "It reaches a strength of 350 MPa [no source]."


def test_the_briefing_is_bounded(make: Make, space: PoolSpace) -> None:
    from athanor.agent.llm.briefing import briefing

    planner, state = BuiltinPlanner(GOAL, space, 0), State()
    sizes = []
    for _ in range(10):
        state = answered(recorded(state, planner.propose(state, 6)))
        state = replace(state, reflections={**state.reflections, state.batches: "long " * 1000})
        sizes.append(len(briefing(GOAL, space, state, 6, ("x", "y", "kind"))))
    assert len(state.trials) == 60
    assert max(sizes) < 8000
    assert sizes[-1] < 1.2 * sizes[4]
