"""From raw traces to measurements: what `solve` infers from a trace, or why nothing follows from it.

Knows problems, traces and outcomes; solvers are loaded when a trace is there. Must not know who made the trace.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue, ValidationError

from ...memory.errors import TerminalError, UserError
from ...memory.records import Failure, FailureKind, Measurement, Method, Outcome, Trace
from ..solving.problem import Problem, UnknownNumber
from ..solving.read_problem import read_problem, with_known
from ..solving.registry import PROBLEMS, problem_named
from ..solving.trace import read_trace, with_trace
from ..solving.units import parse_unit

if TYPE_CHECKING:
    from ..solving.solve import Solved
    from .oracle import TraceSettings

DETAILS = "solve"
"""Under what an outcome's details say how a property was inferred."""
_MISFIT = 4.0
"""Data MSE in stated deviations squared: readings twice as far off as stated are not those of this equation."""
_INACCURATE = 0.02
"""Estimated relative error of the field beyond which it bends what is inferred."""
_NEAR = 1e-3
"""Relative distance from a bound of its range at which a number has ended there."""


@dataclass(frozen=True)
class Told:
    """What a trace tells: a measurement or a failure, and how it was found."""

    measurement: Measurement | None
    failure: Failure | None
    details: dict[str, JsonValue]


def ways_of(oracle: JsonValue) -> dict[str, tuple[str, TraceSettings]]:
    """Properties that come as traces: name to unit and how each is inferred.

    Args:
        oracle: An oracle's settings as a campaign's ledger holds them.
    """
    from .oracle import TraceSettings

    given = oracle.get("traces") if isinstance(oracle, dict) else None
    properties = oracle.get("properties") if isinstance(oracle, dict) else None
    if not isinstance(given, dict) or not isinstance(properties, dict):
        return {}
    return {name: (str(properties[name]), TraceSettings.model_validate(one)) for name, one in given.items()}


def problem_of(name: str, unit: str, settings: TraceSettings) -> Problem:
    """The problem by which a property is inferred.

    Raises:
        UserError: It cannot be read, or does not give the property in that unit.
    """
    where = f"traces.{name}"
    if settings.problem in PROBLEMS:
        problem = problem_named(settings.problem)
    elif Path(settings.problem).is_file():
        problem = read_problem(Path(settings.problem))
    else:
        raise UserError(
            f"{where}: problem {settings.problem!r} is neither a file nor registered; {', '.join(PROBLEMS)} are allowed"
        )
    problem = with_known(problem, settings.known, f"{where}.known")
    wanted = settings.infer or name
    one = problem.parameters.get(wanted)
    if not isinstance(one, UnknownNumber):
        unknown = [n for n, parameter in problem.parameters.items() if isinstance(parameter, UnknownNumber)]
        raise UserError(
            f"{where}: {wanted!r} is no unknown number of problem {problem.name}; infer may name "
            f"{', '.join(unknown) or 'none'}"
        )
    if parse_unit(one.unit).dimension != parse_unit(unit).dimension:
        raise UserError(f"{where}: {name} is wanted in {unit}, but {problem.name} gives {wanted} in {one.unit}")
    return problem


def as_trace(given: Any, where: str) -> Trace:
    """A trace from what a function returned: columns by name, the path of a CSV file, or a trace.

    Raises:
        UserError: It is none of these, or holds a value that is not finite.
    """
    if isinstance(given, Trace):
        return given
    if isinstance(given, str | Path):
        return read_trace(Path(given))
    if not isinstance(given, Mapping) or not isinstance(given.get("columns"), Mapping):
        raise UserError(
            f"{where}: a {type(given).__name__} is no trace; columns with known values, or a path, are allowed"
        )
    try:
        columns = {
            str(heading): tuple(float(value) for value in values) for heading, values in given["columns"].items()
        }
        known = {str(key): str(value) for key, value in dict(given.get("known", {})).items()}
        return Trace(columns=columns, known=known)
    except ValidationError as error:
        told = "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors(include_url=False)[:3])
        raise UserError(f"{where}: {told}") from error
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}: {error}") from error


def outcome_of(
    traces: Mapping[str, Trace],
    settings: Mapping[str, TraceSettings],
    properties: Mapping[str, str],
    method: Method,
    source: str,
    others: tuple[Measurement, ...] = (),
) -> Outcome:
    """The outcome of a trial that came with traces: they are kept, whatever follows from them.

    Args:
        traces: By property.
        settings: How each is inferred.
        properties: Name to unit.
        method: Of the instrument: a trace that was simulated gives a simulated property.
        source: What made the traces.
        others: Measurements that came as numbers.
    """
    told = {name: infer(name, properties[name], settings[name], traces[name], method, source) for name in traces}
    details: dict[str, JsonValue] = {DETAILS: {name: one.details for name, one in told.items()}}
    failures = [one.failure for one in told.values() if one.failure]
    if failures:
        return Outcome(failure=failures[0], traces=dict(traces), details=details)
    found = tuple(one.measurement for one in told.values() if one.measurement)
    return Outcome(measurements=(*others, *found), traces=dict(traces), details=details)


