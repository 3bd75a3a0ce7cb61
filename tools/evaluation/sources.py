"""What is evaluated: anything that gives a number of crystals, or None for each try that failed.

Knows the Protocol of a latent model. Must not know what is counted of its crystals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ...models.vae.latent_model import SAMPLED
from ...models.vae.wish import DecodingWish
from ..crystals.wyckoff import from_wyckoff

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ...models.vae.latent_model import Decoded, LatentModel


class Source(Protocol):
    """A generator under evaluation: nothing is screened out and nothing is tried again behind its back."""

    @property
    def name(self) -> str:
        """As in a table."""
        ...

    @property
    def version(self) -> str:
        """What made the crystals, and by what rule."""
        ...

    def sample(self, n: int, seed: int) -> Sequence[Structure | None]:
        """Make `n` crystals; None for each that failed. The same seed makes the same crystals."""
        ...


@dataclass(frozen=True)
class LatentSource:
    """Crystals decoded from latent points that are drawn from a latent model's prior, without any wish."""

    model: LatentModel
    temperature: float = SAMPLED
    name: str = "vae"

    @property
    def version(self) -> str:
        """The model, and how its points are decoded."""
        return f"{self.model.name}, fitted prior, decoded at temperature {self.temperature:g}"

    def sample(self, n: int, seed: int) -> Sequence[Structure | None]:
        """Draw points and decode each once."""
        points = self.model.sample(n, seed)
        return [placed(one) for one in self.model.decode(points, DecodingWish(), self.temperature, seed)]


def placed(decoded: Decoded) -> Structure | None:
    """The structure of what was decoded; None where that failed, or two of its atoms fall together."""
    try:
        return None if decoded.crystal is None else from_wyckoff(decoded.crystal)
    except ValueError:
        return None
