"""Rows of the least-squares problem: a law at points, and what it says of features and unknowns by differentiation.

Knows torch for derivatives of laws, numpy for matrices. Must not know how the least-squares problem is solved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .features import Features, Order, order_of
from .hard_conditions import lift
from .posed import Fields, NotFiniteError, Parameters, Periodic, Posed, Residual, ResidualError, Value

Array = NDArray[np.float64]
FieldLift = Callable[[Fields, Parameters], torch.Tensor]


@dataclass(frozen=True)
class Block:
    """One law at some points.

    Attributes:
        kind: `data`, `residual` or `condition`.
        points: Of the unit box, `(n_points, n_coordinates)`.
        residual: What is to be zero there.
        derivatives: Names of those that it reads.
        size: What the residual is divided by.
        weight: What it is multiplied with afterwards, `(n_points,)`.
        opposite: For a periodic pair the points whose values are subtracted.
    """

    kind: str
    points: Array
    residual: Residual
    derivatives: tuple[str, ...]
    size: float
    weight: Array
    opposite: Array | None = None


@dataclass(frozen=True)
class Prepared:
    """A block with all that does not change while coefficients and unknowns are sought.

    Attributes:
        block: What it is of.
        jets: Derivatives of the features, already in the problem's units, `(n_derivatives + 1, n_points, n_features)`;
            the first is the field itself.
    """

    block: Block
    jets: Array


@dataclass(frozen=True)
class Linear:
    """A block at given coefficients and unknowns: `r + A δc + G δθ`, weighted.

    Attributes:
        residual: `(n_points,)`.
        by_coefficient: `(n_points, n_features)`.
        by_unknown: `(n_points, n_unknowns)`.
    """

    residual: Array
    by_coefficient: Array
    by_unknown: Array


def places(posed: Posed, points: Array) -> dict[str, torch.Tensor]:
    """Points of the unit box as coordinates by name, in the problem's units."""
    return {
        name: torch.as_tensor(posed.low[axis] + posed.span[axis] * points[:, axis])
        for axis, name in enumerate(posed.coordinates)
    }


def orders(posed: Posed, derivatives: Sequence[str]) -> list[Order]:
    """The field itself and its derivatives as orders."""
    return [order_of(name, posed.coordinates) for name in ("", *derivatives)]


def prepare(posed: Posed, block: Block, features: Features) -> Prepared:
    """Evaluate the features and bring them to the problem's units: `∂^k u = U ∏ L_i^{-k_i} ∂^k v`."""
    needed = orders(posed, block.derivatives)
    jets = features.jets(block.points, needed)
    if block.opposite is not None:
        jets = jets - features.jets(block.opposite, needed)
    return Prepared(block, jets * unit_factors(posed, needed)[:, None, None])


def unit_factors(posed: Posed, needed: Sequence[Order]) -> Array:
    """What brings derivatives on the unit box to the problem's units, `(n_orders,)`."""
    return np.array([posed.scale / np.prod(posed.span ** np.array(order)) for order in needed])


def lift_jets(
    posed: Posed, field_lift: FieldLift, points: Array, derivatives: Sequence[str], theta: torch.Tensor
) -> list[torch.Tensor]:
    """The lift and its derivatives by automatic differentiation, each `(n_points,)`, differentiable by `theta`."""
    at = {name: value.requires_grad_() for name, value in places(posed, points).items()}
    p = posed.parameters(theta)
    found = {"": field_lift(at, p).expand(len(points))}
    for name in derivatives:
        for end in range(1, len(name) + 1):
            if name[:end] not in found:
                found[name[:end]] = _derivative(found[name[: end - 1]], at[name[end - 1]])
    return [found[name] for name in ("", *derivatives)]


