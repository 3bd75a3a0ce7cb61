"""Features' closed-form derivatives against automatic differentiation, and what the lift and the mask keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from athanor.models.pinn.curve import UnknownCurve
from athanor.models.pinn.features import draw_tanh, order_of
from athanor.models.pinn.graded_features import GradedFeatures
from athanor.models.pinn.hard_conditions import Masked, mask_of
from athanor.models.pinn.piecewise import Piecewise
from athanor.models.pinn.posed import Posed, Value
from athanor.models.pinn.rows import default_lift, lift_jets
from athanor.models.pinn.slab_rows import STAGES, time_features

POINTS = np.random.default_rng(0).uniform(0.05, 0.95, (7, 2))


def by_torch(values: torch.Tensor, at: list[torch.Tensor], order: tuple[int, ...]) -> np.ndarray:
    """Differentiate a column of values as often as the order says."""
    for axis, times in enumerate(order):
        for _ in range(times):
            (values,) = torch.autograd.grad(values.sum(), at[axis], create_graph=True)
    return values.detach().numpy()


@pytest.mark.parametrize("derivative", ["x", "t", "xx", "xt", "xxt", "xxxx"])
def test_tanh_features_agree_with_automatic_differentiation(derivative: str) -> None:
    features = draw_tanh(2, 5, 3.0, 1)
    order = order_of(derivative, ("x", "t"))
    at = [torch.tensor(POINTS[:, k], requires_grad=True) for k in range(2)]
    for j in range(5):
        w = features.weights[:, j]
        values = torch.tanh(w[0] * at[0] + w[1] * at[1] + features.offsets[j])
        assert features.jets(POINTS, [order])[0, :, j] == pytest.approx(by_torch(values, at, order), abs=1e-9)


def test_masked_features_vanish_where_they_must_and_follow_leibniz() -> None:
    zero = Value("x", "low", lambda at, p: 0 * at["t"])
    start = Value("t", "low", lambda at, p: 0 * at["x"])
    posed = Posed(("x", "t"), np.zeros(2), np.ones(2), lambda u, du, at, p: u, ())
    masked = Masked(draw_tanh(2, 4, 2.0, 0), mask_of(posed, [zero, start]))
    edge = POINTS * [0, 1]
    assert np.abs(masked.jets(edge, [(0, 0)])).max() == 0
    h = 1e-5
    steps = [masked.jets(POINTS + np.array([k * h, 0]), [(0, 0)])[0] for k in (-1, 0, 1)]
    second = (steps[0] - 2 * steps[1] + steps[2]) / h**2
    assert masked.jets(POINTS, [(2, 0)])[0] == pytest.approx(second, abs=1e-4)


def test_products_agree_with_differences() -> None:
    features = GradedFeatures((3, 4), 0.05)
    h = 1e-6
    for axis, order in enumerate(((1, 0), (0, 1))):
        shift = np.eye(2)[axis] * h
        slope = (features.jets(POINTS + shift, [(0, 0)])[0] - features.jets(POINTS - shift, [(0, 0)])[0]) / (2 * h)
        assert features.jets(POINTS, [order])[0] == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize("smoothness", [1, 2])
def test_piecewise_polynomials_are_smooth_and_hold_every_polynomial_of_their_degree(smoothness: int) -> None:
    place = Piecewise(3, 4, smoothness)
    nodes = np.concatenate([[0.0], place.gauss(), [1.0]])[: place.n_features]

    def matrix(z: np.ndarray, order: int) -> np.ndarray:
        found = np.zeros((len(z), place.n_features))
        np.put_along_axis(found, place.columns(z), place.local(z, order), axis=1)
        return found

    for degree in range(place.reach):
        coefficients = np.linalg.solve(matrix(nodes, 0), nodes**degree)
        for order in range(3):
            exact = np.polynomial.Polynomial.basis(degree).deriv(order)(POINTS[:, 0])
            assert matrix(POINTS[:, 0], order) @ coefficients == pytest.approx(exact, abs=1e-9)
    joint = np.array([1 / 3 - 1e-12, 1 / 3 + 1e-12])
    any_field = np.random.default_rng(0).normal(size=place.n_features)
    for order in range(smoothness):
        below, above = matrix(joint, order) @ any_field
        assert below == pytest.approx(above, abs=1e-8)


def test_polynomials_of_a_slabs_time_hold_the_start_and_agree_with_differences() -> None:
    assert time_features(np.zeros(1), 0)[0] == pytest.approx([1.0] + [0.0] * STAGES)
    tau, h = POINTS[:, 1], 1e-6
    slope = (time_features(tau + h, 0) - time_features(tau - h, 0)) / (2 * h)
    assert time_features(tau, 1) == pytest.approx(slope, abs=1e-6)


def test_a_lift_keeps_all_three_conditions() -> None:
    conditions = (
        Value("x", "low", lambda at, p: torch.sin(at["t"])),
        Value("x", "high", lambda at, p: 1 + at["t"]),
        Value("t", "low", lambda at, p: at["x"] ** 3),
    )
    posed = Posed(("x", "t"), np.zeros(2), np.ones(2), lambda u, du, at, p: u, (), conditions)
    lift = default_lift(posed, conditions)

    def field(points: np.ndarray) -> np.ndarray:
        return lift_jets(posed, lift, points, (), torch.zeros(len(points), 0, dtype=torch.float64))[0].detach().numpy()

    line = np.linspace(0, 1, 9)
    assert field(np.column_stack([0 * line, line])) == pytest.approx(np.sin(line))
    assert field(np.column_stack([0 * line + 1, line])) == pytest.approx(1 + line)
    assert field(np.column_stack([line, 0 * line])) == pytest.approx(line**3)


def test_a_curve_knows_its_slope() -> None:
    curve = UnknownCurve("k", "x", 1.0, 3.0, 2.0, terms=5).at(
        torch.tensor([0.1, -0.4, 0.2, 0.05, -0.1], dtype=torch.float64)
    )
    x = torch.linspace(1.1, 2.9, 6, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(curve(x).sum(), x)
    assert curve.slope(x).detach().numpy() == pytest.approx(slope.numpy())
    flat = UnknownCurve("k", "x", 1.0, 3.0, 2.0).at(torch.zeros(8, dtype=torch.float64))
    assert float(flat(torch.tensor([1.5]))[0]) == pytest.approx(2.0)
    assert math.isclose(float(flat.slope(torch.tensor([1.5]))[0]), 0.0, abs_tol=1e-12)
