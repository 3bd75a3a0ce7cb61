"""The loss of the crystal network.

Knows torch and readouts. Knows no crystals.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..gnn import Readout

NLL_WEIGHT = 0.1
"""Of the term that teaches the scale of the error; it moves nothing else."""
ZERO_WEIGHT = 0.2
"""Of the term that teaches whether a gap is zero."""


def loss(said: Readout, wanted: Tensor, zero: Tensor, is_gap: Tensor) -> Tensor:
    """Mean absolute error, plus what teaches the error's scale, plus what teaches the zeros.

    With r = |y - μ| in standardised units, the loss is the mean of

        r + 0.1 (r̄ e^-s + s) + 0.2 BCE(zero),

    where s is the log of the Laplace scale and r̄ is r held constant: the likelihood teaches the scale alone, and
    cannot trade accuracy of hard crystals for confidence (Seitzer et al., ICLR 2022, arXiv:2203.09168, on that
    pitfall). Missing labels do not count.

    Args:
        said: What the network says of a batch.
        wanted: Standardised labels `(n_graphs, n_targets)`, NaN where missing.
        zero: 1 where the label is zero, `(n_graphs, n_targets)`.
        is_gap: Which targets are of kind `gap`, `(n_targets,)`.

    Returns:
        A scalar.
    """
    known = torch.isfinite(wanted)
    # NaN times zero is NaN, also in gradients: missing labels are replaced before anything is computed.
    error = torch.where(known, said.location - torch.nan_to_num(wanted), 0.0).abs()
    scale = error.detach() * torch.exp(-said.log_scale) + said.log_scale
    missed = nn.functional.binary_cross_entropy_with_logits(said.zero_logit, zero, reduction="none")
    counted = known.to(error.dtype)
    total = error + NLL_WEIGHT * scale * counted + ZERO_WEIGHT * missed * counted * is_gap
    return total.sum() / counted.sum().clamp(min=1.0)
