"""What may vary in a laboratory: one record for each kind of variable, which says what values are allowed.

Knows pydantic. Must not know constraints between variables, nor how points are made.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ...memory.records import Record

Name = Annotated[str, Field(min_length=1)]


class When(Record, serialize_by_alias=True):
    """What another variable must be so that this one exists; a point leaves it out otherwise.

    Attributes:
        variable: An integer, ordinal or categorical variable that is listed earlier. Where that one is itself left out,
            the condition does not hold.
        among: Values that will do, `is` in the campaign file.
        at_least: Smallest value that will do.
        at_most: Largest value that will do.
    """

    variable: str
    among: Annotated[tuple[float | str, ...] | None, Field(alias="is", min_length=1)] = None
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> When:
        bounded = self.at_least is not None or self.at_most is not None
        if (self.among is not None) == bounded:
            raise ValueError(f"when {self.variable}: either is, or at_least and at_most, is allowed")
        return self

    def holds(self, value: float | str) -> bool:
        """Whether a value of the other variable will do."""
        if self.among is not None:
            return value in self.among
        if isinstance(value, str):
            return False
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


class _Variable(Record):
    """What all kinds have: a name, a unit ("1" for none), and a condition for being there at all."""

    name: Name
    unit: Name
    when: When | None = None


class Continuous(_Variable):
    """Any number between two bounds.

    Attributes:
        scale: `log` where equal ratios matter equally; both bounds are then above zero.
    """

    kind: Literal["continuous"] = "continuous"
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _range(self) -> Continuous:
        if self.low >= self.high:
            raise ValueError(f"variable {self.name}: low is {self.low:g} and high {self.high:g}; low < high is allowed")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"variable {self.name}: low is {self.low:g}; a log scale allows only numbers above zero")
        return self


class Integer(_Variable):
    """Any whole number between two bounds, both allowed."""

    kind: Literal["integer"] = "integer"
    low: int
    high: int

    @model_validator(mode="after")
    def _range(self) -> Integer:
        if self.low >= self.high:
            raise ValueError(f"variable {self.name}: low is {self.low} and high {self.high}; low < high is allowed")
        if max(abs(self.low), abs(self.high)) > 2**31:
            raise ValueError(f"variable {self.name}: whole numbers up to 2147483648 are allowed")
        return self


class Ordinal(_Variable):
    """One of a few numbers, which are given in rising order."""

    kind: Literal["ordinal"] = "ordinal"
    values: Annotated[tuple[float, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _rising(self) -> Ordinal:
        if any(a >= b for a, b in pairwise(self.values)):
            raise ValueError(f"variable {self.name}: values must rise, each once; they are {list(self.values)}")
        return self


class Categorical(_Variable):
    """One of a few labels.

    Attributes:
        descriptors: Label to numbers that describe it, as many for each; labels with like numbers are then expected to
            give like results. Empty where nothing is known of the labels.
    """

    kind: Literal["categorical"] = "categorical"
    labels: Annotated[tuple[Name, ...], Field(min_length=2)]
    descriptors: dict[str, tuple[float, ...]] = {}

    @model_validator(mode="after")
    def _described(self) -> Categorical:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"variable {self.name}: labels name one twice: {', '.join(self.labels)}")
        if not self.descriptors:
            return self
        if set(self.descriptors) != set(self.labels):
            unlike = ", ".join(sorted(set(self.descriptors) ^ set(self.labels)))
            raise ValueError(f"variable {self.name}: descriptors must be given for each label and no other: {unlike}")
        if len({len(numbers) for numbers in self.descriptors.values()}) > 1 or not self.descriptors[self.labels[0]]:
            raise ValueError(f"variable {self.name}: each label needs equally many descriptors, at least one")
        if len(set(self.descriptors.values())) < len(self.labels):
            raise ValueError(
                f"variable {self.name}: two labels have the same descriptors, so they could not be told apart"
            )
        return self


class Fidelity(Categorical):
    """How truly an evaluation answers: a cheap simulation or a costly measurement of the same properties.

    Attributes:
        labels: The levels from the cheapest to the one that is meant; only results of the last are the goal's.
        costs: What an evaluation at each level costs, in their order.
    """

    kind: Literal["fidelity"] = "fidelity"  # type: ignore[assignment]
    costs: tuple[Annotated[float, Field(gt=0)], ...]

    @model_validator(mode="after")
    def _rising(self) -> Fidelity:
        if len(self.costs) != len(self.labels):
            raise ValueError(
                f"variable {self.name}: {len(self.labels)} levels need as many costs, not {len(self.costs)}"
            )
        if any(a >= b for a, b in pairwise(self.costs)):
            raise ValueError(f"variable {self.name}: costs must rise with the levels; they are {list(self.costs)}")
        if self.descriptors or self.when:
            raise ValueError(f"variable {self.name}: a fidelity has neither descriptors nor a condition")
        return self

    def cost_of(self, level: str) -> float:
        """What an evaluation at a level costs."""
        return self.costs[self.labels.index(level)]


class Composition(_Variable):
    """Amounts of parts that sum to a total. In a point each part is a variable of its own, under its plain name.

    Attributes:
        parts: Names of the parts.
        total: Sum of all amounts, 1 or 100 for example.
        minimum: Smallest amount of a part that is there at all.
        at_most: Largest number of parts that are there; None for all.
    """

    kind: Literal["composition"] = "composition"
    parts: Annotated[tuple[Name, ...], Field(min_length=2)]
    total: Annotated[float, Field(gt=0)] = 1.0
    minimum: Annotated[float, Field(ge=0)] = 0.0
    at_most: Annotated[int, Field(ge=1)] | None = None

    @field_validator("parts")
    @classmethod
    def _each_once(cls, parts: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(parts)) < len(parts):
            raise ValueError(f"parts name one twice: {', '.join(parts)}")
        return parts

    @model_validator(mode="after")
    def _possible(self) -> Composition:
        if self.minimum > self.total:
            raise ValueError(
                f"composition {self.name}: no part can be {self.minimum:g} {self.unit} of a total of {self.total:g}"
            )
        return self

    @property
    def is_sparse(self) -> bool:
        """Whether it matters which parts are there."""
        return self.minimum > 0 or (self.at_most is not None and self.at_most < len(self.parts))


Variable = Annotated[
    Continuous | Integer | Ordinal | Categorical | Fidelity | Composition,
    Field(discriminator="kind"),
]
