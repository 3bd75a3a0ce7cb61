"""The `solve` tool as chat models call it: a problem, what is known of it, and a trace to infer from; a short answer.

Knows problems, traces and how numbers are written. Must not know chat models, nor where a trace comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from ...memory.errors import RetryError
from ...memory.foreign import clean
from ...tools.oracles.traces import problem_of, ways_of
from ...tools.solving.read_problem import with_known
from ...tools.solving.registry import PROBLEMS, problem_named
from ...tools.solving.trace import with_trace
from ...tools.solving.units import parse_unit
from ..labels import figure, unit_of
from ..planners.reflect import number
from .submission import Asked

if TYPE_CHECKING:
    from ...memory.records import Trace
    from ...memory.state import State
    from ...tools.solving.answer import Answer
    from ...tools.solving.problem import Problem
    from ...tools.solving.solve import Solved

_COARSEST = 1e-3
"""Tolerance that a question in passing is answered with, where a problem asks for less error."""
_LISTED = "; ".join(f"{name}: {(make.__doc__ or '').strip().splitlines()[0]}" for name, make in PROBLEMS.items())


class QuantityAsked(Asked):
    """A parameter whose value is known."""

    name: str = Field(max_length=40)
    value: float
    unit: str = Field(default="1", max_length=20, description="As mm, mm2/s, W/(m K); 1 for none.")


class SolveAsked(Asked):
    """A problem to solve."""

    problem: str = Field(default="", max_length=40, description=f"One of these; empty with a trial. {_LISTED}")
    known: list[QuantityAsked] = Field(
        default_factory=list, max_length=12, description="Parameters whose values differ from the problem's own."
    )
    at: list[Annotated[dict[str, float], Field(max_length=3)]] = Field(
        default_factory=list,
        max_length=6,
        description="Points at which the field is wanted, {x: 0.5, t: 0.1}, in its units.",
    )
    trial: int | None = Field(default=None, description="Infer again from the raw trace of this trial, without #.")


def solve_text(asked: SolveAsked, state: State | None = None, trace: Trace | None = None) -> str:
    """Solve what is asked; what came out in a few lines, each number with its deviation, and all doubts.

    Args:
        asked: The problem.
        state: Of the campaign whose trial is asked about.
        trace: Readings to infer from, where no trial is asked about.

    Raises:
        AthanorError: What was asked cannot be answered; says why, and what is allowed.
    """
    from ...tools.solving.levels import SCHROEDINGER, solve_levels
    from ...tools.solving.solve import solve

    known = {one.name: f"{one.value!r} {one.unit}" for one in asked.known}
    problem, trace = _posed(asked, state, trace)
    problem = with_known(problem, known, "known")
    if trace is not None:
        # What is asked about this once goes before what was noted of the sample.
        noted = {name: text for name, text in trace.known.items() if name not in known}
        problem = with_trace(problem, trace.model_copy(update={"known": noted}), f"trace {trace.id}")
    problem = problem.model_copy(update={"tolerance": max(problem.tolerance, _COARSEST)})
    if problem.equation == SCHROEDINGER:
        return "\n".join(_lines(solve_levels(problem, check=False).answer))
    # A question in passing: finite differences beside would take longer than the answer.
    solved = solve(problem, check=False)
    return "\n".join([*_lines(solved.answer), *_values(solved, problem, asked.at)])


def _posed(asked: SolveAsked, state: State | None, trace: Trace | None) -> tuple[Problem, Trace | None]:
    if asked.trial is None:
        return problem_named(asked.problem), trace
    trial = state.trials.get(asked.trial) if state else None
    if state is None or trial is None or trial.outcome is None or not trial.outcome.traces:
        have = [t.number for t in state.trials.values() if t.outcome and t.outcome.traces] if state else []
        listed = ", ".join(f"#{one}" for one in have[:10]) or "no trial"
        raise RetryError(f"trial #{asked.trial} came without a raw trace; {listed} came with one")
    ways = ways_of(state.spec.get("oracle"))
    name, own = next(iter(trial.outcome.traces.items()))
    return (problem_named(asked.problem) if asked.problem else problem_of(name, *ways[name])), own


def _lines(answer: Answer) -> list[str]:
    lines = [f"{answer.problem}: {answer.equation}"]
    for one in answer.inferred:
        told = (
            number(one.value, one.deviation, one.unit)
            if one.deviation is not None
            else f"{figure(one.value)} {unit_of(one.unit)} (not identified: believe no number)"
        )
        lines.append(f"{one.name}: {told} (inferred)")
    lines += [f"level {one.number}: {one.energy:.6g} {one.unit} (simulated)" for one in answer.levels]
    for curve in answer.functions:
        chosen = np.linspace(0, len(curve.arguments) - 1, 5).astype(int)
        told = ", ".join(
            f"{figure(curve.values[k])} ± {figure(curve.deviations[k])} at {figure(curve.arguments[k])}" for k in chosen
        )
        lines.append(f"{curve.name} of {curve.argument}: {told}; {curve.unit} over {curve.argument_unit} (inferred)")
    lines.append(f"by {answer.solver}; estimated relative error {answer.error_estimate:.1e}")
    return [*lines, *(f"warning: {clean(warning, 300)}" for warning in answer.warnings)]


def _values(solved: Solved, problem: Problem, at: Sequence[Mapping[str, float]]) -> list[str]:
    """The field at the points that were asked for."""
    lines = []
    unit = parse_unit(problem.field.unit).factor
    for point in at:
        if set(point) != set(problem.domain):
            raise RetryError(f"at: a point needs {', '.join(problem.domain)}, each once")
        for name, value in point.items():
            own = problem.domain[name]
            if not own.low <= value <= own.high:
                raise RetryError(f"at: {name} = {value:g} lies outside {own.low:g} to {own.high:g} {own.unit}")
        names = solved.posed.coordinates
        place = np.array([[point[name] * parse_unit(problem.domain[name].unit).factor for name in names]])
        value = float(solved.solution.field(place)[0]) / unit
        where = ", ".join(f"{name} {point[name]:g} {unit_of(problem.domain[name].unit)}".rstrip() for name in names)
        lines.append(
            f"{problem.field.name} at {where}: {figure(value)} {unit_of(problem.field.unit)}".rstrip() + " (simulated)"
        )
    return lines
