"""The screen behind a decoder: whether what was decoded is a crystal, and which one it is.

Knows decoded crystals, the guards' limits and symmetry. Must not know latent points or what is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...memory.errors import UserError
from ..crystals.structure import to_crystal
from ..crystals.wyckoff import from_wyckoff, to_wyckoff
from ..oracles.guards import check_geometry

if TYPE_CHECKING:
    from ...memory.records import Crystal
    from ...models.vae.latent_model import Decoded
    from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal


@dataclass(frozen=True)
class Sound:
    """A crystal with sound distances and volume.

    Attributes:
        wyckoff: As its symmetry is found from its atoms: a decoder may declare less than there is.
        crystal: Its primitive cell.
    """

    wyckoff: WyckoffCrystal
    crystal: Crystal


def screen(decoded: Decoded) -> Sound | str:
    """See whether a decoded crystal is sound.

    Returns:
        The crystal, or in one word what is wrong: the decoder's own faults, `coincident` (two atoms of an orbit fall
        together), `volume`, `overlap`, `isolated_atoms`, `no_symmetry`.
    """
    return decoded.fault or "empty" if decoded.crystal is None else screen_crystal(decoded.crystal)


def screen_crystal(declared: WyckoffCrystal) -> Sound | str:
    """See whether a crystal is sound, with the faults of `screen`."""
    try:
        structure = from_wyckoff(declared)
    except ValueError:
        return "coincident"
    failure = check_geometry(structure)
    if failure is not None:
        return failure.kind
    try:
        found = to_wyckoff(structure)
        return Sound(found, to_crystal(from_wyckoff(found)))
    except (ValueError, UserError):
        return "no_symmetry"
