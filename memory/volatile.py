"""The ledger in memory, for tests and dry runs: the same contract, and nothing left at the end.

Knows the events. Must not know databases.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from .errors import UserError
from .events import Entry, Event
from .ledger import CHATS, HOME


class VolatileLedger:
    """Events of this process, in lists."""

    def __init__(self) -> None:
        self._entries: dict[str, list[Entry]] = {}
        self._holders: dict[str, str] = {}
        self._lock = threading.Lock()

    def append(self, campaign: str, events: Sequence[Event]) -> tuple[Entry, ...]:
        """Add events at the end of a campaign's list."""
        with self._lock:
            kept = self._entries.setdefault(campaign, []) if events else []
            time = datetime.now(UTC)
            new = tuple(
                Entry(campaign=campaign, number=number, time=time, event=event)
                for number, event in enumerate(events, start=len(kept) + 1)
            )
            kept.extend(new)
        return new

    def entries(self, campaign: str, after: int = 0) -> Iterator[Entry]:
        """Entries of a campaign in order, those numbered above `after`."""
        yield from self._entries.get(campaign, [])[after:]

    def campaigns(self) -> tuple[str, ...]:
        """Names of all campaigns, oldest first."""
        return tuple(name for name in self._entries if name not in (HOME, CHATS))

    @contextmanager
    def writer(self, campaign: str, holder: str) -> Iterator[None]:
        """Hold the right to write to a campaign.

        Raises:
            UserError: It is held already; the message names the holder.
        """
        with self._lock:
            if campaign in self._holders:
                raise UserError(f"campaign {campaign!r} is being written by {self._holders[campaign]}; wait or stop it")
            self._holders[campaign] = holder
        try:
            yield
        finally:
            del self._holders[campaign]
