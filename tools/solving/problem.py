"""A problem of physics as a record: equation, domain, conditions, parameters with units, data, what is unknown.

Knows pydantic. Must not know how problems are solved, nor load torch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...memory.records import Record
from .units import parse_unit

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")]
Formula = Annotated[str, Field(max_length=500)]


class Interval(Record):
    """Where a coordinate runs.

    Attributes:
        low: In `unit`.
        high: In `unit`, above `low`.
        unit: `mm`, `s`; 1 for a coordinate without a dimension.
    """

    low: float
    high: float
    unit: str = "1"

    @model_validator(mode="after")
    def _rising(self) -> Interval:
        if not self.low < self.high:
            raise ValueError(f"runs from {self.low} to {self.high}; low < high is allowed")
        return self


class FieldOf(Record):
    """The quantity that is solved for.

    Attributes:
        name: As data columns and axes call it.
        unit: Of data and conditions.
        scale: Typical size in `unit`; None for what conditions and data show.
    """

    name: Name
    unit: str = "1"
    scale: Annotated[float, Field(gt=0)] | None = None


class Known(Record):
    """A parameter whose value is known: a number, or a formula of the coordinates (which stand in SI units there)."""

    value: float | Formula
    unit: str = "1"


class UnknownNumber(Record):
    """A number to be inferred.

    Attributes:
        unit: Of the next three and of the answer.
        low: Least value that is believed; above zero the search is logarithmic.
        high: Greatest value that is believed.
        start: Where the search starts; None for the middle of the range. A formula, in SI units, may read known
            numbers and what meets the eye in data over time: `level` where they begin, `height` they rise by, and
            `half_time` at which they have risen by half.
    """

    unknown: Literal["number"] = "number"
    unit: str = "1"
    low: float
    high: float
    start: float | Formula | None = None

    @model_validator(mode="after")
    def _ordered(self) -> UnknownNumber:
        if not self.low < self.high:
            raise ValueError(f"range from {self.low} to {self.high}; low < high is allowed")
        if isinstance(self.start, float | int) and not self.low <= self.start <= self.high:
            raise ValueError(f"start {self.start} lies outside {self.low} to {self.high}")
        return self


class UnknownFunction(Record):
    """A positive function to be inferred.

    Attributes:
        argument: A coordinate's name, or `u` for the field.
        unit: Of `start` and the answer.
        start: A guess of its size.
        terms: Coefficients of its series.
        spread: Prior standard deviation of its logarithm.
        low: Least argument, in its own unit; needed where the argument is `u`.
        high: Greatest argument.
    """

    unknown: Literal["function"] = "function"
    argument: str
    unit: str = "1"
    start: Annotated[float, Field(gt=0)]
    terms: Annotated[int, Field(ge=2, le=30)] = 8
    spread: Annotated[float, Field(gt=0)] = 1.0
    low: float | None = None
    high: float | None = None


_ALIKE = 1e-9

Parameter = UnknownNumber | UnknownFunction | Known


class Condition(Record):
    """A condition on a face.

    Attributes:
        face: `x=low`, `x=high`, `t=low` …; with `periodic` only the coordinate's name.
        value: What the field is there, in the field's unit: a number or a formula of coordinates and parameters.
        law: A formula of u, its derivatives (`u_x`, `u_xx`), coordinates and parameters, all in SI units, that is zero.
        periodic: Whether the field goes on at the other face.
    """

    face: Annotated[str, Field(pattern=r"^[a-z](=(low|high))?$")]
    value: float | Formula | None = None
    law: Formula | None = None
    periodic: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Condition:
        kinds = [self.value is not None, self.law is not None, self.periodic]
        if sum(kinds) != 1:
            raise ValueError(f"condition on {self.face}: exactly one of value, law, periodic is allowed")
        if self.periodic == ("=" in self.face):
            raise ValueError(
                f"condition on {self.face}: a face such as x=low, or a coordinate with periodic, is allowed"
            )
        return self


class Points(Record):
    """Measured values of the field.

    Attributes:
        columns: Coordinates by name, in the domain's units, each `(n_points,)`; a single number, `low` or `high` where
            all points lie at one place.
        values: The field, in its unit, `(n_points,)`.
        deviation: Standard deviation, one for all or one for each; 0 for exact values, None where it is not known.
    """

    columns: dict[str, tuple[float, ...] | float | Literal["low", "high"]]
    values: tuple[float, ...]
    deviation: tuple[float, ...] | float | None = None

    @model_validator(mode="after")
    def _same_length(self) -> Points:
        n = len(self.values)
        for name, column in self.columns.items():
            if isinstance(column, tuple) and len(column) != n:
                raise ValueError(f"data: {len(column)} values of {name} but {n} of the field")
        if isinstance(self.deviation, tuple) and len(self.deviation) != n:
            raise ValueError(f"data: {len(self.deviation)} deviations but {n} values")
        given = self.deviation if isinstance(self.deviation, tuple) else (self.deviation or 0.0,)
        if any(one < 0 for one in given):
            raise ValueError("data: a standard deviation is below zero; 0 (exact) or more is allowed")
        return self


class Problem(Record):
    """A whole problem.

    Attributes:
        name: For files and headings.
        equation: One that is registered, or `package.module:function` of a user's residual.
        derivatives: Those that a user's residual reads, such as [t, xx]; registered equations know theirs.
        field: What is solved for.
        domain: Coordinates, one letter each; the time is `t`.
        ends: Coordinates that run as far as a parameter says: `{x: thickness}`.
        parameters: By the names that the equation uses.
        conditions: On the faces.
        sensor: Coordinates of all data where they are one place: `{x: high}`.
        data: Measured values.
        tolerance: Relative L2 error that is asked for.
        weight: λ, by hand; None for what the noise level gives.
        shortest_time: Time scale of the start where it is far below the whole, in the unit of `t`, or a
            parameter's name.
        lift: A formula near the solution that has its jump in a corner or its layer, in the field's unit.
        seed: Of random features.
        states: Levels that are wanted, lowest first, where the equation is `schroedinger`.
        jumps: Places at which its potential jumps: formulas of parameters, in SI units.
    """

    name: str
    equation: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*(:[A-Za-z_][A-Za-z0-9_]*)?$")]
    derivatives: tuple[Annotated[str, Field(pattern=r"^[a-z]{1,4}$")], ...] | None = None
    field: FieldOf
    domain: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z]$")], Interval], Field(min_length=1, max_length=3)]
    ends: dict[str, Name] = Field(default_factory=dict)
    parameters: dict[Name, Parameter] = Field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    sensor: dict[str, float | Literal["low", "high"]] = Field(default_factory=dict)
    data: Points | None = None
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 1e-6
    weight: Annotated[float, Field(gt=0)] | None = None
    shortest_time: Annotated[float, Field(gt=0)] | Name | None = None
    lift: Formula | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    states: Annotated[int, Field(ge=1, le=20)] = 3
    jumps: tuple[Formula, ...] = ()

    @model_validator(mode="after")
    def _ends_agree(self) -> Problem:
        for letter, name in self.ends.items():
            interval, one = self.domain.get(letter), self.parameters.get(name)
            if interval is None or not isinstance(one, Known) or isinstance(one.value, str):
                raise ValueError(f"ends: {letter} runs to {name!r}; a coordinate and a parameter with a known number")
            wanted, given = parse_unit(one.unit), parse_unit(interval.unit)
            if wanted.dimension != given.dimension:
                raise ValueError(f"ends: {name} is in {one.unit} and {letter} in {interval.unit}")
            if (
                abs(one.value * wanted.factor - interval.high * given.factor)
                > _ALIKE * abs(interval.high) * given.factor
            ):
                raise ValueError(
                    f"conditions contradict each other: {letter} runs to {interval.high:g} {interval.unit}, but {name} "
                    f"is {one.value:g} {one.unit}; where {name} alone is given, {letter} follows"
                )
        return self
