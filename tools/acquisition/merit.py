"""How good a set of results is: feasibility, the Pareto set, hypervolume, best so far.

Knows the records and the state's trials. Pure functions over numpy; must not know surrogates or oracles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...memory.records import Goal
from ...memory.state import Trial

Array = NDArray[np.float64]

MARGIN = 0.1
"""Share of an objective's range by which the reference point lies beyond the worst hit.

Source: Ishibuchi, Akedo and Nojima, GECCO 2011, doi:10.1145/2001576.2001678.
"""


def signs(goal: Goal) -> Array:
    """`+1` to maximise an objective and `-1` to minimise it or its distance from a target, `(n_objectives,)`."""
    return np.array([1.0 if o.direction == "maximise" else -1.0 for o in goal.objectives])


def bounds(goal: Goal, name: str) -> tuple[float, float]:
    """The range that the constraints leave a property, in its unit; infinite where they leave an end open."""
    lows = [c.value for c in goal.constraints if c.property == name and c.comparison == ">="]
    highs = [c.value for c in goal.constraints if c.property == name and c.comparison == "<="]
    return max(lows, default=-np.inf), min(highs, default=np.inf)


def values(goal: Goal, trial: Trial) -> Array | None:
    """Values of the objectives in the goal's order and units, `(n_objectives,)`; None if one is missing or none counts.

    Where an objective has a target, its distance from that stands for the value, here and in all that follows.
    """
    found = trial.values
    if not goal.counts(trial.candidate.content) or any(o.property not in found for o in goal.objectives):
        return None
    return np.array([o.amount(found[o.property]) for o in goal.objectives], dtype=float)


def is_feasible(goal: Goal, trial: Trial) -> bool:
    """Whether a trial is a hit: objectives are known and near their targets, constraints are known and kept."""
    found = trial.values
    if not goal.counts(trial.candidate.content):
        return False
    if not all(o.property in found and o.is_met(found[o.property]) for o in goal.objectives):
        return False
    return all(c.property in found and c.holds(found[c.property]) for c in goal.constraints)


def feasible(goal: Goal, trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """The hits, by number."""
    return tuple(sorted((t for t in trials if is_feasible(goal, t)), key=lambda t: t.number))


def non_dominated(gains: Array) -> NDArray[np.bool_]:
    """Which rows no other row dominates; all columns are to be maximised.

    Args:
        gains: `(n_rows, n_objectives)`.

    Returns:
        Mask, `(n_rows,)`. Equal rows do not dominate each other.
    """
    keep = np.ones(len(gains), dtype=bool)
    # By falling sum: a row that is still kept when its turn comes is dominated by none.
    for i in np.argsort(-gains.sum(axis=1), kind="stable"):
        if keep[i]:
            row = gains[i]
            keep &= ~((gains <= row).all(axis=1) & (gains < row).any(axis=1))
    return keep


def pareto(goal: Goal, trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """Hits that no other hit dominates, by number."""
    hits = feasible(goal, trials)
    if not hits:
        return ()
    return tuple(t for t, kept in zip(hits, non_dominated(_matrix(goal, hits) * signs(goal)), strict=True) if kept)


def reference_point(goal: Goal, trials: Iterable[Trial]) -> Array | None:
    """The point that hypervolume is measured from, in the goal's units, `(n_objectives,)`.

    For each objective the worst value among the hits, and a tenth of their range beyond it, so that every hit adds
    hypervolume. Where nothing keeps the constraints yet, the trials that know every objective stand in for the hits.

    Returns:
        None where no trial knows every objective.
    """
    known = [t for t in trials if values(goal, t) is not None]
    if not known:
        return None
    gains = _matrix(goal, feasible(goal, known) or known) * signs(goal)
    return _beyond(gains) * signs(goal)


def amounts(goal: Goal, properties: Sequence[str], means: Array) -> Array:
    """What means of properties, `(n, n_properties)`, are as amounts of the objectives, `(n, n_objectives)`."""
    place = {name: k for k, name in enumerate(properties)}
    columns = [[o.amount(float(value)) for value in means[:, place[o.property]]] for o in goal.objectives]
    return np.array(columns, dtype=float).T


def typical_reference(goal: Goal, trials: Iterable[Trial], expected: Array) -> Array | None:
    """The point that a search of settings measures gains from, in the goal's units, `(n_objectives,)`.

    For each objective the worst value of the Pareto set, or the median of what is expected of untried settings where
    that is worse, and a tenth of their range beyond it. From the worst of all hits, a single one that is far off draws
    the search to the ends of the Pareto set; from the worst of the set alone, one that is still small keeps the search
    where it is (docs/decisions/0021).

    Args:
        trials: As `reference_point` takes them.
        expected: Amounts, `(n, n_objectives)`.

    Returns:
        None where no trial knows every objective.
    """
    known = [t for t in trials if values(goal, t) is not None]
    if not known:
        return None
    gains = _matrix(goal, feasible(goal, known) or known) * signs(goal)
    front = gains[non_dominated(gains)]
    typical = [np.median(expected * signs(goal), axis=0)] if len(expected) else []
    return _beyond(np.vstack([front, *typical])) * signs(goal)


def _beyond(gains: Array) -> Array:
    """Worst value of each column and a tenth of its range beyond it, `(n_objectives,)`."""
    worst, span = gains.min(axis=0), np.ptp(gains, axis=0)
    span = np.where(span > 0, span, np.maximum(np.abs(worst), 1e-6))
    found: Array = worst - MARGIN * span
    return found


def hypervolume(goal: Goal, trials: Iterable[Trial], reference: Sequence[float] | Array) -> float:
    """Volume between the reference point and the Pareto set, in the product of the objectives' units.

    Args:
        reference: One value per objective, in the goal's units.

    Source: Zitzler and Thiele, IEEE Trans. Evol. Comput. 3, 257 (1999), doi:10.1109/4235.797969.
    """
    front = pareto(goal, trials)
    if not front:
        return 0.0
    return dominated_volume((_matrix(goal, front) - np.asarray(reference)) * signs(goal))


def dominated_volume(gains: Array) -> float:
    """Volume of the union of the boxes from the origin to each row; rows below the origin add nothing.

    One and two objectives are swept here, so that a live display needs no torch; more go to BoTorch's exact
    box decomposition.

    Args:
        gains: `(n_rows, n_objectives)`, to be maximised, measured from the reference point.
    """
    gains = gains[(gains > 0).all(axis=1)]
    if not len(gains):
        return 0.0
    if gains.shape[1] == 1:
        return float(gains.max())
    if gains.shape[1] == 2:
        volume, height = 0.0, 0.0
        for width, level in sorted(map(tuple, gains), reverse=True):
            volume += width * max(0.0, level - height)
            height = max(height, level)
        return float(volume)
    import torch
    from botorch.utils.multi_objective.box_decompositions.dominated import DominatedPartitioning

    partitioning = DominatedPartitioning(torch.zeros(gains.shape[1], dtype=torch.float64), torch.from_numpy(gains))
    return float(partitioning.compute_hypervolume())


def best_so_far(
    goal: Goal, trials: Iterable[Trial], reference: Sequence[float] | Array | None = None
) -> tuple[tuple[int, float | None], ...]:
    """The best there was after each finished trial: its number, and what had been reached by then.

    One objective: the best value among the hits, None before the first. Several: the hypervolume, 0 before the first.

    Args:
        reference: For several objectives; without it, `reference_point` of all these trials.
    """
    finished = sorted((t for t in trials if t.is_finished), key=lambda t: t.number)
    sign = signs(goal)
    single = len(sign) == 1
    if reference is None and not single:
        reference = reference_point(goal, finished)
    front = np.empty((0, len(sign)))
    best: float | None = None if single else 0.0
    series: list[tuple[int, float | None]] = []
    for trial in finished:
        row = values(goal, trial)
        if row is not None and is_feasible(goal, trial) and not (front >= row * sign).all(axis=1).any():
            front = np.vstack([front, row * sign])
            front = front[non_dominated(front)]
            best = float(front.max() * sign[0]) if single else dominated_volume(front - np.asarray(reference) * sign)
        series.append((trial.number, best))
    return tuple(series)


def _matrix(goal: Goal, trials: Iterable[Trial]) -> Array:
    return np.array([[o.amount(t.values[o.property]) for o in goal.objectives] for t in trials], dtype=float)
