"""The trained crystal VAE: encodes, decodes, samples and reads properties off latent points.

Knows the networks and the fitted prior. Must not know how they were trained or where they are stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..target import Target
from ..wyckoff.wyckoff_crystal import WyckoffCrystal
from .decode import decode
from .latent_model import Decoded, Latent
from .mixture import Mixture
from .network import CrystalNetwork
from .promise import promise
from .reference import ReferenceSample
from .tokens import tokens
from .wish import DecodingWish

Array = NDArray[np.float64]

BATCH = 256
"""Crystals or points at once; as many as fit the processor's cache."""


@dataclass(frozen=True)
class Scale:
    """A target's labels as the network knows them: `(label - middle) / width`."""

    middle: float
    width: float


@dataclass(frozen=True, eq=False)
class CrystalVae:
    """A `LatentModel` (see latent_model.py).

    Attributes:
        name: As written beside everything it makes.
        network: In evaluation mode.
        prior: Where training crystals lie.
        targets: What the property head tells.
        scales: Of the targets.
        reference: Some of the crystals it learnt from, for pictures; None if none were kept.
    """

    name: str
    network: CrystalNetwork
    prior: Mixture
    targets: tuple[Target, ...]
    scales: tuple[Scale, ...]
    reference: ReferenceSample | None = None

    @property
    def n_latent(self) -> int:
        """Dimensions of the latent space."""
        return self.network.shape.latent

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols that were learnt."""
        return self.network.symbols

    @torch.no_grad()
    def encode(self, crystals: Sequence[WyckoffCrystal]) -> Latent:
        """Find crystals in latent space.

        Raises:
            ValueError: An element was never learnt, or a crystal has more atoms than the model knows.
        """
        found = [
            self.network.encode(tokens(crystals[start : start + BATCH], self.elements))
            for start in range(0, len(crystals), BATCH)
        ]
        if not found:
            return Latent(np.empty((0, self.n_latent)), np.empty((0, self.n_latent)))
        mean, log_variance = (torch.cat(parts) for parts in zip(*found, strict=True))
        return Latent(mean.double().numpy(), (0.5 * log_variance).exp().double().numpy())

    def decode(self, points: Array, wish: DecodingWish, temperature: float = 0.0, seed: int = 0) -> tuple[Decoded, ...]:
        """Decode latent points; every crystal that comes back keeps the wish."""
        draws = torch.Generator().manual_seed(seed)
        return tuple(
            decoded for part in _parts(points) for decoded in decode(self.network, part, wish, temperature, draws)
        )

    def sample(self, n: int, seed: int) -> Array:
        """Draw latent points from the fitted prior, `(n, n_latent)`."""
        return self.prior.sample(n, np.random.default_rng(seed))

    def log_density(self, points: Array) -> Array:
        """Logarithm of the fitted prior's density, `(n,)`."""
        return self.prior.log_density(np.asarray(points, dtype=float))

    @torch.no_grad()
    def properties(self, points: Array) -> Mapping[str, Array]:
        """Expected value of each target, `(n,)`; that of a gap counts the probability that there is none."""
        given = torch.as_tensor(np.asarray(points), dtype=torch.float32)
        return read_properties(self.network, given, self.targets, self.scales)

    @torch.no_grad()
    def promise(self, points: Array, wish: DecodingWish) -> Array:
        """Logarithm of how likely points are to hold a crystal that keeps the wish unforced, `(n,)`."""
        found: Array = torch.cat([promise(self.network, part, wish) for part in _parts(points)]).double().numpy()
        return found

    def tuned(self, crystals: Sequence[WyckoffCrystal], seed: int) -> CrystalVae:
        """A VAE that has learnt some crystals more; this one stays as it is.

        Raises:
            ValueError: An element was never learnt, or a crystal has more atoms or another cell than the model knows.
        """
        # Imported here because learning knows this class.
        from .tune import tuned

        return tuned(self, crystals, seed)


def read_properties(
    network: CrystalNetwork, points: Tensor, targets: Sequence[Target], scales: Sequence[Scale]
) -> dict[str, Array]:
    """Expected value of each target at latent points `(n, n_latent)`, by its name, `(n,)` in its unit."""
    said = network.property_head(points).double().cpu().numpy()
    found = {}
    for k, (target, scale) in enumerate(zip(targets, scales, strict=True)):
        values = scale.middle + scale.width * said[:, k]
        if target.kind == "gap":
            values = values.clip(min=0.0) / (1.0 + np.exp(said[:, len(targets) + k]))
        found[target.name] = values
    return found


def _parts(points: Array) -> Iterator[Tensor]:
    given = torch.as_tensor(np.asarray(points), dtype=torch.float32)
    yield from given.split(BATCH)
