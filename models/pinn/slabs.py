"""Time slabs: what is stiff or sharp is solved from slab to slab, with few polynomials of the time, many of the place.

Knows a slab's equations. Must not know which solver is worth trying.

The law holds at Gauss points of the place and Gauss-Radau points of the time, which in time is the implicit
Runge-Kutta method Radau IIA: it damps what is stiff.
Source: E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, Springer (1996), section IV.5,
doi:10.1007/978-3-642-05221-7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from .fit import Step
from .piecewise import Piecewise
from .posed import NotFiniteError, Periodic, Posed, Value
from .rows import evaluate, typical_size
from .slab_rows import STAGES, System, system_of, time_features

Array = NDArray[np.float64]
_GAUSS = 6
_NEWTON, _CONVERGED, _CONTRACTING, _FAR = 12, 1e-11, 0.2, 1e3
_NOISE = 1e-8
_SHRINK, _GROW, _MOST_SLABS = 0.2, 2.0, 400
_FIRST = 0.05
"""Of the whole time, at a tolerance of one: a tighter march is finer throughout, also where no slab is refused."""
_SEEN = 99
_SHORTEST = 1e-7
"""Of the whole time: a start that its conditions contradict has no smooth first slab, and is passed in a short one."""


@dataclass(frozen=True)
class SlabField:
    """A field of several slabs.

    Attributes:
        posed: The problem.
        place: Features of the place, the same for all slabs.
        ends: Times at which slabs start and end, rising, `(n_slabs + 1,)`.
        coefficients: `(n_slabs, n_features, STAGES + 1)`.
    """

    posed: Posed
    place: Piecewise
    ends: Array
    coefficients: Array

    def __call__(self, points: Array) -> Array:
        """The field at points in the problem's units."""
        return self._jets(points, ())[0]

    def residual(self, points: Array) -> Array:
        """The non-dimensional residual at points in the problem's units."""
        jet = torch.as_tensor(np.stack(self._jets(points, self.posed.derivatives))).requires_grad_()
        at = {name: torch.as_tensor(points[:, k]) for k, name in enumerate(self.posed.coordinates)}
        du = dict(zip(self.posed.derivatives, jet[1:], strict=True))
        value = evaluate(self.posed.residual, jet[0], du, at, self.posed.parameters(torch.zeros(0)))
        found: Array = value.detach().numpy() / typical_size(self.posed, self.posed.derivatives, self.posed.residual)
        return found

    def _jets(self, points: Array, derivatives: tuple[str, ...]) -> list[Array]:
        x, span = self.posed.coordinates[0], self.posed.span[0]
        slab = np.clip(np.searchsorted(self.ends, points[:, 1]) - 1, 0, len(self.coefficients) - 1)
        length = self.ends[slab + 1] - self.ends[slab]
        z, tau = (points[:, 0] - self.posed.low[0]) / span, (points[:, 1] - self.ends[slab]) / length
        own = self.coefficients[slab[:, None], self.place.columns(z)]
        found = []
        for name in ("", *derivatives):
            by_place = np.einsum("nr,nrs->ns", self.place.local(z, name.count(x)) / span ** name.count(x), own)
            n = name.count("t")
            found.append((by_place * time_features(tau, n)).sum(axis=1) / length**n)
        return found


class NotMarched(Exception):
    """A problem that cannot be marched in slabs, or a march that did not get through, with the reason."""


def march(posed: Posed, n_elements: int, tolerance: float) -> SlabField:
    """Solve from the initial condition to the end.

    Args:
        posed: With coordinates of one place and the time, and nothing unknown.
        n_elements: Elements of the place.
        tolerance: Local error that a slab may have, relative to the field's scale.

    Raises:
        NotMarched: It has other coordinates or conditions, or slabs grew too short.
    """
    place = Piecewise(n_elements, _GAUSS, _order_in_space(posed))
    system = system_of(posed, place)
    p = posed.parameters(torch.zeros(0))
    nodes = _Nodes(place)
    held = nodes.interpolated(_initial(posed, nodes.places, p))
    end, whole = float(posed.high[1]), float(posed.span[1])
    ends, coefficients = [float(posed.low[1])], []
    length = _FIRST * whole * tolerance ** (1 / (STAGES + 1))
    while ends[-1] < end - 1e-12 * whole:
        length = min(length, end - ends[-1])
        own, local = _slab(system, nodes, held, ends[-1], length, p)
        if local > tolerance and length > _SHORTEST * whole:
            length *= max(_SHRINK, 0.9 * (tolerance / local) ** (1 / (STAGES + 1)))
            continue
        if not np.isfinite(local):
            raise NotMarched(f"no slab after t = {ends[-1]:g} could be solved")
        coefficients.append(own)
        ends.append(ends[-1] + length)
        held = own @ time_features(np.ones(1), 0)[0]
        length *= min(_GROW, max(_SHRINK, 0.8 * (tolerance / max(local, 1e-300)) ** (1 / (STAGES + 1))))
        if len(coefficients) >= _MOST_SLABS:
            raise NotMarched(f"{_MOST_SLABS} slabs reached t = {ends[-1]:g} only")
    return SlabField(posed, place, np.array(ends), np.stack(coefficients))


