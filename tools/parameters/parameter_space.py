"""A space of process parameters: variables, linear constraints, and where wanted a finite pool of allowed points.

Knows the variables and constraints, and asks a mixed-integer programme whether anything is allowed at all. Must not
know how points are chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...memory.errors import UserError
from ...memory.records import Point, Record, content_hash
from .check import problems
from .constraints import LinearConstraint, smallest_conflict
from .cost import Cost, cost_fault, cost_of
from .leaves import Leaf, Value, leaves
from .variables import Categorical, Composition, Continuous, Fidelity, Variable

MOST_CHOICES = 1000
"""Values of a variable on which others depend."""


class ParameterSpace(Record):
    """What a laboratory may set.

    Attributes:
        constraints: Kept by every point; numeric variables and parts of compositions may occur.
        cost: What an evaluation costs; None where all cost the same, but for their fidelity.
        pool: CSV file with a column for each variable and part. Only its rows that keep everything else are allowed.
    """

    kind: Literal["parameters"] = "parameters"
    variables: Annotated[tuple[Variable, ...], Field(min_length=1)]
    constraints: tuple[LinearConstraint, ...] = ()
    cost: Cost | None = None
    pool: Path | None = None

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """One for each value of a point."""
        return leaves(self.variables)

    @cached_property
    def fidelity(self) -> Fidelity | None:
        """The variable that says how truly an evaluation answers."""
        return next((v for v in self.variables if isinstance(v, Fidelity)), None)

    def is_meant(self, values: Mapping[str, Value]) -> bool:
        """Whether results at a point are the goal's: they come from the highest fidelity, or there is only one."""
        return self.fidelity is None or values.get(self.fidelity.name) == self.fidelity.labels[-1]

    def cost_of(self, values: Mapping[str, Value]) -> float:
        """What an evaluation of a point costs, in the unit of `cost`; 1 where nothing is said."""
        return cost_of(self.cost, self.leaves, values)

    @cached_property
    def allowed(self) -> tuple[Point, ...] | None:
        """The points of the pool that are allowed, in the order of the file; None where there is no pool.

        Raises:
            UserError: The file cannot be read, or lacks a column.
        """
        if self.pool is None:
            return None
        return tuple(p for p in self._rows() if not problems(self.leaves, self.constraints, p.values))

    @cached_property
    def allowed_ids(self) -> frozenset[str]:
        """Content hashes of the points of the pool that are allowed."""
        return frozenset(content_hash(p) for p in self.allowed or ())

    @model_validator(mode="after")
    def _names(self) -> ParameterSpace:
        names = [leaf.name for leaf in self.leaves]
        names += [v.name for v in self.variables if isinstance(v, Composition)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two variables or parts are called {', '.join(twice)}; each name once is allowed")
        if sum(isinstance(v, Fidelity) for v in self.variables) > 1:
            raise ValueError("two variables are of kind fidelity; one is allowed")
        if self.cost is not None and (fault := cost_fault(self.cost, self.leaves)):
            raise ValueError(fault)
        earlier: dict[str, Leaf] = {}
        for variable in self.variables:
            _check_condition(variable, earlier)
            earlier |= {leaf.name: leaf for leaf in leaves((variable,))}
        numeric = {leaf.name for leaf in self.leaves if not isinstance(leaf.source, Categorical)}
        for constraint in self.constraints:
            unknown = sorted(set(constraint.terms) - numeric)
            if unknown:
                raise ValueError(
                    f"constraint {constraint.words!r}: {', '.join(unknown)} is no numeric variable or part; "
                    f"allowed are {', '.join(sorted(numeric)) or 'none'}"
                )
        return self

    @model_validator(mode="after")
    def _possible(self) -> ParameterSpace:
        from .programme import feasible_values

        def rows_are_left(constraints: Sequence[LinearConstraint]) -> bool:
            return any(not problems(self.leaves, constraints, row.values) for row in self._rows())

        def is_possible(constraints: Sequence[LinearConstraint]) -> bool:
            return feasible_values(self.leaves, constraints) is not None

        try:
            check, what = (is_possible, "point") if self.pool is None else (rows_are_left, f"row of {self.pool.name}")
            if check(self.constraints):
                return self
            if not check(()):
                raise ValueError(f"no {what} keeps the variables' own bounds" + self._first_fault())
        except UserError as error:
            raise ValueError(str(error)) from error
        conflict = smallest_conflict(self.constraints, check)
        named, hold = " and ".join(repr(c.words) for c in conflict), "all hold" if len(conflict) > 1 else "hold"
        raise ValueError(f"no {what} keeps the constraints: {named} cannot {hold} within the variables' bounds")

    def _first_fault(self) -> str:
        if self.pool is None:
            return ""
        return f"; its first row: {problems(self.leaves, (), self._rows()[0].values)[0]}"

    def _rows(self) -> tuple[Point, ...]:
        from ..generators.pool import read_pool

        assert self.pool is not None  # noqa: S101 - the callers have seen to it
        rows = read_pool(self.pool, tuple(leaf.name for leaf in self.leaves))
        spelt = {
            leaf.name: {float(label): label for label in leaf.source.labels if _is_number(label)}
            for leaf in self.leaves
            if isinstance(leaf.source, Categorical)
        }
        # The reader takes a column of numbers for numbers, also where the labels of a category look like them.
        return tuple(
            Point(
                values={
                    n: spelt[n].get(v, str(v)) if n in spelt and isinstance(v, float) else v
                    for n, v in row.values.items()
                }
            )
            for row in rows
        )


def _check_condition(variable: Variable, earlier: dict[str, Leaf]) -> None:
    if variable.when is None:
        return
    where = f"variable {variable.name}: when names {variable.when.variable}"
    other = earlier.get(variable.when.variable)
    if other is None or isinstance(other.source, Continuous | Composition):
        able = [name for name, leaf in earlier.items() if not leaf.is_continuous]
        raise ValueError(
            f"{where}; integer, ordinal and categorical variables listed earlier are allowed: "
            f"{', '.join(able) or 'there is none'}"
        )
    if other.n_choices > MOST_CHOICES:
        raise ValueError(f"{where}, which has {other.n_choices} values; at most {MOST_CHOICES} are allowed there")
    unknown = set(variable.when.among or ()) - set(other.choices)
    if unknown:
        raise ValueError(
            f"{where}, which is never {', '.join(map(str, unknown))}; it may be {', '.join(map(str, other.choices))}"
        )
    if not any(variable.when.holds(value) for value in other.choices):
        raise ValueError(f"{where}, but no value of that meets the condition, so {variable.name} would never be there")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
