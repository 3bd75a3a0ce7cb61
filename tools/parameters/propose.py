"""What to try next in a space of parameters, given a goal and all trials so far.

Knows goals, trials, the surrogate and BoTorch's acquisition functions. Must not evaluate anything.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from botorch.exceptions.warnings import BotorchWarning
from linear_operator.utils.warnings import NumericalWarning  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits

from ...memory.errors import RetryError
from ...memory.records import Goal, Point
from ...memory.state import Trial
from ...models.threads import configure_torch
from ..acquisition import merit
from ..acquisition.acquire import best_first
from ..acquisition.improvement import improvement, keeps
from ..acquisition.noise import Results
from .encode import encode
from .leaves import Value
from .parameter_space import ParameterSpace
from .repair import check
from .sample import spread
from .suggest import suggest
from .surrogate import fit

LEAST = 2
"""Values of each property before there is a surrogate."""
BASELINE = 32
"""Best points whose uncertainty the acquisition averages over."""
DRAWS = 64


@dataclass(frozen=True)
class Proposed:
    """A point worth a trial.

    Attributes:
        acquisition: Log of the expected improvement; nan without a surrogate.
        predicted: Property to mean and standard deviation of the truth; empty without a surrogate.
        keeps: Probability of keeping all constraints; None without a surrogate.
    """

    point: Point
    acquisition: float
    predicted: Mapping[str, tuple[float, float]]
    keeps: float | None


@dataclass(frozen=True)
class Proposal:
    """Points to try, best first, and how they were found."""

    picks: tuple[Proposed, ...]
    notes: tuple[str, ...]


def propose(
    space: ParameterSpace,
    goal: Goal,
    trials: Sequence[Trial],
    q: int,
    seed: int,
    fixed: Mapping[str, Value] | None = None,
    rejected: Sequence[Point] = (),
    robust: bool = False,
    among: Sequence[Point] | None = None,
) -> Proposal:
    """Find up to `q` points; the same input gives the same points, whatever the order of the trials.

    Unfinished trials are pending. A point of any trial does not come back, unless all that failed was the instrument.

    Args:
        fixed: Values that variables keep wherever they are there.
        rejected: Points that a person does not want, nor their like.
        robust: Whether single results may be outliers.
        among: Allowed points to choose from; None for all of the space.

    Raises:
        RetryError: A trial's point is not one of the space, or nothing is allowed with the fixed values.
    """
    ordered = sorted(trials, key=lambda t: t.number)
    settings = {t.number: _point(space, t) for t in ordered}
    taken = [settings[t.number] for t in ordered if not t.is_fault]
    names = dict.fromkeys([*(o.property for o in goal.objectives), *(c.property for c in goal.constraints)])
    completed = [t for t in ordered if t.status == "completed"]
    known = {name: [t for t in completed if name in t.values] for name in names}
    best = best_first(goal, completed)
    if not best or min(map(len, known.values())) < LEAST:
        counts = ", ".join(f"{len(rows)} of {name}" for name, rows in known.items())
        notes = (f"no surrogate yet: {LEAST} values of each property are needed, there are {counts}; space-filling",)
        filling = spread(space, q, seed, [*taken, *rejected], fixed, among)
        return Proposal(tuple(Proposed(p, math.nan, {}, None) for p in filling), notes)
    configure_torch()
    with torch.random.fork_rng(devices=[]), threadpool_limits(1, "blas"), warnings.catch_warnings():
        # Without a hit it advises to maximise the probability of one, which the constraints' weight does here; and
        # near-twins, which a search for the best point ends in, make covariances that need a little jitter.
        warnings.filterwarnings("ignore", message="When all training points are infeasible", category=BotorchWarning)
        warnings.filterwarnings("ignore", category=NumericalWarning)
        torch.manual_seed(seed)
        surrogate = fit({name: results_of(space, name, rows) for name, rows in known.items()}, robust)
        reference = merit.reference_point(goal, completed)
        assert reference is not None  # noqa: S101 - there are best trials
        top = [settings[t.number] for t in best[:BASELINE]]
        waiting = [settings[t.number] for t in ordered if t.is_pending]
        rows, pending = (torch.from_numpy(encode(space, some)) for some in (top, waiting))
        acquisition = improvement(
            goal, surrogate.properties, surrogate.model, rows, pending if len(pending) else None, reference, DRAWS, seed
        )
        found = suggest(space, acquisition, q, seed, taken, top[:4], fixed, rejected, among)
        means, deviations = surrogate.predict(encode(space, [s.point for s in found]))
    picks = []
    for suggestion, mean, deviation in zip(found, means, deviations, strict=True):
        predicted = {n: (float(m), float(d)) for n, m, d in zip(surrogate.properties, mean, deviation, strict=True)}
        picks.append(Proposed(suggestion.point, suggestion.acquisition, predicted, keeps(goal, predicted)))
    wanted = ", ".join(f"{o.property} {v:.4g} {o.unit}" for o, v in zip(goal.objectives, reference, strict=True))
    return Proposal(tuple(picks), (f"reference point: {wanted}", f"{len(waiting)} pending", *surrogate.notes))


def _point(space: ParameterSpace, trial: Trial) -> Point:
    content = trial.candidate.content
    if not isinstance(content, Point):
        raise RetryError(f"trial {trial.number} is a crystal; this space holds points")
    faults = check(space, content)
    if faults:
        raise RetryError(f"trial {trial.number} is outside the space: {'; '.join(faults)}")
    return content


def results_of(space: ParameterSpace, name: str, trials: Sequence[Trial]) -> Results:
    """What trials say of one property; all of them know it.

    Raises:
        RetryError: A trial's point is not one of the space.
    """
    stated = [
        next((m.deviation for m in t.outcome.measurements if m.property == name), None) if t.outcome else None
        for t in trials
    ]
    return Results(
        encode(space, [_point(space, t) for t in trials]),
        np.array([t.values[name] for t in trials]),
        np.array([np.nan if deviation is None else deviation for deviation in stated], dtype=float),
    )
