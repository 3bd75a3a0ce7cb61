"""A problem's record taken to a posed problem in SI units, with every mistake found before anything is solved.

Knows records, units, equations and posed problems. Must not know solvers or files.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...memory.errors import UserError
from ...models.pinn.curve import UnknownCurve
from ...models.pinn.posed import (
    Condition as PosedCondition,
)
from ...models.pinn.posed import (
    FaceValue,
    Fields,
    Law,
    Parameters,
    Periodic,
    Posed,
    Residual,
    Value,
)
from .equations import EQUATIONS
from .expression import Formula, parse_formula
from .homogeneity import check_homogeneous
from .observations import observed
from .problem import Condition, Known, Problem, UnknownFunction, UnknownNumber
from .starts import starting
from .units import Unit, parse_unit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class KnownFunction:
    """A known parameter that stands where a function may stand: a formula of a coordinate, or a constant."""

    value: Callable[[torch.Tensor], torch.Tensor]
    argument: str

    def __call__(self, argument: torch.Tensor) -> torch.Tensor:
        """The value at each argument."""
        return self.value(argument)

    def slope(self, argument: torch.Tensor) -> torch.Tensor:
        """Its derivative, by automatic differentiation."""
        leaf = argument if argument.requires_grad else argument.detach().requires_grad_()
        values = self.value(leaf)
        if not values.requires_grad:
            return torch.zeros_like(argument)
        (found,) = torch.autograd.grad(values.sum(), leaf, create_graph=True, allow_unused=True)
        return torch.zeros_like(argument) if found is None else found


def pose(problem: Problem) -> Posed:
    """Check a problem and take it to SI units.

    Raises:
        UserError: Something is wrong; says what, where, and what is allowed.
    """
    coordinates = tuple(sorted(problem.domain, key=lambda name: (name == "t", name)))
    units = {name: parse_unit(problem.domain[name].unit) for name in coordinates}
    low = np.array([problem.domain[name].low * units[name].factor for name in coordinates])
    high = np.array([problem.domain[name].high * units[name].factor for name in coordinates])
    field_unit = parse_unit(problem.field.unit)
    residual, derivatives, functions, defaults = _equation(problem, coordinates)
    parameters = _with_defaults(problem, defaults)
    parameter_units = {name: parse_unit(one.unit) for name, one in parameters.items()}
    check_homogeneous(problem, coordinates, units, field_unit, parameter_units, residual, derivatives, functions)
    scalars = {n for n, one in parameters.items() if _is_scalar(one)}
    formulas = _formulas(parameters, coordinates, scalars, functions)
    conditions = tuple(_condition(one, coordinates, scalars, field_unit) for one in problem.conditions)
    _check_faces(problem, derivatives)
    observations = observed(problem, coordinates, units, low, high, field_unit)
    known = {
        name: one.value * parameter_units[name].factor
        for name, one in parameters.items()
        if isinstance(one, Known) and not isinstance(one.value, str)
    }
    posed = Posed(
        coordinates=coordinates,
        low=low,
        high=high,
        residual=_completed(residual, formulas, _known_functions(parameters, functions, formulas, parameter_units)),
        derivatives=derivatives,
        conditions=conditions,
        known=known,
        unknown=tuple(
            starting(name, one, parameter_units[name], known, observations, coordinates)
            for name, one in parameters.items()
            if isinstance(one, UnknownNumber)
        ),
        curves=tuple(
            _curve(name, one, parameter_units[name], problem, units, field_unit)
            for name, one in parameters.items()
            if isinstance(one, UnknownFunction)
        ),
        observations=observations,
        lift=_lift(problem, coordinates, scalars, field_unit),
        graded=_shortest_time(problem, units),
    )
    return _with_scale(posed, problem, field_unit)


def _equation(
    problem: Problem, coordinates: tuple[str, ...]
) -> tuple[Residual, tuple[str, ...], frozenset[str], Mapping[str, float]]:
    if ":" in problem.equation:
        module, _, name = problem.equation.partition(":")
        try:
            residual = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise UserError(f"equation {problem.equation!r} cannot be loaded: {error}") from error
        if not problem.derivatives:
            raise UserError(
                f"equation {problem.equation!r}: derivatives must name those that it reads, such as [t, xx]"
            )
        for one in problem.derivatives:
            if set(one) - set(coordinates):
                raise UserError(f"derivatives: {one!r} names none of the coordinates {', '.join(coordinates)}")
        functions = frozenset(n for n, one in problem.parameters.items() if isinstance(one, UnknownFunction))
        return residual, problem.derivatives, functions, {}
    if problem.equation not in EQUATIONS:
        raise UserError(
            f"equation {problem.equation!r} is not registered; {', '.join(EQUATIONS)} or package.module:function "
            "are allowed"
        )
    equation = EQUATIONS[problem.equation]
    n_space = len([name for name in coordinates if name != "t"])
    if n_space not in equation.space or ("t" in coordinates) != equation.is_transient:
        time = " and t" if equation.is_transient else ""
        raise UserError(
            f"equation {problem.equation}: domain has {', '.join(coordinates)}; "
            f"{' or '.join(str(n) for n in equation.space)} coordinates of space{time} are allowed"
        )
    unknown = set(problem.parameters) - set(equation.parameters)
    scalars = {c.law or "" for c in problem.conditions} | {str(c.value) for c in problem.conditions}
    scalars |= {problem.lift or "", *problem.ends.values()}
    stray = [name for name in sorted(unknown) if not any(name in text for text in scalars)]
    if stray:
        raise UserError(
            f"parameters: {', '.join(stray)} stands neither in the equation nor in a condition; "
            f"{equation.formula} has {', '.join(equation.parameters)}"
        )
    missing = [n for n in equation.parameters if n not in problem.parameters and n not in equation.defaults]
    if missing:
        raise UserError(f"parameters: {', '.join(missing)} missing; {equation.formula}")
    return equation.residual, equation.derivatives(coordinates), equation.functions, equation.defaults


def _with_defaults(problem: Problem, defaults: Mapping[str, float]) -> dict[str, Any]:
    """Parameters, those left out added; a default of zero fits every unit."""
    return dict(problem.parameters) | {
        name: Known(value=value) for name, value in defaults.items() if name not in problem.parameters
    }


def _is_scalar(one: Any) -> bool:
    return isinstance(one, UnknownNumber) or (isinstance(one, Known) and not isinstance(one.value, str))


def _formulas(
    parameters: Mapping[str, Any], coordinates: tuple[str, ...], scalars: set[str], functions: frozenset[str]
) -> dict[str, tuple[Formula, float]]:
    found = {}
    for name, one in parameters.items():
        if isinstance(one, Known) and isinstance(one.value, str):
            allowed = {*coordinates, *scalars, *({"u"} if name in functions else ())}
            formula = parse_formula(one.value, allowed, f"parameters.{name}")
            found[name] = (formula, parse_unit(one.unit).factor)
    return found


def _known_functions(
    parameters: Mapping[str, Any],
    functions: frozenset[str],
    formulas: Mapping[str, tuple[Formula, float]],
    units: Mapping[str, Unit],
) -> dict[str, Callable[[Fields, Parameters], Any]]:
    """Known parameters that stand where the equation expects a function."""
    found: dict[str, Callable[[Fields, Parameters], Any]] = {}
    for name in functions:
        one = parameters.get(name)
        if isinstance(one, Known):
            if name in formulas:
                formula, factor = formulas[name]
                argument = "u" if "u" in formula.names else "x"
                found[name] = _function_of(formula, factor, argument)
            else:
                found[name] = _constant(float(one.value) * units[name].factor)
        elif isinstance(one, UnknownNumber):
            found[name] = _scalar_as_function(name)
    return found


def _function_of(formula: Formula, factor: float, argument: str) -> Callable[[Fields, Parameters], KnownFunction]:
    return lambda at, p: KnownFunction(lambda s: factor * formula({**at, **p, argument: s}).expand(s.shape), argument)


def _constant(value: float) -> Callable[[Fields, Parameters], KnownFunction]:
    return lambda at, p: KnownFunction(lambda s: torch.full_like(s, value), "x")


def _scalar_as_function(name: str) -> Callable[[Fields, Parameters], KnownFunction]:
    return lambda at, p: _ScalarFunction(p[name])


class _ScalarFunction(KnownFunction):
    """An unknown number where a function may stand."""

    def __init__(self, number: torch.Tensor) -> None:
        super().__init__(lambda s: number * torch.ones_like(s), "x")

    def slope(self, argument: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(argument)


def _completed(
    residual: Residual,
    formulas: Mapping[str, tuple[Formula, float]],
    functions: Mapping[str, Callable[[Fields, Parameters], Any]],
) -> Residual:
    """The residual with known formulas put in at each point."""

    def completed(u: torch.Tensor, du: Fields, at: Fields, p: Parameters) -> torch.Tensor:
        values: dict[str, Any] = dict(p)
        for name, (formula, factor) in formulas.items():
            if name not in functions:
                values[name] = factor * formula({**at, **p})
        for name, function in functions.items():
            values[name] = function(at, p)
        return residual(u, du, at, values)

    return completed


def _condition(one: Condition, coordinates: tuple[str, ...], scalars: set[str], unit: Unit) -> PosedCondition:
    name, _, side = one.face.partition("=")
    if name not in coordinates:
        raise UserError(f"conditions: {one.face!r} names no coordinate; {', '.join(coordinates)} are allowed")
    if one.periodic:
        return Periodic(name)
    where = f"conditions.{one.face}"
    if one.law is not None:
        slopes = {f"u_{c * order}" for c in coordinates for order in (1, 2)}
        formula = parse_formula(one.law, {*coordinates, *scalars, "u", *slopes}, where)
        read = tuple(sorted(n.removeprefix("u_") for n in formula.names & slopes))

        def law(u: torch.Tensor, du: Fields, at: Fields, p: Parameters) -> torch.Tensor:
            return formula({**at, **p, "u": u, **{f"u_{n}": du[n] for n in read}})

        return Law(name, "low" if side == "low" else "high", law, read)
    formula = parse_formula(str(one.value), {*coordinates, *scalars}, where)

    def value(at: Fields, p: Parameters) -> torch.Tensor:
        return (unit.factor * formula({**at, **p})).expand(next(iter(at.values())).shape)

    return Value(name, "low" if side == "low" else "high", value)


def _shortest_time(problem: Problem, units: Mapping[str, Unit]) -> float | None:
    """In seconds; a parameter's value where it names one."""
    given = problem.shortest_time
    if not isinstance(given, str):
        return None if given is None else given * units["t"].factor
    one = problem.parameters.get(given)
    if not isinstance(one, Known) or isinstance(one.value, str):
        raise UserError(f"shortest_time names {given!r}, which is no parameter whose value is known")
    return one.value * parse_unit(one.unit).factor


