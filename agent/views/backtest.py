"""What searches of a measured pool are worth, as a table on a terminal.

Knows Rich and the document of a backtest. Must not know how figures are computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from ...memory.foreign import clean
from ...tools.backtest.backtest import RANDOM
from ..labels import figure, unit_of
from .tables import plain_table

if TYPE_CHECKING:
    from rich.table import Table

LEGEND = (
    "With 95 % bootstrap intervals over the searches. AF: points that random choice needs for a share of the best "
    "twentieth over those needed here. EF: share of the best found over that of random choice. Simple regret: the best "
    "value of the table less the best found. Random choice is exact."
)


def backtest_table(found: Mapping[str, Any]) -> Table:
    """One row a figure, one column a method."""
    methods = found["methods"]
    table = plain_table()
    table.add_column("", min_width=24)
    for name in methods:
        table.add_column(clean(name, 24), justify="right")
    searched = {name: one for name, one in methods.items() if name != RANDOM}
    for level in next(iter(searched.values()))["AF"]:
        cells = ["1" if name == RANDOM else _acceleration(one, level) for name, one in methods.items()]
        table.add_row(Text(f"AF at {float(level):.0%} of the best, median"), *map(Text, cells))
    cells = ["1" if name == RANDOM else _enhancement(one) for name, one in methods.items()]
    table.add_row("largest EF", *map(Text, cells))
    cells = ["1" if name == RANDOM else f"{one['lowest_EF_from_5d_on']:.2f}" for name, one in methods.items()]
    table.add_row("lowest EF from 5 points an input on", *map(Text, cells))
    unit = unit_of(found["table"]["unit"])
    for look in next(iter(methods.values()))["simple_regret"]:
        cells = [_with_interval(one["simple_regret"][look], unit) for one in methods.values()]
        table.add_row(f"simple regret after {look}", *map(Text, cells))
    shares = {name: one["best_over_maximum"] for name, one in methods.items()}
    if all(shares.values()):
        for look in next(iter(shares.values())):
            cells = [_with_interval(one[look], "") for one in shares.values()]
            table.add_row(f"best / maximum after {look}", *map(Text, cells))
    return table


def remarks(found: Mapping[str, Any]) -> list[str]:
    """What has to be known about a method's figures."""
    counts = {name: one.get("instead", 0) for name, one in found["methods"].items()}
    return [
        f"{count} choices of {name} were the builtin planner's: no usable answer."
        for name, count in counts.items()
        if count
    ]


def heading(found: Mapping[str, Any]) -> str:
    """What was searched and how, in one line."""
    table, protocol = found["table"], found["protocol"]
    left = f", {table['left_out_without_result']} settings without a result" if table["left_out_without_result"] else ""
    return clean(
        f"{table['file']}: {table['points']} points of {', '.join(table['inputs'])}{left}; {table['direction']} "
        f"{table['objective']}; replicates {protocol['replicates']}; {protocol['initial']} first points at random, "
        f"then one at a time, up to {protocol['most']}; the best {table['best_points']} are looked for",
        600,
    )


def _acceleration(one: Mapping[str, Any], level: str) -> str:
    median = one["AF"][level]["median_of_the_searches"]
    return _with_interval(median, "") if median["value"] else f"reached by {one['AF'][level]['reached_by']}"


def _enhancement(one: Mapping[str, Any]) -> str:
    return f"{_with_interval(one['EFmax'], '')} at {one['EFmax']['at']}"


def _with_interval(value: Mapping[str, Any], unit: str) -> str:
    text = f"{figure(value['value'])} {unit}".strip()
    return text if "95" not in value else f"{text} ({figure(value['95'][0])} to {figure(value['95'][1])})"
