"""What the composition alone says: the part of a target that a network need not learn.

Knows numpy. Knows no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..target import Target
from .dataset import Array

RIDGE = 1e-2
"""Weight of the penalty, in crystals that hold nothing but the element."""


@dataclass(frozen=True)
class Baseline:
    """A linear model of the composition, and the scale of what it leaves over.

    A target of kind `gap` has no linear part: its zeros are not linear in anything.

    Attributes:
        weights: Value of each pure element, `(MAX_ELEMENT + 1, n_targets)`, in the targets' units.
        scales: Standard deviation of what is left over, `(n_targets,)`, in the targets' units.
    """

    weights: Array
    scales: Array

    def of(self, composition: Array) -> Array:
        """The linear part, `(n_crystals, n_targets)`, of compositions `(n_crystals, MAX_ELEMENT + 1)`."""
        return composition @ self.weights


def fit_baseline(composition: Array, labels: Array, targets: Sequence[Target]) -> Baseline:
    """Fit by ridge regression to the labels there are, `(n_crystals, n_targets)` with NaN where missing."""
    n_columns = composition.shape[1]
    weights, scales = np.zeros((n_columns, len(targets))), np.ones(len(targets))
    for k, target in enumerate(targets):
        known = np.isfinite(labels[:, k])
        rows, values = composition[known], labels[known, k]
        if target.kind == "real":
            weights[:, k] = np.linalg.solve(rows.T @ rows + RIDGE * np.eye(n_columns), rows.T @ values)
        left = values - rows @ weights[:, k]
        scales[k] = max(float(left.std()), 1e-9)
    return Baseline(weights, scales)
