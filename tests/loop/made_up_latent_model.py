"""A latent model without a network: latent points are weights over a few crystals, and decoding takes the nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from athanor.models.target import BAND_GAP, FORMATION_ENERGY, Target
from athanor.models.vae.latent_model import Decoded, Latent
from athanor.models.vae.wish import DecodingWish
from athanor.models.wyckoff.expand import expand
from athanor.models.wyckoff.wyckoff_crystal import Orbit, WyckoffCrystal

Array = NDArray[np.float64]


def _rock_salt(metal: str, other: str, a: float) -> WyckoffCrystal:
    return WyckoffCrystal(225, (Orbit("a", metal), Orbit("b", other)), (a, a, a, 90.0, 90.0, 90.0))


CRYSTALS = (
    _rock_salt("Na", "Cl", 5.64),
    _rock_salt("Mg", "O", 4.21),
    _rock_salt("Ca", "O", 4.81),
    _rock_salt("Ti", "C", 4.33),
    WyckoffCrystal(216, (Orbit("a", "Zn"), Orbit("c", "S")), (5.41, 5.41, 5.41, 90.0, 90.0, 90.0)),
    WyckoffCrystal(227, (Orbit("a", "Si"),), (5.43, 5.43, 5.43, 90.0, 90.0, 90.0)),
    WyckoffCrystal(186, (Orbit("b", "Zn", (0.0,)), Orbit("b", "O", (0.38,))), (3.25, 3.25, 5.21, 90.0, 90.0, 120.0)),
    WyckoffCrystal(221, (Orbit("a", "Sr"), Orbit("b", "Ti"), Orbit("c", "O")), (3.91, 3.91, 3.91, 90.0, 90.0, 90.0)),
)
"""Known to the model; number k lies at the k-th unit vector of latent space."""
ENERGIES = np.array([-2.1, -3.0, -3.2, -0.8, -1.0, 0.0, -1.8, -3.5])
GAPS = np.array([5.0, 4.4, 3.6, 0.0, 2.0, 0.6, 0.7, 1.8])


@cache
def _size(crystal: WyckoffCrystal) -> int:
    return len(expand(crystal).elements)


class MadeUpLatentModel:
    """Latent space of as many dimensions as there are crystals."""

    name = "made-up latent model 1"
    n_latent = len(CRYSTALS)
    elements: tuple[str, ...] = tuple(sorted({e for crystal in CRYSTALS for e in crystal.elements}))
    targets: tuple[Target, ...] = (FORMATION_ENERGY, BAND_GAP)

    def encode(self, crystals: Sequence[WyckoffCrystal]) -> Latent:
        """The unit vector of the known crystal with the most elements in common."""
        mean = np.zeros((len(crystals), self.n_latent))
        for row, crystal in enumerate(crystals):
            unknown = crystal.elements - set(self.elements)
            if unknown:
                raise ValueError(f"{', '.join(sorted(unknown))}: never seen in training")
            shared = [
                len(crystal.elements & known.elements) + (crystal.template == known.template) for known in CRYSTALS
            ]
            mean[row, int(np.argmax(shared))] = 1.0
        return Latent(mean, np.full_like(mean, 0.1))

    def decode(self, points: Array, wish: DecodingWish, temperature: float = 0.0, seed: int = 0) -> tuple[Decoded, ...]:
        """The known crystal with the largest coordinate that keeps the wish; noise comes with temperature."""
        noise = np.random.default_rng(seed).normal(size=np.shape(points)) * temperature
        decoded = []
        for row in points + noise:
            fitting = [
                crystal
                for crystal in (CRYSTALS[k] for k in np.argsort(-row))
                if wish.broken(crystal, _size(crystal)) is None
            ]
            decoded.append(Decoded(fitting[0]) if fitting else Decoded(None, "dead_end"))
        return tuple(decoded)

    def sample(self, n: int, seed: int) -> Array:
        """Normal latent points."""
        return np.random.default_rng(seed).normal(size=(n, self.n_latent))

    def log_density(self, points: Array) -> Array:
        """Of the standard normal distribution, without its constant."""
        return np.asarray(-0.5 * (points**2).sum(axis=1))

    def properties(self, points: Array) -> Mapping[str, Array]:
        """Those of the known crystals, weighted by softmax."""
        weights = np.exp(4.0 * points)
        weights /= weights.sum(axis=1, keepdims=True)
        return {"formation_energy": weights @ ENERGIES, "band_gap": weights @ GAPS}

    def promise(self, points: Array, wish: DecodingWish) -> Array:
        """Zero where the nearest known crystal keeps the wish, lower where it does not."""
        best = np.argmax(points, axis=1)
        keeps = [wish.broken(CRYSTALS[k], _size(CRYSTALS[k])) is None for k in best]
        return np.where(keeps, 0.0, -5.0)

    def tuned(self, crystals: Sequence[WyckoffCrystal], seed: int) -> MadeUpLatentModel:
        """The same under another name: it knows all there is."""
        learnt = MadeUpLatentModel()
        learnt.name = f"{self.name}, tuned on {len(crystals)} more"
        return learnt
