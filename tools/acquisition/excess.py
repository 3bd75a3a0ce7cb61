"""The expected excess of points of a list whose best are all wanted, over the bound above which the best lie.

Knows the goal and models. Must not know where rows come from, nor how the best are found.

The bound is where as many of the list, tried ones included, are expected to lie above it as are looked for. The excess
of a candidate x over it is expected under its mean and a spread, the geometric mean of its standard deviation and of
its reach: the root of the mean over the list of cov(x, z)² / var(x), which is the variance that a noiseless result at x
would take from the list, scaled so that the largest reach is the largest standard deviation. Expected improvement over
the best that is known stops wanting the neighbours of the best once that is found, and the deviation alone spends its
first dozen results on outlying points, which teach nothing of the others (docs/decisions/0019).

| symbol | variable |
|---|---|
| T | bound |
| s | spread |
| u = (mean - T) / s | above |

Source: Jones, Schonlau and Welch, J. Global Optim. 13, 455 (1998), doi:10.1023/A:1008306431147, eq. 15 (the expected
excess over a bound); Cohn, Neural Networks 9, 1071 (1996), doi:10.1016/0893-6080(95)00137-9 (the variance taken);
Desautels et al., JMLR 15, 4053 (2014) (pending points, whose results are taken to be their means).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from botorch.acquisition import AcquisitionFunction
from scipy.optimize import brentq
from torch import Tensor

from ...memory.records import Goal
from .improvement import Weight
from .process import Processes
from .surrogate import FiniteModel

SHARE = 0.05
"""Of the list, that is looked for."""
REPRESENTATIVES = 500
"""Points of a longer list that stand for all of it."""
LEAST_VARIANCE = 1e-12
"""As a share of the largest."""
FAR_BELOW = -1e4
"""Spreads below the bound from which on the series of the Mills ratio is the exacter one."""


def wants_all_the_best(goal: Goal) -> bool:
    """Whether a goal is a single value, high or low, with nothing to be kept."""
    return len(goal.objectives) == 1 and goal.objectives[0].target is None and not goal.constraints


class Excess(AcquisitionFunction):
    """Log of the expected excess, so that it has the form of the other acquisitions.

    Attributes:
        bound: Value above which the best are expected, or below which where the objective is minimised.
    """

    def __init__(
        self,
        goal: Goal,
        model: FiniteModel | Processes,
        listed: Tensor,
        pending: Tensor | None,
        weights: Sequence[Weight] = (),
    ) -> None:
        """Hold what decides it.

        Args:
            goal: One that wants all the best.
            model: Its only output is the objective.
            listed: Rows of the list, tried ones included, `(n_listed, n_columns)`.
            pending: Rows of unfinished trials, `(n, n_columns)`; None where there are none.
            weights: Factors of each candidate.
        """
        super().__init__(model)
        self._goal, self._joint, self._weights = goal, model.joint, tuple(weights)
        self._sign = 1.0 if goal.objectives[0].direction == "maximise" else -1.0
        some = torch.linspace(0, len(listed) - 1, min(len(listed), REPRESENTATIVES)).round().long()
        self._listed = listed[some]
        self.X_pending = pending  # type: ignore[assignment]
        means, deviations, reaches = self._look(self._listed)
        # One bound and one unit for all picks of a batch, so that an excess only shrinks as others are picked.
        self._unit = float(deviations.max() / reaches.max().clamp_min(1e-300))
        self.bound = self._sign * _bound(self._sign * means, deviations)

    @property
    def name(self) -> str:
        """What it is, in words."""
        side = "above" if self._sign > 0 else "below"
        unit = self._goal.objectives[0].unit
        return f"expected excess {side} {self.bound:.4g} {unit} (the bound of the best twentieth of the list)"

    def set_X_pending(self, X_pending: Tensor | None = None) -> None:  # noqa: N802, N803 - BoTorch's names
        """Replace the rows that are pending."""
        self.X_pending = X_pending  # type: ignore[assignment]

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803
        """Log of the weighed excess of candidates `(n, 1, n_columns)`, `(n,)`, in the objective's unit."""
        mean, deviation, reach = self._look(X[:, 0])
        spread = (deviation * self._unit * reach).sqrt().clamp_min(1e-150)
        value = spread.log() + log_excess(self._sign * (mean - self.bound) / spread)
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


def log_excess(above: Tensor) -> Tensor:
    """Log of the expected excess of a standard normal variable over minus `above`: log(phi(u) + u Phi(u))."""
    u = above.clamp_min(FAR_BELOW)
    mills = math.sqrt(math.pi / 2) * torch.special.erfcx(-u.clamp_max(0.0) / math.sqrt(2))
    below = torch.log1p((u.clamp_max(0.0) * mills).clamp_min(-1 + 1e-16))
    density = -0.5 * (above**2 + math.log(2 * math.pi))
    beyond = (density.exp() + above * torch.special.ndtr(above)).clamp_min(1e-300).log()
    series = -2 * above.clamp_max(-1.0).abs().log()
    return torch.where(above > -1, beyond, density + torch.where(above > FAR_BELOW, below, series))


def _bound(means: Tensor, deviations: Tensor) -> float:
    """Value above which as many are expected as are looked for, half of one at least."""
    wanted = max(SHARE * len(means), 0.5)
    widest = 10 * float(deviations.max()) + 1e-300

    def too_many(value: float) -> float:
        return float(torch.special.ndtr((means - value) / deviations).sum()) - wanted

    return float(brentq(too_many, float(means.min()) - widest, float(means.max()) + widest))
