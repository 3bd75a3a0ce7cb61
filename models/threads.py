"""How torch computes in this project: one thread a process, and no denormal numbers.

Knows torch alone.
"""

from __future__ import annotations


def configure_torch() -> None:
    """Set torch up for one process per core.

    One thread per process and flushed denormals are each worth a factor on a CPU (docs/decisions/0003): tails of
    Gaussians and fading gradients are denormal numbers, which cost four times the training.
    """
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
