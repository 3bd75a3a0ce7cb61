"""Time marching in slabs with adaptive features: for fields that grow sharp, where one fit over all times would fail.

Knows posed problems with one coordinate of space, features and least squares. Must not know the ladder.

Within a slab the residual is zero at Gauss-Radau times and collocated in space, which is an implicit Runge-Kutta method
on a network whose hidden weights follow the field's bending. Each slab starts from the field that the last ended with.
Source: E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, Springer (1996), section IV.5,
doi:10.1007/978-3-642-05221-7; slabs as a remedy for networks: C. L. Wight, J. Zhao, Commun. Comput. Phys. 29, 930
(2021), doi:10.4208/cicp.OA-2020-0086.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.polynomial import Legendre
from numpy.typing import NDArray

from .collocate import Field
from .fit import Step
from .layer_features import LayerFeatures, SlabFeatures, equidistribute, layer_features, monitor
from .least_squares import factor
from .posed import Fields, Parameters, Periodic, Posed, Value
from .rows import Block, condition_blocks, linearise, prepare, typical_size

Array = NDArray[np.float64]
DEGREE = 4
_NEWTON, _CONVERGED = 25, 1e-10
_FINE, _SEEN = 2001, 99
_FIRST, _SHRINK, _GROW, _MOST_SLABS = 0.02, 0.2, 1.6, 200
_SHORTEST, _SHORTEST_AT_START, _STARTING = 1e-4, 1e-2, 5
_CUT = 1e-13
_STALLED, _NOISE = 0.999, 1e-4
_CONDITION_WEIGHT = 10.0
_FAR, _BENT, _CONTRACTING = 1e3, 0.1, 0.2


@dataclass(frozen=True)
class SlabField:
    """A field of several slabs, each with features of its own.

    Attributes:
        posed: The whole problem.
        ends: Times at which slabs end, rising, `(n_slabs,)`.
        slabs: The field of each.
        error: Sum of all slabs' local errors, relative to the field's scale.
        history: Residual of each slab.
    """

    posed: Posed
    ends: Array
    slabs: tuple[Field, ...]
    error: float
    history: tuple[Step, ...]

    def __call__(self, points: Array) -> Array:
        """The field at points in the problem's units."""
        return self._each(points, is_residual=False)

    def residual(self, points: Array) -> Array:
        """The non-dimensional residual at points in the problem's units."""
        return self._each(points, is_residual=True)

    def _each(self, points: Array, is_residual: bool) -> Array:
        which = np.minimum(np.searchsorted(self.ends, points[:, -1]), len(self.slabs) - 1)
        found = np.empty(len(points))
        for k in np.unique(which):
            mask = which == k
            slab = self.slabs[k]
            found[mask] = slab.residual(points[mask]) if is_residual else slab(points[mask])
        if is_residual:
            # Each slab measures its residual in its own, shorter time.
            found *= np.array([slab_size(slab) for slab in self.slabs])[which] / slab_size_of(self.posed)
        return found


def slab_size(slab: Field) -> float:
    """What a residual is divided by within a slab."""
    return slab_size_of(slab.posed)


def slab_size_of(posed: Posed) -> float:
    """What a residual is divided by."""
    return typical_size(posed, posed.derivatives, posed.residual)


class NotMarched(Exception):
    """A problem that cannot be marched in slabs, or a march that did not get through, with the reason."""


def march(posed: Posed, theta: Array, n_features: int, tolerance: float) -> SlabField:
    """Solve from the initial condition to the end.

    Args:
        posed: With coordinates of one place and the time.
        theta: Unknowns, held fixed.
        n_features: Tanh functions of the place.
        tolerance: Local error that a slab may have, relative to the field's scale.

    Raises:
        NotMarched: It has no initial condition or other coordinates, or slabs grew too short.
    """
    initial = [c for c in posed.conditions if isinstance(c, Value) and c.coordinate == "t" and c.side == "low"]
    if len(posed.coordinates) != 2 or "t" not in posed.coordinates or not initial:
        raise NotMarched("slabs need one coordinate of space, the time, and an initial condition")
    z = np.linspace(0, 1, _FINE)
    begin = _initial(posed, initial[0], theta)
    start, end = float(posed.low[1]), float(posed.high[1])
    length = _FIRST * (end - start)
    slabs: list[Field] = []
    ends: list[float] = []
    history: list[Step] = []
    error = 0.0
    while start < end * (1 - 1e-12):
        length = min(length, end - start)
        part = replace(posed, low=np.array([posed.low[0], start]), high=np.array([posed.high[0], start + length]))
        slab, space, local = _slab(part, theta, z, begin, n_features)
        # A start that its conditions contradict has no smooth first slab: the shortest is taken, and its error told.
        shortest = _SHORTEST if len(slabs) >= _STARTING else _SHORTEST_AT_START
        if local > tolerance and length > shortest * (end - posed.low[1]):
            length *= max(_SHRINK, 0.9 * (tolerance / local) ** (1 / (DEGREE + 1)))
            continue
        if not np.isfinite(local):
            raise NotMarched(f"no slab after t = {start:g} could be solved")
        slabs.append(slab)
        start += length
        ends.append(start)
        error += space + local
        between = part.low + part.span * _grid(np.linspace(0.01, 0.99, _SEEN), np.array([0.3, 0.6, 0.9]))
        history.append(Step(0.0, float(np.mean(slab.residual(between) ** 2)), 0.0))
        begin = _at_time(slab, start)
        length *= min(_GROW, max(_SHRINK, 0.8 * (tolerance / max(local, 1e-300)) ** (1 / (DEGREE + 1))))
        if len(slabs) >= _MOST_SLABS:
            raise NotMarched(f"{_MOST_SLABS} slabs reached t = {start:g} only")
    return SlabField(posed, np.array(ends), tuple(slabs), error, tuple(history))


