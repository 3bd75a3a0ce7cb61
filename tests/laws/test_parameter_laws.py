"""Laws of parameter spaces: whatever comes out is allowed, nothing comes twice, and order changes nothing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from botorch.acquisition import AcquisitionFunction
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from athanor.memory.records import Point, content_hash
from athanor.tools.acquisition.noise import Results
from athanor.tools.parameters.encode import columns, decode, encode
from athanor.tools.parameters.finite import points, size
from athanor.tools.parameters.parameter_space import ParameterSpace
from athanor.tools.parameters.repair import check, repair
from athanor.tools.parameters.sample import sample, spread
from athanor.tools.parameters.suggest import suggest
from athanor.tools.parameters.surrogate import fit

LAW = settings(max_examples=15, deadline=None, derandomize=True)


class Slope(AcquisitionFunction):
    """A made-up acquisition: a tilted bowl, which falls where points are pending."""

    def __init__(self, n_columns: int, seed: int) -> None:
        super().__init__(model=torch.nn.Module())  # type: ignore[arg-type]
        self.X_pending: Tensor | None = None
        random = torch.Generator().manual_seed(seed)
        self.top = torch.rand(n_columns, generator=random, dtype=torch.float64) * 1.5 - 0.25

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803
        value = -((X[:, 0] - self.top) ** 2).sum(dim=-1)
        for row in () if self.X_pending is None else self.X_pending:
            value = value - 0.1 * torch.exp(-50 * ((X[:, 0] - row) ** 2).sum(dim=-1))
        return value


@st.composite
def variables(draw: st.DrawFn, discrete: bool) -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {"kind": "categorical", "name": "solvent", "unit": "1", "labels": ["water", "ethanol", "none"]}
    ]
    low = draw(st.integers(-3, 3))
    found.append({"kind": "integer", "name": "cycles", "unit": "1", "low": low, "high": low + draw(st.integers(1, 6))})
    found.append({"kind": "ordinal", "name": "mesh", "unit": "mm", "values": [0.5, 1.0, 4.0]})
    if draw(st.booleans()):
        found[0]["descriptors"] = {"water": [78.4, 1.0], "ethanol": [24.5, 0.8], "none": [1.0, 0.0]}
    if draw(st.booleans()):
        found[-1]["when"] = draw(
            st.sampled_from(
                [{"variable": "solvent", "is": ["water", "none"]}, {"variable": "cycles", "at_least": low + 1}]
            )
        )
    if discrete:
        return found
    found.append({"kind": "continuous", "name": "heat", "unit": "K", "low": 280.0, "high": draw(st.floats(300, 900))})
    found.append({"kind": "continuous", "name": "flow", "unit": "mL/s", "low": 1e-3, "high": 10.0, "scale": "log"})
    if draw(st.booleans()):
        found[-1]["when"] = {"variable": "solvent", "is": ["water", "ethanol"]}
    n = draw(st.integers(2, 5))
    found.append(
        {
            "kind": "composition",
            "name": "mix",
            "unit": "%",
            "parts": ["A", "B", "C", "D", "E"][:n],
            "total": draw(st.sampled_from([1.0, 100.0])),
            "at_most": draw(st.one_of(st.none(), st.integers(1, n))),
        }
    )
    found[-1]["minimum"] = draw(st.sampled_from([0.0, 0.04, 0.2])) * float(found[-1]["total"])  # type: ignore[arg-type]
    return found


@st.composite
def spaces(draw: st.DrawFn, discrete: bool = False) -> ParameterSpace:
    """Spaces with constraints that leave something, for a random point of the space keeps them."""
    free = ParameterSpace.model_validate({"variables": draw(variables(discrete))})
    inside = sample(free, 1, draw(st.integers(0, 99)))[0].values
    able = [leaf.name for leaf in free.leaves if leaf.name != "solvent"]
    constraints = []
    for comparison in draw(st.lists(st.sampled_from(["<=", ">="] if discrete else ["<=", ">=", "="]), max_size=2)):
        names = draw(st.lists(st.sampled_from(able), min_size=1, max_size=3, unique=True))
        if comparison == "=" and not {"heat", "A"} & set(names):
            names.append("heat")
        terms = {name: draw(st.sampled_from([1.0, -1.0, 0.5, 3.0])) for name in names}
        bound = sum(c * float(inside.get(name, 0.0)) for name, c in terms.items())
        constraints.append({"terms": terms, "comparison": comparison, "bound": bound})
    described = free.model_dump(by_alias=True) | {"constraints": constraints}
    return ParameterSpace.model_validate(described)


@LAW
@given(spaces(), st.integers(0, 10**6))
def test_every_sample_is_allowed_and_none_comes_twice(space: ParameterSpace, seed: int) -> None:
    drawn = sample(space, 20, seed)
    assert drawn
    assert [check(space, p) for p in drawn] == [()] * len(drawn)
    assert len({content_hash(p) for p in drawn}) == len(drawn)
    assert sample(space, 20, seed) == drawn


@LAW
@given(spaces(), st.integers(0, 10**6))
def test_a_repaired_guess_is_allowed_and_an_allowed_point_stays(space: ParameterSpace, seed: int) -> None:
    random = np.random.default_rng(seed)
    for guess in decode(space, random.uniform(-0.5, 1.5, (4, len(columns(space))))):
        assert check(space, repair(space, guess)) == ()
    for point in sample(space, 4, seed):
        again = repair(space, point.values).values
        assert again.keys() == point.values.keys()
        for name, value in point.values.items():
            assert again[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-7, abs=1e-7))


@LAW
@given(spaces(), st.integers(0, 10**6))
def test_rows_are_between_zero_and_one_and_lead_back(space: ParameterSpace, seed: int) -> None:
    drawn = sample(space, 10, seed)
    rows = encode(space, drawn)
    assert rows.shape == (len(drawn), len(columns(space)))
    assert rows.dtype == np.float64
    assert rows.min() >= 0
    assert rows.max() <= 1
    for point, values in zip(drawn, decode(space, rows), strict=True):
        assert values.keys() == point.values.keys()
        for name, value in point.values.items():
            assert values[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-9, abs=1e-9))
    np.testing.assert_array_equal(encode(space, [Point(values=dict(p.values)) for p in drawn]), rows)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(spaces(), st.integers(0, 10**4))
def test_suggestions_are_allowed_new_and_the_same_for_one_seed(space: ParameterSpace, seed: int) -> None:
    taken = sample(space, 3, seed)
    kept = {"solvent": taken[0].values["solvent"]}
    found = suggest(space, Slope(len(columns(space)), seed), 2, seed, taken, fixed=kept)
    assert [check(space, s.point) for s in found] == [()] * len(found)
    assert all(s.point.values["solvent"] == kept["solvent"] for s in found)
    names = [content_hash(s.point) for s in found]
    assert len({*names, *map(content_hash, taken)}) == len(names) + len(taken)
    assert suggest(space, Slope(len(columns(space)), seed), 2, seed, taken, fixed=kept) == found


@LAW
@given(spaces(discrete=True), st.integers(0, 10**6))
def test_a_discrete_space_is_used_up_without_a_repeat(space: ParameterSpace, seed: int) -> None:
    whole = points(space)
    assert whole is not None
    n = size(space)
    assert n == len(whole) == len({content_hash(p) for p in whole})
    assert len(sample(space, n + 5, seed)) == n
    taken = sample(space, n - min(n, 3), seed)
    left = suggest(space, Slope(len(columns(space)), seed), 5, seed, taken)
    assert {content_hash(p) for p in taken} | {content_hash(s.point) for s in left} == {content_hash(p) for p in whole}
    assert len(left) == n - len(taken)
    assert not sample(space, 1, seed, {content_hash(p) for p in whole})


@settings(max_examples=30, deadline=None, derandomize=True)
@given(variables(discrete=True))
def test_the_count_without_constraints_is_that_of_the_list(described: list[dict[str, object]]) -> None:
    space = ParameterSpace.model_validate({"variables": described})
    whole = points(space)
    assert whole is not None
    assert size(space) == len(whole)


def cube(n: int) -> ParameterSpace:
    lines = [{"kind": "continuous", "name": f"x{k}", "unit": "1", "low": 0, "high": 1} for k in range(n)]
    return ParameterSpace.model_validate({"variables": lines})


@settings(max_examples=5, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from(["stated", "pooled", "inferred"]))
def test_any_order_of_results_gives_the_same_posterior(seed: int, noise: str) -> None:
    random = np.random.default_rng(seed)
    rows = random.random((9, 2))
    if noise == "pooled":
        rows = np.repeat(rows, 2, axis=0)
    values = np.sin(4 * rows[:, 0]) + rows[:, 1] + 0.1 * random.standard_normal(len(rows))
    deviations = np.full(len(rows), np.nan) if noise != "stated" else random.uniform(0.05, 0.2, len(rows))
    order = random.permutation(len(rows))
    asked = random.random((5, 2))
    first = fit(cube(2), {"y": Results(rows, values, deviations)}).predict(asked)
    second = fit(cube(2), {"y": Results(rows[order], values[order], deviations[order])}).predict(asked)
    np.testing.assert_allclose(first, second, rtol=0, atol=1e-6)


def test_ten_thousand_duplicates_one_result_and_equal_results_are_all_learnt_from() -> None:
    nothing = np.full(10_000, np.nan)
    noisy = np.random.default_rng(0).normal(3.0, 0.5, 10_000)
    mean, deviation = fit(cube(2), {"y": Results(np.full((10_000, 2), 0.3), noisy, nothing)}).predict(
        np.full((1, 2), 0.3)
    )
    assert mean[0, 0] == pytest.approx(noisy.mean(), abs=1e-6)
    assert np.isfinite(deviation).all()
    mean, deviation = fit(cube(1), {"y": Results(np.array([[0.2]]), np.array([7.0]), nothing[:1])}).predict(
        np.array([[0.9]])
    )
    assert mean[0, 0] == pytest.approx(7.0, abs=1.0)
    assert deviation[0, 0] > 0
    rows = np.linspace(0, 1, 6)[:, None]
    mean, _ = fit(cube(1), {"y": Results(rows, np.full(6, 7.0), nothing[:6])}).predict(rows)
    assert mean == pytest.approx(7.0, abs=1e-6)


def test_an_outlier_moves_a_robust_surrogate_less() -> None:
    rows = np.linspace(0, 1, 20)[:, None]
    truth = np.sin(3 * rows[:, 0])
    values = truth + 0.05 * np.random.default_rng(0).standard_normal(20)
    values[[4, 15]] += np.array([5.0, -6.0])
    nothing = np.full(20, np.nan)
    plain, _ = fit(cube(1), {"y": Results(rows, values, nothing)}).predict(rows)
    robust, _ = fit(cube(1), {"y": Results(rows, values, nothing)}, robust=True).predict(rows)
    assert np.abs(robust[:, 0] - truth).max() < 0.15 < np.abs(plain[:, 0] - truth).max() / 2


def test_a_start_fills_the_space_better_than_chance() -> None:
    space = ParameterSpace.model_validate(
        {"variables": [{"kind": "composition", "name": "mix", "unit": "1", "parts": ["A", "B", "C"]}]}
    )

    def closest(found: tuple[Point, ...]) -> float:
        rows = encode(space, found)
        apart = np.linalg.norm(rows[:, None] - rows[None], axis=-1)
        return float(apart[~np.eye(len(rows), dtype=bool)].min())

    assert closest(spread(space, 8, 0)) > 2 * np.median([closest(sample(space, 8, seed)) for seed in range(20)])


def test_importing_the_records_loads_no_torch() -> None:
    code = "import sys, athanor.tools.parameters.parameter_space; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
