"""Problems that are wrong: each is refused with what is allowed, or answered with a warning."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from athanor.memory.errors import UserError
from athanor.tools.solving.read_problem import parse_problem, read_problem
from athanor.tools.solving.registry import PROBLEMS, problem_named
from athanor.tools.solving.solve import solve
from athanor.tools.solving.trace import read_trace, with_trace
from athanor.tools.solving.units import parse_quantity, parse_unit


def wrong_shape(u: Any, du: Any, at: Any, p: Any) -> Any:
    return (du["t"] - du["xx"])[:3]


def not_differentiable(u: Any, du: Any, at: Any, p: Any) -> Any:
    return (du["t"] - du["xx"]).detach()


def a_number(u: Any, du: Any, at: Any, p: Any) -> Any:
    return 0.0


def fine(u: Any, du: Any, at: Any, p: Any) -> Any:
    return du["t"] - 0.4 * du["xx"]


def infinite(u: Any, du: Any, at: Any, p: Any) -> Any:
    return du["t"] - torch.log(u - u) * du["xx"]


def product(u: Any, du: Any, at: Any, p: Any) -> Any:
    return du["t"] - p["first"] * p["second"] * du["xx"]


DATA = {"columns": {"x": [0.2, 0.5], "t": [0.1, 0.2]}, "values": [0.3, 0.5], "deviation": 0.01}
SHORT = {"columns": {"x": [0.5], "t": [0.5]}, "values": [0.1]}
SOURCE = {"source": {"unknown": "number", "low": -1, "high": 1}}
UNKNOWN = {"diffusivity": {"unknown": "number", "low": 0.01, "high": 10}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": DATA | {"columns": {"x": [0.2, 1.5], "t": [0.1, 0.2]}}}, "row 2 has x = 1.5 1; 0 to 1 is allowed"),
        ({"parameters": UNKNOWN}, "none given, but 1 numbers are unknown"),
        ({"parameters": UNKNOWN | SOURCE, "data": SHORT}, "1 values for 2 unknown numbers"),
        ({"data": DATA | {"values": [0.3, float("nan")]}}, "finite number"),
        ({"data": DATA | {"values": [0.3]}}, "2 values of x but 1 of the field"),
        ({"data": DATA | {"deviation": -0.1}}, "below zero"),
        ({"parameters": {"diffusivity": {"value": 0.4, "unit": "m/s"}}}, "units do not fit the equation u_t"),
        ({"domain": {"x": {"low": 0, "high": 1, "unit": "furlong"}}}, "'furlong' is no unit"),
        ({"domain": {"x": {"low": 1, "high": 0}}}, "low < high is allowed"),
        ({"conditions": [{"face": "x=low", "value": 0}, {"face": "x=low", "value": 1}]}, "x=low has more than one"),
        ({"conditions": [{"face": "z=low", "value": 0}]}, "names no coordinate; x, t are allowed"),
        ({"conditions": [{"face": "x=low", "value": "__import__('os')"}]}, "is no formula"),
        ({"conditions": [{"face": "x=low", "value": "sin(q)"}]}, "names q; diffusivity, source, t, x are allowed"),
        ({"equation": "wave"}, "not registered; heat, fin"),
        ({"parameters": {"colour": {"value": 1}}}, "colour stands neither in the equation"),
        ({"tolerance": 2}, "tolerance: Input should be less than 1"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_what_is_allowed(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as error:
        solve(parse_problem({"problem": "heat", **change}, "test"), check=False)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("wrong_shape", "shape"),
        ("not_differentiable", "cannot be differentiated"),
        ("a_number", "float"),
        ("infinite", "not a finite number"),
        ("absent", "cannot be loaded"),
    ],
)
def test_a_residual_that_cannot_be_used_is_refused(function: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "own_residuals", sys.modules[__name__])
    content = {"problem": "heat", "equation": f"own_residuals:{function}", "derivatives": ["t", "xx"]}
    with pytest.raises(UserError) as error:
        solve(parse_problem(content, "test"), check=False)
    assert words in str(error.value)


def test_a_residual_of_ones_own_is_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "own_residuals", sys.modules[__name__])
    content = {"problem": "heat", "equation": "own_residuals:fine", "derivatives": ["t", "xx"]}
    own, registered = solve(parse_problem(content, "test"), check=False), solve(problem_named("heat"), check=False)
    points = own.posed.low + own.posed.span * 0.3
    assert own.solution.field(points[None]) == pytest.approx(registered.solution.field(points[None]), rel=1e-8)


def test_conditions_that_disagree_in_a_corner_are_told() -> None:
    content = {
        "problem": "heat",
        "conditions": [{"face": "x=low", "value": 1}, {"face": "x=high", "value": 0}, {"face": "t=low", "value": 0}],
        "tolerance": 0.3,
    }
    answer = solve(parse_problem(content, "test"), check=False).answer
    assert any("disagree where" in warning for warning in answer.warnings)


def test_numbers_that_span_many_powers_of_ten_do_not_matter() -> None:
    content = {
        "problem": "heat",
        "domain": {"x": {"low": 0, "high": 10, "unit": "nm"}, "t": {"low": 0, "high": 1000, "unit": "d"}},
        "parameters": {"diffusivity": {"value": 0.4e-16 / 8.64e7, "unit": "m2/s"}},
        "conditions": [
            {"face": "x=low", "value": 0}, {"face": "x=high", "value": 0}, {"face": "t=low", "value": "sin(pi*x/1e-8)"}
        ],
    }  # fmt: skip
    assert solve(parse_problem(content, "test"), check=False).answer.error_estimate < 1e-9


def noisy(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x, t = rng.uniform(0, 1, (2, 50))
    values = np.exp(-(np.pi**2) * 0.4 * t) * np.sin(np.pi * x) + 0.01 * rng.standard_normal(50)
    data = {"columns": {"x": x.tolist(), "t": t.tolist()}, "values": values.tolist(), "deviation": 0.01}
    return {"problem": "diffusivity", "data": data, "tolerance": 1e-3, **changes}


@pytest.mark.parametrize("start", [1e-4, 1e4])
def test_a_range_of_eight_powers_of_ten_is_searched_from_either_end(start: float) -> None:
    wide = {"diffusivity": {"unknown": "number", "low": 1e-4, "high": 1e4, "start": start}}
    (found,) = solve(parse_problem(noisy(parameters=wide), "test"), check=False).answer.inferred
    assert found.deviation is not None
    assert abs(found.value - 0.4) < 4 * found.deviation < 0.1


def test_conditions_that_contradict_the_data_are_told() -> None:
    hot = [{"face": "x=low", "value": 1}, {"face": "x=high", "value": 1}, {"face": "t=low", "value": 1}]
    answer = solve(parse_problem(noisy(conditions=hot), "test"), check=False).answer
    assert any("equation, conditions or deviations do not fit" in warning for warning in answer.warnings)


def test_two_unknowns_of_which_only_the_product_matters_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "own_residuals", sys.modules[__name__])
    content = noisy(
        equation="own_residuals:product",
        derivatives=["t", "xx"],
        parameters={name: {"unknown": "number", "low": 0.1, "high": 10} for name in ("first", "second")},
    )
    answer = solve(parse_problem(content, "test"), check=False).answer
    assert any("cannot be identified" in warning or "cannot be told apart" in warning for warning in answer.warnings)


def test_units_are_taken_to_si() -> None:
    assert parse_unit("W/(m K)").dimension == parse_unit("W m^-1 K^-1").dimension == (1, 1, -3, -1, 0, 0)
    assert parse_unit("mm2/s").factor == pytest.approx(1e-6)
    assert parse_unit("min").factor == 60
    assert parse_unit("µm").factor == parse_unit("um").factor == pytest.approx(1e-6)
    assert parse_quantity("0.4 mm2/s", "here") == (0.4, "mm2/s")
    with pytest.raises(UserError):
        parse_quantity("fast", "here")


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_registered_problem_goes_through_a_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "problem.yaml"
    file.write_text(f"problem: {name}\nseed: 3\n")
    found = read_problem(file)
    assert found == problem_named(name).model_copy(update={"seed": 3})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("t [ms],temperature [K]\n1,two\n", "line 2, temperature [K]: 'two' is no number"),
        ("t [mm],temperature [K]\n1,2\n", "a unit of the kind of s is allowed"),
        ("t,temperature\n1,nan\n", "leave rows without a measurement out"),
        ("t,temperature\n1\n", "1 cells under 2 headings"),
        ("t,temperature\n", "no rows"),
        ("t,x\n1,2\n", "one column of temperature"),
    ],
)
def test_a_trace_that_is_wrong_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text(text)
    with pytest.raises(UserError) as error:
        with_trace(problem_named("laser_flash"), read_trace(file), "trace")
    assert words in " ".join(str(error.value).split())


def test_a_trace_is_taken_to_the_problems_units(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("# made by hand\nt [ms],signal [mK],sigma\n5,200,0.01\n10,400,0.01\n")
    points = with_trace(problem_named("laser_flash"), read_trace(file), "trace").data
    assert points is not None
    assert points.columns["t"] == pytest.approx((0.005, 0.01))
    assert points.values == pytest.approx((0.2, 0.4))
    assert points.deviation == (0.01, 0.01)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_unknowns_that_differ_by_many_powers_of_ten_are_found_in_any_units(scale: float) -> None:
    # The same experiment told with lengths times `scale`: a diffusivity of 0.2 · scale², a rate of loss of size one.
    x, t = (axis.ravel() for axis in np.meshgrid(np.linspace(0.1, 0.9, 7), np.linspace(0.02, 0.3, 6)))
    values = np.exp(-0.8 * t) * sum(np.exp(-0.2 * (k * np.pi) ** 2 * t) * np.sin(k * np.pi * x) for k in (1, 2))
    values += 0.002 * np.random.default_rng(2).standard_normal(42)
    size = scale**2
    content = {
        "problem": "heat",
        "equation": "fin",
        "domain": {"x": {"low": 0, "high": scale, "unit": "m"}, "t": {"low": 0, "high": 0.3, "unit": "s"}},
        "parameters": {
            "diffusivity": {"unknown": "number", "low": 1e-3 * size, "high": 1e3 * size, "unit": "m2/s"},
            "loss": {"unknown": "number", "low": 0.01, "high": 100, "unit": "1/s"},
        },
        "conditions": [
            {"face": "x=low", "value": 0},
            {"face": "x=high", "value": 0},
            {"face": "t=low", "value": f"sin(pi*x/{scale}) + sin(2*pi*x/{scale})"},
        ],
        "data": {
            "columns": {"x": (scale * x).tolist(), "t": t.tolist()},
            "values": values.tolist(),
            "deviation": 0.002,
        },
        "tolerance": 1e-4,
    }
    diffusivity, loss = solve(parse_problem(content, "test"), check=False).answer.inferred
    assert diffusivity.deviation is not None
    assert loss.deviation is not None
    assert abs(diffusivity.value / size - 0.2) < 4 * diffusivity.deviation / size < 0.02
    assert abs(loss.value - 0.8) < 4 * loss.deviation < 0.4
