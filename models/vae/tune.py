"""A trained VAE that learns a few crystals more, without forgetting those it knew.

Knows the networks, the objective and the VAE. Must not know campaigns or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import torch
from torch import nn

from ..wyckoff.wyckoff_crystal import WyckoffCrystal
from .objective import objective
from .samples import Samples
from .settings import VaeSettings
from .tokens import tokens
from .vae import CrystalVae
from .wish import DecodingWish

STEPS = 60
HALF = 32
"""Crystals of each kind a step: some of the new ones, and as many replayed."""
REPLAYED = 256
"""Crystals that the VAE decodes from its own prior, and that stand for all it knew."""
LEARNING_RATE = 2e-4
LEANING = 0.5
"""Of the prior's samples: part that is drawn where the new crystals lie."""


def tuned(vae: CrystalVae, crystals: Sequence[WyckoffCrystal], seed: int) -> CrystalVae:
    """Learn some crystals more; the VAE that is given stays as it is.

    Each step sees new crystals and crystals that the VAE itself has decoded, so that latent space keeps its order. No
    labels are learnt: what the property head tells is not to be trusted afterwards. The prior leans towards the
    components that hold the new crystals.

    Args:
        vae: To begin with.
        crystals: What is learnt, at least one.
        seed: The same seed gives the same weights.

    Raises:
        ValueError: A crystal has elements, more atoms or a cell that the VAE does not know.

    Source of the replay: Shin et al., NeurIPS 2017 (arXiv:1705.08690).
    """
    decoded = vae.decode(vae.sample(REPLAYED, seed), DecodingWish())
    parts = [_samples(vae, known) for known in (crystals, [one.crystal for one in decoded if one.crystal]) if known]
    settings, network = VaeSettings(), deepcopy(vae.network)
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=0.0)
    network.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(STEPS):
            # The mean over both kinds, each padded for itself.
            optimiser.zero_grad(set_to_none=True)
            for part in parts:
                rows = torch.randint(len(part), (HALF,))
                given = part.part(rows, rows.device).shaken(settings.jitter)
                loss, _, _ = objective(network, given, vae.targets, vae.scales, settings.beta, settings.free_bits)
                (loss / len(parts)).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
    learnt = replace(vae, name=f"{vae.name}, tuned on {len(crystals)} more", network=network.eval())
    return replace(learnt, prior=vae.prior.leaning(learnt.encode(crystals).mean, LEANING))


def _samples(vae: CrystalVae, crystals: Sequence[WyckoffCrystal]) -> Samples:
    return Samples(tokens(crystals, vae.elements), torch.full((len(crystals), len(vae.targets)), torch.nan))
