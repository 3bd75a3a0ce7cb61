"""Brings the index up to date with the ledger.

Knows ledgers, the index and what events teach. Must not know planners or how an index works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

from ...memory.events import CrystalEmbedded, Entry, Event, RunEnded
from ...memory.ledger import HOME, Ledger
from ...memory.recall import Recall
from ...memory.records import Crystal
from ...memory.state import State, fold
from ..labels import crystal_of
from .documents import learned

Embed = Callable[[Crystal], tuple[str, tuple[float, ...]] | None]
"""Crystal to the name of a model and its embedding, `(n_features,)`; None where it cannot be embedded."""


def catch_up(
    ledger: Ledger, recall: Recall, names: Iterable[str], told: Callable[[str], None] = lambda name: None
) -> None:
    """Index what the ledger holds beyond the index's position, campaign by campaign.

    Args:
        ledger: The truth.
        recall: The index.
        names: Campaigns to look at; `HOME` stands for the home's own notes.
        told: Called with the name of each campaign that was behind.

    Raises:
        RecallError: The index cannot be used.
    """
    positions = recall.positions()
    for name in names:
        position = positions.get(name, 0)
        if next(ledger.entries(name, after=position), None) is None:
            continue
        told(name)
        state = State()
        for run in _runs(ledger.entries(name)):
            state = fold(run, state)
            index(recall, name, [entry for entry in run if entry.number > position], state)


def entries_behind(ledger: Ledger, recall: Recall, names: Iterable[str], most: int) -> int:
    """Count the entries that the index lacks, up to `most`.

    Raises:
        RecallError: The index cannot be used.
    """
    positions = recall.positions()
    lacking = chain.from_iterable(ledger.entries(name, after=positions.get(name, 0)) for name in names)
    return sum(1 for _ in islice(lacking, most))


def index(recall: Recall, name: str, entries: Sequence[Entry], state: State) -> None:
    """Index some entries of a campaign.

    Args:
        recall: The index.
        name: The campaign.
        entries: What is new.
        state: The campaign after the last of them.

    Raises:
        RecallError: The index cannot be used.
    """
    if entries:
        found = learned(name, entries, state)
        recall.index(found.documents, found.materials, {name: entries[-1].number})


def everything(ledger: Ledger) -> tuple[str, ...]:
    """All campaigns of a home, and its own notes."""
    return (HOME, *ledger.campaigns())


def embeddings(state: State, embed: Embed, before_batch: int | None = None) -> tuple[Event, ...]:
    """Embed the crystals of finished trials that are not embedded yet.

    Args:
        state: The campaign.
        embed: Asks a network.
        before_batch: Only trials of earlier batches than this.
    """
    events = []
    for number, trial in state.trials.items():
        is_due = trial.is_finished and (before_batch is None or trial.batch < before_batch)
        if not is_due or trial.reused or number in state.embeddings:
            continue
        crystal = crystal_of(trial.candidate, trial.outcome)
        seen = embed(crystal) if crystal else None
        if seen:
            events.append(CrystalEmbedded(trial=number, model=seen[0], embedding=seen[1]))
    return tuple(events)


def _runs(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Cut a ledger where runs end: what was summed up there was summed up from the state as it was then."""
    run: list[Entry] = []
    for entry in entries:
        run.append(entry)
        if isinstance(entry.event, RunEnded):
            yield run
            run = []
    if run:
        yield run
