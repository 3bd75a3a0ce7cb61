"""What leaving the acquisition's ranking was worth: a trial against what it has kept from being tried.

Knows the goal, trials and what was recorded of a ranking that was left. Must not know planners, nor make estimates.

Trial t was picked in place of candidate d, of which the surrogate then expected each property p to be normal with mean
μ and standard deviation σ. The chance that d would have been better than what t came to is

    t is a hit:   c = mean over objectives j of  P(Y_j kept and better than y_j) · Π over p ≠ j of P(Y_p kept)
    t is none:    c = h + (1 − h) / 2  with  h = Π over p of P(Y_p kept)

where kept means within the constraints and, for an objective with a target, within its tolerance; properties count as
independent. Two results that are no hits count as equal, and so do two equal values: one half. Where d was evaluated
later, its values stand in with σ = 0, and d is no hit if it failed. Of several candidates displaced from a batch the
mean is taken, for any of them could have had the place. One half means that leaving the ranking made no difference,
less that it was better.

The surrogate's own belief in what it ranked high is part of c, and a ranking favours what is overrated: without direct
comparisons c flatters the ranking.

The interval of the mean over all overrides is Jeffreys', with as many observations as batches in which the ranking was
left: overrides of one batch share what they displaced, and a chance spreads less than a coin.

Source: Deb, Comput. Methods Appl. Mech. Eng. 186, 311 (2000), doi:10.1016/S0045-7825(99)00389-8 (hits before others);
Brown, Cai and DasGupta, Stat. Sci. 16, 101 (2001), doi:10.1214/ss/1009213286 (the interval).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import merit

if TYPE_CHECKING:
    from ...memory.events import PassedOver
    from ...memory.records import Goal, Objective
    from ...memory.state import State, Trial

LEVEL = 0.95
"""Of the interval."""
Expected = Mapping[str, tuple[float, float]]
"""Property to mean and standard deviation."""


@dataclass(frozen=True)
class Override:
    """A trial that was picked against the ranking and has an answer.

    Attributes:
        trial: Its number.
        batch: In which the ranking was left.
        chance: That what it displaced would have been better, 0 to 1.
        compared: Displaced candidates that were evaluated later, and so compared directly.
        displaced: All displaced candidates that could be compared.
    """

    trial: int
    batch: int
    chance: float
    compared: int
    displaced: int


@dataclass(frozen=True)
class Overrides:
    """All trials of a campaign that were picked against the ranking.

    Attributes:
        trials: Number of such trials, with or without an answer.
        scored: Those with an answer, and with something to compare it with.
    """

    trials: int
    scored: tuple[Override, ...]

    @property
    def mean(self) -> float | None:
        """Mean chance that what was displaced would have been better; None where there is none."""
        return math.fsum(one.chance for one in self.scored) / len(self.scored) if self.scored else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the mean; None where there is none."""
        if self.mean is None:
            return None
        from scipy.special import betaincinv

        n = len({one.batch for one in self.scored})
        shape, tail = (0.5 + n * self.mean, 0.5 + n * (1 - self.mean)), (1 - LEVEL) / 2
        return float(betaincinv(*shape, tail)), float(betaincinv(*shape, 1 - tail))

    @property
    def compared(self) -> int:
        """Overrides of which a displaced candidate was evaluated later."""
        return sum(one.compared > 0 for one in self.scored)


def overrides_of(goal: Goal, state: State) -> Overrides:
    """Score all trials that were picked against the ranking.

    A failure of the instrument says nothing of a candidate; such a trial counts as one without an answer.
    """
    by_id: dict[str, list[Trial]] = {}
    for trial in state.trials.values():
        by_id.setdefault(trial.candidate.id, []).append(trial)
    picked = [
        (event, trial)
        for event in state.overrides
        for name in event.picked
        for trial in by_id.get(name, ())
        if trial.batch == event.batch
    ]
    scored = []
    for event, trial in picked:
        if not _says_something(trial):
            continue
        chances = list(_chances(goal, trial, event.displaced, by_id))
        if chances:
            mean = math.fsum(chance for chance, _ in chances) / len(chances)
            compared = sum(is_compared for _, is_compared in chances)
            scored.append(Override(trial.number, event.batch, mean, compared, len(chances)))
    return Overrides(len(picked), tuple(scored))