def residual_history(field: SlabField) -> tuple[Step, ...]:
    """Mean square of each slab's residual, at points that were not used."""
    z = np.linspace(0.005, 0.995, _SEEN)
    places = field.posed.low[0] + field.posed.span[0] * z
    lengths = np.diff(field.ends)
    found = []
    for start, length in zip(field.ends[:-1], lengths, strict=True):
        points = np.column_stack([places, start + length * np.resize([0.3, 0.6, 0.9], _SEEN)])
        found.append(Step(0.0, float(np.mean(field.residual(points) ** 2)), 0.0))
    return tuple(found)


class _Nodes:
    """Places whose values tell a field of one time: Gauss points and as many ends as there are conditions."""

    def __init__(self, place: Piecewise) -> None:
        self.places = np.concatenate([[0.0], place.gauss(), [1.0]])[: place.n_features]
        self._columns, self._local = place.columns(self.places), place.local(self.places, 0)

    def values(self, coefficients: Array) -> Array:
        """Of fields with coefficients `(n_features, n_fields)`, `(n_nodes, n_fields)`."""
        found: Array = np.einsum("nr,nrs->ns", self._local, coefficients[self._columns])
        return found

    def interpolated(self, values: Array) -> Array:
        """Coefficients of the field with these values."""
        n, reach = self._columns.shape
        matrix = sparse.csr_matrix((self._local.ravel(), self._columns.ravel(), np.arange(n + 1) * reach), (n, n))
        found: Array = splu(matrix.tocsc()).solve(values)
        return found


def _order_in_space(posed: Posed) -> int:
    """The law's highest derivative by the place: with as many conditions there the problem is a march."""
    starts = [c for c in posed.conditions if isinstance(c, Value) and c.coordinate == "t" and c.side == "low"]
    if len(posed.coordinates) != 2 or "t" not in posed.coordinates or not starts:
        raise NotMarched("slabs need one coordinate of space, the time, and an initial condition")
    if max(name.count("t") for name in posed.derivatives) != 1:
        raise NotMarched("slabs need a law with a first derivative by the time, and no higher one")
    highest = max(name.count(posed.coordinates[0]) for name in posed.derivatives)
    n_conditions = sum(2 if isinstance(c, Periodic) else 1 for c in posed.conditions if c.coordinate != "t")
    if highest not in (1, 2) or n_conditions != highest:
        raise NotMarched(f"a law of order {highest} in space has {n_conditions} conditions there")
    return highest


def _initial(posed: Posed, z: Array, p: Any) -> Array:
    one = next(c for c in posed.conditions if isinstance(c, Value) and c.coordinate == "t")
    at = {
        posed.coordinates[0]: torch.as_tensor(posed.low[0] + posed.span[0] * z),
        "t": torch.full((len(z),), float(posed.low[1]), dtype=torch.float64),
    }
    found: Array = one.value(at, p).detach().expand(len(z)).numpy().astype(float)
    return found


def _slab(system: System, nodes: _Nodes, held: Array, start: float, length: float, p: Any) -> tuple[Array, float]:
    """Coefficients of one slab by Newton's method, and its local error in time relative to the field's scale."""
    coefficients = np.column_stack([held, np.zeros((len(held), STAGES))])
    factored, last = None, np.inf
    for _ in range(_NEWTON):
        try:
            residual, slopes = system.residual(coefficients, start, length, p)
            factored = factored or splu(system.matrix(slopes, length))
        except (NotFiniteError, RuntimeError):
            # Off the law's domain, or singular: a shorter slab may mend either.
            break
        step = -factored.solve(residual).reshape(-1, STAGES)
        coefficients[:, 1:] += step
        change = float(np.abs(nodes.values(step)).max()) / system.posed.scale
        if not change < _FAR:
            break
        # Rounding may keep a long step of a well-resolved field from getting shorter still.
        if change < _CONVERGED or (last < _NOISE and change > last):
            return coefficients, _error_in_time(nodes.values(coefficients) / system.posed.scale)
        if change > _CONTRACTING * last:
            factored = None
        last = change
    return coefficients, np.inf


def _error_in_time(values: Array) -> float:
    """The next term of the series in time, if terms go on falling as from the last but one to the last."""
    before, last = (float(np.sqrt(np.mean(values[:, k] ** 2))) for k in (-2, -1))
    return last * min(1.0, last / before) if before > 0 else last
