"""How far earlier campaigns may be believed: by how well each ranks what this one has found.

Knows processes. Must not know campaigns or properties.

A source counts with the share of draws in which it misranks fewest pairs of this campaign's results, against the other
sources and against this campaign's own process, which foretells each result from the others. That share is multiplied
by Kendall's τ of its means, so that what ranks no better than chance has no say, and by n / (n + 3), for few results
agree by chance.

Source: Feurer, Letham, Hutter and Bakshy, arXiv:1802.02219 (the ranking-weighted ensemble); the two factors are ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .merit import Array
from .process import Process

DRAWS = 256
FEW = 3.0
"""Results at which a source has half of its say."""


def weights(own: Process, sources: Sequence[Process]) -> Array:
    """Weight of each source, 0 to 1, `(n_sources,)`; together at most one.

    Args:
        own: This campaign's process; its rows are what is ranked.
        sources: Processes over the same columns.
    """
    random = np.random.default_rng(0)
    values, n = own.targets.numpy(), len(own.targets)
    better = values[:, None] < values[None]
    pairs = n * (n - 1)
    mean, deviation, _ = ((own.left_out() - torch.tensor([own.shift, 0.0, own.shift])) / own.scale).numpy().T
    draws = mean + deviation * random.standard_normal((DRAWS, n))
    losses = [((draws[:, :, None] < values) != better).sum(axis=(1, 2))]
    agreements = []
    for source in sources:
        with torch.no_grad():
            belief = source.belief(own.rows)
        root = np.linalg.cholesky(belief.covariance.numpy() + 1e-6 * np.eye(n))
        draws = belief.mean.numpy() + random.standard_normal((DRAWS, n)) @ root.T
        losses.append(((draws[:, :, None] < draws[:, None]) != better).sum(axis=(1, 2)))
        means = belief.mean.numpy()
        agreements.append(1 - 2 * ((means[:, None] < means[None]) != better).sum() / pairs)
    table = np.array(losses, dtype=float)
    best = table == table.min(axis=0)
    shares = (best / best.sum(axis=0)).mean(axis=1)[1:]
    found: Array = shares * np.maximum(agreements, 0.0) * n / (n + FEW)
    return found
