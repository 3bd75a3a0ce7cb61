"""How likely a latent point is to hold a crystal that keeps a wish, without anything being forced.

Knows what the network's heads say. Must not know decoding.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .network import CrystalNetwork
from .wish import DecodingWish


def promise(network: CrystalNetwork, points: Tensor, wish: DecodingWish) -> Tensor:
    """Logarithm of the probability, space group, elements and number of atoms taken as independent, `(n,)`."""
    said: Tensor = network.content_head(points)
    n_elements = len(network.symbols)
    occurs, atoms = said[:, :n_elements], said[:, n_elements:].log_softmax(-1)
    low, high = wish.atoms
    found = atoms[:, low : high + 1].logsumexp(-1)
    if wish.spacegroups is not None:
        groups = torch.tensor(sorted(number - 1 for number in wish.spacegroups))
        found = found + network.decoder.group_of(points).log_softmax(-1)[:, groups].logsumexp(-1)
    allowed = set(wish.allows(network.symbols))
    wanted = torch.tensor([symbol in wish.with_all for symbol in network.symbols])
    banned = torch.tensor([symbol not in allowed for symbol in network.symbols])
    found = found + functional.logsigmoid(occurs)[:, wanted].sum(-1) + functional.logsigmoid(-occurs)[:, banned].sum(-1)
    fewest, most = wish.n_elements
    if fewest > 1 or most < n_elements:
        found = found + _count(occurs.sigmoid())[:, fewest : most + 1].sum(-1).clamp(min=1e-9).log()
    return found


def _count(chances: Tensor) -> Tensor:
    """Probability of each number of elements, `(n, n_elements + 1)`, from that of each element, `(n, n_elements)`."""
    n, n_elements = chances.shape
    found = torch.zeros(n, n_elements + 1)
    found[:, 0] = 1.0
    for k in range(n_elements):
        chance = chances[:, k : k + 1]
        found = found * (1 - chance) + functional.pad(found[:, :-1], (1, 0)) * chance
    return found
