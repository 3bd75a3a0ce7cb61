"""The bound of the crystal VAE against closed forms, and against what its decoder really does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from made_up_latent_model import CRYSTALS

from athanor.models.vae.blocks import circular_targets, linear_targets, soft_log_likelihood
from athanor.models.vae.elbo import divergence, likelihood
from athanor.models.vae.lattice import RANGES, from_numbers, n_atoms, to_numbers
from athanor.models.vae.mixture import Mixture, fit_mixture
from athanor.models.vae.network import CrystalNetwork, Shape
from athanor.models.vae.tokens import tokens
from athanor.models.wyckoff.tables import sites
from athanor.models.wyckoff.wyckoff_crystal import Orbit, WyckoffCrystal

ELEMENTS = tuple(sorted({element for crystal in CRYSTALS for element in crystal.elements}))
SMALL = Shape(width=32, heads=2, encoder_blocks=1, kind_blocks=1, frame_blocks=1, place_blocks=1, latent=4)


def _network() -> CrystalNetwork:
    torch.manual_seed(0)
    return CrystalNetwork(SMALL, ELEMENTS, 2).eval()


def test_divergence_is_that_of_two_gaussians() -> None:
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    ours = divergence(mean, log_variance)
    q = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    theirs = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(ours, theirs)


def test_rounded_values_are_right_on_average() -> None:
    fractions = torch.tensor([0.0, 0.1234, 0.5, 0.999])
    first, second, weight = circular_targets(fractions, 96)
    turns = torch.tensor([0.0, 0.0, 0.0, 96.0])  # the last lies between bin 95 and bin 0
    assert torch.allclose((1 - weight) * first + weight * (second + turns * (second < first) / 1.0), fractions * 96)
    first, second, weight = linear_targets(fractions, 128)
    assert torch.allclose((1 - weight) * first + weight * second, fractions * 127, atol=1e-4)


def test_likelihood_of_a_value_is_highest_for_its_own_bins() -> None:
    targets = circular_targets(torch.tensor([0.26]), 96)
    best = torch.full((1, 96), -20.0)
    best[0, targets[0]], best[0, targets[1]] = (1 - targets[2]).log(), targets[2].log()
    entropy = -((1 - targets[2]) * (1 - targets[2]).log() + targets[2] * targets[2].log())
    assert float(soft_log_likelihood(best, targets)) == pytest.approx(-float(entropy), abs=1e-3)
    assert float(soft_log_likelihood(torch.zeros(1, 96), targets)) == pytest.approx(-np.log(96), abs=1e-4)


def test_likelihood_does_not_depend_on_the_company() -> None:
    network, given = _network(), tokens(CRYSTALS, ELEMENTS)
    z = torch.randn(len(CRYSTALS), SMALL.latent)
    together = likelihood(network, given, z).total
    for k, crystal in enumerate(CRYSTALS):
        alone = likelihood(network, tokens([crystal], ELEMENTS), z[k : k + 1]).total
        torch.testing.assert_close(alone[0], together[k], atol=1e-4, rtol=1e-4)


def test_likelihood_sums_to_one_over_the_elements_of_an_orbit() -> None:
    network = _network()
    z = torch.randn(1, SMALL.latent).expand(len(ELEMENTS), -1)
    crystals = [
        WyckoffCrystal(1, (Orbit("a", e, (0.0, 0.0, 0.0)),), (4.0, 4.1, 4.2, 80.0, 85.0, 95.0)) for e in ELEMENTS
    ]
    with torch.no_grad():
        parts = likelihood(network, tokens(crystals, ELEMENTS), z)
    assert float(parts.elements.exp().sum()) == pytest.approx(1.0, abs=1e-4)
    assert torch.all(parts.sites < 0)


def test_a_later_orbit_does_not_change_what_is_said_of_earlier_kinds() -> None:
    network = _network()
    whole = CRYSTALS[-1]
    z = torch.randn(1, SMALL.latent)
    context = []
    for n in (2, 3):
        crystal = WyckoffCrystal(whole.spacegroup, whole.orbits[:n], whole.lattice)
        given = tokens([crystal], ELEMENTS)
        group = network.words.group(given.group)
        context.append(network.decoder.kind_context(z, group, network.kinds(given), network.atoms(given)))
    torch.testing.assert_close(context[0], context[1][:, :3])


def test_lattice_numbers_lead_back_to_the_lattice() -> None:
    for crystal in CRYSTALS:
        numbers = to_numbers(crystal)
        assert from_numbers(numbers, crystal.spacegroup, n_atoms(crystal)) == pytest.approx(crystal.lattice)
    with pytest.raises(ValueError, match="close no cell"):
        from_numbers(np.array([0.3, 0.4, 0.4, 0.97, 0.97, 0.03]), 1, 3)


def test_a_cell_that_the_ranges_cannot_hold_is_refused() -> None:
    salt = CRYSTALS[0]
    with pytest.raises(ValueError, match="1250.0 Å³ an atom"):
        to_numbers(WyckoffCrystal(salt.spacegroup, salt.orbits, (21.544347, 21.544347, 21.544347, 90.0, 90.0, 90.0)))


def test_volume_per_atom_of_rock_salt() -> None:
    salt = CRYSTALS[0]
    low, high = RANGES[0]
    assert np.exp(low + (high - low) * to_numbers(salt)[0]) == pytest.approx(5.64**3 / 8)
    assert n_atoms(salt) == sum(site.multiplicity for site in sites(225)[:2]) == 2


def test_mixture_density_is_that_of_its_gaussians() -> None:
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(0)
    factors = np.array([np.eye(2), [[0.5, 0.0], [0.2, 0.3]]])
    means = np.array([[0.0, 0.0], [4.0, 1.0]])
    mixture = Mixture(np.array([0.3, 0.7]), means, factors)
    points = rng.normal(size=(20, 2)) * 3
    expected = sum(
        share * multivariate_normal(mean, factor @ factor.T).pdf(points)
        for share, mean, factor in zip(mixture.shares, means, factors, strict=True)
    )
    assert np.exp(mixture.log_density(points)) == pytest.approx(expected)


def test_mixture_finds_two_clusters() -> None:
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(size=(600, 2)), [6.0, 0.0] + 0.5 * rng.normal(size=(300, 2))])
    found = fit_mixture(points, 2, seed=0)
    order = np.argsort(found.means[:, 0])
    assert found.means[order] == pytest.approx(np.array([[0.0, 0.0], [6.0, 0.0]]), abs=0.2)
    assert found.shares[order] == pytest.approx([2 / 3, 1 / 3], abs=0.03)
    drawn = found.sample(4000, np.random.default_rng(2))
    assert drawn.mean(axis=0) == pytest.approx(points.mean(axis=0), abs=0.15)
    assert drawn.std(axis=0) == pytest.approx(points.std(axis=0), rel=0.05)
