"""The variables of a space as a flat list: what a point holds one value each of.

Knows the variables. Must not know constraints, points of a pool, or numerics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .variables import Categorical, Composition, Continuous, Integer, Ordinal, When

Value = float | str


@dataclass(frozen=True)
class Leaf:
    """One named value of a point.

    Attributes:
        source: The variable it belongs to; a composition has one leaf for each part.
    """

    name: str
    source: Continuous | Integer | Ordinal | Categorical | Composition

    @property
    def when(self) -> When | None:
        """The condition for being there."""
        return self.source.when

    @property
    def low(self) -> float:
        """Smallest number; 0 for a part and for labels."""
        if isinstance(self.source, Ordinal):
            return self.source.values[0]
        return float(getattr(self.source, "low", 0.0))

    @property
    def high(self) -> float:
        """Largest number; the total for a part, and 1 for labels."""
        if isinstance(self.source, Ordinal):
            return self.source.values[-1]
        return self.source.total if isinstance(self.source, Composition) else float(getattr(self.source, "high", 1.0))

    @property
    def is_continuous(self) -> bool:
        """Whether it may be any number of a range once the discrete values are fixed."""
        return isinstance(self.source, Continuous | Composition)

    @property
    def choices(self) -> tuple[Value, ...]:
        """All values of a discrete leaf; empty for a continuous one."""
        if isinstance(self.source, Ordinal):
            return self.source.values
        if isinstance(self.source, Categorical):
            return self.source.labels
        if isinstance(self.source, Integer):
            return tuple(float(n) for n in range(self.source.low, self.source.high + 1))
        return ()

    @property
    def n_choices(self) -> int:
        """Number of values of a discrete leaf, without listing them."""
        return self.source.high - self.source.low + 1 if isinstance(self.source, Integer) else len(self.choices)


def leaves(variables: Sequence[Continuous | Integer | Ordinal | Categorical | Composition]) -> tuple[Leaf, ...]:
    """The leaves in the order of the variables."""
    return tuple(Leaf(name, v) for v in variables for name in (v.parts if isinstance(v, Composition) else (v.name,)))


def is_active(leaf: Leaf, values: Mapping[str, Value]) -> bool:
    """Whether a leaf is part of a point with these values; those of earlier variables are all that matters."""
    if leaf.when is None:
        return True
    other = values.get(leaf.when.variable)
    return other is not None and leaf.when.holds(other)
