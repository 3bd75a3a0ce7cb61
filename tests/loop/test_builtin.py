"""The builtin planner in made-up worlds: what it claims, how it tests it, and what it is offered.

The acquisition is a stand-in that draws at random, so that what is seen here is the planner's own doing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_acquisition import use_made_up_acquisition
from made_up_campaign import recorded

from athanor.agent.judge import judge
from athanor.agent.planners import supply as supply_module
from athanor.agent.planners.builtin import BuiltinPlanner
from athanor.agent.planners.hypothesise import hypothesise
from athanor.agent.planners.supply import Supply
from athanor.memory.records import (
    Budget,
    Candidate,
    Constraint,
    Crystal,
    Goal,
    Measurement,
    Objective,
    Outcome,
    Point,
    Provenance,
)
from athanor.memory.state import State, Trial
from athanor.tools.crystals.feature import meets
from athanor.tools.generators.generate import Wish, Yield
from athanor.tools.space import CrystalSpace, PoolSpace

World = Callable[[Mapping[str, float | str]], float]

GOAL = Goal(
    statement="strong",
    objectives=(Objective(property="strength", direction="maximise", unit="MPa"),),
    budget=Budget(evaluations=200),
)
STIFF = Goal(
    statement="stiff",
    objectives=(Objective(property="bulk_modulus", direction="maximise", unit="GPa"),),
    constraints=(Constraint(property="energy_above_hull", comparison="<=", value=0.1, unit="eV/atom"),),
    budget=Budget(evaluations=36),
)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    use_made_up_acquisition(monkeypatch, predicted=(20.0, 5.0))


@pytest.fixture
def planner(tmp_path: Path) -> BuiltinPlanner:
    rows = [f"{x},{y},{kind}" for x in range(10) for y in range(10) for kind in ("hot", "cold", "warm")]
    (tmp_path / "pool.csv").write_text("\n".join(["x,y,kind", *rows]) + "\n")
    space = PoolSpace(file=tmp_path / "pool.csv", variables={"x": "°C", "y": "1", "kind": "1"})
    return BuiltinPlanner(GOAL, space, 0)


def rule(values: Mapping[str, float | str]) -> float:
    """Strong when hot and x is 4 or more, with some scatter."""
    strong = values["kind"] == "hot" and float(values["x"]) >= 4
    return (100.0 if strong else 10.0) + float(values["y"])


def weak(values: Mapping[str, float | str]) -> float:
    """Nothing is strong: whatever seemed to be was luck."""
    return float(values["y"])


def play(planner: BuiltinPlanner, state: State, batches: int, world: World, n: int = 6) -> State:
    """Go on for some batches, two under way at a time as in a campaign, each judged when it is settled."""
    for _ in range(batches):
        batch = state.batches + 1
        proposal = planner.propose(state.before(batch - 1), n)
        state = recorded(state, proposal)
        state = settled(answered(state, world), batch - 1)
    return settled(state, state.batches)


def answered(state: State, world: World) -> State:
    def answer(trial: Trial) -> Trial:
        value = world(trial.candidate.content.values)  # type: ignore[union-attr]
        measurement = Measurement(property="strength", value=value, unit="MPa", method="measured", source="world")
        return replace(trial, status="completed", outcome=Outcome(measurements=(measurement,)))

    return replace(state, trials={n: t if t.is_finished else answer(t) for n, t in state.trials.items()})


def settled(state: State, batch: int) -> State:
    view = state.before(batch + 1)
    judgements = dict(state.judgements)
    for name, hypothesis in state.hypotheses.items():
        if name not in judgements or judgements[name].verdict == "open":
            judgements[name] = judge(hypothesis, view)
    return replace(state, judgements=judgements)


def test_a_rule_of_the_world_is_claimed_and_supported(planner: BuiltinPlanner) -> None:
    state = play(planner, State(), 14, rule)
    supported = [state.hypotheses[name] for name, j in state.judgements.items() if j.verdict == "supported"]
    assert supported
    claim = supported[0]
    everything = planner.propose(State(), 300).picks
    meant = [p.candidate for p in everything if meets(p.candidate, claim.prediction.conditions)]
    true = [rule(c.content.values) >= claim.prediction.value for c in meant]  # type: ignore[union-attr]
    assert sum(true) > len(true) / 2
    assert claim.statement.startswith("Most settings ")
    assert claim.statement.endswith(f"strength of at least {claim.prediction.value:g} MPa.")
    assert claim.evidence
    assert max(claim.evidence) < claim.since
    assert claim.rationale.endswith(" others.")
    passed = state.judgements[claim.id].passed
    assert min(passed) >= claim.since
    assert all(meets(state.trials[n].candidate, claim.prediction.conditions) for n in passed)


def test_a_claim_is_refuted_when_the_world_turns_out_otherwise(planner: BuiltinPlanner) -> None:
    state = State()
    while not state.hypotheses:
        state = play(planner, state, 1, rule)
    name, claim = next(iter(state.hypotheses.items()))
    state = replace(state, judgements={}, trials={n: t for n, t in state.trials.items() if n < claim.since})
    state = play(planner, state, 8, weak)
    assert state.judgements[name].verdict == "refuted"
    assert len(state.judgements[name].failed) >= 5


def test_half_of_the_picks_test_the_open_hypothesis(planner: BuiltinPlanner) -> None:
    state = State()
    while not state.hypotheses:
        state = play(planner, state, 1, rule)
    name, claim = next(iter(state.hypotheses.items()))
    state = replace(state, judgements={})
    for n in (1, 3, 4, 6):
        picks = planner.propose(state, n).picks
        tests = [pick for pick in picks if pick.hypothesis == name]
        assert len(picks) == n
        assert len(tests) >= n // 2
        assert all(meets(pick.candidate, claim.prediction.conditions) for pick in tests)
        assert all(f"tests {name}" in pick.reason for pick in tests)


def test_no_claim_is_made_twice(planner: BuiltinPlanner) -> None:
    state = play(planner, State(), 40, rule)
    said = [(h.prediction.conditions, h.prediction.property, h.prediction.value) for h in state.hypotheses.values()]
    assert len(said) >= 3
    assert len(set(said)) == len(said)
    assert list(state.hypotheses) == [f"h{i}" for i in range(1, len(said) + 1)]


def test_the_reflection_names_numbers_units_and_verdicts(planner: BuiltinPlanner) -> None:
    state = play(planner, State(), 14, rule)
    texts = [planner.reflect(state.before(batch + 1), batch).text for batch in range(1, 15)]
    assert all("MPa (measured)" in text for text in texts)
    assert all("predicted against what came back" in text for text in texts)
    assert any("is supported: " in text for text in texts)


def test_picks_are_drawn_at_random_while_predictions_are_worthless(planner: BuiltinPlanner) -> None:
    state = play(planner, State(), 4, rule)
    reasons = [pick.reason for pick in planner.propose(state, 8).picks]
    assert sum(reason.startswith("drawn at random") for reason in reasons) == 2
    exact = {n: replace(t, predicted={"strength": (t.values["strength"], 1.0)}) for n, t in state.trials.items()}
    reasons = [pick.reason for pick in planner.propose(replace(state, trials=exact), 8).picks]
    assert not any(reason.startswith("drawn at random") for reason in reasons)


def test_without_constraints_or_evidence_nothing_is_claimed(planner: BuiltinPlanner) -> None:
    assert planner.propose(State(), 4).hypothesis is None


def caesium_chloride(a: str, b: str, length: float = 2.6) -> Crystal:
    lattice = ((length, 0.0, 0.0), (0.0, length, 0.0), (0.0, 0.0, length))
    return Crystal(lattice=lattice, species=(a, b), coordinates=((0.0, 0.0, 0.0), (0.5, 0.5, 0.5)))


def made(content: Crystal | Point) -> Candidate:
    return Candidate(content=content, provenance=Provenance(tool="test"))


SYMBOLS = ("B", "C", "N", "Al", "Si", "Ti", "V", "Cr", "Fe", "W")
PAIRS = [made(caesium_chloride(a, b)) for a in SYMBOLS for b in SYMBOLS if a < b]


def test_the_first_claim_about_stiff_crystals_comes_from_physics() -> None:
    claim = hypothesise(STIFF, State(), PAIRS)
    assert claim is not None
    assert claim.statement == (
        "Most crystals with proposed density of valence electrons of at least 0.5 electrons/Å³ "
        "have bulk modulus of at least 200 GPa."
    )
    assert "doi:" in claim.rationale
    assert (claim.evidence, claim.since) == ((), 1)


def test_a_claim_that_no_candidate_can_test_is_not_made() -> None:
    soft = [made(caesium_chloride(a, b, 6.0)) for a in SYMBOLS for b in SYMBOLS if a < b]
    claim = hypothesise(STIFF, State(), soft)
    assert claim is not None
    assert claim.statement == "Most crystals that are tried next have energy above hull of at most 0.1 eV/atom."


@pytest.fixture
def crystals(monkeypatch: pytest.MonkeyPatch) -> Supply:
    """A supply whose generator draws from a few pairs of elements and knows no screens."""

    def generate(wish: Wish, generators: object, space: object) -> Yield:
        tried = {c.id for c in wish.exclude}
        return Yield(tuple(random.Random(wish.seed).sample([c for c in PAIRS if c.id not in tried], wish.n)))

    monkeypatch.setattr(supply_module, "generators_for", lambda space: ())
    monkeypatch.setattr(supply_module, "generate", generate)
    return Supply(STIFF, CrystalSpace(elements=SYMBOLS), 0, 8)


def tried(candidates: Sequence[Candidate], batch: int, relaxed: Crystal | None = None) -> dict[int, Trial]:
    measurement = Measurement(property="bulk_modulus", value=1.0, unit="GPa", method="simulated", source="test")
    outcome = Outcome(measurements=(measurement,), crystal=relaxed)
    first = (batch - 1) * len(candidates) + 1
    return {
        first + i: Trial(first + i, batch, "test", c, None, "", {}, "completed", outcome)
        for i, c in enumerate(candidates)
    }


def test_crystals_not_picked_stay_on_offer_for_two_batches(crystals: Supply) -> None:
    first = crystals.offer(State()).candidates
    state = State(trials=tried(first[:2], 1), batches=1)
    second = crystals.offer(state).candidates
    assert {c.id for c in first[2:]} <= {c.id for c in second}
    assert not {c.id for c in first[:2]} & {c.id for c in second}
    state = State(trials={**state.trials, **tried(second[:2], 2)}, batches=2)
    third = crystals.offer(state).candidates
    assert {c.id for c in second[2:]} <= {c.id for c in third}
    again = Supply(STIFF, CrystalSpace(elements=SYMBOLS), 0, 8)
    assert again.offer(state).candidates == third


def test_a_crystal_that_another_one_relaxed_into_is_not_offered(crystals: Supply) -> None:
    first = crystals.offer(State()).candidates
    relaxed = first[5].content
    assert isinstance(relaxed, Crystal)
    doubled = Crystal(
        lattice=((5.2, 0.0, 0.0), (0.0, 2.6, 0.0), (0.0, 0.0, 2.6)),
        species=(*relaxed.species, *relaxed.species),
        coordinates=((0.0, 0.0, 0.0), (0.25, 0.5, 0.5), (0.5, 0.0, 0.0), (0.75, 0.5, 0.5)),
    )
    state = State(trials=tried(first[:1], 1, doubled), batches=1)
    offered = {c.id for c in crystals.offer(state).candidates} & {c.id for c in first}
    assert first[5].id not in offered
    assert first[4].id in offered
