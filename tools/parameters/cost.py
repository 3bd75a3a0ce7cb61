"""What an evaluation of a point costs.

Knows pydantic and the variables. Must not know what is done about a cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from ...memory.records import Record
from .leaves import Leaf, Value
from .variables import Categorical, Fidelity


class Cost(Record):
    """`base + sum of coefficient · variable + what the labels add`; what is left out of a point adds nothing.

    Attributes:
        unit: `EUR` or `h`, for example.
        terms: Numeric variable or part of a composition to the cost of one of its units.
        labels: Categorical variable to label to what it adds; a label that is not named adds nothing.
    """

    unit: Annotated[str, Field(min_length=1)]
    base: Annotated[float, Field(ge=0)] = 0.0
    terms: dict[str, float] = {}
    labels: dict[str, dict[str, float]] = {}

    def of(self, values: Mapping[str, Value]) -> float:
        """What a point with these values costs."""
        labels = sum(table.get(str(values.get(name)), 0.0) for name, table in self.labels.items())
        return self.base + sum(c * float(values.get(name, 0.0)) for name, c in self.terms.items()) + labels


def cost_of(cost: Cost | None, leaves: Sequence[Leaf], values: Mapping[str, Value]) -> float:
    """What an evaluation costs: what the space says, and what its fidelity adds; 1 where nothing is said."""
    added = [leaf.source.cost_of(str(values[leaf.name])) for leaf in leaves if isinstance(leaf.source, Fidelity)]
    if cost is None:
        return sum(added) or 1.0
    return cost.of(values) + sum(added)


def cost_fault(cost: Cost, leaves: Sequence[Leaf]) -> str | None:
    """What is wrong with a cost, in words: it names what is not there, or some point could cost nothing."""
    source = {leaf.name: leaf.source for leaf in leaves}
    for name in cost.terms:
        if name not in source or isinstance(source[name], Categorical):
            able = ", ".join(n for n, s in source.items() if not isinstance(s, Categorical))
            return f"cost: {name} is no numeric variable or part; allowed are {able or 'none'}"
    for name, table in cost.labels.items():
        variable = source.get(name)
        if not isinstance(variable, Categorical):
            able = ", ".join(n for n, s in source.items() if isinstance(s, Categorical))
            return f"cost: {name} is no categorical variable; allowed are {able or 'none'}"
        unknown = sorted(set(table) - set(variable.labels))
        if unknown:
            return f"cost: {name} is never {', '.join(unknown)}; it may be {', '.join(variable.labels)}"
    least = cost.base
    for leaf in leaves:
        coefficient = cost.terms.get(leaf.name, 0.0)
        part = min(coefficient * leaf.low, coefficient * leaf.high)
        if isinstance(leaf.source, Categorical):
            part = min(cost.labels.get(leaf.name, {}).get(label, 0.0) for label in leaf.source.labels)
        if isinstance(leaf.source, Fidelity):
            part += min(leaf.source.costs)
        least += min(part, 0.0) if leaf.when else part
    if least <= 0:
        return f"cost: within the variables' bounds it may be as low as {least:g} {cost.unit}; above zero is allowed"
    return None
