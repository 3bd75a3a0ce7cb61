"""The ladder of solvers: the cheapest that meets the asked tolerance answers, and says why it was chosen.

Knows all solvers of this folder. Must not know units or files.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .collocate import Field, Weights, collocate
from .features import Features, draw_tanh
from .fit import Fit
from .graded_features import GradedFeatures
from .hard_conditions import corner_jump
from .identify import covariance, curve_estimates, doubts, scalar_estimates
from .posed import Law, Posed, Value
from .profile import Profile, profile
from .rows import is_linear
from .slabs import NotMarched, SlabField, march, residual_history
from .solution import Solution
from .weights import weigh, with_noise_of

Array = NDArray[np.float64]
_DRAWS = ((200, 2.0), (300, 3.0), (500, 5.0), (800, 8.0))
"""Random features that are tried, more and steeper ones after fewer: how many, and the bound of their weights."""
_DEGREES = ((10, 20), (14, 30), (20, 40))
_MARCHES = ((20, 1e-4), (40, 1e-5), (80, 1e-6), (160, 1e-7), (320, 1e-8), (640, 1e-9), (1280, 1e-10))
"""Slabs that are tried: elements of the place, and the local error allowed."""
_HOPELESS, _UNSOLVED = 1e-2, 0.05
_CHECKED = 2000


@dataclass(frozen=True)
class Attempt:
    """One rung's answer before it is judged."""

    solver: str
    field: Field | SlabField
    fit: Fit
    weights: Weights
    difference: float
    residual_rms: float


def solve(posed: Posed, tolerance: float = 1e-6, weight: float | None = None, seed: int = 0) -> Solution:
    """Solve a problem with the cheapest rung whose error estimate is within `tolerance`.

    Args:
        posed: The problem.
        tolerance: Relative L2 error that is asked for.
        weight: λ; None for what the noise level gives.
        seed: Of the random features.
    """
    start = time.process_time()
    tried: list[str] = []
    best: Attempt | None = None
    for attempt in _attempts(posed, weight, seed):
        tried.append(f"{attempt.solver}: estimated error {attempt.difference:.1e}")
        if best is None or attempt.difference < best.difference:
            best = attempt
        if best.difference <= tolerance:
            break
    assert best is not None  # noqa: S101 - the ladder has a rung
    is_met = best.difference <= tolerance
    why = (
        f"the first of {len(tried)} tried whose estimated error is within {tolerance:.0e}"
        if is_met
        else f"the most accurate of {len(tried)} tried; none reached {tolerance:.0e}"
    )
    warnings = list(doubts(posed, best.fit, best.weights))
    jump = corner_jump(posed, tuple(one for one in posed.conditions if isinstance(one, Value)))
    if jump > 0:
        warnings.append(
            f"conditions disagree where their faces meet, by {jump:.1e} of the field's scale: doubt the corner"
        )
    if not is_met:
        warnings.append(f"the estimated relative error is {best.difference:.1e}, above the {tolerance:.0e} asked for")
    return Solution(
        solver=best.solver,
        why=why,
        field=best.field,
        residual=best.field.residual,
        theta=best.fit.theta,
        covariance=covariance(best.fit),
        scalars=scalar_estimates(posed, best.fit),
        curves=curve_estimates(posed, best.fit),
        history=best.fit.history,
        weight=best.weights.residual,
        is_reduced=best.weights.is_reduced,
        deviation=best.weights.deviation,
        error_estimate=best.difference,
        residual_rms=best.residual_rms,
        warnings=tuple(warnings),
        cpu_seconds=time.process_time() - start,
        tried=tuple(tried),
    )


def _attempts(posed: Posed, weight: float | None, seed: int) -> Iterator[Attempt]:
    linear = all_linear(posed)
    weights = weigh(posed, weight)
    points = posed.low + posed.span * np.random.default_rng(seed).uniform(0, 1, (_CHECKED, len(posed.coordinates)))
    can_march = posed.n_unknowns == 0 and posed.observations is None and posed.graded is None
    # Slabs cost less than Newton's method on features of the whole box, and more than one linear solve.
    if can_march and not linear:
        yield from _marched(posed, weights, points)
    yield from _at_once(posed, weights, weight, linear, points, seed)
    if can_march and linear:
        yield from _marched(posed, weights, points)


