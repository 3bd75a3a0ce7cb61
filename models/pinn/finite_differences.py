"""Second-order finite differences for the same posed problem: the check beside every answer, and an honest alternative.

Central differences in space; in time the backward formula of second order on steps that may differ; Newton's method
with pointwise derivatives of the law by automatic differentiation.

Knows posed problems and sparse matrices. Must not know features.

Source: U. M. Ascher, L. R. Petzold, Computer Methods for Ordinary Differential Equations, SIAM (1998), section 5.1.2,
doi:10.1137/1.9781611971392.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from scipy.interpolate import RegularGridInterpolator
from scipy.sparse.linalg import splu

from .posed import Condition, Fields, Law, Periodic, Posed, Residual, Value
from .rows import evaluate

Array = NDArray[np.float64]
_NEWTON, _CONVERGED = 30, 1e-11
_DAMPED = 6


class NoGrid(Exception):
    """A problem that this solver does not apply to, with the reason."""


@dataclass(frozen=True)
class GridField:
    """A field on a grid.

    Attributes:
        axes: Grid points of each coordinate, in the problem's units.
        values: The field, one axis for each coordinate.
    """

    axes: tuple[Array, ...]
    values: Array

    def __call__(self, points: Array) -> Array:
        """The field at points `(n_points, n_coordinates)` by cubic interpolation."""
        method = "cubic" if min(len(axis) for axis in self.axes) > 3 else "linear"
        found: Array = RegularGridInterpolator(self.axes, self.values, method=method)(points)
        return found


@dataclass(frozen=True)
class _Space:
    """The grid of all coordinates but the time.

    Attributes:
        names: Of the coordinates.
        axes: Grid points of each.
        nodes: All grid points by name, each `(n_nodes,)`.
        faces: Indices of nodes by coordinate and side.
        operators: Difference matrices by derivative, `(n_nodes, n_nodes)`; the empty name is the field itself.
    """

    names: tuple[str, ...]
    axes: tuple[Array, ...]
    nodes: dict[str, Array]
    faces: dict[tuple[str, str], NDArray[np.int64]]
    operators: dict[str, Any]

    @property
    def n_nodes(self) -> int:
        """How many grid points there are."""
        return len(self.nodes[self.names[0]])


def finite_differences(posed: Posed, theta: Array, n: int) -> GridField:
    """Solve with `n` intervals along each coordinate.

    Raises:
        NoGrid: The problem lacks conditions, or has derivatives that this scheme does not know.
    """
    _check(posed)
    space = _space(posed, n)
    p = posed.parameters(torch.as_tensor(theta))
    if "t" not in posed.coordinates:
        at = _tensors(space, None)
        start = np.zeros(space.n_nodes) if posed.lift is None else posed.lift(at, p).detach().numpy()
        values = _settle(posed, space, p, start, None, None, ())
        return GridField(space.axes, values.reshape([len(axis) for axis in space.axes]))
    times = _times(posed, n)
    initial = next(c for c in posed.conditions if isinstance(c, Value) and c.coordinate == "t")
    at = _tensors(space, times[0])
    rows = [initial.value(at, p).detach().expand(len(at["t"])).numpy().astype(float)]
    for k in range(1, len(times)):
        past = times[max(0, k - 2) : k + 1]
        guess = rows[-1] if k == 1 else rows[-1] + (rows[-1] - rows[-2]) * (past[2] - past[1]) / (past[1] - past[0])
        rows.append(_settle(posed, space, p, guess, times[k], _backward(past), rows[-2:][-len(past) + 1 :]))
    values = np.stack(rows, axis=-1).reshape([*(len(axis) for axis in space.axes), len(times)])
    return GridField((*space.axes, times), values)


def _check(posed: Posed) -> None:
    if not posed.is_complete:
        raise NoGrid("the conditions alone do not determine the field")
    if any(isinstance(c, Periodic) and c.coordinate == "t" for c in posed.conditions):
        raise NoGrid("the time is periodic")
    for derivative in posed.derivatives:
        if derivative.count("t") > 1 or ("t" in derivative and derivative != "t") or len(derivative) > 2:
            raise NoGrid(f"no differences for {derivative}")


def _space(posed: Posed, n: int) -> _Space:
    names = tuple(name for name in posed.coordinates if name != "t")
    axes = tuple(np.linspace(posed.low[k], posed.high[k], n + 1) for k in range(len(names)))
    grids = np.meshgrid(*axes, indexing="ij")
    nodes = {name: grid.ravel() for name, grid in zip(names, grids, strict=True)}
    index = np.arange(grids[0].size).reshape(grids[0].shape)
    faces = {}
    for axis, name in enumerate(names):
        faces[name, "low"] = np.take(index, 0, axis).ravel()
        faces[name, "high"] = np.take(index, -1, axis).ravel()
    read = {"", *names, *posed.derivatives, *(d for c in posed.conditions if isinstance(c, Law) for d in c.derivatives)}
    operators = {
        derivative: reduce(
            sparse.kron, [_differences(axis, derivative.count(name)) for name, axis in zip(names, axes, strict=True)]
        ).tocsr()
        for derivative in read - {"t"}
    }
    return _Space(names, axes, nodes, faces, operators)


def _times(posed: Posed, n: int) -> Array:
    low, high = float(posed.low[-1]), float(posed.high[-1])
    if posed.graded is None:
        return np.linspace(low, high, n + 1)
    # Uniform in asinh(t/τ): fine below τ, then each step a fixed part of the time passed.
    stretched = np.linspace(0, np.arcsinh((high - low) / posed.graded), 2 * n + 1)
    times: Array = low + posed.graded * np.sinh(stretched)
    times[-1] = high
    return times


def _differences(axis: Array, order: int) -> Any:
    """First or second derivative of second order on a uniform axis, one-sided at its ends."""
    n, h = len(axis), axis[1] - axis[0]
    if order == 0:
        return sparse.identity(n, format="csr")
    if order == 1:
        found = sparse.diags([-0.5, 0.5], [-1, 1], shape=(n, n)).tolil()
        found[0, :3], found[-1, -3:] = [-1.5, 2.0, -0.5], [0.5, -2.0, 1.5]
        return found.tocsr() / h
    found = sparse.diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(n, n)).tolil()
    found[0, :4], found[-1, -4:] = [2.0, -5.0, 4.0, -1.0], [-1.0, 4.0, -5.0, 2.0]
    return found.tocsr() / h**2


def _backward(past: Array) -> Array:
    """Weights of the derivative at the last of two or three times: that of the polynomial through them."""
    shifted = past - past[-1]
    size = abs(shifted[0])
    powers = (shifted / size)[None, :] ** np.arange(len(past))[:, None]
    right = np.zeros(len(past))
    right[1] = 1 / size
    found: Array = np.linalg.solve(powers, right)
    return found


def _tensors(space: _Space, time: float | None) -> dict[str, torch.Tensor]:
    found = {name: torch.as_tensor(values) for name, values in space.nodes.items()}
    if time is not None:
        found["t"] = torch.full_like(found[space.names[0]], float(time))
    return found


def _settle(
    posed: Posed, space: _Space, p: Any, guess: Array, time: float | None, weights: Array | None, past: Sequence[Array]
) -> Array:
    """One steady problem, or one time step: Newton's method with halved steps where a full one does not help."""
    u = guess.copy()
    residual, jacobian = _system(posed, space, p, u, time, weights, past)
    for _ in range(_NEWTON):
        step = splu(jacobian.tocsc()).solve(-residual)
        size = float(np.abs(residual).max())
        for halving in range(_DAMPED):
            trial = u + step / 2**halving
            found = _system(posed, space, p, trial, time, weights, past)
            if float(np.abs(found[0]).max()) < size or halving == _DAMPED - 1:
                break
        u, (residual, jacobian) = trial, found
        if float(np.abs(step).max()) <= _CONVERGED * max(posed.scale, float(np.abs(u).max())):
            break
    return u


