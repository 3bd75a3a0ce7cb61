"""How likely it is that what is asked for can be made at all, learnt from what could and could not.

Knows rows and torch. Must not know trials beyond how they failed, nor what is wanted.

A Gaussian process classifier with a logistic likelihood, by Laplace's approximation; its one length scale is the most
probable of a few under the approximate evidence and a log-normal prior.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), algorithms 3.1 and 3.2; eq. 3.32 (the
evidence); MacKay, Neural Comput. 4, 720 (1992), doi:10.1162/neco.1992.4.5.720 (the mean of a logistic function).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...memory.records import FailureKind
from ...memory.state import Trial
from .merit import Array
from .process import Columns

TEACHES_NOTHING: frozenset[FailureKind] = frozenset({"fault", "crash", "timeout", "missing"})
"""Failures of an instrument, a program or a table, which say nothing of what was asked for."""
LENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Length scales tried, in units of the root of the number of columns."""
VARIANCE = 9.0
"""Of the latent function: far from all that is known three to one either way is as likely as even."""
STEPS = 50
SETTLED = 1e-8


def is_infeasible(trial: Trial) -> bool:
    """Whether a trial failed in a way that the same input would again."""
    failure = trial.outcome.failure if trial.outcome else None
    return failure is not None and failure.kind not in TEACHES_NOTHING


@dataclass(frozen=True)
class Feasibility:
    """What is believed of what can be made.

    Attributes:
        columns: The kernel over them.
        rows: What is known, `(n_rows, n_columns)`.
        lengths: `(1,)`.
        slopes: Gradient of the log likelihood at the mode, `(n_rows,)`.
        root: `A` with `Aᵀ A = W^½ B^-1 W^½`, `(n_rows, n_rows)`.
        level: Logit of the share of what could be made.
    """

    columns: Columns
    rows: Tensor
    lengths: Tensor
    slopes: Tensor
    root: Tensor
    level: float

    def log_probability(self, rows: Tensor) -> Tensor:
        """Log of the probability that points can be made, `(…, n_columns)` to `(…,)`; autograd can follow."""
        cross = VARIANCE * self.columns.covariance(rows, self.rows, self.lengths)
        mean = self.level + cross @ self.slopes
        variance = (VARIANCE - ((cross @ self.root.T) ** 2).sum(-1)).clamp_min(0)
        return torch.nn.functional.logsigmoid(mean / (1 + math.pi * variance / 8).sqrt())

    def probabilities(self, rows: Array) -> Array:
        """Probability that points can be made, `(n_rows,)`."""
        with torch.no_grad():
            found: Array = self.log_probability(torch.from_numpy(rows)).exp().numpy()
        return found


def learn(rows: Array, is_made: Sequence[bool]) -> Feasibility | None:
    """Learn from what could and could not be made; None where all could, and nothing is to be learnt.

    Args:
        rows: `(n_rows, n_columns)`; their order does not matter.
        is_made: Of each row.
    """
    made = np.asarray(is_made, dtype=bool)
    if made.all():
        return None
    order = np.lexsort((made, *rows.T[::-1]))
    inputs, labels = torch.from_numpy(rows[order]), torch.from_numpy(2.0 * made[order] - 1.0)
    # One success and one failure more than there were: nothing is certain before it is seen.
    level = math.log((made.sum() + 1) / ((~made).sum() + 1))
    columns = Columns(rows.shape[1], isotropic=True)
    best: tuple[float, Feasibility] | None = None
    for share in LENGTHS:
        lengths = torch.tensor([share * math.sqrt(rows.shape[1])], dtype=torch.float64)
        evidence, found = _laplace(columns, inputs, labels, lengths, level)
        evidence -= 0.5 * (math.log(share / 0.4) / 0.8) ** 2
        if best is None or evidence > best[0]:
            best = evidence, found
    return best[1] if best else None


def _laplace(
    columns: Columns, rows: Tensor, labels: Tensor, lengths: Tensor, level: float
) -> tuple[float, Feasibility]:
    """Newton's iteration to the mode of the latent function, and the log evidence there."""
    covariance = VARIANCE * columns.covariance(rows, rows, lengths)
    eye = torch.eye(len(rows), dtype=torch.float64)
    latent, weights, before = torch.zeros_like(labels), torch.zeros_like(labels), -math.inf
    for _ in range(STEPS):
        chance = torch.sigmoid(latent + level)
        slopes, curvature = (labels + 1) / 2 - chance, (chance * (1 - chance)).clamp_min(1e-12)
        half = curvature.sqrt()
        factor = torch.linalg.cholesky(eye + half[:, None] * covariance * half)
        target = curvature * latent + slopes
        solved = torch.cholesky_solve((half * (covariance @ target))[:, None], factor)[:, 0]
        weights = target - half * solved
        latent = covariance @ weights
        value = float(torch.nn.functional.logsigmoid(labels * (latent + level)).sum() - 0.5 * weights @ latent)
        if value - before < SETTLED:
            break
        before = value
    chance = torch.sigmoid(latent + level)
    half = (chance * (1 - chance)).clamp_min(1e-12).sqrt()
    factor = torch.linalg.cholesky(eye + half[:, None] * covariance * half)
    root = torch.linalg.solve_triangular(factor, torch.diag(half), upper=False)
    evidence = value - float(factor.diagonal().log().sum())
    return evidence, Feasibility(columns, rows, lengths, (labels + 1) / 2 - chance, root, level)