def _at_once(
    posed: Posed, weights: Weights, weight: float | None, linear: bool, points: Array, seed: int
) -> Iterator[Attempt]:
    """Features of the whole box, each answer beside one from a second draw."""
    hard = hard_conditions(posed)
    theta, others = posed.start(), posed.other_starts()
    for kind, pair in _features(posed, seed):
        field, fit = collocate(posed, pair[0], hard, weights, linear, theta, others)
        # Cheap features find out where to start; the others go on from there.
        others = []
        if weights.is_guessed:
            weights = with_noise_of(posed, weights, fit.history[-1].data, weight)
            field, fit = collocate(posed, pair[0], hard, weights, linear, fit.theta)
        second, _ = collocate(posed, pair[1], hard, weights, linear, fit.theta)
        name = f"{kind}, one QR solve" if linear else f"{kind}, Newton with QR"
        if posed.n_unknowns:
            name = f"{kind}, variable projection with Gauss-Newton"
        n, theta = pair[0].n_features, fit.theta
        residual = float(np.sqrt(np.mean(field.residual(points) ** 2)))
        gap = difference(field, second, points)
        if not linear and residual > _UNSOLVED:
            # Newton's method stopped short, perhaps with both draws alike.
            gap = max(gap, residual)
        solver = f"{name} ({n} features)"
        yield Attempt(solver, field, fit, weights, gap, residual)
        # A field that is still far off is sharp or stiff, and more features of one kind would not mend it.
        if not linear and posed.n_unknowns == 0 and gap > _HOPELESS:
            break


def _marched(posed: Posed, weights: Weights, points: Array) -> Iterator[Attempt]:
    """Time slabs, each answer beside a coarser one.

    The difference is the coarser one's error. Of what it fell by since the pair before, half (of its logarithm) is
    believed to go on.
    """
    coarser: SlabField | None = None
    last = 0.0
    for n, allowed in _MARCHES:
        try:
            field = march(posed, n, allowed)
        except NotMarched:
            return
        if coarser is not None:
            gap = difference(field, coarser, points)
            estimate = gap * min(1.0, float(np.sqrt(gap / last))) if last > 0 else gap
            last = gap
            fit = Fit(np.zeros(0), np.zeros(0), residual_history(field), np.zeros((0, 0)), 0.0, converged=True)
            residual = float(np.sqrt(np.mean(field.residual(points) ** 2)))
            name = f"time slabs of piecewise polynomials, Newton ({n} elements, {len(field.coefficients)} slabs)"
            yield Attempt(name, field, fit, weights, estimate, residual)
        coarser = field


def _features(posed: Posed, seed: int) -> Iterator[tuple[str, tuple[Features, Features]]]:
    """Families of features, cheap ones first, each with a second of its kind to compare with."""
    if posed.graded is not None:
        shortest = posed.graded / float(posed.span[-1])
        n_space = len(posed.coordinates) - 1
        for place, time in _DEGREES:
            pair = tuple(GradedFeatures((*([place + more] * n_space), time + 2 * more), shortest) for more in (0, -2))
            yield "polynomials of place and stretched time", (pair[0], pair[1])
        return
    for n, steepness in _DRAWS:
        one, other = (draw_tanh(len(posed.low), n, steepness, 2 * seed + k) for k in range(2))
        yield "random tanh features", (one, other)


def all_linear(posed: Posed) -> bool:
    """Whether the equation and all laws on faces are linear in the field."""
    laws = [(posed.derivatives, posed.residual)]
    laws += [(one.derivatives, one.residual) for one in posed.conditions if isinstance(one, Law)]
    return all(is_linear(posed, derivatives, law) for derivatives, law in laws)


def profiles(posed: Posed, solution: Solution) -> tuple[Profile, ...]:
    """The profile of every inferred scalar whose deviation is finite."""
    if not isinstance(solution.field, Field) or solution.deviation is None:
        return ()
    weights = Weights(solution.weight, solution.deviation, solution.is_reduced)
    hard, linear = hard_conditions(posed), all_linear(posed)
    return tuple(
        profile(posed, solution.field, hard, weights, linear, one.name, one.deviation)
        for one in solution.scalars
        if np.isfinite(one.deviation)
    )


def difference(one: Field | SlabField, other: Field | SlabField, points: Array) -> float:
    """Relative L2 difference of two answers."""
    values, others = one(points), other(points)
    return float(np.linalg.norm(values - others)) / max(float(np.linalg.norm(values)), 1e-300)


def hard_conditions(posed: Posed) -> tuple[Value, ...]:
    """Conditions that the field can keep by its form: all known values, unless they disagree where faces meet."""
    values = tuple(one for one in posed.conditions if isinstance(one, Value))
    if corner_jump(posed, values) == 0.0:
        return values
    return tuple(one for one in values if one.coordinate == "t")
