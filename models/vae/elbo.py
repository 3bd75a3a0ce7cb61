"""The evidence lower bound of a crystal, term by term.

Knows the networks and tokens. Must not know training.

    ELBO(x) = E_q(z|x)[log p(x | z)] - KL(q(z | x) ‖ N(0, I))

    log p(x | z) = log p(group | z)
                 + Σ_orbits [log p(site | kinds before, z) + log p(element | site, kinds before, z)]
                 + log p(stop | kinds, z)
                 + Σ_free log p(lattice number | numbers before, kinds, z)
                 + Σ_orbits Σ_free log p(coordinate | coordinates before, lattice, kinds, z)
    KL = ½ Σ_k (μ_k² + σ_k² - 1 - log σ_k²)

Coordinates and lattice numbers are rounded at random to one of the two nearest bins, and log p is that of the bin.

Source: Kingma and Welling, ICLR 2014 (arXiv:1312.6114), equations 3 and 10.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .blocks import circular_targets, linear_targets, soft_log_likelihood
from .network import N_BINS, N_LATTICE_BINS, CrystalNetwork
from .tokens import N_SITES, STOP, Tokens


@dataclass(frozen=True)
class Likelihood:
    """log p(x | z) by its parts, in nats, `(n_crystals,)` each; and how many of the likeliest tokens are right.

    Attributes:
        right: Share of space groups, sites and elements whose likeliest value is the true one, a scalar.
    """

    group: Tensor
    sites: Tensor
    elements: Tensor
    coordinates: Tensor
    lattice: Tensor
    right: Tensor

    @property
    def total(self) -> Tensor:
        """Log p(x | z), `(n_crystals,)`."""
        return self.group + self.sites + self.elements + self.coordinates + self.lattice


def reparameterise(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Z = μ + σ ε with ε from N(0, I), `(n, latent)`."""
    return mean + (0.5 * log_variance).exp() * torch.randn_like(mean)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(q(z | x) ‖ N(0, I)) in nats of each dimension, `(n, latent)`."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)


def likelihood(network: CrystalNetwork, given: Tokens, z: Tensor) -> Likelihood:
    """Log p(x | z) of crystals, each part told the true parts before it."""
    words, decoder = network.words, network.decoder
    n, longest = given.site.shape
    rows = torch.arange(n, device=z.device)
    group_logits = decoder.group_of(z)
    kinds, group = network.kinds(given), words.group(given.group)
    sites = words.sites(given.group)
    context = decoder.kind_context(z, group, kinds, network.atoms(given))

    exists = torch.arange(longest, device=z.device) < given.length[:, None]
    until_stop = torch.arange(longest + 1, device=z.device) <= given.length[:, None]
    site_target = nn.functional.pad(given.site, (0, 1), value=STOP)
    possible = nn.functional.pad(words.table.exists[given.group], (0, 1), value=True)
    site_logits = decoder.site_logits(context, sites).masked_fill(~possible[:, None], -1e9)
    site_logs = site_logits.log_softmax(-1).gather(-1, site_target[..., None]).squeeze(-1)

    chosen = sites.gather(1, given.site[..., None].expand(-1, -1, sites.shape[-1]))
    element_logits = decoder.element_logits(context[:, :-1], chosen, words.elements())
    element_logs = element_logits.log_softmax(-1).gather(-1, given.element[..., None]).squeeze(-1)

    frame = decoder.frame(z, group, kinds, given.length)
    owner, index = words.table.lattice[given.group].nonzero(as_tuple=True)
    lattice_logits = decoder.lattice_logits(z[owner], frame[owner, 0], given.lattice[owner], index)
    lattice_logs = soft_log_likelihood(lattice_logits, linear_targets(given.lattice[owner, index], N_LATTICE_BINS))

    place = decoder.place_context(z, frame, given.lattice, network.placed(given, decoder.places))
    crystal, orbit, axis = network.is_free(given).nonzero(as_tuple=True)
    values = given.free[crystal, orbit]
    coordinate_logits = decoder.coordinate_logits(place[crystal, orbit], values, axis)
    truth = circular_targets(values.gather(1, axis[:, None]).squeeze(1), N_BINS)
    coordinate_logs = soft_log_likelihood(coordinate_logits, truth)

    right = torch.cat(
        [
            group_logits.argmax(-1) == given.group,
            (site_logits.argmax(-1) == site_target)[until_stop],
            (element_logits.argmax(-1) == given.element)[exists],
        ]
    )
    return Likelihood(
        group=group_logits.log_softmax(-1)[rows, given.group],
        sites=(site_logs * until_stop).sum(1),
        elements=(element_logs * exists).sum(1),
        coordinates=z.new_zeros(n).index_add(0, crystal, coordinate_logs),
        lattice=z.new_zeros(n).index_add(0, owner, lattice_logs),
        right=right.float().mean(),
    )


def contents(network: CrystalNetwork, given: Tokens) -> tuple[Tensor, Tensor]:
    """Which elements occur, `(n, n_elements)` of 0 and 1, and how many atoms the primitive cell holds, `(n,)`."""
    exists = given.site < N_SITES
    present = torch.zeros(len(given), len(network.symbols), device=given.element.device)
    present.scatter_add_(1, given.element, exists.float())
    return present.clamp(max=1.0), network.atoms(given)[:, -1]
