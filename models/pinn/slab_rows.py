"""The equations of one time slab as a sparse square system: laws at places and Gauss-Radau times.

Knows posed problems and piecewise polynomials. Must not know how a slab is solved or how long it should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.polynomial import Legendre, Polynomial
from numpy.typing import NDArray
from scipy import sparse

from .piecewise import Piecewise
from .posed import Periodic, Posed, Residual, Value
from .rows import as_given, evaluate, field_itself, slope_of, typical_size

Array = NDArray[np.float64]
STAGES = 4
"""Gauss-Radau times in a slab, and polynomials of the time that vanish at its start."""


@dataclass(frozen=True)
class Rows:
    """A law at some places, at all times of the slab.

    Attributes:
        places: In the problem's units, `(n_places,)`.
        law: What is to be zero there.
        derivatives: Names of those that it reads.
        size: What it is divided by.
        columns: Features of the place that reach each, `(n_places, reach)`.
        local: Their derivatives in the problem's units, `(n_derivatives + 1, n_places, reach)`; first the field itself.
    """

    places: Array
    law: Residual
    derivatives: tuple[str, ...]
    size: float
    columns: NDArray[np.int64]
    local: Array

    def jets(self, coefficients: Array, times: Array, length: float) -> Array:
        """The field and its derivatives, `(n_derivatives + 1, n_places, n_times)`; times from 0 to 1."""
        own = np.einsum("knr,nrs->kns", self.local, coefficients[self.columns])
        by_time = [
            time_features(times, name.count("t")) / length ** name.count("t") for name in ("", *self.derivatives)
        ]
        return np.stack([part @ one.T for part, one in zip(own, by_time, strict=True)])


@dataclass(frozen=True)
class System:
    """All rows of a slab, with the pattern of their matrix.

    Attributes:
        posed: The problem.
        rows: Conditions at the low end, the law inside, conditions at the high end.
        order: Where entries lie when sorted by column.
        indices: Row of each, sorted.
        starts: First entry of each column.
    """

    posed: Posed
    rows: tuple[Rows, ...]
    order: NDArray[np.int64]
    indices: NDArray[np.int32]
    starts: NDArray[np.int32]

    def residual(self, coefficients: Array, start: float, length: float, p: Any) -> tuple[Array, list[Array]]:
        """Residuals `(n_rows,)` and, for each law, its slopes by the jet, `(n_derivatives + 1, n_places, STAGES)`."""
        found, slopes = [], []
        for one in self.rows:
            jets = one.jets(coefficients, RADAU, length)
            leaf = torch.as_tensor(jets.reshape(len(jets), -1)).requires_grad_()
            at = {
                self.posed.coordinates[0]: torch.as_tensor(np.repeat(one.places, STAGES)),
                "t": torch.as_tensor(np.tile(start + length * RADAU, len(one.places))),
            }
            value = evaluate(one.law, leaf[0], dict(zip(one.derivatives, leaf[1:], strict=True)), at, p)
            (slope,) = torch.autograd.grad(value.sum(), leaf)
            found.append(value.detach().numpy() / one.size)
            slopes.append(slope.numpy().reshape(jets.shape) / one.size)
        return np.concatenate(found), slopes

    def matrix(self, slopes: Sequence[Array], length: float) -> Any:
        """Derivatives of the residuals by the coefficients that do not hold the start, sparse and square."""
        entries = []
        for one, slope in zip(self.rows, slopes, strict=True):
            block = np.zeros((len(one.places), STAGES, one.columns.shape[1], STAGES))
            for k, name in enumerate(("", *one.derivatives)):
                by_time = time_features(RADAU, name.count("t"))[:, 1:] / length ** name.count("t")
                block += (slope[k][:, :, None, None] * one.local[k][:, None, :, None]) * by_time[None, :, None, :]
            entries.append(block.ravel())
        n = len(self.starts) - 1
        return sparse.csc_matrix((np.concatenate(entries)[self.order], self.indices, self.starts), (n, n))


def system_of(posed: Posed, place: Piecewise) -> System:
    """Set up the rows; what does not change from slab to slab is computed once."""
    low, high, inner = np.zeros(1), np.ones(1), place.gauss()
    first: list[Rows] = []
    last: list[Rows] = []
    for one in posed.conditions:
        if one.coordinate == "t":
            continue
        if isinstance(one, Periodic):
            by = one.coordinate
            first.append(_rows(posed, place, high, field_itself, (), posed.scale, low))
            last.append(_rows(posed, place, high, slope_of(by), (by,), posed.scale / posed.span[0], low))
            continue
        at_end, end = (first, low) if one.side == "low" else (last, high)
        if isinstance(one, Value):
            at_end.append(_rows(posed, place, end, as_given(one), (), posed.scale))
        else:
            size = typical_size(posed, one.derivatives, one.residual)
            at_end.append(_rows(posed, place, end, one.residual, one.derivatives, size))
    size = typical_size(posed, posed.derivatives, posed.residual)
    rows = (*first, _rows(posed, place, inner, posed.residual, posed.derivatives, size), *last)
    columns, begun = [], 0
    where = []
    for part in rows:
        n, reach = part.columns.shape
        shape = (n, STAGES, reach, STAGES)
        row = begun + np.arange(n * STAGES).reshape(n, STAGES, 1, 1)
        columns.append(np.broadcast_to(part.columns[:, None, :, None] * STAGES + np.arange(STAGES), shape).ravel())
        where.append(np.broadcast_to(row, shape).ravel())
        begun += n * STAGES
    column, place_of = np.concatenate(columns), np.concatenate(where)
    order = np.lexsort((place_of, column))
    starts = np.searchsorted(column[order], np.arange(begun + 1))
    return System(posed, rows, order, place_of[order].astype(np.int32), starts.astype(np.int32))


def _rows(
    posed: Posed,
    place: Piecewise,
    z: Array,
    law: Residual,
    derivatives: tuple[str, ...],
    size: float,
    minus: Array | None = None,
) -> Rows:
    x, span = posed.coordinates[0], posed.span[0]
    orders = [name.count(x) for name in ("", *derivatives)]
    columns, local = place.columns(z), [place.local(z, k) / span**k for k in orders]
    if minus is not None:
        columns = np.hstack([columns, place.columns(minus)])
        local = [np.hstack([one, -place.local(minus, k) / span**k]) for one, k in zip(local, orders, strict=True)]
    return Rows(posed.low[0] + span * z, law, derivatives, size, columns, np.stack(local))


def time_features(tau: Array, order: int) -> Array:
    """`1`, which holds the field at the slab's start, and `τ P_j(2τ − 1)`, differentiated, `(n_times, STAGES + 1)`."""
    found: Array = np.vander(tau, STAGES + 1, increasing=True) @ _time_powers(order)
    return found


@lru_cache
def _time_powers(order: int) -> Array:
    """Coefficients of powers of τ, `(STAGES + 1, STAGES + 1)`, one column for each feature."""
    line = Polynomial([0.0, 1.0])
    features = [Polynomial([1.0])]
    features += [line * Legendre.basis(j, domain=[0, 1]).convert(kind=Polynomial) for j in range(STAGES)]
    found = np.zeros((STAGES + 1, STAGES + 1))
    for k, one in enumerate(features):
        powers = one.deriv(order).coef
        found[: len(powers), k] = powers
    return found


def _radau() -> Array:
    """Gauss-Radau points on (0, 1], the end among them: zeros of P_q − P_(q−1)."""
    roots = (Legendre.basis(STAGES) - Legendre.basis(STAGES - 1)).roots()
    found: Array = np.sort((np.real(roots) + 1) / 2)
    return found


RADAU = _radau()
