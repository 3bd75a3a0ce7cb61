"""Rich tables of results that never cut a number: columns that do not fit are left out and named.

Knows Rich and what a summary holds. Must not know states or files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ...memory.foreign import clean
from ..labels import spread, unit_of, wording

if TYPE_CHECKING:
    from rich.console import RenderableType

    from .summary import Found, Value

Columns = Sequence[tuple[str, str]]

_GAP = 2
_PREDICTED = "†"
_STYLES = {"supported": "green", "refuted": "red", "inconclusive": "yellow", "open": "cyan"}


def plain_table() -> Table:
    """An empty table without frame, as all tables of this project are."""
    return Table(box=None, padding=(0, _GAP, 0, 0), header_style="bold", pad_edge=False)


def results_table(rows: Sequence[Found], columns: Columns, width: int, with_novelty: bool = False) -> Table:
    """Trials with their values in goal order, one row each.

    Args:
        rows: The trials.
        columns: Properties to show, with units.
        width: Characters to stay within.
        with_novelty: Whether to say which phases are known.
    """
    table = plain_table()
    cells = {name: [_cell(row, name) for row in rows] for name, _ in columns}
    names = [Text(clean(row["formula"], 24)) for row in rows]
    groups = [row["space_group"] for row in rows]
    novelty = [row["known_as"] or row["novelty"] for row in rows] if with_novelty else []
    what = "setting" if rows and rows[0]["setting"] else "material"
    fixed = [["trial"], [what, *map(str, names)], ["space group" if any(groups) else "", *groups]]
    phase = min(16, max(map(len, ["phase", *novelty]))) if with_novelty else 0
    used = sum(max(map(len, texts)) + _GAP for texts in fixed) + (phase + _GAP if with_novelty else 0)
    table.add_column("trial", justify="right", no_wrap=True)
    table.add_column(what, no_wrap=True, style="bold")
    table.add_column("space group" if any(groups) else "", no_wrap=True)
    shown: list[str] = []
    for name, unit in columns:
        head = [*wording(name).split(), *([unit_of(unit)] if unit_of(unit) else [])]
        head += ["predicted"] if any(cell.endswith(_PREDICTED) for cell in cells[name]) else []
        wide = max(map(len, [*head, *cells[name]]), default=0)
        if used + wide + _GAP > width and shown:
            break
        used += wide + _GAP
        shown.append(name)
        title = Text("\n".join(head), justify="right")
        table.add_column(title, justify="right", no_wrap=True, min_width=wide, vertical="bottom")
    if with_novelty:
        table.add_column("phase", overflow="fold", min_width=phase)
    for index, row in enumerate(rows):
        known = [novelty[index]] if with_novelty else []
        values = [cells[name][index] for name in shown]
        number = f"{row['trial']}*" if row["reused_from"] else str(row["trial"])
        table.add_row(number, names[index], groups[index], *values, *map(Text, known))
    left_out = [wording(name) for name, _ in columns if name not in shown]
    remarks = [f"too narrow for: {', '.join(left_out)}"] if left_out else []
    if any(row["reused_from"] for row in rows):
        remarks.append("* from an earlier campaign")
    if any(cell.endswith(_PREDICTED) for name in shown for cell in cells[name]):
        remarks.append(f"{_PREDICTED} predicted, not simulated or measured")
    if remarks:
        table.caption = Text("\n".join(remarks), style="dim")
        table.caption_justify = "left"
    return table


def _cell(row: Found, name: str) -> str:
    value = value_of(row["values"], name)
    if value is None:
        return "–"
    return spread(value["value"], value["deviation"]) + (_PREDICTED if value["method"] == "predicted" else "")


def value_of(values: Sequence[Value], name: str) -> Value | None:
    """The value of a property, None if it is not there."""
    return next((value for value in values if value["property"] == name), None)


def origins(rows: Sequence[Found], columns: Columns, brief: bool = False) -> list[str]:
    """How the shown values came about and from what, a line for each way: `bulk modulus: simulated by 7net-0`.

    Args:
        rows: The trials shown.
        columns: The properties shown.
        brief: Whether to leave out what a source says after its first semicolon: fits and tables.
    """
    ways: dict[str, list[str]] = {}
    for name, _ in columns:
        for row in rows:
            value = value_of(row["values"], name)
            if value:
                source = value["source"].split(";")[0] if brief else value["source"]
                names = ways.setdefault(f"{value['method']} by {source}", [])
                if wording(name) not in names:
                    names.append(wording(name))
    return [f"{', '.join(names)}: {way}" for way, names in ways.items()]


def verdict_text(verdict: str) -> Text:
    """A verdict in its colour."""
    return Text(verdict, style=_STYLES.get(verdict, ""))


def named_rows(items: Mapping[str, RenderableType]) -> Table:
    """Names, and what they are beside them."""
    table = Table.grid(padding=(0, _GAP, 0, 0))
    table.add_column(style="dim", no_wrap=True, min_width=12)
    table.add_column(overflow="fold")
    for name, item in items.items():
        table.add_row(name, item)
    return table
