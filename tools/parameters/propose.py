"""What to try next in a space of parameters, given a goal and all trials so far.

Knows goals, trials, beliefs and the search for points. Must not evaluate anything.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from botorch.exceptions.warnings import BotorchWarning
from linear_operator.utils.warnings import NumericalWarning  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits

from ...memory.records import Goal, Point
from ...memory.state import Trial
from ..acquisition import merit
from ..acquisition.acquire import best_first, each_once
from ..acquisition.excess import Excess, wants_all_the_best
from ..acquisition.improvement import Improvement, Weight, improvement, keeps
from ..acquisition.remaining import expected_gain
from .believe import LEAST, Believed, Earlier, believe, meant, ordered, point_of, properties_of
from .encode import Array, encode
from .finite import points as points_of
from .leaves import Value
from .moves import nearby
from .parameter_space import ParameterSpace
from .sample import keeps as has_values
from .sample import sample
from .start import start
from .suggest import suggest
from .weights import cheapness, feasibility_of, held, telling

BASELINE = 32
"""Best points whose uncertainty the acquisition averages over."""
DRAWS = 64
LOOKED_AT, NEAR_BEST = 128, 32
"""Points all over the space, and around the best, that what may still be gained is sought among."""


@dataclass(frozen=True)
class Proposed:
    """A point worth a trial.

    Attributes:
        acquisition: Log of the expected improvement, weighed by `made` and cost; nan without a surrogate.
        predicted: Property to mean and standard deviation of the truth; empty without a surrogate.
        keeps: Probability of keeping all constraints; None without a surrogate.
        made: Probability that it can be made at all; None while nothing has failed for what was asked.
        cost: What the evaluation costs, in the space's unit.
    """

    point: Point
    acquisition: float
    predicted: Mapping[str, tuple[float, float]]
    keeps: float | None
    made: float | None = None
    cost: float = 1.0


@dataclass(frozen=True)
class Proposal:
    """Points to try, best first, and how they were found.

    Attributes:
        notes: First what was wanted, or why there is nothing to rank by; with what went wrong in fitting.
        gain: What the space is still expected to bring beyond the best known, in the unit of the one objective; None
            where there are several, no surrogate, or no trial that keeps the constraints.
    """

    picks: tuple[Proposed, ...]
    notes: tuple[str, ...]
    gain: float | None = None


def propose(
    space: ParameterSpace,
    goal: Goal,
    trials: Sequence[Trial],
    q: int,
    seed: int,
    fixed: Mapping[str, Value] | None = None,
    rejected: Sequence[Point] = (),
    robust: bool = False,
    among: Sequence[Point] | None = None,
    earlier: Earlier | None = None,
) -> Proposal:
    """Find up to `q` points; the same input gives the same points, whatever the order of the trials.

    Unfinished trials are pending. A point of any trial does not come back, unless all that failed was the instrument.

    Args:
        fixed: Values that variables keep wherever they are there.
        rejected: Points that a person does not want, nor their like.
        robust: Whether single results may be outliers.
        among: Allowed points to choose from; None for all of the space.
        earlier: Trials of earlier campaigns on the same variables, by name, which are learnt from as far as they help.

    Raises:
        RetryError: A trial's point is not one of the space, or nothing is allowed with the fixed values.
    """
    fixed, trials = fixed or {}, ordered(space, trials)
    # What only an instrument failed at may come back.
    taken = [point_of(t) for t in trials if not t.is_fault]
    settled = meant(space, trials)
    best = each_once(best_first(goal, settled))
    with torch.random.fork_rng(devices=[]), threadpool_limits(1, "blas"), warnings.catch_warnings():
        # Without a hit it advises to maximise the probability of one, which the constraints' weight does here; and
        # near-twins, which a search for the best point ends in, make covariances that need a little jitter.
        warnings.filterwarnings("ignore", message="When all training points are infeasible", category=BotorchWarning)
        warnings.filterwarnings("ignore", category=NumericalWarning)
        torch.manual_seed(seed)
        believed = believe(space, goal, trials, robust, earlier) if best else None
        if believed is None:
            counts = ", ".join(f"{sum(name in t.values for t in settled)} of {name}" for name in properties_of(goal))
            needed = f"{LEAST} values of each property are needed, there are {counts}"
            note = f"no surrogate yet: {needed}; space-filling"
            points = start(space, q, seed, taken, rejected, fixed, among)
            return Proposal(
                tuple(Proposed(p, math.nan, {}, None, cost=space.cost_of(p.values)) for p in points), (note,)
            )
        top = [point_of(t) for t in best[:BASELINE]]
        looked_at = _looked_at(space, top, seed, fixed, among)
        reference = _reference(goal, believed, settled, looked_at if among is not None else looked_at[:LOOKED_AT])
        assert reference is not None  # noqa: S101 - there are best trials
        waiting = [point_of(t) for t in trials if t.is_pending]
        listed = points_of(space) if among is None else among
        acquisition = _acquisition(goal, believed, reference, top, waiting, seed, listed)
        found = suggest(space, acquisition, q, seed, taken, top[:4], fixed, rejected, among)
        points = tuple(s.point for s in found)
        gain = _gain(goal, believed, [*points, *looked_at], top, seed)
    picks = _told(goal, believed, points, [s.acquisition for s in found])
    wanted = "; ".join((acquisition.name, *believed.surrogate.faults))
    return Proposal(picks, (wanted, f"{len(waiting)} pending", *believed.notes, *believed.surrogate.notes), gain)


def _acquisition(
    goal: Goal,
    believed: Believed,
    reference: Array,
    top: Sequence[Point],
    waiting: Sequence[Point],
    seed: int,
    listed: Sequence[Point] | None,
) -> Excess | Improvement:
    frame, surrogate = believed.frame, believed.surrogate
    weights: list[Weight] = [] if believed.made is None else [feasibility_of(believed.made)]
    pending = torch.from_numpy(encode(frame.space, waiting)) if waiting else None
    is_plain = frame.space.cost is None and not frame.levels and not frame.trends
    if listed and is_plain and wants_all_the_best(goal):
        rows = torch.from_numpy(encode(frame.space, listed))
        return Excess(goal, surrogate.model, rows, pending, weights)
    if frame.space.cost is not None or frame.levels:
        weights.append(cheapness(frame.space))
    if frame.levels:
        weights.append(telling(frame, range(len({o.property for o in goal.objectives}))))
    return improvement(
        goal,
        surrogate.properties,
        surrogate.model,
        torch.from_numpy(frame.rows(top)),
        pending,
        reference,
        DRAWS,
        seed,
        weights,
        lift=frame.lift,
        hold=lambda rows: held(frame, surrogate.model, rows),
    )


def _reference(goal: Goal, believed: Believed, settled: Sequence[Trial], spread: Sequence[Point]) -> Array | None:
    """The point that gains are measured from; one objective gains alike from any."""
    if len(goal.objectives) == 1:
        return merit.reference_point(goal, settled)
    frame, surrogate = believed.frame, believed.surrogate
    means, _ = surrogate.predict(frame.lift(torch.from_numpy(frame.rows(spread))).numpy())
    return merit.typical_reference(goal, settled, merit.amounts(goal, surrogate.properties, means))


def _told(goal: Goal, believed: Believed, points: Sequence[Point], scores: Sequence[float]) -> tuple[Proposed, ...]:
    """Points with all that is believed of them."""
    frame, surrogate = believed.frame, believed.surrogate
    rows = frame.rows(points)
    beliefs = [surrogate.predict(some) for some in (rows, frame.lift(torch.from_numpy(rows)).numpy())]
    own, lifted = (
        [
            {n: (float(m), float(d)) for n, m, d in zip(surrogate.properties, mean, deviation, strict=True)}
            for mean, deviation in zip(means, deviations, strict=True)
        ]
        for means, deviations in beliefs
    )
    made = [None] * len(points) if believed.made is None else believed.made.probabilities(encode(frame.space, points))
    return tuple(
        Proposed(p, score, known, keeps(goal, at_best), None if m is None else float(m), frame.space.cost_of(p.values))
        for p, score, known, at_best, m in zip(points, scores, own, lifted, made, strict=True)
    )


def _looked_at(
    space: ParameterSpace,
    top: Sequence[Point],
    seed: int,
    fixed: Mapping[str, Value],
    among: Sequence[Point] | None,
) -> list[Point]:
    """Points that stand for all that may still be tried."""
    if among is not None:
        return [p for p in among if has_values(p, fixed)]
    rng = np.random.default_rng(seed)
    near = (nearby(space, top[i % len(top)], rng, fixed) for i in range(NEAR_BEST))
    return [*sample(space, LOOKED_AT, seed, (), fixed), *(p for p in near if p is not None)]


def _gain(goal: Goal, believed: Believed, points: Sequence[Point], top: Sequence[Point], seed: int) -> float | None:
    """What the space may still bring, at the highest fidelity, of points that are more likely made than not."""
    if len(goal.objectives) > 1 or not points:
        return None
    frame = believed.frame
    if believed.made is not None:
        chances = believed.made.probabilities(encode(frame.space, points))
        points = [p for p, chance in zip(points, chances, strict=True) if chance > 0.5]
    rows = frame.lift(torch.from_numpy(frame.rows([*points, *top])))
    means, covariances = believed.surrogate.model.joint(rows)
    return expected_gain(goal, believed.surrogate.properties, means, covariances, len(points), seed)
