"""What a generative model with a latent space offers, and the records it speaks in.

Knows Wyckoff crystals and wishes. Must not know any one network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..target import Target
from ..wyckoff.wyckoff_crystal import WyckoffCrystal
from .wish import DecodingWish

Array = NDArray[np.float64]

SAMPLED = 0.6
"""Temperature of the decoder for points that nothing but the prior has chosen.

Of 100 samples of the shipped weights 41 were stable, unique, novel and symmetric after relaxing, 30 at temperature 0.
"""


@dataclass(frozen=True)
class Latent:
    """Where crystals lie in latent space: q(z | x) = N(mean, deviation²).

    Attributes:
        mean: `(n_crystals, n_latent)`.
        deviation: `(n_crystals, n_latent)`.
    """

    mean: Array
    deviation: Array


@dataclass(frozen=True)
class Decoded:
    """What one latent point was decoded to.

    Attributes:
        crystal: None where decoding failed.
        fault: Why it failed, in one word (`spacegroup`, `dead_end`, `coincident`); empty where it did not.
    """

    crystal: WyckoffCrystal | None
    fault: str = ""


class LatentModel(Protocol):
    """Encodes crystals, decodes latent points, and says where in latent space there is something to find."""

    @property
    def name(self) -> str:
        """As written beside everything it makes, with the version of its weights."""
        ...

    @property
    def n_latent(self) -> int:
        """Dimensions of the latent space."""
        ...

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols that it has learnt."""
        ...

    @property
    def targets(self) -> tuple[Target, ...]:
        """Properties that can be read off a latent point."""
        ...

    def encode(self, crystals: Sequence[WyckoffCrystal]) -> Latent:
        """Find crystals in latent space.

        Raises:
            ValueError: An element was never learnt, or a crystal has more atoms than the model knows.
        """
        ...

    def decode(self, points: Array, wish: DecodingWish, temperature: float = 0.0, seed: int = 0) -> tuple[Decoded, ...]:
        """Decode latent points `(n, n_latent)`; at temperature 0 always the likeliest crystal.

        Every crystal that comes back keeps the wish.
        """
        ...

    def sample(self, n: int, seed: int) -> Array:
        """Draw latent points `(n, n_latent)` where training crystals lie dense (the fitted prior)."""
        ...

    def log_density(self, points: Array) -> Array:
        """Logarithm of the fitted prior's density at latent points `(n,)`; low where training crystals are few."""
        ...

    def properties(self, points: Array) -> Mapping[str, Array]:
        """Expected value of each target at latent points, by the target's name, `(n,)` in its unit."""
        ...

    def promise(self, points: Array, wish: DecodingWish) -> Array:
        """Logarithm of how likely latent points are to hold a crystal that keeps the wish unforced `(n,)`."""
        ...

    def tuned(self, crystals: Sequence[WyckoffCrystal], seed: int) -> LatentModel:
        """A model that has learnt some crystals more, at least one; this one stays as it is.

        Raises:
            ValueError: An element was never learnt, or a crystal is too large for the model.
        """
        ...
