"""Predictions for people and for other programs: tables of a terminal, rows of a CSV file, objects of a JSON document.

Knows Rich and the rows of the predict tool. Must not know what predicts, or where the crystals come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from ...memory.foreign import clean
from ..labels import cell, figure, spread, unit_of, wording
from .tables import plain_table

if TYPE_CHECKING:
    from rich.table import Table

    from ...models.target import Target
    from ...tools.predict import Row

_GAP = 2
_LEAST_NAME = 12


def predictions_table(rows: Sequence[Row], targets: Sequence[Target], width: int) -> Table:
    """One row a crystal, each value with its deviation and under it its interval; what does not fit is named below.

    Args:
        rows: The crystals.
        targets: What was predicted of them.
        width: Characters to stay within.
    """
    formulas, notes = [clean(row.formula, 24) for row in rows], list(map(_note, rows))
    used = _LEAST_NAME + sum(max(map(len, texts)) + _GAP for texts in (["formula", *formulas], ["", *notes]))
    columns: list[tuple[list[str], list[str]]] = []
    left_out: list[str] = []
    for target in targets:
        own = list(_columns(rows, target))
        wide = sum(_width(head, cells) + _GAP for head, cells in own)
        if left_out or (columns and used + wide > width):
            left_out.append(wording(target.name))
            continue
        used += wide
        columns += own
    table = plain_table()
    table.add_column("crystal", overflow="fold", min_width=_LEAST_NAME, vertical="top")
    table.add_column("formula", no_wrap=True, style="bold")
    for head, cells in columns:
        title = Text("\n".join(head), justify="right")
        table.add_column(title, justify="right", no_wrap=True, min_width=_width(head, cells))
    table.add_column("", no_wrap=True)
    for n, row in enumerate(rows):
        style = "red" if row.refusal else "yellow"
        texts = [Text(cells[n]) for _, cells in columns]
        table.add_row(Text(clean(row.name, 200)), Text(formulas[n]), *texts, Text(notes[n], style=style))
    if left_out:
        table.caption = Text(f"too narrow for: {', '.join(left_out)}", style="dim")
        table.caption_justify = "left"
    return table


def remarks(rows: Sequence[Row]) -> Iterator[Text]:
    """A line for each crystal that was refused or flagged: why."""
    for row in rows:
        name = clean(row.name, 200)
        if row.refusal:
            yield Text(f"{name} refused: {clean(row.refusal, 400)}", style="red")
        elif row.flags:
            yield Text(f"{name} flagged: {clean('; '.join(row.flags), 400)}", style="yellow")


def csv_header(targets: Sequence[Target]) -> list[str]:
    """Names of the columns; every value has its deviation, interval and unit in columns of their own."""
    names = ["name", "formula", "atoms"]
    for target in targets:
        names += [target.name, *(f"{target.name} {part}" for part in ("deviation", "lower", "upper", "unit"))]
        names += [f"{target.name} {zero_word(target)} probability"] if target.kind == "gap" else []
    return [cell(name) for name in [*names, "novelty", "flags", "refusal", "method", "source"]]


def csv_row(row: Row, targets: Sequence[Target]) -> list[str | float]:
    """A crystal at full precision; cells are empty where nothing was predicted."""
    cells: list[str | float] = [cell(row.name), cell(row.formula), row.n_atoms]
    for target in targets:
        value = row.values.get(target.name)
        if value is None:
            cells += [""] * (6 if target.kind == "gap" else 5)
            continue
        cells += [value.mean, value.deviation, value.lower, value.upper, cell(value.unit)]
        if target.kind == "gap":
            cells.append("" if value.zero_probability is None else value.zero_probability)
    novelty = "" if row.novelty is None else row.novelty
    return [*cells, novelty, cell("; ".join(row.flags)), cell(row.refusal or ""), row.method, cell(row.source)]


def zero_word(target: Target) -> str:
    """What a crystal is whose value is zero: `metal` for the band gap."""
    return "metal" if target.name == "band_gap" else "zero"


def _columns(rows: Sequence[Row], target: Target) -> Iterator[tuple[list[str], list[str]]]:
    """Head and cells of the columns that a target needs."""
    found = [row.values.get(target.name) for row in rows]
    unit = [unit_of(target.unit)] if unit_of(target.unit) else []
    yield (
        [*wording(target.name).split(), *unit],
        [f"{spread(v.mean, v.deviation)}\n{figure(v.lower)} to {figure(v.upper)}" if v else "–" for v in found],
    )
    if target.kind == "gap":
        zeros = [v.zero_probability if v else None for v in found]
        yield [zero_word(target), "prob."], ["–" if zero is None else f"{zero:.2f}" for zero in zeros]


def _width(head: Sequence[str], cells: Sequence[str]) -> int:
    return max(len(line) for text in (*head, *cells) for line in text.split("\n"))


def _note(row: Row) -> str:
    return "refused" if row.refusal else "flagged" if row.flags else ""
