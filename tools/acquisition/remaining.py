"""What a search may still gain: the expected best of the untried candidates beyond the best that is known.

Knows the goal and beliefs as multivariate normals. Must not know trials, or what follows from little gain.
"""

from __future__ import annotations

import numpy as np
from linear_operator.utils.cholesky import psd_safe_cholesky  # type: ignore[import-untyped]
from torch import Tensor

from ...memory.records import Goal
from .merit import Array

DRAWS = 512


def expected_gain(
    goal: Goal, properties: tuple[str, ...], means: Tensor, covariances: Tensor, n_fresh: int, seed: int
) -> float | None:
    """The expected gain of one objective if all fresh candidates were tried, in its unit.

    The mean over joint draws of the belief of max(0, best fresh - best known), of those candidates alone that keep the
    constraints in the draw. Noise does not enter: it is the truth that is gained.

    Args:
        goal: With one objective.
        properties: Name of each output of the belief.
        means: `(n_candidates, n_properties)`, the fresh candidates first, then the best known ones.
        covariances: `(n_properties, n_candidates, n_candidates)`.
        n_fresh: How many are fresh.
        seed: Of the draws.

    Returns:
        None for several objectives, and where no known candidate keeps the constraints in any draw.
    """
    if len(goal.objectives) != 1 or not 0 < n_fresh < len(means):
        return None
    random = np.random.default_rng(seed)
    draws: dict[str, Array] = {}
    for k, name in enumerate(properties):
        root = psd_safe_cholesky(covariances[k]).numpy()
        draws[name] = means[:, k].numpy() + random.standard_normal((DRAWS, len(means))) @ root.T
    objective = goal.objectives[0]
    amounts = draws[objective.property]
    if objective.target is not None:
        amounts = np.abs(amounts - objective.target)
    gains = amounts if objective.direction == "maximise" else -amounts
    for bound in goal.constraints:
        values = draws[bound.property]
        gains = np.where(values <= bound.value if bound.comparison == "<=" else values >= bound.value, gains, -np.inf)
    new, known = gains[:, :n_fresh].max(axis=1), gains[:, n_fresh:].max(axis=1)
    counted = np.isfinite(known)
    return float(np.maximum(new[counted] - known[counted], 0.0).mean()) if counted.any() else None
