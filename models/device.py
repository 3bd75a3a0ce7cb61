"""Where a network is trained: on a graphics card if one process trains alone, else on the processor.

Knows torch alone.
"""

from __future__ import annotations

import torch


def has_card() -> bool:
    """Whether torch can use a graphics card."""
    return torch.cuda.is_available()


def device_for(processes: int) -> torch.device:
    """Where one of so many processes computes; several would only share a card."""
    return torch.device("cuda" if processes == 1 and has_card() else "cpu")
