"""Optimisation in latent space with a judge at hand: ask, decode, judge, tell, until enough is found.

Knows the search, the sieve and judges. Must not know files or terminals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .aims import Aim, met, properties_of, worth_of
from .generated import Generated, Made
from .judges import judged_values
from .search import ask, begun, tell
from .sieve import Sieve
from .steer import led_points
from .survey import survey
from .wording import asked_for, missed

if TYPE_CHECKING:
    from ...memory.records import Candidate
    from ...models.vae.latent_model import LatentModel
    from ...models.vae.wish import DecodingWish
    from .judges import Judge
    from .known import Known

Array = NDArray[np.float64]

BATCH = 20
TRIES = 50
"""Latent points that are decoded for each crystal wanted, at most: a search learns from those that it does not keep."""
_FIRST = 2
"""Batches that are led by the model's own expectations before a belief over scores leads."""


def optimise(
    model: LatentModel,
    judge: Judge,
    wish: DecodingWish,
    aims: Sequence[Aim],
    n: int,
    seed: int,
    tries: int = TRIES,
    temperature: float = 0.0,
    around: Known | None = None,
    exclude: Sequence[Candidate] = (),
    told: Callable[[int, int], object] = lambda tried, found: None,
) -> Generated:
    """Search latent space for crystals that a judge finds to meet the aims.

    Args:
        model: Decodes crystals, and finds them again: a judgement counts where the decoded crystal is found.
        judge: Gives values; the latent model's own stand in for properties that it does not give.
        wish: What every crystal keeps.
        aims: What is optimised.
        n: Crystals wanted.
        seed: The same seed gives the same crystals.
        tries: Latent points to decode for each crystal wanted, at most.
        temperature: Of the decoder.
        around: A crystal to start from, beside those that the model expects to be good.
        exclude: Crystals that do not come back, and are not judged.
        told: Is told of the latent points decoded and the crystals that meet all aims, after each batch.
    """
    ground = survey(model, seed)
    known = [*exclude, *([around.candidate] if around else [])]
    sieve = Sieve(model, ground, wish, (), known, seed)
    asked = "; ".join([*([f"starting from {around.name}"] if around else []), asked_for(wish, aims)])
    names, worth = properties_of(aims), worth_of(aims, ground.scales)
    search, judged, best = begun(model, len(names)), list[Made](), list[float]()
    scores = list[float]()
    numbers = np.random.SeedSequence(seed)
    first = list(islice(chain.from_iterable(led_points(model, wish, aims, ground, seed)), _FIRST * BATCH))
    open_ended = any(aim.kind in ("highest", "lowest") for aim in aims)
    while sieve.tried < n * tries and (open_ended or sum(one >= 0 for one in scores) < n):
        number = int(numbers.spawn(1)[0].generate_state(1)[0])
        size = min(BATCH, n * tries - sieve.tried)
        if first:
            points, first = np.array(first[:size]), first[size:]
            note = f"led by the model's own expectations: {asked}"
        else:
            points = ask(search, model, wish, ground, size, number, worth)
            note = f"trust region of length {search.region.length:.3g}: {asked}"
        if around and not judged:
            points[: size // 2] = _near(around, points[: size // 2])
        taken = sieve.take(points, [note] * size, (around.candidate.id,) if around else (), temperature, number)
        fresh = [one.made for one in taken if one.made is not None and not one.fault]
        said = judged_values(judge, fresh, names)
        values = np.array([said[name] for name in names]).T
        gained = worth(values)
        search = tell(search, np.array([one.point for one in fresh]).reshape(-1, model.n_latent), gained, values)
        for k, one in enumerate(fresh):
            judged.append(replace(one, judged={name: float(v[k]) for name, v in said.items() if np.isfinite(v[k])}))
        scores += gained.tolist()
        best += np.fmax.accumulate(np.array([best[-1] if best else -np.inf, *gained]))[1:].tolist()
        told(sieve.tried, sum(one >= 0 for one in scores))
    return _outcome(model, judge.name, asked, aims, n, seed, sieve, judged, scores, best)


def _near(around: Known, points: Array) -> Array:
    """Points a tenth of the way from a known crystal to others."""
    return np.asarray(around.point + 0.1 * (points - around.point))


def _outcome(
    model: LatentModel,
    judge_name: str,
    asked: str,
    aims: Sequence[Aim],
    n: int,
    seed: int,
    sieve: Sieve,
    judged: Sequence[Made],
    scores: Sequence[float],
    best: Sequence[float],
) -> Generated:
    names = [aim.target.name for aim in aims]
    values = {name: np.array([one.judged.get(name, np.nan) for one in judged]) for name in names}
    is_met = met(aims, values, len(judged)) & np.isfinite(np.array(scores, dtype=float))
    order = sorted(np.flatnonzero(is_met).tolist(), key=lambda k: -scores[k])
    faults = sieve.faults + Counter(target=int((~is_met).sum()), not_needed=max(len(order) - n, 0))
    unmet = [k for k in range(len(judged)) if not is_met[k] and np.isfinite(scores[k])]
    near = judged[max(unmet, key=lambda k: scores[k])] if unmet else None
    note = missed(n, len(order), near, aims)
    return Generated(
        "optimise", f"optimise {asked}", n, tuple(judged[k] for k in order[:n]), sieve.tried, sieve.valid,
        dict(+faults), model.name, model.targets, seed, judged=tuple(judged), best=tuple(best), judge=judge_name,
        notes=(note,) if note else (),
    )  # fmt: skip
