"""What to try next in a space of parameters, given a goal and all trials so far.

Knows goals, trials, the surrogate and BoTorch's acquisition functions. Must not evaluate anything.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from botorch.acquisition import AcquisitionFunction
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective import logei
from botorch.acquisition.multi_objective.objective import GenericMCMultiOutputObjective
from botorch.acquisition.objective import GenericMCObjective
from botorch.exceptions.warnings import BotorchWarning
from botorch.sampling import SobolQMCNormalSampler
from linear_operator.utils.warnings import NumericalWarning  # type: ignore[import-untyped]
from scipy.stats import norm
from threadpoolctl import threadpool_limits
from torch import Tensor

from ...memory.errors import RetryError
from ...memory.records import Constraint, Goal, Point
from ...memory.state import Trial
from ...models.threads import configure_torch
from ..acquisition import merit
from ..acquisition.acquire import best_first
from .encode import Array, encode
from .leaves import Value
from .parameter_space import ParameterSpace
from .repair import check
from .sample import spread
from .suggest import suggest
from .surrogate import Results, Surrogate, fit

LEAST = 2
"""Values of each property before there is a surrogate."""
BASELINE = 32
"""Best points whose uncertainty the acquisition averages over."""
DRAWS = 64

# Left alone, BoTorch compiles a kernel by the C++ compiler it finds when an acquisition is first made.
logei._load_attempted = True


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
        surrogate = fit({name: _results(space, name, rows, settings) for name, rows in known.items()}, robust)
        reference = merit.reference_point(goal, completed)
        assert reference is not None  # noqa: S101 - there are best trials
        top = [settings[t.number] for t in best[:BASELINE]]
        waiting = [settings[t.number] for t in ordered if t.is_pending]
        acquisition = _acquisition(goal, surrogate, reference, encode(space, top), encode(space, waiting), seed)
        found = suggest(space, acquisition, q, seed, taken, top[:4], fixed, rejected, among)
        means, deviations = surrogate.predict(encode(space, [s.point for s in found]))
    picks = []
    for suggestion, mean, deviation in zip(found, means, deviations, strict=True):
        predicted = {n: (float(m), float(d)) for n, m, d in zip(surrogate.properties, mean, deviation, strict=True)}
        picks.append(Proposed(suggestion.point, suggestion.acquisition, predicted, _keeps(goal, predicted)))
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


def _results(space: ParameterSpace, name: str, trials: Sequence[Trial], settings: Mapping[int, Point]) -> Results:
    stated = [
        next((m.deviation for m in t.outcome.measurements if m.property == name), None) if t.outcome else None
        for t in trials
    ]
    return Results(
        encode(space, [settings[t.number] for t in trials]),
        np.array([t.values[name] for t in trials]),
        np.array([np.nan if deviation is None else deviation for deviation in stated], dtype=float),
    )


def _acquisition(
    goal: Goal, surrogate: Surrogate, reference: Array, known: Array, waiting: Array, seed: int
) -> AcquisitionFunction:
    """The expected gain beyond the best points, each objective in units of what they gain over the reference point."""
    place = {name: k for k, name in enumerate(surrogate.properties)}
    columns = [place[o.property] for o in goal.objectives]
    sign, origin = torch.from_numpy(merit.signs(goal)), torch.from_numpy(reference)
    means, _ = surrogate.predict(known)
    reach = (_amounts(goal, torch.from_numpy(means)[:, columns]) - origin).abs().amax(dim=0).clamp_min(1e-9)

    def gains(samples: Tensor, X: Tensor | None = None) -> Tensor:  # noqa: N803, ARG001 - BoTorch's signature
        return (_amounts(goal, samples[..., columns]) - origin) * sign / reach

    def excess(bound: Constraint) -> Callable[[Tensor], Tensor]:
        k, toward = place[bound.property], 1.0 if bound.comparison == "<=" else -1.0
        scale = max(float(np.std(means[:, k])), 1e-9 * max(1.0, abs(bound.value)))
        return lambda samples: toward * (samples[..., k] - bound.value) / scale

    bounds = [excess(c) for c in goal.constraints] or None
    sampler = SobolQMCNormalSampler(torch.Size([DRAWS]), seed=seed)
    pending = torch.from_numpy(waiting) if len(waiting) else None
    if len(columns) == 1:
        return qLogNoisyExpectedImprovement(
            surrogate.model,
            torch.from_numpy(known),
            sampler,
            GenericMCObjective(lambda samples, X: gains(samples)[..., 0]),  # noqa: N803
            X_pending=pending,
            constraints=bounds,
            prune_baseline=False,
        )
    return logei.qLogNoisyExpectedHypervolumeImprovement(
        surrogate.model,
        torch.zeros(len(columns), dtype=torch.float64),
        torch.from_numpy(known),
        sampler,
        GenericMCMultiOutputObjective(gains),
        bounds,
        X_pending=pending,
    )


def _amounts(goal: Goal, values: Tensor) -> Tensor:
    """Values of the objectives, `(…, n_objectives)`, with the distance from a target in place of the value."""
    columns = [
        column if objective.target is None else (column - objective.target).abs()
        for objective, column in zip(goal.objectives, values.unbind(dim=-1), strict=True)
    ]
    return torch.stack(columns, dim=-1)


def _keeps(goal: Goal, predicted: Mapping[str, tuple[float, float]]) -> float:
    """Probability that all constraints are kept, the properties taken as independent."""
    chance = 1.0
    for name in dict.fromkeys(c.property for c in goal.constraints):
        mean, deviation = predicted[name]
        low, high = merit.bounds(goal, name)
        chance *= float(np.diff(norm.cdf((np.array([low, high]) - mean) / max(deviation, 1e-12)))[0].clip(0.0))
    return chance
