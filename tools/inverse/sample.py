"""New crystals as wished for: latent points are led there, decoded, and kept where they hold what was asked.

Knows the steering and the sieve. Must not know files or terminals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ...models.vae.latent_model import SAMPLED
from .aims import properties_of, worth_of
from .generated import Generated
from .search import LEAST, ask, begun, tell
from .sieve import Sieve
from .steer import led_points
from .survey import survey
from .wording import asked_for, missed

if TYPE_CHECKING:
    from ...memory.records import Candidate
    from ...models.vae.latent_model import LatentModel
    from ...models.vae.wish import DecodingWish
    from .aims import Aim
    from .judges import Judge

TRIES = 10
"""Latent points that are decoded for each crystal wanted, at most."""
_BATCH = (16, 256)
_LEARNING = 48
"""Largest batch where there are aims: the next one learns where crystals like these are found again."""


def sample(
    model: LatentModel,
    wish: DecodingWish,
    aims: Sequence[Aim],
    n: int,
    seed: int,
    tries: int = TRIES,
    temperature: float | None = None,
    exclude: Sequence[Candidate] = (),
    judge: Judge | None = None,
    told: Callable[[int, int], object] = lambda tried, found: None,
) -> Generated:
    """Make new crystals.

    Where there are aims, three quarters of the points after the first batch come from a search that is told what the
    decoded crystals are like: a point that promises a value is often decoded to a crystal with another.

    Args:
        model: Decodes them.
        wish: What every crystal keeps.
        aims: What every crystal meets, as the judge says.
        n: Crystals wanted; fewer come where they are not found within the tries.
        seed: The same seed gives the same crystals.
        tries: Latent points to decode for each crystal wanted, at most.
        temperature: Of the decoder; 0 for the likeliest crystal at each point. None for that where there are aims, for
            points are chosen for what they most likely hold, and else for that of samples.
        exclude: Crystals that do not come back.
        judge: Of the aims' properties; without one, the model's own expectations stand in.
        told: Is told of the latent points decoded and the crystals found, after each batch.
    """
    if temperature is None:
        temperature = 0.0 if aims else SAMPLED
    ground = survey(model, seed)
    sieve = Sieve(model, ground, wish, aims, exclude, seed, judge if aims else None, is_distinct=bool(aims))
    asked = asked_for(wish, aims)
    seeds = np.random.SeedSequence(seed)
    points = chain.from_iterable(led_points(model, wish, aims, ground, seed))
    names, worth = properties_of(aims), worth_of(aims, ground.scales)
    search = begun(model, len(names))
    while len(sieve.made) < n and sieve.tried < n * tries:
        share = max(len(sieve.made) / sieve.tried, 0.1) if sieve.tried else 1.0
        batch = min(
            max(int((n - len(sieve.made)) / share), _BATCH[0]),
            _LEARNING if aims else _BATCH[1],
            n * tries - sieve.tried,
        )
        some = np.array([next(points) for _ in range(batch)])
        number = int(seeds.spawn(1)[0].generate_state(1)[0])
        searched = batch * 3 // 4 if aims and len(search.scores) >= LEAST else 0
        if searched:
            some[:searched] = ask(search, model, wish, ground, searched, number, worth)
        taken = sieve.take(some, [f"sampled: {asked}"] * batch, (), temperature, number, n)
        if aims:
            fresh = [(one.made, one.judged) for one in taken if one.made is not None and one.fault in ("", "target")]
            values = np.array([[judged[name] for name in names] for _, judged in fresh]).reshape(-1, len(names))
            places = np.array([made.point for made, _ in fresh]).reshape(-1, model.n_latent)
            search = tell(search, places, worth(values), values)
        told(sieve.tried, len(sieve.made))
    _, near = sieve.nearest or (0.0, None)
    note = missed(n, len(sieve.made), near, aims)
    return Generated(
        "sample", asked, n, tuple(sieve.made), sieve.tried, sieve.valid, dict(sieve.faults), model.name,
        model.targets, seed, judge=judge.name if judge and aims else "", notes=(note,) if note else (),
    )  # fmt: skip
