"""A VAE that learns more: it knows the new crystals better, keeps the old ones, and is the same each time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from made_up_latent_model import CRYSTALS
from vae_lessons import SMALL

from athanor.models.target import FORMATION_ENERGY
from athanor.models.vae.elbo import likelihood
from athanor.models.vae.mixture import Mixture
from athanor.models.vae.network import CrystalNetwork
from athanor.models.vae.tokens import tokens
from athanor.models.vae.tune import tuned
from athanor.models.vae.vae import CrystalVae, Scale

ELEMENTS = tuple(sorted({element for crystal in CRYSTALS for element in crystal.elements}))
NEW = CRYSTALS[:3]


@pytest.fixture(scope="module")
def before() -> CrystalVae:
    torch.manual_seed(0)
    network = CrystalNetwork(SMALL, ELEMENTS, 1).eval()
    prior = Mixture(np.array([0.5, 0.5]), np.array([[0.0] * 4, [8.0] * 4]), np.tile(np.eye(4), (2, 1, 1)))
    return CrystalVae("small", network, prior, (FORMATION_ENERGY,), (Scale(0.0, 1.0),))


@torch.no_grad()
def _known(vae: CrystalVae) -> float:
    given = tokens(NEW, ELEMENTS)
    mean, _ = vae.network.encode(given)
    return float(likelihood(vae.network, given, mean).total.mean())


def test_what_is_learnt_is_known_better_and_nothing_else_changes(before: CrystalVae) -> None:
    weights = {name: value.clone() for name, value in before.network.state_dict().items()}
    state = torch.random.get_rng_state()
    after = tuned(before, NEW, 3)
    assert _known(after) > _known(before) + 1.0
    assert after.name == "small, tuned on 3 more"
    assert not after.network.training
    for name, value in before.network.state_dict().items():
        torch.testing.assert_close(value, weights[name], rtol=0, atol=0)
    torch.testing.assert_close(torch.random.get_rng_state(), state)
    # The crystals lie about the origin, where the first of two components is.
    assert after.prior.shares == pytest.approx([0.75, 0.25], abs=0.01)
    assert before.prior.shares == pytest.approx([0.5, 0.5])


def test_the_same_seed_gives_the_same_weights(before: CrystalVae) -> None:
    first, again, other = (tuned(before, NEW, seed).network.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_crystal_of_strange_elements_is_refused(before: CrystalVae) -> None:
    few = CrystalVae("few", CrystalNetwork(SMALL, ("Na", "Cl"), 1), before.prior, before.targets, before.scales)
    with pytest.raises(ValueError, match="never seen in training"):
        tuned(few, NEW, 0)