def infer(name: str, unit: str, settings: TraceSettings, trace: Trace, method: Method, source: str) -> Told:
    """What `solve` infers of a property from a trace; a failure where that would be a wrong or an empty number."""
    details: dict[str, JsonValue] = {"problem": settings.problem, "trace": trace.id}
    try:
        solved = solved_trace(name, unit, settings, trace)
    except UserError as error:
        return Told(None, Failure(kind="unreadable", message=str(error)), details)
    except TerminalError as error:
        return Told(None, Failure(kind="unconverged", message=str(error)), details)
    answer = solved.answer
    one = next(found for found in answer.inferred if found.name == (settings.infer or name))
    factor = parse_unit(one.unit).factor / parse_unit(unit).factor
    details |= {
        "solver": answer.solver,
        "error_estimate": answer.error_estimate,
        "misfit": answer.loss.data[-1] if answer.loss else None,
        "inferred": {found.name: [found.value, found.deviation, found.unit] for found in answer.inferred},
        "warnings": list(answer.warnings),
    }
    failure = _failure(solved, one.name, settings.largest_deviation)
    if failure:
        return Told(None, failure, details)
    assert one.deviation is not None  # noqa: S101 - a failure otherwise
    measurement = Measurement(
        property=name,
        value=one.value * factor,
        deviation=one.deviation * factor,
        unit=unit,
        method=method,
        # Which trace stands in the outcome: sources that differ for each trial could not be told in one line.
        source=f"{source}; inferred by solve from its trace ({answer.solver.partition(' (')[0]})",
    )
    return Told(measurement, None, details)


def solved_trace(name: str, unit: str, settings: TraceSettings, trace: Trace, for_pictures: bool = False) -> Solved:
    """Solve the problem of a property with a trace as its data.

    Args:
        name: Of the property.
        unit: It is wanted in.
        settings: How it is inferred.
        trace: The readings.
        for_pictures: Whether finite differences and the property's profile are computed beside.

    Raises:
        UserError: The trace does not fit the problem.
        TerminalError: No solver gave a finite answer.
    """
    from ...models.pinn.ladder import profiles
    from ..solving.solve import solve

    problem = with_trace(problem_of(name, unit, settings), trace, f"trace {trace.id}")
    solved = solve(problem, check=for_pictures)
    if not for_pictures:
        return solved
    own = tuple(one for one in solved.solution.scalars if one.name == (settings.infer or name))
    return replace(solved, profiles=profiles(solved.posed, replace(solved.solution, scalars=own)))


def _failure(solved: Solved, name: str, largest: float) -> Failure | None:
    """Why a number that came out must not be believed."""
    answer = solved.answer
    one = next(found for found in answer.inferred if found.name == name)
    parameter = solved.problem.parameters[name]
    assert isinstance(parameter, UnknownNumber)  # noqa: S101 - it was inferred
    said = "; ".join(answer.warnings)

    def because(kind: FailureKind, message: str) -> Failure:
        return Failure(kind=kind, message=f"{message}. {said}".rstrip(". ") if said else message)

    if not math.isfinite(one.value) or answer.error_estimate > _INACCURATE:
        return because("unconverged", f"the field's estimated relative error is {answer.error_estimate:.1e}")
    if any("did not converge" in warning for warning in answer.warnings):
        return because("unconverged", f"the search for {name} did not converge")
    observed = solved.posed.observations
    is_stated = observed is not None and observed.deviation is not None and bool(observed.deviation.any())
    if is_stated and answer.loss is not None and answer.loss.data[-1] > _MISFIT:
        return because("poor_fit", f"readings lie {answer.loss.data[-1] ** 0.5:.1f} stated deviations off")
    if one.deviation is None or not one.deviation <= largest * abs(one.value):
        spread = "infinite" if one.deviation is None else f"{one.deviation / abs(one.value):.2g} of its value"
        return because("unidentified", f"the trace does not tell {name}: its standard deviation is {spread}")
    if not parameter.low * (1 + _NEAR) < one.value < parameter.high * (1 - _NEAR):
        return because("unidentified", f"{name} ended at a bound of its range, {parameter.low:g} to {parameter.high:g}")
    return None
