"""The optimistic gain of points of a list whose best are all wanted: the mean, and what a result teaches of the list.

Knows the goal and models. Must not know where rows come from, nor how the best are found.

The value of a candidate x is the mean plus twice a reach, the root of the mean over the list of cov(x, z)² / var(x),
which is the variance that a noiseless result at x would take from the list, scaled so that the largest reach is the
largest standard deviation. A plain upper bound spends its first dozen results on outlying points, which teach nothing
of the others; expected improvement stops wanting the neighbours of the best once that is found (docs/decisions/0019).

Source: Srinivas et al., ICML 2010, arXiv:0912.3995 (upper bound); Cohn, Neural Networks 9, 1071 (1996),
doi:10.1016/0893-6080(95)00137-9 (the variance taken); Desautels et al., JMLR 15, 4053 (2014) (pending points, whose
results are taken to be their means).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from botorch.acquisition import AcquisitionFunction
from torch import Tensor

from ...memory.records import Goal
from .improvement import Weight
from .process import Processes
from .surrogate import FiniteModel

DEVIATIONS = 2.0
REPRESENTATIVES = 500
"""Points of a longer list that stand for all of it."""
LEAST_VARIANCE = 1e-12
"""As a share of the largest."""


def wants_all_the_best(goal: Goal) -> bool:
    """Whether a goal is a single value, high or low, with nothing to be kept."""
    return len(goal.objectives) == 1 and goal.objectives[0].target is None and not goal.constraints


class Optimism(AcquisitionFunction):
    """Log of the optimistic gain over a reference point, so that it has the form of the other acquisitions."""

    def __init__(
        self,
        goal: Goal,
        model: FiniteModel | Processes,
        listed: Tensor,
        pending: Tensor | None,
        reference: float,
        weights: Sequence[Weight] = (),
    ) -> None:
        """Hold what decides it.

        Args:
            goal: One that wants all the best.
            model: Its only output is the objective.
            listed: Rows of the list, `(n_listed, n_columns)`.
            pending: Rows of unfinished trials, `(n, n_columns)`; None where there are none.
            reference: Value that gains are measured from, in the objective's unit.
            weights: Factors of each candidate.
        """
        super().__init__(model)
        self._joint = model.joint
        self._sign = 1.0 if goal.objectives[0].direction == "maximise" else -1.0
        self._reference, self._weights = reference, tuple(weights)
        some = torch.linspace(0, len(listed) - 1, min(len(listed), REPRESENTATIVES)).round().long()
        self._listed = listed[some]
        self.X_pending = pending  # type: ignore[assignment]
        _, deviations, reaches = self._look(self._listed)
        # One unit for all picks of a batch, so that a gain only shrinks as others are picked.
        self._unit = float(deviations.max() / reaches.max().clamp_min(1e-300))

    def set_X_pending(self, X_pending: Tensor | None = None) -> None:  # noqa: N802, N803 - BoTorch's names
        """Replace the rows that are pending."""
        self.X_pending = X_pending  # type: ignore[assignment]

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803
        """Log of the weighed gain of candidates `(n, 1, n_columns)`, `(n,)`, in the objective's unit."""
        mean, _, reach = self._look(X[:, 0])
        gain = self._sign * (mean - self._reference) + DEVIATIONS * self._unit * reach
        value = gain.clamp_min(1e-300).log()
        for weight in self._weights:
            value = value + weight(X, self.model)
        return value

    def _look(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, standard deviation and reach of some rows, each `(n_rows,)`."""
        waiting = self._listed[:0] if self.X_pending is None else self.X_pending
        means, covariances = self._joint(torch.cat([rows, self._listed, waiting]))
        covariance = covariances[0]
        n = len(covariance) - len(waiting)
        least = LEAST_VARIANCE * float(covariance.diagonal().max())
        if len(waiting):
            between, among = covariance[:n, n:], covariance[n:, n:]
            known = among + least * torch.eye(len(waiting), dtype=among.dtype)
            covariance = covariance[:n, :n] - between @ torch.linalg.solve(known, between.T)
        own = covariance.diagonal()[: len(rows)].clamp_min(least)
        reach = ((covariance[: len(rows), len(rows) : n] ** 2).mean(dim=1) / own).sqrt()
        return means[: len(rows), 0], own.sqrt(), reach
