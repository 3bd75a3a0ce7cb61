"""People's notes: writing one down while campaigns run, and reading those on a campaign.

Knows the ledger. Must not know who asks or where notes are shown.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...memory.errors import UserError
from ...memory.foreign import clean, readable
from ...memory.ledger import HOME
from ...memory.people_events import MAX_AUTHOR, MAX_NOTE, NoteAdded

if TYPE_CHECKING:
    from ...memory.events import Entry
    from ...memory.ledger import Ledger

PATIENCE = 5.0
"""Seconds that a note waits for another one to be written."""
_PAUSE = 0.1


def add_note(ledger: Ledger, text: str, author: str, campaign: str = "") -> Entry:
    """Write a note down among those of the home, which no running campaign holds.

    Args:
        ledger: Where it is kept.
        text: What is noted; cleaned of what cannot be read.
        author: Who noted it.
        campaign: What it is about; empty for the whole home.

    Raises:
        UserError: The text is empty or too long, the campaign unknown, or others keep writing.
    """
    note, name = readable(text), clean(author, MAX_AUTHOR)
    if not 1 <= len(note) <= MAX_NOTE:
        raise UserError(f"the note has {len(note)} readable characters; 1 to {MAX_NOTE} are allowed")
    if not name:
        raise UserError(f"--author: the name has no readable character; 1 to {MAX_AUTHOR} are allowed")
    check_campaigns(ledger, [campaign] if campaign else [])
    event = NoteAdded(author=name, campaign=campaign, text=note)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return ledger.append(HOME, [event])[0]
        except UserError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE)


def check_campaigns(ledger: Ledger, names: Sequence[str]) -> None:
    """Check that campaigns exist.

    Raises:
        UserError: One does not.
    """
    known = ledger.campaigns()
    for name in names:
        if name not in known:
            raise UserError(f"no campaign named {clean(name, 64)!r}; there are: {', '.join(known) or 'none yet'}")


def notes_on(ledger: Ledger, campaign: str) -> tuple[NoteAdded, ...]:
    """What people have noted on a campaign, the oldest first."""
    events = (entry.event for entry in ledger.entries(HOME))
    return tuple(event for event in events if isinstance(event, NoteAdded) and event.campaign == campaign)
