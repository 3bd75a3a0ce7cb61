"""The `solve` tool: a problem in, an answer with error estimate, deviations, check and warnings out.

Knows problems, answers and the ladder of solvers. Must not know terminals, pictures or campaigns.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...memory.errors import TerminalError, UserError
from ...models.pinn.finite_differences import GridField, NoGrid, finite_differences
from ...models.pinn.ladder import all_linear, profiles
from ...models.pinn.ladder import solve as climb
from ...models.pinn.posed import Posed, ResidualError
from ...models.pinn.profile import Profile
from ...models.pinn.solution import Solution
from .answer import Answer, Check, Inferred, InferredFunction, Loss
from .equations import EQUATIONS
from .pose import pose
from .problem import Problem
from .units import parse_unit

Array = NDArray[np.float64]
_UNSOLVED = 0.1
_FEW, _TIED, _EXACT = 20, 0.3, 1e-9
_INTERVALS = {1: 400, 2: 80, 3: 24}


@dataclass(frozen=True)
class Solved:
    """An answer with the fields behind it, for pictures."""

    problem: Problem
    answer: Answer
    posed: Posed
    solution: Solution
    reference: GridField | None
    profiles: tuple[Profile, ...] = ()


def solve(problem: Problem, check: bool = True, with_profiles: bool = False) -> Solved:
    """Solve a problem.

    Args:
        problem: What to solve.
        check: Whether finite differences are computed beside.
        with_profiles: Whether the profile of each inferred number is computed.

    Raises:
        UserError: The problem is wrong; says where and what is allowed.
        TerminalError: No solver gave a finite answer.
    """
    try:
        posed = pose(problem)
        solution = climb(posed, problem.tolerance, problem.weight, problem.seed)
        checked, reference, remark = _check(posed, solution) if check else (None, None, "")
        drawn = profiles(posed, solution) if with_profiles else ()
    except ResidualError as error:
        raise UserError(f"{problem.name}: {error}") from error
    except np.linalg.LinAlgError as error:
        raise TerminalError(f"{problem.name}: no solver gave a finite answer ({error})") from error
    if not math.isfinite(solution.error_estimate):
        raise TerminalError(f"{problem.name}: no solver gave a finite answer; check conditions and ranges")
    # A march that is coarse leaves much at a shock and is right elsewhere, which its estimated error tells.
    is_met = solution.residual_rms < _UNSOLVED or solution.error_estimate < _UNSOLVED
    if not is_met and not all_linear(posed):
        raise TerminalError(
            f"{problem.name}: no solver meets the equation: what is left of it is {solution.residual_rms:.1e} of its "
            "size. Give a lift near the solution, or ranges nearer to it"
        )
    warnings = [*solution.warnings, *_structure(posed, solution), *([remark] if remark else [])]
    return Solved(problem, _answer(problem, solution, checked, warnings), posed, solution, reference, drawn)


def _structure(posed: Posed, solution: Solution) -> list[str]:
    """Whether what the field leaves of the data is noise: neighbouring readings must not err alike.

    Source: J. Durbin, G. S. Watson, Biometrika 37, 409 (1950), doi:10.1093/biomet/37.3-4.409.
    """
    data = posed.observations
    if data is None or len(data.values) < _FEW:
        return []
    order = np.lexsort(data.points.T)
    left = (data.values - solution.field(data.points))[order]
    if float(np.abs(left).max()) <= _EXACT * posed.scale:
        return []
    if data.deviation is not None and data.deviation.all():
        left = left / data.deviation[order]
    tie = float(left[1:] @ left[:-1]) / float(left @ left)
    if tie < max(_TIED, 4 / len(left) ** 0.5):
        return []
    told = f"what is left of the data is no noise: neighbouring readings err alike (correlation {tie:.2f})"
    return [f"{told}, so that deviations are too small; doubt the equation, the conditions or what is taken for known"]


def _check(posed: Posed, solution: Solution) -> tuple[Check | None, GridField | None, str]:
    n = _INTERVALS[len(posed.coordinates)]
    start = time.process_time()
    try:
        coarse, fine = (finite_differences(posed, solution.theta, k) for k in (n // 2, n))
    except NoGrid as reason:
        return None, None, f"no check by finite differences: {reason}"
    except (RuntimeError, ResidualError) as error:
        return None, None, f"the check by finite differences failed: {error}"
    spent = time.process_time() - start
    points = posed.low + posed.span * np.random.default_rng(0).uniform(0, 1, (1000, len(posed.low)))
    ours, finer = solution.field(points), fine(points)
    size = max(float(np.linalg.norm(ours)), 1e-300)
    # A scheme of second order: the finer grid's error is a third of what halving the steps changed.
    own = float(np.linalg.norm(finer - coarse(points))) / size / 3
    found = Check(
        intervals=n,
        difference=float(np.linalg.norm(ours - finer)) / size,
        own_error=own,
        cpu_seconds=spent,
    )
    remark = ""
    if found.difference > 5 * own + 10 * solution.error_estimate + 1e-6:
        remark = (
            f"finite differences differ by {found.difference:.1e}, more than their own error of {own:.1e} explains: "
            "believe neither before you know why"
        )
    return found, fine, remark


def _answer(problem: Problem, solution: Solution, check: Check | None, warnings: list[str]) -> Answer:
    factors = {name: parse_unit(one.unit).factor for name, one in problem.parameters.items()}
    return Answer(
        problem=problem.name,
        equation=EQUATIONS[problem.equation].formula if problem.equation in EQUATIONS else problem.equation,
        solver=solution.solver,
        why=solution.why,
        tried=solution.tried,
        inferred=tuple(
            Inferred(
                name=one.name,
                value=one.value / factors[one.name],
                deviation=one.deviation / factors[one.name] if math.isfinite(one.deviation) else None,
                unit=problem.parameters[one.name].unit,
            )
            for one in solution.scalars
        ),
        functions=tuple(
            _function(problem, one.name, one.argument, one.value / factors[one.name], one.deviation / factors[one.name])
            for one in solution.curves
        ),
        loss=Loss(
            weight=None if solution.is_reduced else solution.weight,
            data=tuple(step.data for step in solution.history),
            residual=tuple(step.residual for step in solution.history),
        ),
        error_estimate=solution.error_estimate,
        residual_rms=solution.residual_rms,
        check=check,
        warnings=tuple(warnings),
        cpu_seconds=solution.cpu_seconds,
    )


def _function(problem: Problem, name: str, argument: Array, value: Array, deviation: Array) -> InferredFunction:
    parameter = problem.parameters[name]
    of = getattr(parameter, "argument", "x")
    unit = problem.field.unit if of == "u" else problem.domain[of].unit
    return InferredFunction(
        name=name,
        argument=of,
        argument_unit=unit,
        arguments=tuple((argument / parse_unit(unit).factor).tolist()),
        values=tuple(value.tolist()),
        deviations=tuple(deviation.tolist()),
        unit=parameter.unit,
    )
