"""What evaluations cost, by the prices that a space of settings states.

Knows the variables and costs of spaces, and trials. Must not know budgets, nor where any of it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from ..memory.records import Candidate, Point
from ..memory.state import Trial
from ..tools.parameters.cost import Cost, cost_of
from ..tools.parameters.leaves import Leaf, leaves
from ..tools.parameters.parameter_space import ParameterSpace
from ..tools.parameters.variables import Fidelity, Variable
from .labels import unit_of

if TYPE_CHECKING:
    from ..tools.space import Space

_VARIABLES = TypeAdapter(tuple[Variable, ...])


@dataclass(frozen=True)
class Prices:
    """What the evaluations in a space cost.

    Attributes:
        cost: None where only levels of fidelity have costs.
    """

    cost: Cost | None
    leaves: tuple[Leaf, ...]

    def of(self, candidate: Candidate) -> float:
        """What an evaluation of a candidate costs."""
        assert isinstance(candidate.content, Point)  # noqa: S101 - the space has no other
        return cost_of(self.cost, self.leaves, candidate.content.values)

    def sum_of(self, trials: Iterable[Trial]) -> float:
        """What some trials cost together, whether they have failed or are still under way."""
        return sum(self.of(trial.candidate) for trial in trials)

    def in_words(self, trials: Iterable[Trial], limit: float | None) -> str:
        """What some trials cost, and of how much: `213 of 500 EUR`."""
        return self.amount(f"{self.sum_of(trials):.6g}" + ("" if limit is None else f" of {limit:g}"))

    def amount(self, text: str) -> str:
        """A number or two with the unit of the costs, where they have one."""
        return f"{text} {unit_of(self.cost.unit)}" if self.cost else text


def prices_of(space: Space) -> Prices | None:
    """The prices of a space; None where it says nothing of costs."""
    return _prices(space.cost, space.variables) if isinstance(space, ParameterSpace) else None


def prices_in(spec: Mapping[str, Any]) -> Prices | None:
    """The prices of the space of a campaign file as the ledger keeps it; None where it says nothing of costs."""
    space = spec.get("space") or {}
    if space.get("kind") != "parameters":
        return None
    # The whole space would be read again otherwise, with the file of its pool, which may be gone by now.
    cost = space.get("cost")
    return _prices(Cost.model_validate(cost) if cost else None, _VARIABLES.validate_python(space["variables"]))


def _prices(cost: Cost | None, variables: Sequence[Variable]) -> Prices | None:
    if cost is None and not any(isinstance(variable, Fidelity) for variable in variables):
        return None
    return Prices(cost, leaves(variables))