def _lift(problem: Problem, coordinates: tuple[str, ...], scalars: set[str], unit: Unit) -> FaceValue | None:
    if problem.lift is None:
        return None
    formula = parse_formula(problem.lift, {*coordinates, *scalars}, "lift")
    return lambda at, p: unit.factor * formula({**at, **p})


def _check_faces(problem: Problem, derivatives: tuple[str, ...]) -> None:
    seen: dict[str, list[bool]] = {}
    for one in problem.conditions:
        faces = [f"{one.face}=low", f"{one.face}=high"] if one.periodic else [one.face]
        for face in faces:
            seen.setdefault(face, []).append(one.law is None)
    # An equation of third order has three conditions, and two of different kind may be on one face.
    is_third = any(len(one) > 2 for one in derivatives)
    twice = [face for face, kinds in seen.items() if len(kinds) > (len(set(kinds)) if is_third else 1)]
    if twice:
        raise UserError(
            f"conditions contradict each other: {', '.join(twice)} has more than one; one for each face is allowed"
        )
    if any(one.face == "t=high" for one in problem.conditions):
        raise UserError("conditions: t=high has one; what is known at the end goes into data")


def _curve(
    name: str, one: UnknownFunction, unit: Unit, problem: Problem, units: Mapping[str, Unit], field_unit: Unit
) -> UnknownCurve:
    if one.argument == "u":
        if one.low is None or one.high is None:
            raise UserError(f"parameters.{name}: a function of u needs low and high, the range of the field")
        low, high = one.low * field_unit.factor, one.high * field_unit.factor
    elif one.argument in problem.domain:
        interval, factor = problem.domain[one.argument], units[one.argument].factor
        low, high = interval.low * factor, interval.high * factor
    else:
        raise UserError(f"parameters.{name}: argument {one.argument!r}; {', '.join(problem.domain)} or u are allowed")
    return UnknownCurve(name, one.argument, low, high, one.start * unit.factor, one.terms, one.spread)


def _with_scale(posed: Posed, problem: Problem, unit: Unit) -> Posed:
    """The field's typical size: as given, else the greatest value in conditions and data."""
    if problem.field.scale is not None:
        return replace(posed, scale=problem.field.scale * unit.factor)
    sizes = []
    rng = np.random.default_rng(0)
    drawn = posed.low + posed.span * rng.uniform(0, 1, (200, len(posed.low)))
    at = {name: torch.as_tensor(drawn[:, axis]) for axis, name in enumerate(posed.coordinates)}
    p = posed.parameters(torch.zeros(posed.n_unknowns, dtype=torch.float64))
    for one in posed.conditions:
        if isinstance(one, Value):
            axis = posed.coordinates.index(one.coordinate)
            face = posed.low[axis] if one.side == "low" else posed.high[axis]
            known = one.value(at | {one.coordinate: torch.full_like(at[one.coordinate], float(face))}, p)
            if not torch.isfinite(known).all():
                raise UserError(f"conditions.{one.coordinate}={one.side}: the value is not a finite number everywhere")
            sizes.append(float(known.abs().max()))
    if posed.observations is not None:
        sizes.append(float(np.abs(posed.observations.values).max()))
    return replace(posed, scale=max(sizes, default=0.0) or unit.factor)
