"""Conditions that a field keeps exactly: u = lift + mask · features, where the mask vanishes on the faces concerned.

Knows torch for the lift's derivatives and numpy for the features'. Must not know how coefficients are found.

Source: the ansatz of I. E. Lagaris, A. Likas, D. I. Fotiadis, IEEE Trans. Neural Netw. 9, 987 (1998),
doi:10.1109/72.712178; the lift is the transfinite interpolation of W. J. Gordon, C. A. Hall, Numer. Math. 21, 109
(1973), doi:10.1007/BF01436298.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import comb

import numpy as np
import torch
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from .features import Features, Order
from .posed import Fields, Parameters, Posed, Value

Array = NDArray[np.float64]
_AGREE = 1e-9


@dataclass(frozen=True)
class Masked:
    """Features times a product of one polynomial for each coordinate, which vanishes on faces with known values.

    Attributes:
        features: Of the unit box.
        mask: Polynomials, one for each coordinate.
    """

    features: Features
    mask: tuple[Polynomial, ...]

    @property
    def n_features(self) -> int:
        """As many as without the mask."""
        return self.features.n_features

    def jets(self, points: Array, orders: Sequence[Order]) -> Array:
        """Derivatives by Leibniz's rule: `∂^k (m φ) = Σ_j C(k, j) ∂^j m ∂^(k−j) φ`."""
        needed = sorted({part for order in orders for part in product(*(range(k + 1) for k in order))})
        bare = dict(zip(needed, self.features.jets(points, needed), strict=True))
        found = np.zeros((len(orders), len(points), self.n_features))
        for row, order in enumerate(orders):
            for part in product(*(range(k + 1) for k in order)):
                factor = np.ones(len(points))
                for axis, (k, j) in enumerate(zip(order, part, strict=True)):
                    factor = factor * comb(k, j) * self.mask[axis].deriv(j)(points[:, axis])
                if factor.any():
                    rest = tuple(k - j for k, j in zip(order, part, strict=True))
                    found[row] += factor[:, None] * bare[rest]
        return found


def mask_of(posed: Posed, values: Sequence[Value]) -> tuple[Polynomial, ...]:
    """The mask of some conditions: z, 1 − z, their product or 1 for each coordinate."""
    found = []
    for name in posed.coordinates:
        sides = {one.side for one in values if one.coordinate == name}
        one = Polynomial([1.0])
        low, high = Polynomial([0.0, 1.0]), Polynomial([1.0, -1.0])
        found.append((low if "low" in sides else one) * (high if "high" in sides else one))
    return tuple(found)


def lift(posed: Posed, values: Sequence[Value], at: Fields, p: Parameters) -> torch.Tensor:
    """A smooth field that has the known values on their faces, `(n_points,)`.

    The posed problem's own lift, if it has one, and what it misses on the faces: the sum over coordinates of linear
    interpolations between faces, without what two of them count twice.
    """
    axes = [[one for one in values if one.coordinate == name] for name in posed.coordinates]
    found = _own_lift(posed, at, p)
    rest = [_Projection(1.0, dict(at), torch.ones_like(at[posed.coordinates[0]]), None)]
    for axis, faces in enumerate(axes):
        # Boolean sum 1 − Π(1 − P_i): every projection that is taken leaves a term with the opposite sign.
        taken = []
        for part in rest:
            for one in faces:
                weight = part.weight * _share(posed, axis, one, faces, at)
                place = part.place | {one.coordinate: torch.full_like(at[one.coordinate], _face(posed, axis, one))}
                # In a corner the first of two faces holds; where they disagree, a lift must have the jump.
                given = part.given or one
                found = found + part.sign * weight * (given.value(place, p) - _own_lift(posed, place, p))
                taken.append(_Projection(-part.sign, place, weight, given))
        rest += taken
    return found


@dataclass(frozen=True)
class _Projection:
    """The field moved to some faces, with the weight that interpolates between them."""

    sign: float
    place: dict[str, torch.Tensor]
    weight: torch.Tensor
    given: Value | None


def _own_lift(posed: Posed, at: Fields, p: Parameters) -> torch.Tensor:
    if posed.lift is None:
        return torch.zeros_like(at[posed.coordinates[0]])
    own: torch.Tensor = posed.lift(at, p)
    return own


def _face(posed: Posed, axis: int, one: Value) -> float:
    return float(posed.low[axis] if one.side == "low" else posed.high[axis])


def _share(posed: Posed, axis: int, one: Value, faces: Sequence[Value], at: Fields) -> torch.Tensor:
    z: torch.Tensor = (at[one.coordinate] - posed.low[axis]) / posed.span[axis]
    if len(faces) == 1:
        return torch.ones_like(z)
    return 1 - z if one.side == "low" else z


def corner_jump(posed: Posed, values: Sequence[Value]) -> float:
    """Greatest difference between two known values where their faces meet, in units of the field's scale."""
    if posed.lift is not None:
        return 0.0
    rng = np.random.default_rng(0)
    unit = torch.as_tensor(rng.uniform(0, 1, (20, len(posed.coordinates))))
    p = posed.parameters(torch.zeros(posed.n_unknowns, dtype=torch.float64))
    worst = 0.0
    for k, one in enumerate(values):
        for other in values[:k]:
            if one.coordinate == other.coordinate:
                continue
            places = {name: posed.low[i] + posed.span[i] * unit[:, i] for i, name in enumerate(posed.coordinates)}
            for side in (one, other):
                axis = posed.coordinates.index(side.coordinate)
                places[side.coordinate] = torch.full((20,), _face(posed, axis, side), dtype=torch.float64)
            gap = (one.value(places, p) - other.value(places, p)).abs().max()
            worst = max(worst, float(gap) / posed.scale)
    return worst if worst > _AGREE else 0.0
