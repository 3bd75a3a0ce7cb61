"""How well a latent model gives crystals back: encoded to the mean, decoded at temperature 0, and compared.

Knows the Protocol of a latent model and pymatgen's matcher. Must not know networks or files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ...models.vae.wish import DecodingWish
from ..crystals.wyckoff import from_wyckoff
from .rates import Figure, share
from .sources import placed

if TYPE_CHECKING:
    from pymatgen.analysis.structure_matcher import StructureMatcher

    from ...models.vae.latent_model import Decoded, LatentModel
    from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal

Tell = Callable[[int, int], object]
"""Is told how many of how many crystals are done."""

_CHUNK = 100


def reconstruction(
    model: LatentModel, crystals: Sequence[WyckoffCrystal], failed: int = 0, tell: Tell = lambda done, total: None
) -> tuple[Figure, Figure]:
    """Share of crystals that come back, and how far their atoms lie off.

    Args:
        model: The model.
        crystals: What to encode.
        failed: Further crystals that could not even be described; they count as not come back.
        tell: Is told how far it is.

    Returns:
        The match rate over all crystals; and the mean over the matches of the root mean square distance between
        atoms, in units of (V/n_atoms)^(1/3).

    Source: Xie et al., ICLR 2022, arXiv:2110.06197 (StructureMatcher with stol 0.5, ltol 0.3, angle_tol 10).
    """
    distances: list[float | None] = [None] * failed
    for start in range(0, len(crystals), _CHUNK):
        some = crystals[start : start + _CHUNK]
        pairs = zip(some, come_back(model, some), strict=True)
        distances += [None if decoded is None else _distance(crystal, decoded) for crystal, decoded in pairs]
        tell(min(start + _CHUNK, len(crystals)), len(crystals))
    matched = [distance for distance in distances if distance is not None]
    return (
        share("reconstruction_match", [distance is not None for distance in distances]),
        Figure("reconstruction_rmse", float(np.mean(matched)) if matched else None, len(matched)),
    )


def come_back(model: LatentModel, crystals: Sequence[WyckoffCrystal]) -> list[Decoded | None]:
    """What each crystal's latent mean is decoded to; None for a crystal that the model cannot encode."""
    try:
        points = model.encode(crystals).mean
    except ValueError:
        # The model refuses a whole batch for one crystal it does not know.
        if len(crystals) == 1:
            return [None]
        return [one for crystal in crystals for one in come_back(model, [crystal])]
    return list(model.decode(points, DecodingWish()))


def _distance(crystal: WyckoffCrystal, decoded: Decoded) -> float | None:
    structure = placed(decoded)
    found = None if structure is None else _matcher().get_rms_dist(from_wyckoff(crystal), structure)
    return None if found is None else float(found[0])


@lru_cache(maxsize=1)
def _matcher() -> StructureMatcher:
    from pymatgen.analysis.structure_matcher import StructureMatcher

    return StructureMatcher(stol=0.5, ltol=0.3, angle_tol=10)
