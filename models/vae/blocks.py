"""Parts of the crystal VAE's networks: transformer blocks, embeddings of places and numbers, soft bins.

Knows torch alone.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

N_WAVES = 8


class Block(nn.Module):
    """Self-attention and a two-layer perceptron, each behind a layer norm and added to what came in.

    Source: Vaswani et al., NeurIPS 2017 (arXiv:1706.03762), section 3; norm first as in Xiong et al., ICML 2020.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """Mix places `(n, length, width)`; `seen` is true where a place may look, `(n or 1, length, length)`."""
        n, length, width = x.shape
        q, k, v = self.into(self.first(x)).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(
            q, k, v, seen[:, None], dropout_p=self.dropout if self.training else 0.0
        )
        x = x + self._dropped(self.out(mixed.transpose(1, 2).reshape(n, length, width)))
        return x + self._dropped(self.perceptron(self.second(x)))

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


def waves(fractions: Tensor) -> Tensor:
    """Periodic features of fractional coordinates `(..., k)`: `(..., 2 k N_WAVES)`."""
    turns = 2 * math.pi * torch.arange(1, N_WAVES + 1, device=fractions.device)
    angles = fractions[..., None] * turns
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def circular_targets(fractions: Tensor, n_bins: int) -> tuple[Tensor, Tensor, Tensor]:
    """The two bins nearest to a fraction on a circle, and how much of it belongs to the second.

    A value lies between two bins; each gets the probability with which random rounding would choose it, so that the
    expectation of the bins is the value itself.

    Returns:
        First bin, second bin, weight of the second, each of the shape of `fractions`.
    """
    place = fractions * n_bins
    low = place.floor()
    return (low % n_bins).long(), ((low + 1) % n_bins).long(), place - low


def linear_targets(fractions: Tensor, n_bins: int) -> tuple[Tensor, Tensor, Tensor]:
    """As `circular_targets`, on a line from 0 (the first bin) to 1 (the last)."""
    place = (fractions * (n_bins - 1)).clamp(0, n_bins - 1)
    low = place.floor().clamp(max=n_bins - 2)
    return low.long(), low.long() + 1, place - low


def soft_log_likelihood(logits: Tensor, targets: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Expected log-likelihood of randomly rounded values, `(n,)`, of logits `(n, n_bins)`."""
    first, second, weight = targets
    logs = logits.log_softmax(-1)
    below, above = (logs.gather(-1, bins[..., None]).squeeze(-1) for bins in (first, second))
    return (1 - weight) * below + weight * above


def perceptron(n_in: int, width: int, n_out: int, dropout: float = 0.0) -> nn.Sequential:
    """Two layers with a GELU between."""
    return nn.Sequential(nn.Linear(n_in, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, n_out))
