"""What a VAE is like on crystals it did not learn from, posterior collapse among it.

Knows networks and the bound. Must not know optimisers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..target import Target
from .elbo import divergence, likelihood
from .network import CrystalNetwork
from .samples import Samples
from .settings import Bound
from .vae import Scale, read_properties

ACTIVE = 0.01
"""Variance of a latent mean over crystals above which the dimension is in use (Burda et al., arXiv:1509.00519)."""
_BATCH = 256
MOST = 2500
"""Crystals looked at after each pass; enough for the second digit."""


@dataclass(frozen=True)
class Seen:
    """As in `VaePass`."""

    bound: Bound
    accuracy: float
    shuffled_accuracy: float
    active_units: int
    property_errors: Mapping[str, float]


@torch.no_grad()
def look(network: CrystalNetwork, validation: Samples, targets: Sequence[Target], scales: Sequence[Scale]) -> Seen:
    """Look at crystals, z at the mean of q(z | x)."""
    network.eval()
    some = torch.linspace(0, len(validation) - 1, min(MOST, len(validation))).long()
    some = some[torch.argsort(validation.tokens.length[some], stable=True)]
    device = next(network.parameters()).device
    sums, means, right, shuffled = torch.zeros(6, device=device), [], 0.0, 0.0
    for rows in some.split(_BATCH):
        given = validation.tokens.part(rows).to(device)
        mean, log_variance = network.encode(given)
        parts = likelihood(network, given, mean)
        terms = (parts.group, parts.sites, parts.elements, parts.coordinates, parts.lattice)
        sums += torch.stack([*(term.sum() for term in terms), divergence(mean, log_variance).sum()])
        right += float(parts.right) * len(rows)
        shuffled += float(likelihood(network, given, mean.roll(1, 0)).right) * len(rows)
        means.append(mean)
    latent = torch.cat(means)
    return Seen(
        Bound(*(round(float(value), 4) for value in sums / len(some))),
        round(right / len(some), 4),
        round(shuffled / len(some), 4),
        int((latent.var(0) > ACTIVE).sum()) if len(latent) > 1 else 0,
        _errors(network, latent, validation.labels[some], targets, scales),
    )


def score(bound: Bound, beta: float) -> float:
    """What decides which pass is best: the bound with its final weight."""
    return bound.reconstruction - beta * bound.divergence


def _errors(
    network: CrystalNetwork, latent: Tensor, labels: Tensor, targets: Sequence[Target], scales: Sequence[Scale]
) -> dict[str, float]:
    said = read_properties(network, latent, targets, scales)
    found = {}
    for k, target in enumerate(targets):
        known = labels[:, k].isfinite()
        if known.any():
            truth = labels[known, k].double().numpy()
            found[target.name] = round(float(abs(said[target.name][known.numpy()] - truth).mean()), 5)
    return found
