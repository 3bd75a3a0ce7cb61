"""Crystals with their labels, as a VAE is taught; and batches of them.

Knows tokens and targets. Must not know networks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..target import Target
from .tokens import Tokens
from .vae import Scale


@dataclass(frozen=True, eq=False)
class Samples:
    """Crystals to learn from or to look at.

    Attributes:
        tokens: The crystals.
        labels: In the targets' units `(n_crystals, n_targets)`; NaN where missing.
    """

    tokens: Tokens
    labels: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def part(self, rows: Tensor, device: torch.device) -> Samples:
        """Some of the crystals, where a network is."""
        return Samples(self.tokens.part(rows).to(device), self.labels[rows].to(device))

    def shaken(self, width: float) -> Samples:
        """The same crystals with noise on their places, as `Tokens.shaken`; labels stay."""
        return replace(self, tokens=self.tokens.shaken(width))

    def fingerprint(self) -> str:
        """Hash of the content."""
        digest = hashlib.sha256()
        parts = self.tokens
        for values in (parts.group, parts.site, parts.element, parts.free, parts.lattice, self.labels):
            digest.update(np.ascontiguousarray(values.numpy()).tobytes())
        return digest.hexdigest()[:16]


def scales_of(labels: NDArray[np.float64], targets: Sequence[Target]) -> tuple[Scale, ...]:
    """Middle and width of each target's labels `(n_crystals, n_targets)`; zeros of a gap are not counted."""
    found = []
    for k, target in enumerate(targets):
        known = labels[np.isfinite(labels[:, k]), k]
        known = known[known > 0] if target.kind == "gap" else known
        spread = float(known.std()) if len(known) > 1 else 1.0
        found.append(Scale(float(known.mean()) if len(known) else 0.0, max(spread, 1e-3)))
    return tuple(found)


def batches(length: Tensor, batch: int, order: torch.Generator) -> list[Tensor]:
    """Shuffled batches of crystals that are about equally long, so that little is padded; the last may be short.

    Args:
        length: Orbits of each crystal, `(n_crystals,)`.
        batch: Crystals in each.
        order: Random numbers.
    """
    shuffled = torch.randperm(len(length), generator=order)
    found: list[Tensor] = []
    for some in shuffled.split(8 * batch):
        found += some[torch.argsort(length[some], stable=True)].split(batch)
    return [found[k] for k in torch.randperm(len(found), generator=order).tolist()]