def _initial(posed: Posed, one: Value, theta: Array) -> Callable[[Array], Array]:
    def values(z: Array) -> Array:
        at = {
            posed.coordinates[0]: torch.as_tensor(posed.low[0] + posed.span[0] * z),
            "t": torch.full((len(z),), float(posed.low[1]), dtype=torch.float64),
        }
        known = one.value(at, posed.parameters(torch.as_tensor(theta)))
        found: Array = known.detach().expand(len(z)).numpy().astype(float)
        return found

    return values


def _at_time(slab: Field, time: float) -> Callable[[Array], Array]:
    low, span = slab.posed.low[0], slab.posed.span[0]
    return lambda z: slab(np.column_stack([low + span * z, np.full(len(z), time)]))


def _slab(posed: Posed, theta: Array, z: Array, begin: Callable[[Array], Array], n: int) -> tuple[Field, float, float]:
    """One slab, solved twice where it bends further: then with features for its end as well as for its start."""
    is_periodic = any(isinstance(c, Periodic) for c in posed.conditions)
    density = monitor(z, begin(z), is_periodic)
    field, space, time = _solve(posed, theta, z, begin, density, n)
    if not np.isfinite(time):
        return field, space, time
    grown = monitor(z, _at_time(field, float(posed.high[1]))(z), is_periodic)
    if np.abs(grown / density - 1).max() > _BENT:
        return _solve(posed, theta, z, begin, np.maximum(density, grown), n)
    return field, space, time


def _solve(
    posed: Posed, theta: Array, z: Array, begin: Callable[[Array], Array], density: Array, n: int
) -> tuple[Field, float, float]:
    place = layer_features(z, density, n)
    features = SlabFeatures(place, DEGREE)
    known = equidistribute(z, density, 4 * n)
    held = factor(place.derivative(known, 0), _CUT).solve(begin(known) / posed.scale)
    coefficients = np.concatenate([held, np.zeros(place.n_features * DEGREE)])
    points = _grid(equidistribute(z, density, 2 * n + 1), _radau())
    blocks = [prepare(posed, block, features) for block in _blocks(posed, points)]
    free = slice(place.n_features, None)
    factored, last, smallest = None, np.inf, np.inf
    for _ in range(_NEWTON):
        rows = [linearise(posed, _nothing, block, coefficients, theta) for block in blocks]
        if factored is None:
            factored = factor(np.concatenate([row.by_coefficient[:, free] for row in rows]), _CUT)
        residual = np.concatenate([row.residual for row in rows])
        step = -factored.solve(residual)
        coefficients[free] += step
        change = float(np.abs(blocks[0].jets[0][:, free] @ step).max()) / posed.scale
        if not change < _FAR:
            break
        size = float(np.linalg.norm(residual))
        # Conditions that contradict the start leave a residual; then it is enough that it no longer falls.
        if change < _CONVERGED or (size > _STALLED * smallest and change < _NOISE):
            field = Field(posed, _nothing, features, coefficients, theta)
            between = equidistribute(z, density, 3 * n + 2)
            return field, *_local_errors(posed, field, place, begin, between)
        if change > _CONTRACTING * last:
            factored = None
        last, smallest = change, min(smallest, size)
    return Field(posed, _nothing, features, coefficients, theta), np.inf, np.inf


def _blocks(posed: Posed, points: Array) -> list[Block]:
    size = typical_size(posed, posed.derivatives, posed.residual)
    found = [Block("residual", points, posed.residual, posed.derivatives, size, np.ones(len(points)))]
    times = _radau()
    conditions = replace(posed, conditions=tuple(c for c in posed.conditions if c.coordinate != "t"))
    for block in condition_blocks(conditions, (), len(times), _CONDITION_WEIGHT**2 * len(times)):
        moved = [None if p is None else np.column_stack([p[:, 0], times]) for p in (block.points, block.opposite)]
        assert moved[0] is not None  # noqa: S101 - a block has points
        found.append(replace(block, points=moved[0], opposite=moved[1]))
    return found


def _local_errors(
    posed: Posed, field: Field, place: LayerFeatures, begin: Callable[[Array], Array], between: Array
) -> tuple[float, float]:
    """What a slab adds to the error, relative to the field's scale, `between` the points that were used.

    In space: how far the slab's start misses the field that it had to start from. In time: the next term of the
    series in Legendre polynomials, if it goes on falling as from the last term but one to the last.
    """
    values = place.derivative(between, 0) @ field.coefficients.reshape(DEGREE + 1, -1).T
    space = np.sqrt(np.mean((values[:, 0] - begin(between) / posed.scale) ** 2))
    last, before = (float(np.sqrt(np.mean(values[:, k] ** 2))) for k in (-1, -2))
    time = last * min(1.0, last / before) if before > 0 else last
    return float(space), float(time)


def _grid(places: Array, times: Array) -> Array:
    return np.column_stack([np.repeat(places, len(times)), np.tile(times, len(places))])


def _radau() -> Array:
    """Gauss-Radau points on (0, 1], the end among them: zeros of P_q − P_(q−1)."""
    q = DEGREE
    roots = (Legendre.basis(q) - Legendre.basis(q - 1)).roots()
    found: Array = np.sort((np.real(roots) + 1) / 2)
    return found


def _nothing(at: Fields, _p: Parameters) -> torch.Tensor:
    return torch.zeros_like(next(iter(at.values())))
