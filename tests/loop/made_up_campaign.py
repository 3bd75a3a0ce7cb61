"""A made-up campaign, told as events and folded: what the views are tested on."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from athanor.agent.planner import Proposal
from athanor.memory.events import (
    CampaignOpened,
    Entry,
    Event,
    HypothesisJudged,
    HypothesisStated,
    Reflected,
    RunEnded,
    RunStarted,
    TrialFinished,
    TrialProposed,
    TrialStaged,
)
from athanor.memory.records import (
    Budget,
    Candidate,
    Condition,
    Constraint,
    Crystal,
    Failure,
    FailureKind,
    Goal,
    Hypothesis,
    Judgement,
    Measurement,
    Objective,
    Outcome,
    Point,
    Prediction,
    Provenance,
)
from athanor.memory.state import State, Trial, fold

START = datetime(2030, 1, 1, 8, 0, tzinfo=UTC)
SOURCE = "7net-0, sevenn 0.13.0"
_CATIONS = ("Be", "Mg", "Al", "Si", "Ti", "Zr", "Ca", "Zn", "Sc", "Y")
_ANIONS = ("O", "N", "C", "B", "S")
_FAILURES: tuple[FailureKind, ...] = ("unconverged", "exploded", "poor_fit", "timeout")
_HALF = 0.5


def goal(one_objective: bool = False, budget: int = 60) -> Goal:
    """Stiff and light, or stiff alone, and near the hull."""
    objectives = (
        Objective(property="bulk_modulus", direction="maximise", unit="GPa"),
        Objective(property="density", direction="minimise", unit="g/cm3"),
    )
    return Goal(
        statement="A stiff, light, stable compound without rare or toxic elements",
        objectives=objectives[:1] if one_objective else objectives,
        constraints=(Constraint(property="energy_above_hull", comparison="<=", value=0.1, unit="eV/atom"),),
        budget=Budget(evaluations=budget, hours=1.0),
    )


def crystal(number: int) -> Crystal:
    """A binary in the rocksalt, zincblende or caesium chloride structure; each number gives another one."""
    first = _CATIONS[number % len(_CATIONS)]
    second = _ANIONS[number // len(_CATIONS) % len(_ANIONS)]
    kind = number // 7 % 3
    a = 4.0 + 0.13 * (number % 11) + 0.001 * number
    half = a / 2
    if kind == 2:
        cubic = a * 0.66
        lattice = ((cubic, 0.0, 0.0), (0.0, cubic, 0.0), (0.0, 0.0, cubic))
        return Crystal(lattice=lattice, species=(first, second), coordinates=((0.0,) * 3, (_HALF,) * 3))
    shift = (_HALF if kind == 0 else 0.25,) * 3
    face = ((0.0, half, half), (half, 0.0, half), (half, half, 0.0))
    return Crystal(lattice=face, species=(first, second), coordinates=((0.0, 0.0, 0.0), shift))


def measurements(number: int, source: str = SOURCE, factor: float = 1.0) -> tuple[Measurement, ...]:
    """What an oracle says of a trial."""
    dice = random.Random(number)
    density = 2.0 + 4.5 * dice.random()
    modulus = 60 + 45 * density * (0.4 + 0.8 * dice.random())
    values = {
        "bulk_modulus": (modulus * factor, 1.5 + 3 * dice.random(), "GPa"),
        "density": (density, None, "g/cm3"),
        "energy_above_hull": (abs(dice.gauss(0.0, 0.12)), None, "eV/atom"),
        "formation_energy": (-1.5 + dice.random(), None, "eV/atom"),
    }
    return tuple(
        Measurement(property=name, value=value, deviation=deviation, unit=unit, method="simulated", source=source)
        for name, (value, deviation, unit) in values.items()
    )


def outcome(number: int, fails: bool) -> Outcome:
    """A failure, or measurements with a relaxed crystal."""
    seconds = 8.0 + number * 7 % 23
    if fails:
        kind = _FAILURES[number % len(_FAILURES)]
        return Outcome(
            failure=Failure(kind=kind, message=f"forces of {number} eV/Å after 150 steps"), cpu_seconds=seconds
        )
    known = {} if number % 5 == 0 else {"known_as": f"MgO rocksalt {number}" if number % 3 else None}
    return Outcome(measurements=measurements(number), crystal=crystal(number), details=known, cpu_seconds=seconds)


def events(
    trials: int = 40,
    *,
    failing: float = 0.15,
    one_objective: bool = False,
    running: int = 0,
    ended: bool = True,
    confirming: Sequence[int] = (),
    budget: int = 60,
    foreign_text: str = "",
) -> list[tuple[float, Event]]:
    """Tell a campaign: seconds since its start, and what happened.

    Args:
        trials: Trials with an answer.
        failing: Share of them that fails.
        running: Trials staged and without an answer.
        confirming: Trials whose candidates a second potential looks at.
        foreign_text: Put wherever text comes from outside.
    """
    spec: dict[str, Any] = {
        "name": "stiff",
        "goal": goal(one_objective, budget).model_dump(mode="json"),
        "planner": "builtin",
        "seed": 7,
        "batch": 4,
        "workers": 2,
    }
    if foreign_text:
        spec["goal"]["statement"] = foreign_text
    dice = random.Random(1)
    clock = 0.0
    told: list[tuple[float, Event]] = [
        (0.0, CampaignOpened(spec=spec, versions={"athanor": "0.1.0", "sevenn": "0.13.0"})),
        (0.0, RunStarted(holder="someone")),
    ]
    for number in range(1, trials + running + 1):
        batch = math.ceil(number / 4)
        if number % 12 == 1:
            told.append((clock, HypothesisStated(hypothesis=_hypothesis(1 + number // 12, foreign_text))))
        told.append((clock, _proposed(number, batch, dice, foreign_text)))
        told.append((clock, TrialStaged(trial=number)))
        if number > trials:
            continue
        answer = outcome(number, dice.random() < failing)
        if foreign_text and answer.failure:
            failure = Failure(kind=answer.failure.kind, message=foreign_text)
            answer = answer.model_copy(update={"failure": failure})
        clock += answer.cpu_seconds / 2 + 0.5
        told.append((clock, TrialFinished(trial=number, outcome=answer)))
        if number % 12 == 0:
            told.append((clock, HypothesisJudged(judgement=_judgement(number))))
        if number % 4 == 0:
            told.append(
                (clock, Reflected(batch=batch, text=foreign_text or f"Batch {batch}: carbides came out stiffest."))
            )
    for offset, of in enumerate(confirming, start=1):
        number = trials + running + offset
        candidate = Candidate(
            content=crystal(of),
            provenance=Provenance(tool="confirm", parents=(_candidate(of, foreign_text).id,)),
        )
        proposal = TrialProposed(
            trial=number, batch=99, oracle="sevennet-l3i5", candidate=candidate, reason="a second potential looks"
        )
        seen = Outcome(measurements=measurements(of, "7net-l3i5, sevenn 0.13.0", 0.96), cpu_seconds=30.0)
        told += [(clock, proposal), (clock, TrialStaged(trial=number))]
        clock += 30
        told.append((clock, TrialFinished(trial=number, outcome=seen)))
    if ended:
        message = foreign_text or f"all {budget} evaluations of the budget are used"
        told.append((clock, RunEnded(reason="evaluations", message=message)))
    return told


def entries(told: Sequence[tuple[float, Event]]) -> list[Entry]:
    """Put events into a ledger's entries."""
    return [
        Entry(campaign="stiff", number=number, time=START + timedelta(seconds=seconds), event=event)
        for number, (seconds, event) in enumerate(told, start=1)
    ]


