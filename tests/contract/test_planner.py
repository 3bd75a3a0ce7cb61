"""One suite for every planner: what a campaign relies on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_campaign import recorded

from athanor.agent.chat_model.connect import connect
from athanor.agent.chat_model.settings import ChatModelSettings
from athanor.agent.llm.planner import LlmPlanner
from athanor.agent.planner import Planner, Proposal
from athanor.agent.planners.builtin import BuiltinPlanner
from athanor.agent.planners.random_planner import RandomPlanner
from athanor.memory.records import Budget, Constraint, Failure, Goal, Measurement, Objective, Outcome
from athanor.memory.state import State, Trial
from athanor.tools.parameters.parameter_space import ParameterSpace
from athanor.tools.space import PoolSpace, Space

# Importing BoTorch compiles a few functions by torch.jit.script, which torch 2.13 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")

GOAL = Goal(
    statement="strong and cheap",
    objectives=(Objective(property="strength", direction="maximise", unit="MPa"),),
    constraints=(Constraint(property="cost", comparison="<=", value=20.0, unit="EUR"),),
    budget=Budget(evaluations=100),
)

Make = Callable[..., Planner]


@pytest.fixture(params=["pool", "parameters"])
def space(request: pytest.FixtureRequest, tmp_path: Path) -> Space:
    """The same sixty settings, as rows of a file and as variables."""
    if request.param == "parameters":
        return ParameterSpace.model_validate(
            {
                "variables": [
                    {"kind": "integer", "name": "x", "unit": "°C", "low": 0, "high": 5},
                    {"kind": "integer", "name": "y", "unit": "1", "low": 0, "high": 4},
                    {"kind": "categorical", "name": "kind", "unit": "1", "labels": ["hot", "cold"]},
                ]
            }
        )
    rows = [f"{x},{y},{kind}" for x in range(6) for y in range(5) for kind in ("hot", "cold")]
    (tmp_path / "pool.csv").write_text("\n".join(["x,y,kind", *rows]) + "\n")
    return PoolSpace(file=tmp_path / "pool.csv", variables={"x": "°C", "y": "1", "kind": "1"})


def obedient_planner(goal: Goal, space: Space, seed: int) -> LlmPlanner:
    """The planner with a chat model that always answers alike."""
    settings = ChatModelSettings(model="scripted:obedient")
    return LlmPlanner(goal, space, seed, BuiltinPlanner(goal, space, seed), settings, connect(settings))


def chosen(proposal: Proposal) -> Proposal:
    """A proposal without what was said on the way, which took another time."""
    return replace(proposal, events=())


@pytest.fixture(params=[BuiltinPlanner, RandomPlanner, obedient_planner])
def make(request: pytest.FixtureRequest, space: Space) -> Make:
    return lambda seed=0: request.param(GOAL, space, seed)


def outcome(trial: Trial) -> Outcome:
    """Strength rises with x, more so when hot; cost rises with both; one corner always fails."""
    values = trial.candidate.content.values  # type: ignore[union-attr]
    x, y, kind = float(values["x"]), float(values["y"]), values["kind"]
    if x == 5 and y == 4:
        return Outcome(failure=Failure(kind="crash", message="made to fail"))
    found = {"strength": 10 * x + (5 * y if kind == "hot" else 0), "cost": 4 * x + y}
    units = {"strength": "MPa", "cost": "EUR"}
    return Outcome(
        measurements=tuple(
            Measurement(property=name, value=value, unit=units[name], method="measured", source="test")
            for name, value in found.items()
        )
    )


def answered(state: State) -> State:
    """The state after all pending trials were answered."""
    trials = {}
    for number, trial in state.trials.items():
        result = trial.outcome or outcome(trial)
        trials[number] = replace(trial, outcome=result, status="failed" if result.failure else "completed")
    return replace(state, trials=trials)


def grown(planner: Planner, batches: int, n: int = 5) -> State:
    """A state after some batches with answers, and one more that is pending."""
    state = State()
    for _ in range(batches):
        state = answered(recorded(state, planner.propose(state, n)))
    return recorded(state, planner.propose(state, n))


@pytest.mark.parametrize("batches", [0, 3])
def test_the_same_state_gives_the_same_proposal(make: Make, batches: int) -> None:
    state = grown(make(), batches)
    used = make()
    used.propose(State(), 3)
    assert chosen(used.propose(state, 4)) == chosen(make().propose(state, 4))
    assert chosen(make().propose(state, 4)) == chosen(make().propose(state, 4))


def test_another_seed_gives_another_proposal(make: Make) -> None:
    proposals = {tuple(p.candidate.id for p in make(seed).propose(State(), 6).picks) for seed in range(3)}
    assert len(proposals) > 1


def test_neither_tried_nor_pending_nor_failed_candidates_come_back(make: Make) -> None:
    planner = make()
    state = State()
    while (proposal := planner.propose(state, 7)).picks:
        ids = [pick.candidate.id for pick in proposal.picks]
        assert len(set(ids)) == len(ids)
        assert not {trial.candidate.id for trial in state.trials.values()} & set(ids)
        state = recorded(answered(state) if state.batches % 2 else state, proposal)
    assert len(state.trials) == 60
    assert answered(state).failed


@pytest.mark.parametrize("n", [1, 2, 9])
def test_no_more_than_asked_for(make: Make, n: int) -> None:
    planner = make()
    assert len(planner.propose(State(), n).picks) == n
    assert len(planner.propose(grown(planner, 2), n).picks) == n


def test_every_pick_says_why(make: Make) -> None:
    planner = make()
    state = grown(planner, 2)
    for pick in planner.propose(state, 6).picks:
        assert len(pick.reason) > 10
        assert pick.hypothesis is None or pick.hypothesis in state.hypotheses


def test_the_state_is_not_changed(make: Make) -> None:
    planner = make()
    state = grown(planner, 2)
    trials = dict(state.trials)
    planner.propose(state, 4)
    assert state.trials == trials


def test_reflection_is_pure_and_says_what_came_back(make: Make) -> None:
    planner = make()
    state = answered(grown(planner, 2))
    text = planner.reflect(state, 3).text
    assert text == make().reflect(state, 3).text
    assert re.match(r"Batch 3: [45] of 5 trials completed", text)


def test_reflection_on_a_batch_that_failed_altogether(make: Make) -> None:
    state = grown(make(), 0)
    failure = Outcome(failure=Failure(kind="unconverged", message="made to fail"))
    trials = {n: replace(t, outcome=failure, status="failed") for n, t in state.trials.items()}
    text = make().reflect(replace(state, trials=trials), 1).text
    assert text.startswith("Batch 1: 0 of 5 trials completed; failed: unconverged 5.")
