"""The ledger's contract: an append-only list of events for each campaign, and one writer at a time.

Knows the events. The SQL implementation is in sql.py, the one for tests and dry runs in volatile.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from .events import Entry, Event

HOME, CHATS = "_home", "_chats"
"""Where people's notes and their chats are kept, which belong to no run: no campaign may bear a name that begins like
these."""


class Ledger(Protocol):
    """Append-only events by campaign; what it holds is the truth."""

    def append(self, campaign: str, events: Sequence[Event]) -> tuple[Entry, ...]:
        """Write events in one transaction: all of them or none.

        Who does not hold the campaign's writer takes it for the moment of writing.

        Raises:
            TerminalError: The storage refused (full disk, lost connection), or somebody has written past the lock;
                nothing was written.
            UserError: Another process holds the writer.
        """
        ...

    def entries(self, campaign: str, after: int = 0) -> Iterator[Entry]:
        """Entries of a campaign in order, those numbered above `after`.

        Raises:
            UserError: The storage is locked, corrupted or of a newer version.
        """
        ...

    def campaigns(self) -> tuple[str, ...]:
        """Names of all campaigns, oldest first; `HOME` and `CHATS` are none of them."""
        ...

    def writer(self, campaign: str, holder: str) -> AbstractContextManager[None]:
        """Hold the right to write to a campaign; freed when the process ends, however it ends.

        Args:
            campaign: Name of the campaign.
            holder: Who asks: user, host and process id, shown to whoever is refused.

        Raises:
            UserError: Another process holds it; the message names the holder.
        """
        ...
