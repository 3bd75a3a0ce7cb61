"""`solve` in a chat: what follows from a file that the person has named, or from a trial's trace.

Knows a session and the solve tool. Must not know chat models or terminals.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from ...memory.errors import UserError
from ...tools.solving.registry import PROBLEMS
from ...tools.solving.trace import read_trace
from ...tools.solving.units import parse_quantity
from ..llm.solving import QuantityAsked, SolveAsked, solve_text

if TYPE_CHECKING:
    from .session import Session

USAGE = "/solve PROBLEM|#N [FILE.csv] ['thickness=1.02 mm' …]"


class TraceAsked(SolveAsked):
    """A problem to solve, perhaps with a trace of the person's."""

    file: str = Field(
        default="", description="CSV of readings as the person has named it in this chat; empty for none."
    )


def solved(session: Session, asked: TraceAsked) -> str:
    """What came of it, in a few lines.

    Raises:
        AthanorError: It cannot be solved; says why, and what is allowed.
    """
    trace = read_trace(Path(asked.file).expanduser()) if asked.file else None
    return solve_text(asked, session.state() if asked.trial is not None else None, trace)


def solve(session: Session, given: str) -> str:
    """Follow `/solve`.

    Raises:
        UserError: It is not written as it must be, or cannot be solved.
    """
    import shlex

    try:
        first, *rest = shlex.split(given)
    except ValueError as error:
        raise UserError(f"{USAGE}; problems are {', '.join(PROBLEMS)}") from error
    files = [word for word in rest if "=" not in word]
    if len(files) > 1:
        raise UserError(f"{USAGE}: one file is allowed, not {', '.join(files)}")
    known = []
    for word in rest:
        name, sign, text = word.partition("=")
        if sign:
            value, unit = parse_quantity(text, name)
            known.append(QuantityAsked(name=name, value=value, unit=unit))
    number = first.removeprefix("#")
    trial = int(number) if number.isdecimal() else None
    problem = "" if trial is not None else first
    return solved(session, TraceAsked(problem=problem, known=known, trial=trial, file=files[0] if files else ""))
