"""Generated crystals for people and for other programs: lines and a table, rows of a CSV file, a JSON document.

Knows Rich and what inverse design returns. Must not know how crystals are made, or where files go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from ...memory.foreign import clean, readable
from ..labels import cell, counted, figure, label_of, marked, space_group_of, unit_of, wording
from .tables import plain_table

if TYPE_CHECKING:
    from rich.table import Table

    from ...tools.inverse.generated import Between, Generated, Made

SHOWN = 40
"""Crystals that a table in a terminal holds."""

_SMALLEST = 1e-4
"""Of the numbers that are written without an exponent."""

_FAULTS = {
    "dead_end": "dead ends of decoding",
    "spacegroup": "without an allowed space group",
    "coincident": "atoms fell together",
    "volume": "volume per atom outside 5 to 100 Å³",
    "overlap": "atoms overlap",
    "isolated_atoms": "atoms stand alone",
    "no_symmetry": "no symmetry was found",
    "no_place": "with a cell beyond what the model can encode",
    "target": "missed the target",
    "known": "known before",
    "duplicate": "found twice",
    "not_needed": "more than were wanted",
}


def opening(outcome: Generated) -> Iterator[Text]:
    """Raw validity, before anything else, and what became of all that was decoded."""
    share = f"{100 * outcome.validity:.1f} %"
    yield Text(
        f"Raw validity: {share} ({outcome.valid} of {counted(outcome.tried, 'first decode')}) are crystals with sound "
        "distances and volume."
    )
    found = f"{len(outcome.made)} kept" if outcome.way == "between" else f"{len(outcome.made)} of {outcome.n} found"
    rest = "; ".join(f"{number} {fault_word(fault)}" for fault, number in ordered(outcome.faults))
    yield Text(f"{clean(outcome.asked, 300)}: {found}{f'; thrown away: {rest}' if rest else ''}.")


def ordered(faults: Mapping[str, int]) -> list[tuple[str, int]]:
    """Faults, the commonest first."""
    return sorted(faults.items(), key=lambda item: (-item[1], item[0]))


def fault_word(fault: str) -> str:
    """A fault in words: why a decoded point was not kept."""
    if fault.startswith("wish "):
        return f"of higher symmetry, and so against the wish for {wording(fault.removeprefix('wish '))}"
    return _FAULTS.get(fault, wording(fault))


def crystals_table(outcome: Generated, width: int) -> Table:
    """One row a crystal; properties that do not fit are named below.

    Args:
        outcome: What was generated.
        width: Characters to stay within.
    """
    shown = outcome.made[:SHOWN]
    fixed = {
        "": [str(number) for number in range(1, len(shown) + 1)],
        "formula": [label_of(one.candidate) for one in shown],
        "space group": [space_group_of(one.cell) for one in shown],
        "atoms": [str(len(one.cell.species)) for one in shown],
    }
    if outcome.way == "between":
        fixed["share"] = [f"{one.share:.2f}" if one.share is not None else "" for one in shown]
    table = plain_table()
    for title in fixed:
        is_text = title in ("formula", "space group")
        style = "bold" if title == "formula" else ""
        table.add_column(title, no_wrap=True, justify="left" if is_text else "right", style=style)
    used = sum(max(map(len, [title, *cells])) + 2 for title, cells in fixed.items())
    columns, left_out = list(fixed.values()), list[str]()
    for head, cells in _values(outcome, shown):
        wide = max(map(len, [*head, *cells])) + 2
        if used + wide > width or left_out:
            left_out.append(" ".join(head))
            continue
        used += wide
        table.add_column("\n".join(head), no_wrap=True, justify="right")
        columns.append(cells)
    for row in zip(*columns, strict=True):
        table.add_row(*map(Text, row))
    if left_out:
        table.caption, table.caption_justify = Text(f"too narrow for: {', '.join(left_out)}", style="dim"), "left"
    return table


def remarks(outcome: Generated) -> Iterator[Text]:
    """What is to be known of single crystals, and of the whole."""
    charged = [n for n, one in enumerate(outcome.made, start=1) if not one.is_balanced]
    if charged:
        yield Text(f"No neutral choice of oxidation states: {_numbers(charged)}.", style="yellow")
    drifted = [n for n, one in enumerate(outcome.made, start=1) if one.has_drifted]
    if drifted:
        yield Text(f"Found far from where they were aimed at in latent space: {_numbers(drifted)}.", style="yellow")
    if outcome.between is not None:
        yield from _way(outcome.between)
    for note in outcome.notes:
        yield Text(clean(note, 300))
    if outcome.made:
        said = f"Values: {marked('expected where the model finds the decoded crystal again', 'predicted')}"
        judge = f"; judged: {marked(f'by {clean(outcome.judge, 100)}', 'predicted')}" if outcome.judge else ""
        yield Text(f"{said}, by {clean(outcome.model, 100)}{judge}. None is measured or simulated.")


def document(outcome: Generated, files: Sequence[str] = ()) -> dict[str, Any]:
    """All that came out, for other programs.

    Args:
        outcome: What was generated.
        files: Where each crystal was written, `(n_made,)`; empty where none was.
    """
    found: dict[str, Any] = {
        "model": outcome.model,
        "method": "predicted",
        "way": outcome.way,
        "asked": readable(outcome.asked),
        "seed": outcome.seed,
        "raw_validity": outcome.validity,
        "tried": outcome.tried,
        "valid": outcome.valid,
        "wanted": outcome.n,
        "found": len(outcome.made),
        "faults": dict(ordered(outcome.faults)),
        "targets": [{"name": one.name, "unit": one.unit, "kind": one.kind} for one in outcome.targets],
        "notes": list(outcome.notes),
    }
    if outcome.judge:
        found["judge"] = outcome.judge
    if outcome.judged:
        found |= {"judged": len(outcome.judged), "best": list(outcome.best)}
    if outcome.between is not None:
        found["between"] = _way_document(outcome.between)
    crystals = [_crystal(one, number, outcome) for number, one in enumerate(outcome.made, start=1)]
    for one, file in zip(crystals, files, strict=False):
        one["file"] = file
    return found | {"crystals": crystals}


def csv_header(outcome: Generated) -> list[str]:
    """Names of the columns; every value has its unit in a column of its own."""
    names = ["number", "file", "formula", "space group", "template", "atoms", "volume per atom (Å³)"]
    for target in outcome.targets:
        names += [target.name, f"{target.name} unit"]
    names += [f"{name} judged" for name in _judged(outcome)]
    names += ["method", "balanced", "drift", "share", "id", "tool", "version", "parents", "seed", "note"]
    return [cell(name) for name in names]


def csv_row(outcome: Generated, number: int, file: str) -> list[str | float]:
    """A crystal at full precision, by its number from 1; cells are empty where nothing is known."""
    made = outcome.made[number - 1]
    origin = made.candidate.provenance
    row: list[str | float] = [number, cell(file), cell(label_of(made.candidate)), made.spacegroup]
    row += [made.crystal.template, len(made.cell.species), _volume(made)]
    for target in outcome.targets:
        row += [made.values[target.name], cell(target.unit)]
    row += [made.judged.get(name, "") for name in _judged(outcome)]
    row += ["predicted", "yes" if made.is_balanced else "no", made.drift, "" if made.share is None else made.share]
    row += [made.candidate.id, origin.tool, cell(origin.version), " ".join(origin.parents), origin.seed]
    return [*row, cell(origin.note)]


def _values(outcome: Generated, shown: Sequence[Made]) -> Iterator[tuple[list[str], list[str]]]:
    """Head and cells of the columns with values: what was judged first."""
    by_name = {target.name: target for target in outcome.targets}
    for name in _judged(outcome):
        cells = [figure(one.judged[name]) if name in one.judged else "–" for one in shown]
        yield [*wording(name).split(), unit_of(by_name[name].unit), "judged"], cells
    for target in outcome.targets:
        head = [*wording(target.name).split(), *([unit_of(target.unit)] if unit_of(target.unit) else []), "predicted"]
        yield head, _figures([one.values[target.name] for one in shown])


def _figures(values: Sequence[float]) -> list[str]:
    """Numbers of one column; among others that need no exponent, one that does is as good as 0."""
    largest = max(map(abs, values), default=0.0)
    return [figure(0.0 if abs(value) < _SMALLEST <= largest else value) for value in values]


def _judged(outcome: Generated) -> list[str]:
    return list(dict.fromkeys(name for one in outcome.made for name in one.judged))


def _numbers(numbers: Sequence[int]) -> str:
    told = ", ".join(map(str, numbers[:20]))
    return told if len(numbers) <= 20 else f"{told} and {len(numbers) - 20} more"


def _way(between: Between) -> Iterator[Text]:
    for name, is_recovered in zip(between.ends, between.recovered, strict=True):
        told = "comes back when it is encoded and decoded" if is_recovered else "does not come back from its own point"
        yield Text(f"End point {clean(name, 100)} {told}.", style="" if is_recovered else "yellow")
    told = ", ".join(f"{step.share:.2f} → {_place(step.number, step.fault)}" for step in between.steps)
    yield Text(f"Share of the way → crystal: {told}.")
    if between.straight is None:
        yield Text("The two share no template: there is no straight way of lattice and coordinates to compare with.")
    else:
        sound = f"{sum(not fault for _, _, fault in between.straight)} of {len(between.straight)} steps"
        yield Text(f"Straight way of lattice and coordinates, for comparison: {sound} are sound.")


def _place(number: int | None, fault: str) -> str:
    return fault_word(fault) if number is None else str(number + 1)


def _way_document(between: Between) -> dict[str, Any]:
    straight = None
    if between.straight is not None:
        straight = [
            {"share": share, "template": crystal.template, "lattice": list(crystal.lattice), "fault": fault}
            for share, crystal, fault in between.straight
        ]
    steps = [
        {"share": one.share, "crystal": None if one.number is None else one.number + 1, "fault": one.fault}
        for one in between.steps
    ]
    ends = [readable(name) for name in between.ends]
    return {"ends": ends, "recovered": list(between.recovered), "steps": steps, "straight": straight}


def _crystal(made: Made, number: int, outcome: Generated) -> dict[str, Any]:
    units = {target.name: target.unit for target in outcome.targets}
    return {
        "number": number,
        "formula": label_of(made.candidate),
        "id": made.candidate.id,
        "spacegroup": made.spacegroup,
        "symbol": space_group_of(made.cell),
        "template": made.crystal.template,
        "n_atoms": len(made.cell.species),
        "volume_per_atom": _volume(made),
        "values": {k: {"value": v, "unit": units[k], "method": "predicted"} for k, v in made.values.items()},
        "judged": {k: {"value": v, "unit": units[k], "method": "predicted"} for k, v in made.judged.items()},
        "is_balanced": made.is_balanced,
        "drift": made.drift,
        "has_drifted": made.has_drifted,
        "share": made.share,
        "provenance": made.candidate.provenance.model_dump(mode="json"),
        "crystal": made.cell.model_dump(mode="json"),
    }


def _volume(made: Made) -> float:
    a, b, c = made.cell.lattice
    cross = (b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0])
    return abs(sum(x * y for x, y in zip(a, cross, strict=True))) / len(made.cell.species)
