"""What a VAE is trained to make small: the negative bound with a weighted KL term, and the errors of the heads.

Knows networks, the bound and labels. Must not know optimisers.

    loss = - E_q[log p(x | z)] + beta Σ_k max(KL_k, free_bits) + properties + contents

KL_k is the batch's mean of dimension k. The heads see z as it was drawn.

Source of free bits: Kingma et al., NeurIPS 2016 (arXiv:1606.04934), appendix C.8.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from ..target import Target
from .elbo import Likelihood, contents, divergence, likelihood, reparameterise
from .network import CrystalNetwork
from .samples import Samples
from .vae import Scale

PROPERTIES = 5.0
CONTENTS = 0.5
"""Weights of the heads' errors beside nats of the bound."""
_SMALL = 0.1
"""Standardised errors below this count squared, larger ones as they are."""


def objective(
    network: CrystalNetwork,
    given: Samples,
    targets: Sequence[Target],
    scales: Sequence[Scale],
    beta: float,
    free_bits: float,
) -> tuple[Tensor, Likelihood, Tensor]:
    """Loss of a batch, log p(x | z) by its parts, and the KL term of each crystal, `(n,)`."""
    mean, log_variance = network.encode(given.tokens)
    z = reparameterise(mean, log_variance)
    parts = likelihood(network, given.tokens, z)
    each = divergence(mean, log_variance)
    cost = beta * each.mean(0).clamp(min=free_bits).sum()
    heads = PROPERTIES * property_loss(network, given, targets, scales, z)
    heads = heads + CONTENTS * _content_loss(network, given, z)
    return cost + heads - parts.total.mean(), parts, each.sum(1)


def property_loss(
    network: CrystalNetwork, given: Samples, targets: Sequence[Target], scales: Sequence[Scale], z: Tensor
) -> Tensor:
    """Errors of the property head; a crystal without a gap teaches only that it has none."""
    said = network.property_head(z)
    total = z.new_zeros(())
    for k, (target, scale) in enumerate(zip(targets, scales, strict=True)):
        labels = given.labels[:, k]
        known = labels.isfinite()
        counts = known & (labels > 0) if target.kind == "gap" else known
        wanted = (labels.nan_to_num() - scale.middle) / scale.width
        error = functional.smooth_l1_loss(said[:, k], wanted, reduction="none", beta=_SMALL)
        total = total + (error * counts).mean()
        if target.kind == "gap":
            none = (labels <= 0).to(z.dtype)
            chance = functional.binary_cross_entropy_with_logits(said[:, len(targets) + k], none, reduction="none")
            total = total + (chance * known).mean()
    return total


def _content_loss(network: CrystalNetwork, given: Samples, z: Tensor) -> Tensor:
    said = network.content_head(z)
    present, atoms = contents(network, given.tokens)
    n_elements = present.shape[1]
    occurs = functional.binary_cross_entropy_with_logits(said[:, :n_elements], present, reduction="none")
    return occurs.sum(1).mean() + functional.cross_entropy(said[:, n_elements:], atoms)
