"""Forms hypotheses: from the evidence where there is some, else from physics, else from the goal alone.

Knows state, features and subgroups. Must not know generators, surrogates or how a hypothesis will be tested.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...memory.foreign import clean, quoted
from ...memory.records import (
    Candidate,
    Comparison,
    Condition,
    Constraint,
    Crystal,
    Goal,
    Hypothesis,
    Objective,
    Prediction,
)
from ...tools.crystals.feature import FEATURES, features, meets
from ...tools.crystals.subgroup import discover, rounded
from ..labels import counted, wording
from ..standing import columns_of

if TYPE_CHECKING:
    from ...memory.recall import Document
    from ...memory.state import State, Trial

MIN_EVIDENCE = 6
"""Completed trials before the evidence is asked at all."""
MAX_EVIDENCE = 1000
"""Completed trials that are searched, the latest; a search over more takes seconds and finds the same."""
NAMED = 40
"""Trial numbers that a hypothesis names as its evidence."""
POOL_LOOKS = 500
MIN_TESTABLE = 3
"""Candidates at hand that must meet the conditions, out of `POOL_LOOKS` looked at."""
STRONGER = 0.1
"""Share by which a bound must go beyond one already claimed of the same candidates."""
REPEAT_COST = 0.1
"""What a claim loses in score for each earlier hypothesis about the same property."""


@dataclass(frozen=True)
class Prior:
    """What physics expects of a property before anything is known.

    Attributes:
        direction: The direction of the objective that the prior serves.
        source: Literature, with its DOI.
    """

    direction: Literal["maximise", "minimise"]
    unit: str
    condition: Condition
    value: float
    because: str
    source: str


PRIORS: Mapping[str, Prior] = {
    "bulk_modulus": Prior(
        "maximise",
        "GPa",
        Condition(feature="valence_electron_density", comparison=">=", value=0.5),
        200.0,
        "the bulk modulus rises with the density of valence electrons and, for tetrahedral compounds, "
        "with the bond length as d^-3.5",
        "Gilman et al., doi:10.1016/j.ijrmhm.2005.05.015; Cohen, doi:10.1103/PhysRevB.32.7988",
    ),
    "density": Prior(
        "minimise",
        "g/cm3",
        Condition(feature="mean_atomic_mass", comparison="<=", value=20.0),
        4.0,
        "volumes per atom differ far less from element to element than atomic masses do",
        "Singman, doi:10.1021/ed061p137",
    ),
    "formation_energy": Prior(
        "minimise",
        "eV/atom",
        Condition(feature="electronegativity_range", comparison=">=", value=1.5),
        -1.0,
        "heats of formation grow with the square of the difference in electronegativity",
        "Pauling, doi:10.1021/ja01348a011",
    ),
}


@dataclass(frozen=True)
class _Claim:
    prediction: Prediction
    rationale: str
    evidence: tuple[int, ...] = ()


def hypothesise(
    goal: Goal,
    state: State,
    pool: Sequence[Candidate],
    units: Mapping[str, str] | None = None,
    predicted: Collection[str] = (),
) -> Hypothesis | None:
    """State a claim worth testing next.

    Args:
        goal: What the campaign is for.
        state: What it knows.
        pool: Candidates that could be tried; a claim that no few of them can test is not made.
        units: Units of a point's variables.
        predicted: Properties that the oracle does not compute but has predicted, which a claim on them says.

    Returns:
        The best claim that says something new, or None if there is none.
    """
    completed = state.completed
    own = _from_evidence(goal, state) if len(completed) >= MIN_EVIDENCE else _from_physics(goal, pool)
    said = _said(state)
    for claim in chain(_from_elsewhere(goal, state), own, _from_goal(goal)):
        if not any(_covers(old, claim.prediction) for old in said) and _is_testable(claim.prediction, pool):
            return Hypothesis(
                id=f"h{len(state.hypotheses) + 1}",
                statement=statement(
                    claim.prediction,
                    is_crystal=_is_crystal(pool),
                    units=units or {},
                    is_predicted=claim.prediction.property in predicted,
                ),
                rationale=claim.rationale,
                prediction=claim.prediction,
                evidence=claim.evidence,
                since=max(state.trials, default=0) + 1,
            )
    return None


def statement(prediction: Prediction, *, is_crystal: bool, units: Mapping[str, str], is_predicted: bool = False) -> str:
    """Put a prediction into plain words with units."""
    subject = "crystals" if is_crystal else "settings"
    clauses = [_clause(condition, is_crystal, units) for condition in prediction.conditions]
    who = f"Most {subject} {' and '.join(clauses)}" if clauses else f"Most {subject} that are tried next"
    bound = "at least" if prediction.comparison == ">=" else "at most"
    unit = "" if prediction.unit in ("", "1") else f" {prediction.unit}"
    what = ("predicted " if is_predicted else "") + wording(prediction.property)
    return f"{who} have {what} of {bound} {prediction.value:g}{unit}."


def _clause(condition: Condition, is_crystal: bool, units: Mapping[str, str]) -> str:
    name = condition.feature
    known = FEATURES.get(name) if is_crystal else None
    phrase = known.phrase if known else clean(name, 40)
    if isinstance(condition.value, tuple):
        texts = " or ".join(clean(text, 40) for text in condition.value)
        return f"with {texts}" if name == "elements" and is_crystal else f"of {phrase} {texts}"
    unit = known.unit if known else units.get(name, "1")
    bound = "at most" if condition.comparison == "<=" else "at least"
    return f"with {phrase} of {bound} {condition.value:g}" + ("" if unit in ("", "1") else f" {unit}")


def _from_elsewhere(goal: Goal, state: State) -> Iterator[_Claim]:
    """What was supported at another oracle, and has yet to hold at this one."""
    columns = columns_of(goal)
    for document, found in _hypotheses_elsewhere(state):
        is_supported = document.verdict == "supported" and not _is_shared(document.campaign, state)
        if is_supported and (found.property, found.unit) in columns:
            yield _Claim(found, f"Campaign {document.campaign} found: {quoted(document.text, 300)}.")


def _hypotheses_elsewhere(state: State) -> list[tuple[Document, Prediction]]:
    """Hypotheses of other campaigns that memory has given for the next batch, with what they predict."""
    given = state.reminded(state.batches + 1)
    documents = [passage.document for passage in given.passages] if given else []
    return [(document, document.prediction) for document in documents if document.prediction]


def _is_shared(campaign: str, state: State) -> bool:
    """Whether another campaign asked the same oracle, so that its answers are evidence here."""
    return any(trial.reused and trial.reused.campaign == campaign for trial in state.trials.values())


def _from_evidence(goal: Goal, state: State) -> Iterator[_Claim]:
    """Claims of subgroups that did far better than the rest, the best first."""
    found: list[tuple[float, int, _Claim]] = []
    completed = state.completed
    for target in _targets(goal, completed):
        trials = [trial for trial in completed if target.property in trial.values][-MAX_EVIDENCE:]
        passed = [target.holds(trial.values[target.property]) for trial in trials]
        repeats = sum(h.prediction.property == target.property for h in state.hypotheses.values())
        # A crystal's proposed density says nothing new about its density.
        rows = [features(trial.candidate) for trial in trials]
        others = [{name: value for name, value in row.items() if name != target.property} for row in rows]
        for group in discover(others, passed):
            (k, n), (k_rest, n_rest) = group.inside, group.outside
            rationale = f"{k} of {counted(n, 'such trial')} passed, {k_rest} of {n_rest} others."
            numbers = tuple(trials[at].number for at in np.flatnonzero(group.members)[:NAMED])
            claim = _Claim(_prediction(target, group.conditions), rationale, numbers)
            found.append((group.score - REPEAT_COST * repeats, len(found), claim))
    yield from (claim for _, _, claim in sorted(found, key=lambda item: (-item[0], item[1])))


def _targets(goal: Goal, completed: Sequence[Trial]) -> Iterator[Constraint]:
    """Bounds worth predicting: an objective near its target or in the best quarter of what was seen, constraints."""
    for objective in goal.objectives:
        if objective.target is not None and objective.tolerance is not None:
            low, high = objective.target - objective.tolerance, objective.target + objective.tolerance
            yield Constraint(property=objective.property, comparison=">=", value=low, unit=objective.unit)
            yield Constraint(property=objective.property, comparison="<=", value=high, unit=objective.unit)
            continue
        seen = [trial.values[objective.property] for trial in completed if objective.property in trial.values]
        if len(seen) >= MIN_EVIDENCE:
            yield _target(objective, rounded(float(np.quantile(seen, 0.75 if _is_up(objective) else 0.25))))
    yield from goal.constraints


def _from_physics(goal: Goal, pool: Sequence[Candidate]) -> Iterator[_Claim]:
    for objective in goal.objectives:
        prior = PRIORS.get(objective.property)
        if prior and _is_crystal(pool) and (prior.direction, prior.unit) == (objective.direction, objective.unit):
            prediction = _prediction(_target(objective, prior.value), (prior.condition,))
            yield _Claim(prediction, f"No trial has answered yet; {prior.because} ({prior.source}).")


def _from_goal(goal: Goal) -> Iterator[_Claim]:
    for constraint in goal.constraints:
        rationale = "How hard a constraint is to keep decides what share of the trials can be hits at all."
        yield _Claim(_prediction(constraint, ()), rationale)


def _target(objective: Objective, value: float) -> Constraint:
    comparison: Comparison = ">=" if _is_up(objective) else "<="
    return Constraint(property=objective.property, comparison=comparison, value=value, unit=objective.unit)


def _prediction(target: Constraint, conditions: tuple[Condition, ...]) -> Prediction:
    return Prediction(
        conditions=conditions,
        property=target.property,
        comparison=target.comparison,
        value=target.value,
        unit=target.unit,
    )


def _is_up(objective: Objective) -> bool:
    return objective.direction == "maximise"


@dataclass(frozen=True)
class _Said:
    """What need not be said again."""

    prediction: Prediction
    is_refuted: bool


def _said(state: State) -> list[_Said]:
    """Predictions of this campaign, those refuted in any other, and those supported by answers that were taken over."""
    verdicts = {name: judgement.verdict for name, judgement in state.judgements.items()}
    own = [_Said(h.prediction, verdicts.get(name) == "refuted") for name, h in state.hypotheses.items()]
    others = [
        _Said(prediction, document.verdict == "refuted")
        for document, prediction in _hypotheses_elsewhere(state)
        if document.verdict == "refuted" or (document.verdict == "supported" and _is_shared(document.campaign, state))
    ]
    return [*own, *others]


def is_said(state: State, prediction: Prediction) -> str:
    """The hypothesis of this campaign that says the same already, or more; empty where there is none."""
    verdicts = {name: judgement.verdict for name, judgement in state.judgements.items()}
    for name, old in state.hypotheses.items():
        if _covers(_Said(old.prediction, verdicts.get(name) == "refuted"), prediction):
            return name
    return ""


def _covers(said: _Said, new: Prediction) -> bool:
    """Whether it says the same, or more, of the same candidates."""
    old, is_refuted = said.prediction, said.is_refuted
    if (old.property, old.comparison) != (new.property, new.comparison):
        return False
    gain = (new.value - old.value) * (1 if new.comparison == ">=" else -1)
    if sorted(map(_shape, old.conditions)) == sorted(map(_shape, new.conditions)):
        return is_refuted or gain < STRONGER * abs(old.value)
    implied = all(any(_implies(b, a) for b in new.conditions) for a in old.conditions)
    return implied and gain <= 0 and not is_refuted


def _shape(condition: Condition) -> tuple[str, str, tuple[str, ...]]:
    return condition.feature, condition.comparison, condition.value if isinstance(condition.value, tuple) else ()


def _implies(tight: Condition, loose: Condition) -> bool:
    """Whether whatever meets the first condition meets the second."""
    if (tight.feature, tight.comparison) != (loose.feature, loose.comparison):
        return False
    if isinstance(tight.value, tuple) or isinstance(loose.value, tuple):
        return isinstance(tight.value, tuple) and isinstance(loose.value, tuple) and {*tight.value} <= {*loose.value}
    return tight.value <= loose.value if tight.comparison == "<=" else tight.value >= loose.value


def _is_testable(prediction: Prediction, pool: Sequence[Candidate]) -> bool:
    looked_at = pool[:: max(1, len(pool) // POOL_LOOKS)]
    able = (candidate for candidate in looked_at if meets(candidate, prediction.conditions))
    return len(list(islice(able, MIN_TESTABLE))) == MIN_TESTABLE


def _is_crystal(pool: Sequence[Candidate]) -> bool:
    return bool(pool) and isinstance(pool[0].content, Crystal)
