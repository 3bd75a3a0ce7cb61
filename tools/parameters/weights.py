"""Factors that weigh an expected gain: what an evaluation costs, how much it tells, whether it can be made.

Knows frames, processes and feasibility. Must not know goals beyond the names of properties, nor how points are found.

An evaluation at a lower level of fidelity gains nothing itself. Its worth is that of the highest level at the same
setting, times how far the two go together, times what is left of its noise:

    w(x, s) = corr(f_s(x), f_S(x)) · (1 - σ_n / √(σ_s²(x) + σ_n²)) / cost(x, s)

with the correlation and σ_s of the posterior, so that what is known at a level is not asked again there.

Source: Huang, Allen, Notz and Miller, Struct. Multidiscip. Optim. 32, 369 (2006), doi:10.1007/s00158-005-0587-0
(augmented expected improvement).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from botorch.models.model import Model
from torch import Tensor

from ..acquisition.feasibility import Feasibility
from ..acquisition.improvement import Weight
from ..acquisition.process import Processes
from .encode import columns, label_rows
from .frame import Frame
from .parameter_space import ParameterSpace
from .variables import Categorical, Continuous

LEAST_SHARE = 1e-6
"""Below which no factor goes, so that its logarithm stays finite."""


def cheapness(space: ParameterSpace) -> Weight:
    """One over the cost of an evaluation."""
    names = [c.leaf for c in columns(space)]
    parts: list[tuple[slice, Tensor, Tensor]] = []
    terms = space.cost.terms if space.cost else {}
    labels = space.cost.labels if space.cost else {}
    lines: list[tuple[int, float, float, float, bool, int | None]] = []
    for leaf in space.leaves:
        start, width = names.index(leaf.name), names.count(leaf.name)
        there = start + width - 1 if leaf.when else None
        if leaf.name in terms:
            is_log = isinstance(leaf.source, Continuous) and leaf.source.scale == "log"
            lines.append((start, terms[leaf.name], leaf.low, leaf.high, is_log, there))
        if isinstance(leaf.source, Categorical):
            table = torch.from_numpy(label_rows(leaf.source))
            own = np.array([labels.get(leaf.name, {}).get(label, 0.0) for label in leaf.source.labels])
            if space.fidelity is leaf.source:
                own = own + np.array(space.fidelity.costs)
            if own.any():
                parts.append((slice(start, start + table.shape[1]), table, torch.from_numpy(own)))
    base = space.cost.base if space.cost else 0.0

    def weight(rows: Tensor, _: Model) -> Tensor:
        row = rows[:, 0]
        total = torch.full((len(row),), base, dtype=torch.float64)
        for column, coefficient, low, high, is_log, there in lines:
            value = low * (high / low) ** row[:, column] if is_log else low + (high - low) * row[:, column]
            total = total + coefficient * value * (1.0 if there is None else row[:, there])
        for place, table, own in parts:
            distance = (row[:, None, place] - table).abs().sum(-1)
            # A variable that is left out is like no label.
            total = total + torch.where(distance.amin(-1) < 1e-9, own[distance.argmin(-1)], 0.0)
        return -total.clamp_min(1e-12).log()

    return weight


def telling(frame: Frame, places: Sequence[int]) -> Weight:
    """How much an evaluation tells of the highest level of fidelity.

    Args:
        places: Outputs of the model that are objectives; the mean over them counts.
    """

    def weight(rows: Tensor, model: Model) -> Tensor:
        assert isinstance(model, Processes)  # noqa: S101 - a search over parameters has no other
        padded = frame.pad(rows)
        pairs = torch.cat([padded, frame.lift(padded)], dim=-2)
        told = []
        for k in places:
            one = model.processes[k]
            covariance = one.belief(pairs).covariance
            own, meant = covariance[:, 0, 0].clamp_min(1e-12), covariance[:, 1, 1].clamp_min(1e-12)
            together = (covariance[:, 0, 1] / (own * meant).sqrt()).clamp(LEAST_SHARE, 1.0)
            told.append(together * (1 - (one.noise / (own + one.noise)).sqrt()))
        return torch.stack(told).mean(dim=0).clamp_min(LEAST_SHARE).log()

    return weight


def feasibility_of(known: Feasibility) -> Weight:
    """The probability that a point can be made."""
    return lambda rows, _: known.log_probability(rows[:, 0])


def held(frame: Frame, model: Processes, pending: Tensor) -> tuple[Processes, Tensor]:
    """The model as if pending points of lower levels had come as expected, and the rows of the others.

    Args:
        pending: Encoded points.
    """
    rows = frame.pad(pending)
    is_meant = frame.is_meant(rows)
    lower = rows[~is_meant]
    if not len(lower):
        return model, rows
    with torch.no_grad():
        told = Processes([one.with_more(lower, one.half(lower)[0]) for one in model.processes])
    return told, rows[is_meant]
