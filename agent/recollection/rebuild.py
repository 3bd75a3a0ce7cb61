"""Makes the index anew: from the ledger alone, after embedding what older campaigns never embedded.

Knows the ledger, the index and what brings the one up to the other. Must not know terminals or networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ...memory.errors import UserError
from ...memory.ledger import HOME
from ...memory.state import State, fold
from .remember import Embed, catch_up, embeddings, everything

if TYPE_CHECKING:
    from ...memory.ledger import Ledger
    from ...memory.recall import Recall
    from ...memory.records import Crystal

Step = Callable[[str, int, int], None]
"""What is being done, steps done and steps in all."""


@dataclass(frozen=True)
class Rebuilt:
    """An index made anew.

    Attributes:
        campaigns: Number of campaigns in the ledger.
        notes: Number of people's notes in it.
        embedded: Campaign to the number of its crystals that were embedded first.
        left: Campaign to the reason why crystals of it are still without an embedding.
    """

    campaigns: int
    notes: int
    embedded: Mapping[str, int]
    left: Mapping[str, str]


def rebuild(ledger: Ledger, recall: Recall, embed: Embed, holder: str, step: Step) -> Rebuilt:
    """Forget the index and make it anew from the ledger.

    Finished trials whose crystals were never embedded are embedded first, and that is kept in the ledger.

    Args:
        ledger: The truth.
        recall: The index.
        embed: Asks a network; called only where an embedding is missing.
        holder: Who asks for the right to write.
        step: Told of progress.

    Raises:
        RecallError: The index cannot be used.
    """
    embedded: dict[str, int] = {}
    left: dict[str, str] = {}
    for name in ledger.campaigns():
        if not _missing(fold(ledger.entries(name))):
            continue
        try:
            with ledger.writer(name, holder):
                embedded[name] = _embed_campaign(ledger, name, embed, step)
        except UserError as error:
            left[name] = str(error)
    names = everything(ledger)
    recall.clear()
    place = {name: number for number, name in enumerate(names)}
    catch_up(ledger, recall, names, lambda name: step(f"indexing {name}", place[name], len(names)))
    return Rebuilt(len(names) - 1, sum(1 for _ in ledger.entries(HOME)), embedded, left)


def _missing(state: State) -> int:
    return len(embeddings(state, lambda crystal: ("", ())))


def _embed_campaign(ledger: Ledger, name: str, embed: Embed, step: Step) -> int:
    """Embed batch by batch, so that an interruption loses little; gives the number of crystals embedded."""
    state = fold(ledger.entries(name))
    if state.ended is None:
        # Whatever is written behind an open end would count as time that the campaign has spent.
        raise UserError(f"its last run has no recorded end; `athanor run --resume {name}` embeds them")
    total, done, written = _missing(state), 0, 0

    @cache
    def counted(crystal: Crystal) -> tuple[str, tuple[float, ...]] | None:
        nonlocal done
        step(f"embedding crystals of {name}", done, total)
        done += 1
        return embed(crystal)

    for batch in sorted({trial.batch for trial in state.trials.values()}):
        events = embeddings(state, counted, before_batch=batch + 1)
        if events:
            state = fold(ledger.append(name, events), state)
            written += len(events)
    return written
