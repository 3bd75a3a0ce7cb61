"""What recall found, as text for a terminal; whatever others wrote stands between « and ».

Knows Rich. Must not know the index or ledgers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from ...memory.foreign import clean, quoted
from ..labels import counted
from ..views.summary import values_in_words, values_of
from ..views.tables import verdict_text
from .rebuild import Rebuilt
from .recollections import Materials, Notes

if TYPE_CHECKING:
    from rich.console import Console

    from ...memory.recall import Document, Passage
    from ...memory.records import Origin
    from .recollections import Alike, Found

_WIDEST = 100
_INDENT = 6
_MOST_TRIALS = 8
Block = tuple[int, Text]
"""Text and the number of columns it stands in from the left."""


def show(found: Sequence[Found], console: Console) -> None:
    """Print what was found, in the order in which it was asked for."""
    width = min(_WIDEST, console.width)
    for indent, text in (block for one in found for block in _blocks(one)):
        for line in text.wrap(console, max(20, width - indent)):
            line.rstrip()
            console.print(Text(" " * indent if line else "") + line, highlight=False, markup=False, soft_wrap=True)


def _blocks(found: Found) -> Iterator[Block]:
    match found:
        case Rebuilt():
            yield from _rebuilt(found)
        case Notes():
            yield from _notes(found)
        case Materials():
            yield from _materials(found)


def _rebuilt(rebuilt: Rebuilt) -> Iterator[Block]:
    for name, number in rebuilt.embedded.items():
        yield 0, Text(f"{counted(number, 'crystal')} of {clean(name, 64)} embedded.")
    for name, reason in rebuilt.left.items():
        yield 0, Text(f"Crystals of {clean(name, 64)} lack an embedding: {clean(reason, 400)}.", style="yellow")
    held = f"{counted(rebuilt.campaigns, 'campaign')} and {counted(rebuilt.notes, 'note')}"
    yield 0, Text(f"The index is made anew from {held}.")


def _notes(notes: Notes) -> Iterator[Block]:
    if not notes.passages:
        yield 0, Text("Nothing found: no note passes.")
    for passage in notes.passages:
        yield from _passage(passage)
    total = sum(map(len, notes.failures.values()))
    if total:
        kinds = ", ".join(
            f"{kind.replace('_', ' ')} {len(trials)} ({_trials(trials)})" for kind, trials in notes.failures.items()
        )
        yield 0, Text(f"Of the {counted(total, 'failure')} nearest to this question: {kinds}.")


def _materials(materials: Materials) -> Iterator[Block]:
    if materials.alike:
        yield 0, Text(f"Nearest to {clean(materials.formula, 60)} of {clean(materials.name, 200)}:\n")
    else:
        yield 0, Text("Nothing found: no evaluated material passes.")
    for one in materials.alike:
        yield from _material(one)
    if materials.lost:
        yield (
            0,
            Text(
                f"The index holds {counted(materials.lost, 'material')} more that this ledger does not know; "
                "`athanor recall --rebuild` makes the index anew.",
                style="yellow",
            ),
        )


def _passage(passage: Passage) -> Iterator[Block]:
    found = passage.document
    head = Text(f"{passage.similarity:5.2f} ", style="dim")
    head += Text(found.kind, style="bold")
    for part in _facts(found):
        head += Text("  ") + part
    yield 0, head
    yield _INDENT, Text(f"{quoted(found.text)}\n")


def _facts(found: Document) -> Iterator[Text]:
    if found.campaign:
        numbers = "".join(f" #{number}" for number in found.trials[:_MOST_TRIALS])
        more = " …" if len(found.trials) > _MOST_TRIALS else ""
        yield Text(f"{clean(found.campaign, 64)}{numbers}{more}")
    if found.verdict:
        yield verdict_text(found.verdict)
    if found.author:
        yield Text(f"by {quoted(found.author, 64)}")
    yield Text(_date(found.time), style="dim")


def _material(one: Alike) -> Iterator[Block]:
    found, outcome = one.neighbour.material, one.trial.outcome
    head = Text(f"{one.neighbour.similarity:5.3f} ", style="dim")
    head += Text(clean(found.formula, 60), style="bold")
    head += Text(f"  {clean(found.campaign, 64)} #{found.trial}  at {clean(found.oracle, 60)}  ")
    head += Text(_date(found.time), style="dim")
    yield 0, head
    failure = outcome.failure if outcome else None
    if failure:
        told = Text("failed, ", style="red") + Text(f"{failure.kind.replace('_', ' ')}: {quoted(failure.message, 200)}")
    else:
        told = Text(values_in_words(values_of(outcome.measurements if outcome else ())))
    yield _INDENT, told + Text("\n")


def _trials(trials: Sequence[Origin]) -> str:
    """Trials by campaign: `stiff #3 #8, table #2`; of many the first."""
    by_campaign: dict[str, list[int]] = {}
    for trial in trials[:_MOST_TRIALS]:
        by_campaign.setdefault(trial.campaign, []).append(trial.trial)
    texts = [
        f"{clean(name, 64)} {' '.join(f'#{number}' for number in sorted(numbers))}"
        for name, numbers in by_campaign.items()
    ]
    return ", ".join(texts) + (" …" if len(trials) > _MOST_TRIALS else "")


def _date(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