def _derivative(values: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """Pointwise: each value depends on its own point only, so the sum's gradient holds every derivative."""
    if not values.requires_grad:
        return torch.zeros_like(by)
    (found,) = torch.autograd.grad(values.sum(), by, create_graph=True, allow_unused=True)
    return torch.zeros_like(by) if found is None else found


def linearise(posed: Posed, field_lift: FieldLift, prepared: Prepared, coefficients: Array, theta: Array) -> Linear:
    """Evaluate a block's law and differentiate it by the field's jet and by the unknowns.

    Raises:
        ResidualError: The law's answer has the wrong shape, is no tensor, does not depend on the field in a way that
            torch can differentiate, or is not a number.
    """
    block = prepared.block
    n = len(block.points)
    # Unknowns are copied for each point, so that one backward pass gives each point's own derivative.
    each = torch.as_tensor(np.broadcast_to(theta, (n, len(theta))).copy()).requires_grad_(len(theta) > 0)
    base = lift_jets(posed, field_lift, block.points, block.derivatives, each)
    if block.opposite is not None:
        base = [
            one - other
            for one, other in zip(
                base, lift_jets(posed, field_lift, block.opposite, block.derivatives, each), strict=True
            )
        ]
    leaf = torch.as_tensor(prepared.jets @ coefficients).requires_grad_()
    jet = [one + leaf[k] for k, one in enumerate(base)]
    at = {name: value.detach() for name, value in places(posed, block.points).items()}
    value = evaluate(
        block.residual, jet[0], dict(zip(block.derivatives, jet[1:], strict=True)), at, posed.parameters(each)
    )
    wanted = [leaf, each] if len(theta) else [leaf]
    gradients = torch.autograd.grad(value.sum(), wanted, allow_unused=True)
    partial = torch.zeros_like(leaf) if gradients[0] is None else gradients[0]
    slopes = torch.zeros_like(each) if len(theta) == 0 or gradients[1] is None else gradients[1]
    scale = block.weight / block.size
    matrix = np.einsum("kn,knm->nm", partial.detach().numpy() * scale, prepared.jets)
    return Linear(value.detach().numpy() * scale, matrix, slopes.detach().numpy() * scale[:, None])


def evaluate(law: Residual, u: torch.Tensor, du: Fields, at: Fields, p: Parameters) -> torch.Tensor:
    """Call a law and refuse an answer that cannot be used."""
    value = law(u, du, at, p)
    if not isinstance(value, torch.Tensor):
        raise ResidualError(
            f"the residual returned a {type(value).__name__}; a torch tensor of shape {tuple(u.shape)} is allowed"
        )
    if value.shape != u.shape:
        raise ResidualError(
            f"the residual returned shape {tuple(value.shape)}; {tuple(u.shape)}, one number for each point, is allowed"
        )
    if not value.requires_grad:
        raise ResidualError("the residual cannot be differentiated by the field: use torch functions of u and du only")
    if not torch.isfinite(value).all():
        bad = int((~torch.isfinite(value)).sum())
        raise NotFiniteError(f"the residual is not a finite number at {bad} of {len(value)} points")
    return value


def is_linear(posed: Posed, derivatives: Sequence[str], law: Residual) -> bool:
    """Whether a law is affine in the field's jet: its partial derivatives are the same at two jets."""
    rng = np.random.default_rng(0)
    unit = rng.uniform(0.05, 0.95, (32, len(posed.coordinates)))
    at = places(posed, unit)
    # An unknown function of the field starts as a constant, with which the law would look linear.
    p = posed.parameters(torch.as_tensor(np.clip(rng.normal(0, 0.1, posed.n_unknowns), *posed.bounds())))
    units = unit_factors(posed, orders(posed, derivatives))
    partial = []
    for _ in range(2):
        jet = torch.as_tensor(rng.normal(size=(len(units), 32)) * units[:, None]).requires_grad_()
        value = _sampled(law, jet, derivatives, at, p)
        (gradient,) = torch.autograd.grad(value.sum(), jet)
        partial.append(gradient.numpy() * units[:, None])
    size = np.abs(partial[0]).max() + np.abs(partial[1]).max()
    return bool(np.abs(partial[0] - partial[1]).max() <= 1e-9 * size)


def typical_size(posed: Posed, derivatives: Sequence[str], law: Residual) -> float:
    """What a law's terms amount to for a field of the problem's scale and extent: its non-dimensional unit."""
    rng = np.random.default_rng(1)
    unit = rng.uniform(0.02, 0.98, (64, len(posed.coordinates)))
    p = posed.parameters(torch.zeros(posed.n_unknowns, dtype=torch.float64))
    units = unit_factors(posed, orders(posed, derivatives))
    jet = torch.as_tensor(rng.normal(size=(len(units), 64)) * units[:, None]).requires_grad_()
    value = _sampled(law, jet, derivatives, places(posed, unit), p)
    (gradient,) = torch.autograd.grad(value.sum(), jet)
    terms = np.abs(gradient.numpy() * units[:, None])
    return float(np.sqrt((terms**2).sum(0)).mean()) or 1.0


def _sampled(law: Residual, jet: torch.Tensor, derivatives: Sequence[str], at: Fields, p: Parameters) -> torch.Tensor:
    """A law at random jets; one that holds for positive fields only, such as one with a root of u, at such."""
    du = dict(zip(derivatives, jet[1:], strict=True))
    try:
        return evaluate(law, jet[0], du, at, p)
    except NotFiniteError:
        return evaluate(law, jet[0].abs(), du, at, p)


def condition_blocks(
    posed: Posed, hard: Sequence[Value], n_points: int, weight: float, shortest: float | None = None
) -> list[Block]:
    """Rows of all conditions that are not kept exactly, at points of their faces.

    Args:
        posed: The problem.
        hard: Conditions that the field keeps by its form.
        n_points: Points on each face.
        weight: Of each row's square, of all points of a face together.
        shortest: Where the time is stretched, its shortest scale in units of the whole.
    """
    found = []
    for one in posed.conditions:
        if isinstance(one, Value) and one in hard:
            continue
        axis = posed.coordinates.index(one.coordinate)
        points = face_points(len(posed.coordinates), axis, n_points)
        if shortest is not None:
            points[:, -1] = shortest * np.sinh(points[:, -1] * np.arcsinh(1 / shortest))
        each = np.full(len(points), np.sqrt(weight / len(points)))
        if isinstance(one, Periodic):
            other = points.copy()
            points[:, axis], other[:, axis] = 1.0, 0.0
            found.append(Block("condition", points, field_itself, (), posed.scale, each, other))
            size = posed.scale / posed.span[axis]
            found.append(Block("condition", points, slope_of(one.coordinate), (one.coordinate,), size, each, other))
            continue
        points[:, axis] = float(one.side == "high")
        if isinstance(one, Value):
            found.append(Block("condition", points, as_given(one), (), posed.scale, each))
        else:
            size = typical_size(posed, one.derivatives, one.residual)
            found.append(Block("condition", points, one.residual, one.derivatives, size, each))
    return found


def field_itself(u: torch.Tensor, _du: Fields, _at: Fields, _p: Parameters) -> torch.Tensor:
    """A law that only reads the field."""
    return u


def slope_of(name: str) -> Residual:
    """A law that only reads one derivative."""
    return lambda u, du, at, p: du[name]


def as_given(one: Value) -> Residual:
    """A known value as a law."""
    return lambda u, du, at, p: u - one.value(at, p)


def face_points(n_coordinates: int, axis: int, n_points: int) -> Array:
    """Points all over a face, both ends of its edges among them; a single one where the face is a point."""
    if n_coordinates == 1:
        return np.zeros((1, 1))
    each = max(2, round(n_points ** (1 / (n_coordinates - 1))))
    line = 0.5 - 0.5 * np.cos(np.pi * np.arange(each) / (each - 1))
    grids = np.meshgrid(*([line] * (n_coordinates - 1)), indexing="ij")
    return np.insert(np.stack([grid.ravel() for grid in grids], axis=1), axis, 0.0, axis=1)


def inner_points(n_coordinates: int, n_points: int) -> Array:
    """Gauss-Chebyshev points of the unit box, a grid that is dense at the faces, about `n_points` together."""
    each = max(4, round(n_points ** (1 / n_coordinates)))
    line = 0.5 - 0.5 * np.cos(np.pi * (np.arange(each) + 0.5) / each)
    grids = np.meshgrid(*([line] * n_coordinates), indexing="ij")
    return np.stack([grid.ravel() for grid in grids], axis=1)


def default_lift(posed: Posed, hard: Sequence[Value]) -> FieldLift:
    """The lift of the hard conditions as a function of coordinates and parameters."""
    return lambda at, p: lift(posed, hard, at, p)
