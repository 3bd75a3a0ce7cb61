"""The command `athanor solve`: a field or a property from an equation and a trace, with its deviation and its doubts.

Knows typer and Rich. Heavy parts are imported inside the command, so that `--help` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ..memory.errors import UserError
from .labels import figure, spread, unit_of
from .options import AsJson

if TYPE_CHECKING:
    from ..tools.solving.answer import Answer
    from ..tools.solving.problem import Problem


def solve(
    file: Annotated[
        str, typer.Argument(metavar="PROBLEM", help="A problem file, or the name of a registered problem.")
    ],
    trace: Annotated[Path | None, typer.Option("--data", metavar="FILE", help="A CSV trace to infer from.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Draw pictures into this folder.")] = None,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Solve by finite differences beside.")] = True,
    as_json: AsJson = False,
) -> None:
    """Solve an equation, or infer what is unknown in it from measured data; each number with its deviation."""
    from ..tools.solving.read_problem import read_problem
    from ..tools.solving.registry import PROBLEMS, problem_named
    from ..tools.solving.trace import read_trace, with_trace

    if not Path(file).exists() and file not in PROBLEMS:
        raise UserError(f"problem {file!r} is neither a file nor registered; {', '.join(PROBLEMS)} are allowed")
    problem = problem_named(file) if not Path(file).exists() else read_problem(Path(file))
    if trace is not None:
        problem = with_trace(problem, read_trace(trace), f"trace {trace}")
    with Console(stderr=True).status(f"solving {problem.name}"):
        answer, files = _solved(problem, check, plot)
    if as_json:
        typer.echo(answer.model_dump_json())
    else:
        _show(answer, files)


def _solved(problem: Problem, check: bool, plot: Path | None) -> tuple[Answer, tuple[Path, ...]]:
    """The answer, and the pictures drawn of it."""
    from ..tools.solving.levels import SCHROEDINGER, solve_levels
    from ..tools.solving.solve import solve as solve_field

    if problem.equation == SCHROEDINGER:
        levels = solve_levels(problem, check)
        if plot is None:
            return levels.answer, ()
        from .pictures.levels import level_pictures

        return levels.answer, level_pictures(levels, plot)
    solved = solve_field(problem, check, with_profiles=plot is not None)
    if plot is None:
        return solved.answer, ()
    from .pictures.solved import solved_pictures

    return solved.answer, solved_pictures(solved, plot)


def _show(answer: Answer, files: tuple[Path, ...]) -> None:
    console = Console()

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    say(f"{answer.problem}: {answer.equation}")
    for one in answer.inferred:
        known = (
            spread(one.value, one.deviation) if one.deviation is not None else f"{figure(one.value)} (not identified)"
        )
        say(f"  {one.name}: {known} {unit_of(one.unit)}".rstrip())
    for level in answer.levels:
        say(f"  level {level.number}: {level.energy:.8g} {unit_of(level.unit)}")
    say(f"Solved by {answer.solver}, {answer.why}; {answer.cpu_seconds:.2f} CPU s.")
    residual = f"; residual {answer.residual_rms:.1e} (root mean square)" if answer.loss is not None else ""
    say(f"Estimated relative error {answer.error_estimate:.1e}{residual}.")
    if answer.check is not None:
        own = answer.check
        say(
            f"Finite differences ({own.intervals} intervals) differ by {own.difference:.1e}; "
            f"their own error is {own.own_error:.1e}."
        )
    for warning in answer.warnings:
        say(f"Warning: {warning}.")
    for path in files:
        say(str(path))
