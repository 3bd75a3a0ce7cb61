"""What evaluations cost, by the prices that a space of settings states.

Knows spaces and trials. Must not know when a campaign stops, nor how any of it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..memory.records import Candidate, Point
from ..memory.state import Trial
from ..tools.parameters.parameter_space import ParameterSpace
from ..tools.space import Space, space_of
from .labels import unit_of
from .planner import Pick


@dataclass(frozen=True)
class Prices:
    """What the evaluations in a space cost.

    Attributes:
        unit: `EUR`, for example; empty where only levels of fidelity have costs.
    """

    space: ParameterSpace
    unit: str

    def of(self, candidate: Candidate) -> float:
        """What an evaluation of a candidate costs."""
        assert isinstance(candidate.content, Point)  # noqa: S101 - the space has no other
        return self.space.cost_of(candidate.content.values)

    def sum_of(self, trials: Iterable[Trial]) -> float:
        """What some trials cost together, whether they have failed or are still under way."""
        return sum(self.of(trial.candidate) for trial in trials)

    def in_words(self, spent: float, limit: float | None) -> str:
        """What is spent, and of how much: `213 of 500 EUR`."""
        return f"{spent:.6g}{'' if limit is None else f' of {limit:g}'} {unit_of(self.unit or '1')}".rstrip()


def prices_of(space: Space) -> Prices | None:
    """The prices of a space; None where it says nothing of costs."""
    if not isinstance(space, ParameterSpace) or (space.cost is None and space.fidelity is None):
        return None
    return Prices(space, space.cost.unit if space.cost else "")


def prices_in(spec: Mapping[str, Any]) -> Prices | None:
    """The prices of the space of a campaign file as the ledger keeps it; None where there are none."""
    return prices_of(space_of(spec)) if (spec.get("space") or {}).get("kind") == "parameters" else None


def affordable(picks: Iterable[Pick], prices: Prices | None, left: float | None) -> Iterator[Pick]:
    """The first picks, until what is left is used; the last one may go beyond it.

    Args:
        left: Of the budget's cost; None for no limit.
    """
    for pick in picks:
        if prices is not None and left is not None:
            if left <= 0:
                return
            left -= prices.of(pick.candidate)
        yield pick
