"""Gauss-Newton on a sum of squares whose coefficients are eliminated: variable projection.

Knows blocks of rows and least squares. Must not know which features they were made of, nor what a solver is chosen for.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .features import Features
from .least_squares import Factored, factor
from .posed import NotFiniteError, Posed
from .rows import FieldLift, Linear, Prepared, linearise

Array = NDArray[np.float64]
_NEWTON, _GAUSS_NEWTON, _HALVINGS = 25, 30, 8
_SMALL_STEP, _SHORT_STEP, _SMALL_GAIN = 1e-10, 1e-7, 1e-9
_FOLLOWED = 2
_NEGLIGIBLE = 1e-22
"""Of the sum of squares of residuals of size one: what is left when Newton's method has done its work."""
_LONGEST_STEP = 1.0
"""Of the logarithm of an unknown, in one iteration."""


@dataclass(frozen=True)
class Step:
    """The objective after one iteration.

    Attributes:
        data: Mean square of the data misfit, in standard deviations.
        residual: Mean square of the non-dimensional residual.
        condition: Mean square of the soft conditions.
    """

    data: float
    residual: float
    condition: float


@dataclass(frozen=True)
class Fit:
    """Coefficients and unknowns that make the objective least.

    Attributes:
        coefficients: Of the features, `(n_features,)`.
        theta: Unknowns, `(n_unknowns,)`.
        history: The objective's terms after each iteration.
        information: `Jᵀ J` of the projected rows, prior included, `(n_unknowns, n_unknowns)`.
        objective: Sum of squares, prior included.
        converged: Whether the last step was small.
    """

    coefficients: Array
    theta: Array
    history: tuple[Step, ...]
    information: Array
    objective: float
    converged: bool


@dataclass(frozen=True)
class _Inner:
    """The coefficients for some unknowns.

    Attributes:
        coefficients: `(n_features,)`.
        rows: Those that the coefficients are fitted to.
        data: Those that only the unknowns are fitted to; None where the coefficients are fitted to all.
        fitted: Sum of squares of the first.
        known: Their matrix, decomposed, where it is known already.
    """

    coefficients: Array
    rows: Linear
    data: Linear | None
    fitted: float
    known: Factored | None = None

    @cached_property
    def factored(self) -> Factored:
        """The matrix of the first, decomposed only where a step starts from here."""
        return self.known or factor(self.rows.by_coefficient)

    def projected(self) -> tuple[Array, Array]:
        """Residual `(n,)` and Jacobian by the unknowns `(n, n_unknowns)`, the coefficients eliminated.

        Fitted to all rows the coefficients take away what the features reach: `P r` and `P G`. Fitted to the law alone
        they follow the unknowns by `dc/dθ = −A⁺ G`.
        """
        if self.data is None:
            return self.factored.rest(self.rows.residual), self.factored.rest(self.rows.by_unknown)
        following = self.factored.solve(self.rows.by_unknown)
        return self.data.residual, self.data.by_unknown - self.data.by_coefficient @ following