def state(trials: int = 40, **told: Any) -> State:
    """The state of a made-up campaign; see `events`."""
    return fold(entries(events(trials, **told)))


def recorded(state: State, proposal: Proposal) -> State:
    """The state after a campaign has recorded a proposal."""
    first, batch = len(state.trials) + 1, state.batches + 1
    trials = {
        first + i: Trial(first + i, batch, "table", p.candidate, p.hypothesis, p.reason, p.predicted)
        for i, p in enumerate(proposal.picks)
    }
    new = {proposal.hypothesis.id: proposal.hypothesis} if proposal.hypothesis else {}
    known = replace(state, trials={**state.trials, **trials}, batches=batch, hypotheses={**state.hypotheses, **new})
    return fold(entries([(0.0, event) for event in proposal.events]), known) if proposal.events else known


def pool_state(trials: int = 5) -> State:
    """A campaign over settings instead of crystals."""
    told = events(0, ended=False)
    for number in range(1, trials + 1):
        point = Point(values={"temperature": 20.0 * number, "solvent": "=cmd()"})
        candidate = Candidate(content=point, provenance=Provenance(tool="pool"))
        told.append((0.0, TrialProposed(trial=number, batch=1, oracle="t.csv", candidate=candidate, reason="spread")))
        told.append((1.0, TrialFinished(trial=number, outcome=Outcome(measurements=measurements(number)))))
    return fold(entries(told))


def _candidate(number: int, foreign_text: str) -> Candidate:
    tools = ("generate/substitute", "generate/prototype", "generate/vary")
    provenance = Provenance(tool=tools[number % 3], seed=7, note=foreign_text or "Ti→Zr in rocksalt", version="0.1.0")
    return Candidate(content=crystal(number), provenance=provenance)


def _proposed(number: int, batch: int, dice: random.Random, foreign_text: str) -> TrialProposed:
    predicted: dict[str, tuple[float, float]] = {}
    if number > 8:
        truth = {m.property: m.value for m in measurements(number)}
        predicted = {
            "bulk_modulus": (truth["bulk_modulus"] + dice.gauss(0, 22), 18.0),
            "density": (truth["density"] + dice.gauss(0, 0.2), 0.3),
            "energy_above_hull": (truth["energy_above_hull"] + dice.gauss(0, 0.05), 0.05),
        }
    return TrialProposed(
        trial=number,
        batch=batch,
        oracle="sevennet",
        candidate=_candidate(number, foreign_text),
        hypothesis=f"h{1 + (number - 1) // 12}",
        reason=foreign_text or "widens the Pareto set",
        predicted=predicted,
    )


def _hypothesis(number: int, foreign_text: str) -> Hypothesis:
    return Hypothesis(
        id=f"h{number}",
        statement=foreign_text or f"Compounds of B or C below {4 + number} Å³/atom exceed 250 GPa",
        rationale=foreign_text or "The stiffest trials so far are small and hold B or C.",
        prediction=Prediction(
            conditions=(Condition(feature="volume_per_atom", comparison="<=", value=6.0),),
            property="bulk_modulus",
            comparison=">=",
            value=250.0,
            unit="GPa",
        ),
        evidence=(1, 2, 3),
    )


def _judgement(number: int) -> Judgement:
    verdicts = ("supported", "refuted", "inconclusive")
    return Judgement(
        hypothesis=f"h{number // 12}",
        verdict=verdicts[number // 12 % 3],  # type: ignore[arg-type]
        statistic="7 of 9 pass, P(rate > 1/2) = 0.96 (Beta(1, 1) prior)",
        passed=(number - 3, number - 2),
        failed=(number - 1,),
    )
