"""Results that all others make unlikely, found one after another.

Knows merged results and processes. Must not know properties or what is wanted.

The least likely result is set aside, the process fitted anew, and so on; of all these steps the one is taken under
which the results are most probable, where each may be an outlier with probability one in n, and then has a variance of
its own, the most probable one.

Source: Ament et al., NeurIPS 2024, arXiv:2410.24222 (relevance pursuit, and the variance in closed form).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from .hyperparameters import Prior
from .noise import Merged
from .process import Columns, Process, learnt_from

Places = NDArray[np.int_]

MOST = 0.2
"""Share of the results that may be outliers."""
LEAST_ROBUST = 10
"""Different rows below which no result is taken for an outlier."""


def without_outliers(merged: Merged, columns: Columns, prior: Prior, fit_rows: int) -> tuple[Merged, Places]:
    """The results without the outliers, and the places of those, in order."""
    n_rows = len(merged.rows)
    if n_rows < LEAST_ROBUST:
        return merged, np.empty(0, dtype=int)
    centre = float(np.median(merged.values))
    unit = centre, max(1.4826 * float(np.median(np.abs(merged.values - centre))), 1e-9 * max(1.0, abs(centre)))
    kept, out = np.arange(n_rows), list[int]()
    best, found = -math.inf, list[int]()
    for _ in range(1 + int(MOST * n_rows)):
        process, _fault = learnt_from(_only(merged, kept), columns, prior, unit, fit_rows)
        score = _evidence(process) - len(out) * math.log(n_rows)
        if out:
            score += _beside(process, merged, np.array(out))
        if score > best:
            best, found = score, list(out)
        mean, deviation, value = process.left_out().T
        worst = int(((value - mean) / deviation).abs().argmax())
        out.append(int(kept[worst]))
        kept = np.delete(kept, worst)
    away = np.array(sorted(found), dtype=int)
    return _only(merged, np.setdiff1d(np.arange(n_rows), away)), away


def _only(merged: Merged, kept: Places) -> Merged:
    variances = None if merged.variances is None else merged.variances[kept]
    return replace(
        merged, rows=merged.rows[kept], values=merged.values[kept], counts=merged.counts[kept], variances=variances
    )


def _evidence(process: Process) -> float:
    """Log marginal likelihood of the targets."""
    rest = process.targets - process.columns.mean(process.rows, process.constant)
    fit = -0.5 * float(rest @ process.alpha) + float(process.root.diagonal().log().sum())
    return fit - 0.5 * len(rest) * math.log(2 * math.pi)


def _beside(process: Process, merged: Merged, out: Places) -> float:
    """Log likelihood of results that are set aside, each with the variance that makes it most likely."""
    rows = torch.from_numpy(merged.rows[out])
    targets = (torch.from_numpy(merged.values[out]) - process.shift) / process.scale
    mean, half = process.half(rows)
    least = 1.0 + process.noise - (half**2).sum(-1)
    squares = (targets - mean) ** 2
    variance = torch.maximum(squares, least.clamp_min(1e-12))
    return float((-0.5 * (2 * math.pi * variance).log() - 0.5 * squares / variance).sum())
