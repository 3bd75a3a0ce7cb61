"""A campaign at work in a thread of its own, while people go on talking.

Knows the campaign and how one is wired. Must not know chat models or terminals: it hands on lines.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ...memory.errors import AthanorError
from ...memory.foreign import clean
from ...memory.people_events import TrialAbandoned, TrialApproved
from ...memory.state import State
from .. import assemble
from .live_lines import news

if TYPE_CHECKING:
    from ...memory.ledger import Ledger
    from ...memory.recall import Recall
    from ..campaign import Campaign
    from ..guidance import Told

Wiring = Callable[["Ledger", "Recall"], "Campaign"]
"""Makes the campaign with what its own thread has opened."""
_MOMENT = 0.05


class Work:
    """A run of a campaign that tells what is new, takes in what people say, and ends softly.

    Attributes:
        name: Of the campaign.
        told_trials: Trials that the person has approved or taken back; the run hears of it between two steps.
    """

    def __init__(
        self, name: str, home: Path, wiring: Wiring, before: State, needs_approval: bool, tell: Callable[[str], None]
    ) -> None:
        """Begin to work.

        Args:
            name: Of the campaign.
            home: Folder of the ledger, which the thread opens for itself.
            wiring: Makes the campaign.
            before: What the ledger holds of it.
            needs_approval: Whether trials wait for a person.
            tell: Takes each line of what is new.
        """
        self.name = name
        self._home, self._wiring, self._tell_line = home, wiring, tell
        self._shown, self._needs_approval = before, needs_approval
        self._campaign: Campaign | None = None
        self._paused_by = ""
        self.told_trials: frozenset[int] = frozenset()
        self._thread = threading.Thread(target=self._run, name=f"campaign {name}", daemon=True)
        self._thread.start()

    @property
    def state(self) -> State:
        """The campaign's state, as far as it has come."""
        own = self._campaign.state if self._campaign else None
        return own if own is not None and own.last else self._shown

    @property
    def is_open(self) -> bool:
        """Whether the run has the campaign in its hands, and can hear what people say."""
        return self._campaign is not None and self._campaign.state.last > 0

    @property
    def is_running(self) -> bool:
        """Whether the run has not ended."""
        return self._thread.is_alive()

    @property
    def is_waiting_for_approval(self) -> bool:
        """Whether nothing goes on until a person has said which trials may begin."""
        pending = self.state.pending
        is_told = any(trial.number in self.told_trials or trial.status != "proposed" for trial in pending)
        return self._needs_approval and bool(pending) and not is_told

    def needs_approval(self, is_needed: bool) -> None:
        """Have trials wait for a person from now on, or not."""
        self._needs_approval = is_needed
        if self._campaign:
            self._campaign.needs_approval = is_needed

    def tell(self, *told: Told) -> bool:
        """Hand on what a person says; whether somebody was there to hear it.

        Raises:
            UserError: It cannot be followed.
        """
        if self._campaign is None or not self.is_open or not self.is_running:
            return False
        self._campaign.tell(*told)
        self.told_trials |= {one.trial for one in told if isinstance(one, TrialApproved | TrialAbandoned)}
        return True

    def pause(self, author: str) -> None:
        """Let the run end once what is at work has come back."""
        self._paused_by = author
        if self._campaign:
            self._campaign.pause(author)

    def wait(self, is_enough: Callable[[], bool]) -> None:
        """Wait until something holds or the run has ended."""
        while self.is_running and not is_enough():
            time.sleep(_MOMENT)

    def _run(self) -> None:
        try:
            ledger, recall = assemble.open_home(self._home), assemble.open_index(self._home)
            with closing(recall):
                campaign = self._wiring(ledger, recall)
                campaign.needs_approval = self._needs_approval
                self._campaign = campaign
                campaign.run(assemble.holder(), assemble.versions(), self._watch)
        except AthanorError as error:
            self._tell_line(f"campaign {self.name} is not at work: {error}")
        except Exception as error:  # noqa: BLE001 - the chat goes on, and says what has ended
            self._tell_line(
                f"campaign {self.name} has ended with an error: {type(error).__name__}: {clean(str(error), 400)}"
            )

    def _watch(self, state: State, running: Sequence[int]) -> None:
        if self._paused_by and self._campaign and not state.ended:
            # A run forgets the pauses that came before it began.
            self._campaign.pause(self._paused_by)
        before, self._shown = self._shown, state
        for line in news(before, state, self._needs_approval):
            self._tell_line(line)
