"""A batch as a chat model submits it: typed, checked against what is known, and turned into a proposal.

Knows the bench and what hypotheses may claim. Must not know chat models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...memory.errors import RetryError
from ...memory.events import Event, PassedOver, RankingLeft
from ...memory.foreign import clean
from ...memory.records import Comparison, Condition, Hypothesis, Prediction
from ...tools.crystals.feature import features, meets
from ...tools.space import units_of
from ..planner import Pick
from ..planners.hypothesise import is_said, statement
from ..planners.reflect import open_hypotheses
from ..standing import columns_of
from .words import name_of

if TYPE_CHECKING:
    from .bench import Bench

MAX_REASON, MAX_RATIONALE = 300, 600
"""Characters."""
NAME = 40
"""Characters in the name of a trial or candidate, and some to spare."""
REFUSED = "refused: "
"""Begins what a tool says of a request that it does not follow."""


class Asked(BaseModel):
    """Base of what a chat model hands in: an unknown field is an error that it is told of."""

    model_config = ConfigDict(extra="forbid")


class ConditionAsked(Asked):
    """One test on a feature of candidates as proposed."""

    feature: str = Field(description="Name of a feature of candidates, as the briefing lists them.")
    comparison: Literal["<=", ">=", "any_of"] = Field(description="any_of for labels such as elements.")
    value: float | list[str] = Field(description="A number in the feature's unit, or labels for any_of.")


class HypothesisAsked(Asked):
    """A claim: most candidates that meet all conditions pass the bound."""

    conditions: list[ConditionAsked] = Field(max_length=4, description="Which candidates it is about.")
    property: str = Field(description="A property of the goal.")
    comparison: Comparison = Field(description=">= for at least, <= for at most.")
    value: float = Field(description="The bound, in the property's unit.")
    rationale: str = Field(max_length=MAX_RATIONALE, description="Why it should be so.")
    evidence: list[int] = Field(default_factory=list, description="Trials that suggest it; they do not count for it.")


class PickAsked(Asked):
    """One candidate for evaluation."""

    id: str = Field(description="Its 16-digit id.")
    reason: str = Field(min_length=1, max_length=MAX_REASON, description="Why this one.")


class BatchAsked(Asked):
    """A batch for evaluation, with the hypothesis that it tests."""

    candidates: Annotated[list[PickAsked], Field(min_length=1)]
    hypothesis: HypothesisAsked | None = Field(
        default=None, description="A new claim; leave it out while one is open, or where there is nothing to claim."
    )
    follows_ranking: bool = Field(description="Whether the candidates are the best of the acquisition's ranking.")
    why_not: str = Field(
        default="", max_length=MAX_RATIONALE, description="Where they are not: what the ranking cannot know."
    )


@dataclass(frozen=True)
class Submitted:
    """A batch that passed all checks.

    Attributes:
        hypothesis: The new one, if there is one.
        left: Where the acquisition's ranking was left; None where it was followed.
    """

    picks: tuple[Pick, ...]
    hypothesis: Hypothesis | None
    left: RankingLeft | None = None

    @property
    def events(self) -> tuple[Event, ...]:
        """What is to be recorded with the batch."""
        return (self.left,) if self.left else ()

    def worded(self, mark: Callable[[str], str]) -> Submitted:
        """The same with all words of the chat model as `mark` writes them."""
        claim, left = self.hypothesis, self.left
        return Submitted(
            tuple(replace(pick, reason=mark(pick.reason)) for pick in self.picks),
            claim and claim.model_copy(update={"rationale": mark(claim.rationale)}),
            left and left.model_copy(update={"why_not": mark(left.why_not)}),
        )


def submitted(asked: BatchAsked, bench: Bench) -> Submitted:
    """Check a batch.

    Raises:
        RetryError: Says what is wrong with it, and what is allowed.
    """
    ids = [one.id for one in asked.candidates]
    if len(set(ids)) < len(ids):
        raise RetryError("a candidate stands twice in the batch; each once is allowed")
    if len(ids) > bench.n:
        raise RetryError(f"{len(ids)} candidates are too many; at most {bench.n} are asked for")
    chosen = [bench.candidate(name) for name in ids]
    ranked = {choice.candidate.id: choice for choice in bench.ranking}
    left = [name for name in ids if name not in ranked]
    why_not = clean(asked.why_not, MAX_RATIONALE)
    if left and not why_not:
        raise RetryError(
            f"{', '.join(left)} are not among the {len(ranked)} that the acquisition ranks best; say in why_not what "
            "it cannot know, or follow the ranking"
        )
    new = _hypothesis(asked.hypothesis, bench) if asked.hypothesis else None
    waiting = open_hypotheses(bench.state)
    claim = new or (bench.state.hypotheses[waiting[0]] if waiting else None)
    tests = [claim is not None and meets(one, claim.prediction.conditions) for one in chosen]
    if new and not any(tests):
        raise RetryError("no candidate of the batch meets the hypothesis's conditions; at least one must test it")
    picks = []
    for one, is_test, given in zip(chosen, tests, asked.candidates, strict=True):
        predicted = ranked[one.id].predicted if one.id in ranked else bench.expected(one)
        name = claim.id if claim and is_test else None
        picks.append(Pick(one, clean(given.reason, MAX_REASON), name, predicted))
    return Submitted(tuple(picks), new, _ranking_left(bench, ids, left, why_not) if left else None)


def _ranking_left(bench: Bench, ids: Sequence[str], left: Sequence[str], why_not: str) -> RankingLeft:
    """What the ranking would have had in the places of those that it does not hold; it fills what is left free."""
    others = [choice for choice in bench.ranking if choice.candidate.id not in ids]
    displaced = others[bench.n - len(ids) :]
    return RankingLeft(
        batch=bench.state.batches + 1,
        picked=tuple(left),
        displaced=tuple(
            PassedOver(candidate=one.candidate.id, name=name_of(one.candidate), predicted=dict(one.predicted))
            for one in displaced
        ),
        why_not=why_not,
    )


def _hypothesis(asked: HypothesisAsked, bench: Bench) -> Hypothesis:
    waiting = open_hypotheses(bench.state)
    if waiting:
        raise RetryError(f"{waiting[0]} is still open; test it, or leave the hypothesis out")
    units = dict(columns_of(bench.goal))
    if asked.property not in units:
        raise RetryError(f"property {clean(asked.property, 40)!r} is none of the goal's: {', '.join(units)}")
    conditions = tuple(condition_of(one, bench) for one in asked.conditions)
    prediction = Prediction(
        conditions=conditions,
        property=asked.property,
        comparison=asked.comparison,
        value=asked.value,
        unit=units[asked.property],
    )
    said = is_said(bench.state, prediction)
    if said:
        raise RetryError(f"{said} has claimed this already; claim something else, or leave the hypothesis out")
    unknown = [number for number in asked.evidence if number not in bench.state.trials]
    if unknown:
        raise RetryError(f"there is no trial #{unknown[0]}; evidence names finished trials")
    is_crystal = bench.space.kind == "crystal"
    return Hypothesis(
        id=f"h{len(bench.state.hypotheses) + 1}",
        statement=statement(prediction, is_crystal=is_crystal, units=units_of(bench.space)),
        rationale=clean(asked.rationale, MAX_RATIONALE),
        prediction=prediction,
        evidence=tuple(sorted(set(asked.evidence))),
        since=max(bench.state.trials, default=0) + 1,
    )


def condition_of(asked: ConditionAsked, bench: Bench) -> Condition:
    """A condition on a feature that offered candidates have.

    Raises:
        RetryError: No candidate has the feature, or it is compared in another way than its kind allows.
    """
    seen = [own[asked.feature] for one in bench.offered.values() if asked.feature in (own := features(one))]
    if asked.feature not in bench.features or not seen:
        raise RetryError(f"feature {clean(asked.feature, 40)!r} is not known; known are {', '.join(bench.features)}")
    is_label = isinstance(seen[0], tuple)
    if is_label != (asked.comparison == "any_of") or is_label != isinstance(asked.value, list):
        allowed = "any_of with a list of labels" if is_label else "<= and >= with a number"
        raise RetryError(f"{asked.feature}: {allowed} is allowed")
    value = tuple(clean(text, 40) for text in asked.value) if isinstance(asked.value, list) else asked.value
    return Condition(feature=asked.feature, comparison=asked.comparison, value=value)