def _system(
    posed: Posed, space: _Space, p: Any, u: Array, time: float | None, weights: Array | None, past: Sequence[Array]
) -> tuple[Array, Any]:
    """The equations at all nodes and their derivatives by the nodes' values; each equation of size one."""
    at = _tensors(space, time)
    operators = dict(space.operators)
    jets = {name: operators[name] @ u for name in posed.derivatives if name != "t"}
    if weights is not None:
        operators["t"] = operators[""] * weights[-1]
        jets["t"] = weights[-1] * u + sum(w * v for w, v in zip(weights[:-1], past, strict=True))
    residual, inner = _law(posed.residual, posed.derivatives, u, jets, operators, at, p)
    is_inner = np.ones(space.n_nodes)
    parts = []
    for one in posed.conditions:
        if one.coordinate == "t":
            continue
        for rows, right, part in _face_rows(space, one, u, at, p):
            # A corner belongs to the first condition that reaches it.
            free = is_inner[rows] > 0
            rows, right, part = rows[free], right[free], part[free]
            is_inner[rows], residual[rows] = 0.0, right
            scatter = sparse.csr_matrix((np.ones(len(rows)), (rows, np.arange(len(rows)))), (len(u), len(rows)))
            parts.append(scatter @ part)
    jacobian = sum(parts, sparse.diags(is_inner) @ inner).tocsr()
    size = abs(jacobian).max(axis=1).toarray().ravel()
    size[size == 0] = 1.0
    return residual / size, sparse.diags(1 / size) @ jacobian


def _face_rows(
    space: _Space, one: Condition, u: Array, at: Fields, p: Any
) -> list[tuple[NDArray[np.int64], Array, Any]]:
    """Nodes, equations and their derivatives that a condition puts in place of the law."""
    eye = space.operators[""]
    if isinstance(one, Periodic):
        low, high = space.faces[one.coordinate, "low"], space.faces[one.coordinate, "high"]
        found = []
        for rows, operator in ((low, eye), (high, space.operators[one.coordinate])):
            part = operator[low] - operator[high]
            found.append((rows, part @ u, part))
        return found
    rows = space.faces[one.coordinate, one.side]
    there = {name: value[rows] for name, value in at.items()}
    if isinstance(one, Value):
        known = one.value(there, p).detach().expand(len(rows)).numpy()
        return [(rows, u[rows] - known, eye[rows])]
    own = {name: space.operators[name][rows] for name in one.derivatives}
    slopes = {name: operator @ u for name, operator in own.items()}
    return [(rows, *_law(one.residual, one.derivatives, u[rows], slopes, own, there, p, eye[rows]))]


def _law(
    law: Residual,
    derivatives: Sequence[str],
    u: Array,
    jets: dict[str, Array],
    operators: dict[str, Any],
    at: dict[str, torch.Tensor],
    p: Any,
    identity: Any = None,
) -> tuple[Array, Any]:
    leaf = torch.as_tensor(np.stack([u, *(jets[name] for name in derivatives)])).requires_grad_()
    value = evaluate(law, leaf[0], dict(zip(derivatives, leaf[1:], strict=True)), at, p)
    (partial,) = torch.autograd.grad(value.sum(), leaf)
    found = sparse.diags(partial[0].numpy())
    found = found if identity is None else found @ identity
    for k, name in enumerate(derivatives, start=1):
        found = found + sparse.diags(partial[k].numpy()) @ operators[name]
    return value.detach().numpy().copy(), found
