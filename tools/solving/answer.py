"""What `solve` answers, as a record that goes into JSON.

Knows pydantic. Must not know how it was found.
"""

from __future__ import annotations

from ...memory.records import Record

OBJECTIVE = "data MSE + λ · residual MSE"


class Inferred(Record):
    """A number that was inferred; `deviation` is its standard deviation, None where the data do not tell."""

    name: str
    value: float
    deviation: float | None
    unit: str


class InferredFunction(Record):
    """A function that was inferred, with its standard deviation, along its argument."""

    name: str
    argument: str
    argument_unit: str
    arguments: tuple[float, ...]
    values: tuple[float, ...]
    deviations: tuple[float, ...]
    unit: str


class Level(Record):
    """An energy at which a particle stays in a well; `deviation` is the error estimate of the solver."""

    number: int
    energy: float
    deviation: float
    unit: str


class Loss(Record):
    """The objective's terms, iteration by iteration.

    Attributes:
        objective: How the total is made.
        weight: λ; None for the limit of a large one, where data tell the unknowns only and bend no field.
        data: Data MSE, in standard deviations squared.
        residual: Residual MSE, non-dimensional.
    """

    objective: str = OBJECTIVE
    weight: float | None
    data: tuple[float, ...]
    residual: tuple[float, ...]


class Check(Record):
    """Finite differences beside the answer.

    Attributes:
        intervals: Along each coordinate.
        difference: Relative L2 difference between them and the answer.
        own_error: Relative L2 error of the finite differences, from half as many intervals.
        cpu_seconds: Spent on them.
    """

    intervals: int
    difference: float
    own_error: float
    cpu_seconds: float


class Answer(Record):
    """A solved problem.

    Attributes:
        problem: Its name.
        equation: As it is written.
        solver: The rung of the ladder that answered.
        why: Why this one.
        tried: Each rung that was tried, with its error estimate.
        inferred: Numbers.
        functions: Functions.
        levels: Energies of stationary states, lowest first.
        loss: Both terms of the objective; None where states were sought, which have none.
        error_estimate: Relative L2 difference from a second answer.
        residual_rms: Non-dimensional, at points that were not used.
        check: Finite differences; None where they do not apply, which `warnings` explain.
        warnings: What must be known beside the numbers.
        cpu_seconds: Of the solver, without the check.
    """

    problem: str
    equation: str
    solver: str
    why: str
    tried: tuple[str, ...]
    inferred: tuple[Inferred, ...] = ()
    functions: tuple[InferredFunction, ...] = ()
    levels: tuple[Level, ...] = ()
    loss: Loss | None = None
    error_estimate: float
    residual_rms: float
    check: Check | None = None
    warnings: tuple[str, ...] = ()
    cpu_seconds: float
