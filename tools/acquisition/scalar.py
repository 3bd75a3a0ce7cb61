"""One number for each result, the higher the better: what a search with a single score is told.

Knows the goal, trials and merit. Must not know what searches, nor surrogates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...memory.records import Constraint, Goal
from ...memory.state import Trial
from . import merit
from .merit import Array


def scalarised(goal: Goal, trials: Sequence[Trial], seed: int) -> tuple[tuple[Trial, float], ...]:
    """Score the trials that know every property of the goal, in their order; hits above zero, all others below.

    Hits are ranked by a sum of their standard scores in the objectives with random weights, so that searches from
    several seeds spread along the Pareto front. All others are ranked by how far they break the constraints, in
    standard deviations of each property.

    Args:
        goal: What is wanted.
        trials: Finished ones count.
        seed: Of the weights, which are uniform on the simplex.

    Source: Deb, Comput. Methods Appl. Mech. Eng. 186, 311 (2000), doi:10.1016/S0045-7825(99)00389-8, equation 4
    (the constraints); Knowles, IEEE Trans. Evol. Comput. 10, 50 (2006), doi:10.1109/TEVC.2005.851274 (the weights).
    """
    bounded = {c.property for c in goal.constraints}
    known = [t for t in trials if merit.values(goal, t) is not None and bounded <= t.values.keys()]
    if not known:
        return ()
    gains = np.array([merit.values(goal, t) for t in known]) * merit.signs(goal)
    weights = np.random.default_rng(seed).dirichlet(np.ones(gains.shape[1]))
    wanted = _standard(gains) @ weights
    broken = np.sum([_excess(c, known) for c in goal.constraints], axis=0) if goal.constraints else np.zeros(len(known))
    hits = np.array([merit.is_feasible(goal, t) for t in known])
    least = wanted[hits].min(initial=np.inf)
    scores = np.where(hits, wanted - least + 1e-6, -broken - 1e-6)
    return tuple((trial, float(score)) for trial, score in zip(known, scores, strict=True))


def _excess(bound: Constraint, trials: Sequence[Trial]) -> Array:
    """How far trials lie beyond a bound, in standard deviations of the property, `(n_trials,)`."""
    values = np.array([t.values[bound.property] for t in trials])
    beyond = (values - bound.value) if bound.comparison == "<=" else (bound.value - values)
    return np.asarray(np.maximum(beyond, 0.0) / max(float(values.std()), 1e-9))


def _standard(columns: Array) -> Array:
    return np.asarray((columns - columns.mean(axis=0)) / np.maximum(columns.std(axis=0), 1e-9))
