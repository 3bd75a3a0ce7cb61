"""Polytopes: the nearest point of one to a guess, and uniform draws from one.

Knows numpy and scipy. Must not know variables: what is left of a space once its discrete values are fixed comes here as
`lower <= x <= upper`, `A x <= b` and `C x = d`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SLACK = 1e-11
"""By how much, in scaled units, bounds give way: what is pinned to a bound would else be lost to rounding."""
NEAR = 1e-7
"""Slack, in scaled units, of a row that counts as active."""
VERTICES = 8


@dataclass(frozen=True, eq=False)
class Polytope:
    """Bounds, inequalities and equalities.

    Attributes:
        lower: `(n_dimensions,)`.
        upper: `(n_dimensions,)`.
        at_most: Coefficients `(n_inequalities, n_dimensions)` and bounds `(n_inequalities,)`.
        equal: Coefficients `(n_equalities, n_dimensions)` and values `(n_equalities,)`.
    """

    lower: Array
    upper: Array
    at_most: tuple[Array, Array]
    equal: tuple[Array, Array]

    def nearest(self, guess: Array) -> Array | None:
        """The point with the least distance from a guess, each dimension divided by its range; None where empty.

        Source: Lawson and Hanson, Solving Least Squares Problems (1974), doi:10.1137/1.9781611971217, chapter 23
        (least distance programming).
        """
        from scipy.optimize import nnls

        if not len(guess):
            return guess if self._holds_nothing_wrong else None
        wanted = np.clip((guess - self.lower) / self._span, -1e3, 1e3)
        origin, basis, rows, bounds = self._reduced
        if origin is None:
            return None
        start = origin + basis @ (basis.T @ (wanted - origin))
        slack = bounds - rows @ start
        if (slack >= 0).all():
            return self._unscaled(self._polished(start))
        reduced = -(rows @ basis)
        matrix = np.vstack([reduced.T, -slack[None]])
        target = np.zeros(len(matrix))
        target[-1] = 1.0
        weights, length = nnls(matrix, target, maxiter=50 * len(rows))
        if length < 1e-9:
            return None
        rest = matrix @ weights - target
        point = start + basis @ (-rest[:-1] / rest[-1])
        return self._unscaled(self._polished(point))

    def draws(self, n: int, seed: int, thin: int | None = None) -> Array:
        """Points drawn by hit-and-run, uniform in the limit of many steps, `(n, n_dimensions)`; none where empty.

        Source: Smith, Oper. Res. 32, 1296 (1984), doi:10.1287/opre.32.6.1296.
        """
        rng = np.random.default_rng(seed)
        origin, basis, rows, bounds = self._reduced
        centre = self._inner(rng)
        if centre is None or origin is None:
            return np.empty((0, len(self.lower)))
        if not basis.shape[1]:
            return np.repeat(self._unscaled(origin)[None], n, axis=0)
        steps = thin or 4 + 2 * basis.shape[1]
        slopes = rows @ basis
        position, found = basis.T @ (centre - origin), []
        slack = bounds - rows @ centre
        for step in range(1, (n + 4) * steps + 1):
            direction = rng.standard_normal((basis.shape[1],))
            direction /= np.linalg.norm(direction)
            speed = slopes @ direction
            with np.errstate(divide="ignore", invalid="ignore"):
                reach = np.where(np.abs(speed) > 1e-12, np.maximum(slack, 0) / speed, np.inf)
            ahead = reach[speed > 1e-12].min(initial=np.inf)
            behind = reach[speed < -1e-12].max(initial=-np.inf)
            if np.isfinite(ahead) and np.isfinite(behind):
                move = float(rng.uniform(behind, ahead))
                position = position + move * direction
                slack = slack - move * speed
            if step % steps == 0 and step > 4 * steps:
                found.append(self._unscaled(origin + basis @ position))
        return np.array(found)

    @cached_property
    def _span(self) -> Array:
        return np.where(self.upper > self.lower, self.upper - self.lower, 1.0)

    @cached_property
    def _holds_nothing_wrong(self) -> bool:
        sizes = 1e-9 * np.maximum(1.0, np.abs(self.at_most[1]))
        return bool((self.at_most[1] >= -sizes).all() and np.allclose(self.equal[1], 0.0, atol=1e-9))

    @cached_property
    def _scaled(self) -> tuple[Array, Array, Array, Array]:
        """All inequalities `rows · z <= bounds` and equalities `rows · z = values` of z = (x - lower) / range."""
        n = len(self.lower)
        top = (self.upper - self.lower) / self._span
        a, b = self.at_most
        a, b = _unit_rows(a * self._span, b - a @ self.lower)
        c, d = _unit_rows(self.equal[0] * self._span, self.equal[1] - self.equal[0] @ self.lower)
        return np.vstack([-np.eye(n), np.eye(n), a]), np.concatenate([np.zeros(n), top, b]) + SLACK, c, d

    @cached_property
    def _reduced(self) -> tuple[Array | None, Array, Array, Array]:
        """A point of the equalities, None where they contradict; an orthonormal basis of them; and the inequalities."""
        rows, bounds, c, d = self._scaled
        n = len(self.lower)
        if not len(c):
            return np.zeros(n), np.eye(n), rows, bounds
        left, sizes, right = np.linalg.svd(c)
        rank = int((sizes > 1e-10).sum())
        origin = right[:rank].T @ ((left.T @ d)[:rank] / sizes[:rank])
        if not np.allclose(c @ origin, d, rtol=0, atol=1e-9):
            return None, np.eye(n), rows, bounds
        return origin, right[rank:].T, rows, bounds

    def _polished(self, point: Array) -> Array:
        """The same point with what the solver has left of its active rows taken away."""
        rows, bounds, c, d = self._scaled
        active = np.abs(rows @ point - bounds) < NEAR
        matrix = np.vstack([c, rows[active]])
        miss = np.concatenate([d, bounds[active] - SLACK]) - matrix @ point
        return np.asarray(point + np.linalg.lstsq(matrix, miss, rcond=1e-10)[0])

    def _unscaled(self, point: Array) -> Array:
        x = self.lower + point * self._span
        x = np.where(np.abs(point) < 1e-12, self.lower, x)
        return np.asarray(np.clip(x, self.lower, self.upper))

    def _inner(self, rng: np.random.Generator) -> Array | None:
        """The mean of vertices in random directions, in scaled units."""
        from scipy.optimize import linprog

        rows, bounds, c, d = self._scaled
        n, found = len(self.lower), []
        inequalities, limits = rows[2 * n :], bounds[2 * n :]
        for _ in range(VERTICES // 2):
            direction = rng.standard_normal(n)
            for sign in (1.0, -1.0):
                answer = linprog(
                    sign * direction,
                    A_ub=inequalities if len(inequalities) else None,
                    b_ub=limits if len(limits) else None,
                    A_eq=c if len(c) else None,
                    b_eq=d if len(d) else None,
                    bounds=list(zip(np.zeros(n), bounds[n : 2 * n], strict=True)),
                )
                if answer.x is None:
                    return None
                found.append(answer.x)
        centre = self.nearest(self.lower + np.mean(found, axis=0) * self._span)
        return None if centre is None else (centre - self.lower) / self._span


def _unit_rows(matrix: Array, values: Array) -> tuple[Array, Array]:
    length = np.linalg.norm(matrix, axis=1)
    length = np.where(length > 0, length, 1.0)
    return matrix / length[:, None], values / length
