"""Draws the sample of training crystals that a VAE brings with its weights.

Knows the networks, tokens and labels. Must not know how the sample is stored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from pymatgen.core import Composition

from ..target import Target
from .lattice import volume_per_atom
from .network import CrystalNetwork
from .reference import ReferenceSample
from .samples import Samples

MOST = 2000
"""Crystals that are drawn; enough for a picture, and half a megabyte."""


@torch.no_grad()
def take_reference(network: CrystalNetwork, training: Samples, targets: Sequence[Target], seed: int) -> ReferenceSample:
    """Draw training crystals without replacement, all of them where there are fewer.

    Args:
        network: In evaluation mode.
        training: What it has learnt.
        targets: Columns of the labels.
        seed: Of the draw.
    """
    drawn = np.random.default_rng(seed).choice(len(training), size=min(MOST, len(training)), replace=False)
    some = training.part(torch.from_numpy(np.sort(drawn)), torch.device("cpu"))
    tokens = some.tokens
    mean, _ = network.encode(tokens)
    ends = network.atoms(tokens)
    return ReferenceSample(
        mean=mean.numpy(),
        formula=tuple(
            _formula([network.symbols[k] for k in elements[:length]], counts)
            for elements, length, counts in zip(
                tokens.element.tolist(), tokens.length.tolist(), ends.diff(dim=1).tolist(), strict=True
            )
        ),
        spacegroup=(tokens.group + 1).numpy(),
        volume_per_atom=volume_per_atom(tokens.lattice.double().numpy()).astype(np.float32),
        n_atoms=ends[:, -1].numpy(),
        properties={target.name: some.labels[:, k].numpy() for k, target in enumerate(targets)},
    )


def _formula(symbols: Sequence[str], counts: Sequence[int]) -> str:
    amounts: dict[str, int] = {}
    for symbol, count in zip(symbols, counts, strict=False):
        amounts[symbol] = amounts.get(symbol, 0) + count
    return str(Composition(amounts).reduced_formula)
