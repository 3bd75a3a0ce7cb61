"""Which Wyckoff positions can still be filled if a crystal is to end with a wished number of atoms.

Knows the table of positions. Must not know networks.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .tokens import N_SITES, site_table
from .wish import MAX_ATOMS

Mask = NDArray[np.bool_]


@lru_cache(maxsize=1)
def reachable() -> Mask:
    """Whether positions from an index on can hold exactly so many atoms, `(230, 28, 21)`.

    A position without freedom holds one orbit, others any number of them.
    """
    table = site_table()
    exists, multiplicity = table.exists.numpy(), table.multiplicity.numpy()
    is_free = table.is_free.any(-1).numpy()
    can = np.zeros((len(exists), N_SITES + 1, MAX_ATOMS + 1), dtype=bool)
    can[:, :, 0] = True
    for group in range(len(exists)):
        for k in range(N_SITES - 1, -1, -1):
            can[group, k] = can[group, k + 1]
            if not exists[group, k]:
                continue
            for atoms in range(int(multiplicity[group, k]), MAX_ATOMS + 1):
                source = can[group, k if is_free[group, k] else k + 1]
                can[group, k, atoms] |= source[atoms - int(multiplicity[group, k])]
    return can


def next_sites(
    group: NDArray[np.int64], last: NDArray[np.int64], atoms: NDArray[np.int64], wished: tuple[int, int]
) -> Mask:
    """Positions that may come next, and stopping as the last column, `(n, 28)`.

    Args:
        group: Space groups less one, `(n,)`.
        last: Position of the orbit before, -1 for none, `(n,)`.
        atoms: In the primitive cell so far, `(n,)`.
        wished: Smallest and largest number of atoms at the end.
    """
    table = site_table()
    low, high = wished
    places = np.arange(N_SITES)
    multiplicity = table.multiplicity.numpy()[group]
    is_free = table.is_free.any(-1).numpy()
    repeats = np.where(last >= 0, is_free[group, last], False)[:, None]
    in_order = (places > last[:, None]) | ((places == last[:, None]) & repeats)
    after = atoms[:, None] + multiplicity
    # Number of atoms at the end, of those within the wish, that each choice leaves possible.
    first = np.where(is_free[group], places, places + 1)
    can = reachable()[group[:, None], first]
    ends = after[..., None] + np.arange(MAX_ATOMS + 1)
    finishes = (can & (ends >= low) & (ends <= high)).any(-1)
    allowed = table.exists.numpy()[group] & in_order & finishes
    stop = (atoms >= max(low, 1)) & (atoms <= high)
    return np.asarray(np.concatenate([allowed, stop[:, None]], axis=1))


def possible_groups(wished: tuple[int, int]) -> Mask:
    """Space groups in which a number of atoms within the wish is possible, `(230,)`."""
    low, high = wished
    return np.asarray(reachable()[:, 0, low : high + 1].any(-1))
