"""Choices among logits, and values from soft bins.

Knows torch alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

PLACES = 0.5
"""Temperature of coordinates and lattice, as a part of that of groups, positions and elements."""


class Pick:
    """Chooses among logits; the likeliest at temperature 0."""

    def __init__(self, temperature: float, draws: torch.Generator) -> None:
        self.temperature, self.draws = temperature, draws

    def warmer(self, times: int) -> Pick:
        """The same choice at a higher temperature: for another attempt at what did not go well."""
        return Pick(self.temperature + times, self.draws) if times else self

    def __call__(self, logits: Tensor, mask: Tensor | None = None, scale: float = 1.0) -> Tensor:
        """One index for each row of logits `(n, n_choices)`, `(n,)`; where `mask` is false nothing is chosen."""
        if mask is not None:
            logits = logits.masked_fill(~mask, -torch.inf)
        if self.temperature == 0.0:
            return logits.argmax(-1)
        chances = (logits / (self.temperature * scale)).softmax(-1)
        return torch.multinomial(chances, 1, generator=self.draws).squeeze(-1)


def value(logits: Tensor, pick: Pick, circular: bool) -> Tensor:
    """A bin, as the expectation over it and its two neighbours, in bins, `(n,)`."""
    chosen = pick(logits, scale=PLACES)
    near = chosen[:, None] + torch.tensor([-1, 0, 1])
    n_bins = logits.shape[-1]
    inside = near % n_bins if circular else near.clamp(0, n_bins - 1)
    weights = logits.gather(1, inside).softmax(-1)
    return (weights * (near if circular else inside)).sum(1)
