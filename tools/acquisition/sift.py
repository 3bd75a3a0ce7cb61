"""The sift: a predictor's look at crystals, at a hundredth of an estimate's cost, before they are estimated.

Knows the goal, predictors and the hull of known phases. Must not know trials, nor how candidates are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from ...memory.records import Candidate, Crystal, Goal
from ..crystals.hull import known_phases
from ..properties.disagreement import Correction
from ..properties.predicted import PREDICTED, Chosen, Outlook, predicted
from .merit import bounds

AS_IT_IS = Correction()
METAL = 0.95
"""Probability of a metal above which no gap is expected."""
HULL = "energy_above_hull"
COLUMN = "sevennet"
"""Known phases whose energies are on the scale of the Materials Project, on which predictors are trained."""
LARGEST_LIMIT = 33.8
"""%, of any gap."""


@dataclass(frozen=True)
class Sifted:
    """What is left.

    Attributes:
        candidates: The most promising first.
        thrown: Reason to number of candidates that the predictor says cannot be hits.
        left: Number of candidates that might be hits, but were less promising than those kept.
    """

    candidates: tuple[Candidate, ...]
    thrown: Mapping[str, int]
    left: int


def sift(
    goal: Goal, candidates: Sequence[Candidate], chosen: Chosen, keep: int, correction: Correction = AS_IT_IS
) -> Sifted:
    """Throw away what a predictor says, beyond doubt, breaks a constraint, and keep the most promising of the rest.

    Beyond doubt means that the whole 90 % interval of a predicted property lies outside the bounds, or that a gap is
    wanted and the crystal is almost surely a metal. Nothing unlike the predictor's training data is thrown away.

    Args:
        goal: What is wanted.
        candidates: Crystals.
        chosen: The predictor.
        keep: Candidates wanted.
        correction: What the campaign has learnt of the predictor's formation energies.
    """
    crystals = [c.content for c in candidates if isinstance(c.content, Crystal)]
    thrown: Counter[str] = Counter()
    able: list[tuple[float, int]] = []
    for i, outlook in enumerate(predicted(crystals, chosen)):
        fault = _fault(goal, outlook)
        if fault:
            thrown[fault] += 1
        else:
            able.append((-_promise(goal, crystals[i], outlook, correction), i))
    best = sorted(able)[:keep]
    return Sifted(tuple(candidates[i] for _, i in best), dict(thrown), len(able) - len(best))


def _fault(goal: Goal, outlook: Outlook) -> str | None:
    """Why a crystal cannot be a hit; None where it may be one."""
    if outlook.refusal or outlook.flags:
        return None
    if bounds(goal, "band_gap")[0] > 0 and outlook.values["metal_probability"] > METAL:
        return "metal"
    for name, unit in PREDICTED.items():
        low, high = bounds(goal, name)
        said = outlook.ranges.get(name)
        if said and said.upper < low:
            return f"{name.replace('_', ' ')} below {low:g} {unit}"
        if said and said.lower > high:
            return f"{name.replace('_', ' ')} above {high:g} {unit}"
    return None


def _promise(goal: Goal, crystal: Crystal, outlook: Outlook, correction: Correction) -> float:
    """Probability of keeping the constraints that the predictor can speak of, taken as independent.

    Where the solar limit is an objective, its share of the largest possible one multiplies that. A crystal that the
    predictor refuses comes last.
    """
    if outlook.refusal:
        return 0.0
    chance = 1.0
    if bounds(goal, "band_gap")[0] > 0:
        chance *= 1 - outlook.values["metal_probability"]
    for name, said in outlook.ranges.items():
        low, high = bounds(goal, name)
        mean, deviation = said.mean, said.deviation
        if name == "formation_energy":
            mean, deviation = mean - correction.shift, correction.factor * deviation
        if name == "formation_energy" and np.isfinite(bounds(goal, HULL)).any():
            least, most = np.array(bounds(goal, HULL)) + _hull_at(crystal)
            low, high = max(low, least), min(high, most)
        width = max(deviation, 1e-9)
        chance *= float(ndtr((high - mean) / width) - ndtr((low - mean) / width))
    if any(o.property == "solar_efficiency_limit" and o.direction == "maximise" for o in goal.objectives):
        chance *= outlook.values["solar_efficiency_limit"] / LARGEST_LIMIT
    return chance


def _hull_at(crystal: Crystal) -> float:
    """Formation energy of the hull at a crystal's composition, eV/atom."""
    return -known_phases().energy_above_hull("".join(crystal.species), 0.0, COLUMN).energy