def _chances(
    goal: Goal, trial: Trial, displaced: tuple[PassedOver, ...], by_id: Mapping[str, list[Trial]]
) -> Iterator[tuple[float, bool]]:
    """For each displaced candidate the chance that it is better, and whether its own answer says so."""
    for one in displaced:
        later = [t for t in by_id.get(one.candidate, ()) if t.oracle == trial.oracle and _says_something(t)]
        if later:
            yield chance_of_better(goal, trial.values, {p: (v, 0.0) for p, v in later[0].values.items()}), True
        elif one.predicted:
            yield chance_of_better(goal, trial.values, one.predicted), False


def _says_something(trial: Trial) -> bool:
    return trial.is_finished and not trial.is_fault


def chance_of_better(goal: Goal, values: Mapping[str, float], expected: Expected) -> float:
    """The chance that a candidate is better than a result, 0 to 1.

    Args:
        goal: What is wanted.
        values: The result, property to value; empty after a failure.
        expected: Of the candidate, in the same units; one without a property of the goal is no hit.
    """
    is_known = all(name in expected for name in _properties(goal))
    kept = {name: _kept(goal, name, *expected[name]) for name in _properties(goal)} if is_known else {}
    hit = math.prod(kept.values()) if is_known else 0.0
    if not all(name in values and _holds(goal, name, values[name]) for name in _properties(goal)):
        return hit + (1 - hit) / 2
    if not is_known:
        return 0.0
    wins = [
        _win(goal, objective, values[objective.property], *expected[objective.property])
        * math.prod(share for name, share in kept.items() if name != objective.property)
        for objective in goal.objectives
    ]
    return math.fsum(wins) / len(wins)


def _win(goal: Goal, objective: Objective, value: float, mean: float, deviation: float) -> float:
    """The chance to be kept and better than a value; a half of that to be kept and equal to it."""
    edge, rises = objective.amount(value), objective.direction == "maximise"
    if deviation <= 0:
        other = objective.amount(mean)
        share = 0.5 if other == edge else float((other > edge) is rises)
        return share * _holds(goal, objective.property, mean)
    low, high = (edge, math.inf) if rises else (-math.inf, edge)
    if objective.target is not None:
        low, high = objective.target - edge, objective.target + edge
    span = _range(goal, objective.property)
    return _between(mean, deviation, max(low, span[0]), min(high, span[1]))


def _kept(goal: Goal, name: str, mean: float, deviation: float) -> float:
    if deviation <= 0:
        return float(_holds(goal, name, mean))
    return _between(mean, deviation, *_range(goal, name))


def _holds(goal: Goal, name: str, value: float) -> bool:
    """Whether a value keeps all constraints and tolerances of its property."""
    own = [one for one in goal.objectives if one.property == name]
    return all(one.is_met(value) for one in own) and all(
        one.holds(value) for one in goal.constraints if one.property == name
    )


def _range(goal: Goal, name: str) -> tuple[float, float]:
    """What a hit's value of a property lies between."""
    low, high = merit.bounds(goal, name)
    for one in goal.objectives:
        if one.property == name and one.target is not None and one.tolerance is not None:
            low, high = max(low, one.target - one.tolerance), min(high, one.target + one.tolerance)
    return low, high


def _properties(goal: Goal) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(o.property for o in goal.objectives), *(c.property for c in goal.constraints)]))


def _between(mean: float, deviation: float, low: float, high: float) -> float:
    """The chance that a normal number lies between two others."""
    root = deviation * math.sqrt(2)
    return max(0.0, math.erf((high - mean) / root) - math.erf((low - mean) / root)) / 2
