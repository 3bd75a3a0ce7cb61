"""Linear constraints between the variables of a space.

Knows pydantic and numbers. Must not know variables, nor what solves constraints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from ...memory.records import Record

TOLERANCE = 1e-9
"""Relative: what rounding may add to a sum, as a share of the sizes of its terms."""


class LinearConstraint(Record):
    """`sum of coefficient · variable <= bound`, or `>=` or `=`. A variable that is left out counts as zero.

    Attributes:
        terms: Name of a variable or of a part of a composition to its coefficient.
    """

    terms: Annotated[dict[str, float], Field(min_length=1)]
    comparison: Literal["<=", ">=", "="]
    bound: float

    @property
    def words(self) -> str:
        """The constraint as a person would write it."""
        terms = " + ".join(name if c == 1 else f"{c:g}·{name}" for name, c in self.terms.items())
        return f"{terms.replace('+ -', '- ')} {self.comparison} {self.bound:g}"

    def excess(self, values: Mapping[str, float | str]) -> float:
        """How far a point breaks the constraint; 0 where it keeps it within `TOLERANCE`."""
        amounts = [c * float(values.get(name, 0.0)) for name, c in self.terms.items()]
        beyond = sum(amounts) - self.bound
        if self.comparison == ">=":
            beyond = -beyond
        elif self.comparison == "=":
            beyond = abs(beyond)
        allowed = TOLERANCE * (sum(map(abs, amounts)) + abs(self.bound))
        return beyond if beyond > allowed else 0.0


def smallest_conflict(
    constraints: Sequence[LinearConstraint], is_possible: Callable[[Sequence[LinearConstraint]], bool]
) -> tuple[LinearConstraint, ...]:
    """A set of constraints that cannot all be kept, from which none can be left out.

    Args:
        constraints: That together are impossible.
        is_possible: Whether some point keeps them all.

    Source: the deletion filter, Chinneck and Dravnieks, ORSA J. Comput. 3, 157 (1991), doi:10.1287/ijoc.3.2.157.
    """
    kept = list(constraints)
    for constraint in constraints:
        rest = [other for other in kept if other is not constraint]
        if not is_possible(rest):
            kept = rest
    return tuple(kept)
