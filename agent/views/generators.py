"""What the generators of a campaign have made and what came of it: as rows, and as a table for a terminal.

Knows the state, the goal and Rich. Must not know how shares are decided (tools/generators/bandit.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from ...memory.foreign import clean
from ...tools.generators.bandit import tallies
from ..labels import percent
from ..standing import goal_of

if TYPE_CHECKING:
    from rich.table import Table

    from ...memory.state import State

WORTH = (
    "A candidate that entered the Pareto set when it came in counts one, another hit a half. A generator's share of "
    "the next raw candidates is the probability that its evaluations are worth most, and a tenth at least."
)


class Part(TypedDict):
    """What one generator has made, kept after the screens, and what came of its evaluated candidates.

    `improved` counts hits that no earlier trial had beaten in all objectives, `share` is that of the latest batch.
    """

    generator: str
    made: int
    kept: int
    evaluated: int
    hits: int
    improved: int
    share: float


def parts_of(state: State) -> list[Part]:
    """One row for each generator; none where there is one generator, or the ledger is older than their shares."""
    if not state.shares:
        return []
    latest = state.shares[max(state.shares)].generators
    found = tallies(goal_of(state), state.trials.values(), [part.generator for part in latest])
    rows = [part for batch in state.shares.values() for part in batch.generators]
    return [
        Part(
            generator=clean(part.generator, 40),
            made=sum(row.made for row in rows if row.generator == part.generator),
            kept=sum(row.kept for row in rows if row.generator == part.generator),
            evaluated=found[part.generator].evaluated,
            hits=found[part.generator].hits,
            improved=found[part.generator].improved,
            share=part.share,
        )
        for part in latest
    ]


def parts_table(parts: list[Part]) -> Table:
    """The rows as a table for a terminal."""
    from .tables import plain_table

    table = plain_table()
    table.add_column("generator", no_wrap=True)
    for head in ("made", "kept", "evaluated", "hits", "improved", "share"):
        table.add_column(head, justify="right", no_wrap=True)
    for part in parts:
        numbers = (part["made"], part["kept"], part["evaluated"], part["hits"], part["improved"])
        table.add_row(part["generator"], *map(str, numbers), percent(part["share"]))
    return table
