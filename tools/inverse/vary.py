"""Crystals around a known one: its latent point, moved by more and more until enough others are found.

Knows known crystals and the sieve. Must not know files or terminals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .generated import Generated
from .sample import TRIES
from .sieve import Sieve
from .survey import survey
from .wording import asked_for, missed

if TYPE_CHECKING:
    from ...models.vae.latent_model import LatentModel
    from ...models.vae.wish import DecodingWish
    from .aims import Aim
    from .judges import Judge
    from .known import Known

SHORTEST, LONGEST = 0.1, 1.5
"""Deviations of latent points from the known crystal's, in those of all crystals."""
ROUNDS = 12
"""Widths from the shortest to the longest, in equal ratios."""


def vary(
    model: LatentModel,
    known: Known,
    wish: DecodingWish,
    aims: Sequence[Aim],
    n: int,
    seed: int,
    tries: int = TRIES,
    temperature: float = 0.0,
    judge: Judge | None = None,
    told: Callable[[int, int], object] = lambda tried, found: None,
) -> Generated:
    """Make crystals around a known one, the nearest first; the known one itself does not come back.

    Points are drawn from a normal distribution about it, whose width grows until enough others are found: then what
    lies near is found first. The last width spans all crystals. The judge tells the aims' properties; without one, the
    model's own expectations stand in.
    """
    ground = survey(model, seed)
    sieve = Sieve(model, ground, wish, aims, [known.candidate], seed, judge if aims else None)
    rng = np.random.default_rng(seed)
    rounds = min(ROUNDS, n * tries)
    for number, radius in enumerate(np.geomspace(SHORTEST, LONGEST, rounds).tolist()):
        if len(sieve.made) >= n:
            break
        size = n * tries * (number + 1) // rounds - sieve.tried
        points = known.point + radius * ground.spread * rng.normal(size=(size, model.n_latent))
        notes = [f"{radius:.2g} deviations around {known.name}"] * size
        sieve.take(points, notes, (known.candidate.id,), temperature, int(rng.integers(2**31)), n)
        told(sieve.tried, len(sieve.made))
    asked = f"around {known.name}; {asked_for(wish, aims)}"
    _, near = sieve.nearest or (0.0, None)
    note = missed(n, len(sieve.made), near, aims)
    return Generated(
        "around", asked, n, tuple(sieve.made), sieve.tried, sieve.valid, dict(sieve.faults), model.name, model.targets,
        seed, judge=judge.name if judge and aims else "", notes=(note,) if note else (),
    )  # fmt: skip