class Objective:
    """`Σ (w r)²` over all blocks as a function of coefficients and unknowns.

    With N data of deviation σ and M collocation points the weights make it N times the total loss

        total = (1/N) Σ_i ((u(x_i) − y_i)/σ_i)² + λ (1/M) Σ_j r(z_j)²      [data MSE + λ · residual MSE]

    plus soft conditions and, for curves, the prior `Σ (θ/s)²`.

    | symbol | variable |
    |---|---|
    | u | lift + features · `coefficients` |
    | y, σ | `Observations.values`, `.deviation` |
    | r | the posed problem's `residual`, divided by its typical size |
    | λ | `Weights.residual` |
    | θ, s | `theta`, `Posed.prior()` |

    Sources: M. Raissi, P. Perdikaris, G. E. Karniadakis, J. Comput. Phys. 378, 686 (2019),
    doi:10.1016/j.jcp.2018.10.045;
    random features and one least-squares solve: S. Dong, Z. Li, Comput. Methods Appl. Mech. Eng. 387, 114129 (2021),
    doi:10.1016/j.cma.2021.114129.
    """

    def __init__(
        self,
        posed: Posed,
        field_lift: FieldLift,
        features: Features,
        blocks: Sequence[Prepared],
        is_linear: bool,
        is_reduced: bool = False,
    ) -> None:
        """Keep what does not change."""
        self._posed, self._lift, self._n = posed, field_lift, features.n_features
        self._blocks, self._is_linear, self._is_reduced = blocks, is_linear, is_reduced
        self._precision = 1 / posed.prior()
        self._negligible = 0.0 if is_linear else _NEGLIGIBLE * sum(float((b.block.weight**2).sum()) for b in blocks)

    def step(self, inner: _Inner, theta: Array) -> Step:
        """The objective's terms, unweighted, so that they can be compared between runs."""
        sums: dict[str, list[Array]] = {"data": [], "residual": [], "condition": []}
        for block in self._blocks:
            row = linearise(self._posed, self._lift, block, inner.coefficients, theta)
            # The data's weight holds its deviation, which belongs to the loss; the others' weights do not.
            by = 1.0 if block.block.kind == "data" else block.block.weight.max()
            sums[block.block.kind].append((row.residual / by) ** 2)
        mean = {kind: float(np.concatenate(parts).mean()) if parts else 0.0 for kind, parts in sums.items()}
        return Step(mean["data"], mean["residual"], mean["condition"])

    def best(self, theta: Array, start: Array) -> _Inner:
        """Solve for the coefficients: once if the laws are linear in the field, else by damped Newton steps."""
        inner = self._evaluate(start, theta)
        for iteration in range(2 if self._is_linear else _NEWTON):
            step = -inner.factored.solve(inner.rows.residual)
            found = self._descend(inner, step, theta)
            if found is None:
                break
            gain = 1 - found.fitted / inner.fitted
            inner = found
            if gain < (1e-3 if iteration else 0.0) or inner.fitted <= self._negligible:
                break
        return inner

    def _descend(self, inner: _Inner, step: Array, theta: Array) -> _Inner | None:
        """The first of ever shorter steps that makes the sum of squares less."""
        for halving in range(_HALVINGS):
            # Where all laws are linear the matrix does not depend on the coefficients.
            known = inner.factored if self._is_linear else None
            try:
                found = self._evaluate(inner.coefficients + step / 2**halving, theta, known)
            except NotFiniteError:
                continue
            if found.fitted < inner.fitted:
                return found
        return None

    def _evaluate(self, coefficients: Array, theta: Array, known: Factored | None = None) -> _Inner:
        parts = [linearise(self._posed, self._lift, one, coefficients, theta) for one in self._blocks]
        is_data = [self._is_reduced and one.block.kind == "data" for one in self._blocks]
        rows = _joined([part for part, apart in zip(parts, is_data, strict=True) if not apart])
        data = _joined([part for part, apart in zip(parts, is_data, strict=True) if apart]) if any(is_data) else None
        fitted = float(rows.residual @ rows.residual)
        return _Inner(coefficients, rows, data, fitted, known)

    def _total(self, inner: _Inner, theta: Array) -> float:
        """What the unknowns are to make least."""
        of_data = inner.fitted if inner.data is None else float(inner.data.residual @ inner.data.residual)
        return of_data + float(((theta * self._precision) ** 2).sum())

    def minimise_from_many(self, theta: Array, others: Sequence[Array]) -> Fit:
        """Minimise from `theta`; where that leaves the data unexplained, from the most promising of others too."""
        found = [self.minimise(theta)]
        n = sum(len(one.block.points) for one in self._blocks if one.block.kind == "data")
        if n == 0 or found[0].history[-1].data <= explained(n):
            return found[0]
        tried = []
        for k, other in enumerate(others):
            with suppress(NotFiniteError, np.linalg.LinAlgError):
                tried.append((self._total(self.best(other, np.zeros(self._n)), other), k))
        for _, k in sorted(tried)[:_FOLLOWED]:
            with suppress(NotFiniteError, np.linalg.LinAlgError):
                found.append(self.minimise(others[k]))
        return min(found, key=lambda one: one.objective)

    def minimise(self, theta: Array, start: Array | None = None) -> Fit:
        """Gauss-Newton on the unknowns, the coefficients eliminated at each.

        Damping is Levenberg's, lowered after each success.

        Source: G. Golub, V. Pereyra, Inverse Problems 19, R1 (2003), doi:10.1088/0266-5611/19/2/201.
        """
        low, high = self._posed.bounds()
        inner = self.best(theta, np.zeros(self._n) if start is None else start)
        total = self._total(inner, theta)
        history = [self.step(inner, theta)]
        damping, converged = 1e-3, len(theta) == 0
        for _ in range(_GAUSS_NEWTON if len(theta) else 0):
            residual, jacobian = inner.projected()
            information = jacobian.T @ jacobian + np.diag(self._precision**2)
            gradient = jacobian.T @ residual + theta * self._precision**2
            found = None
            for _ in range(_HALVINGS):
                diagonal = np.diag(information)
                damped = information + np.diag(damping * diagonal + 1e-12 * diagonal.max() + 1e-300)
                full = np.clip(-np.linalg.solve(damped, gradient), -_LONGEST_STEP, _LONGEST_STEP)
                step = np.clip(theta + full, low, high) - theta
                trial = self.best(theta + step, inner.coefficients)
                if self._total(trial, theta + step) < total:
                    found = trial
                    damping = max(damping / 10, 1e-12)
                    break
                damping *= 10
                if np.abs(step).max() < _SMALL_STEP:
                    break
            if found is None:
                converged = True
                break
            theta, inner = theta + step, found
            gain, total = total - self._total(inner, theta), self._total(inner, theta)
            history.append(self.step(inner, theta))
            if np.abs(step).max() < _SHORT_STEP or gain < _SMALL_GAIN * total:
                converged = True
                break
        _, jacobian = inner.projected()
        information = jacobian.T @ jacobian + np.diag(self._precision**2)
        return Fit(inner.coefficients, theta, tuple(history), information, total, converged)


def explained(n: int) -> float:
    """Mean square, in deviations, that `n` data may have by chance: one, and five standard deviations of it."""
    return 1 + 5 * float(np.sqrt(2 / n))


def _joined(parts: Sequence[Linear]) -> Linear:
    return Linear(
        np.concatenate([part.residual for part in parts]),
        np.concatenate([part.by_coefficient for part in parts]),
        np.concatenate([part.by_unknown for part in parts]),
    )
