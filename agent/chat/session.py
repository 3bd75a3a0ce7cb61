"""A chat: what was said, the draft, the campaign it is about, and the one at work.

Knows the home and the campaign's verbs. Must not know terminals; the chat model's part is in talk.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...memory.errors import UserError
from ...memory.foreign import clean, readable
from ...memory.people_events import MAX_NOTE, ChatTurn, HintGiven, HintWithdrawn, TrialAbandoned, TrialApproved
from ...memory.state import State, fold
from .. import assemble
from ..campaign_file import CampaignFile, parse_campaign
from ..guidance import Told, tell_offline
from . import turns
from .by_hand import how_to_tell, is_by_hand
from .drafts import price_in_words, write_yaml, yaml_of
from .limits import Limits, used_by
from .live_lines import news
from .work import Work

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ...memory.ledger import Ledger
    from ..chat_model.settings import ChatModelSettings
    from ..chat_model.usage import Usage
    from .screen import Screen


@dataclass(frozen=True)
class ChatModel:
    """The chat model of a chat.

    Attributes:
        settings: How it is reached, and its prices.
        connect: Makes its client, which takes a second or two to load.
    """

    settings: ChatModelSettings
    connect: Callable[[ChatModelSettings], BaseChatModel]

    @cached_property
    def model(self) -> BaseChatModel:
        """The chat model, connected when it is asked first.

        Raises:
            UserError: None is named, or a key is missing or none.
        """
        if not self.settings.name:
            raise UserError("no chat model is named (--model NAME, or ATHANOR_MODEL), so nobody answers plain words")
        return self.connect(self.settings)


@dataclass(frozen=True)
class Question:
    """What a person is asked before anything is spent; only they can answer.

    Attributes:
        text: Shown.
        act: What a yes does.
    """

    text: str
    act: Callable[[], None]


class Session:
    """One chat with one person; at most one campaign is at work in it.

    Attributes:
        name: Of the chat, by which it can be taken up again.
        author: The person.
        campaign: What the chat is about; empty for none.
        draft: A campaign that is not started.
        question: What the person is asked now.
        has_ended: Whether they have taken leave.
        turns: What was said.
    """

    def __init__(
        self, name: str, home: Path, ledger: Ledger, author: str, chat_model: ChatModel, limits: Limits, screen: Screen
    ) -> None:
        """Begin a chat, or take it up where the ledger ends.

        Args:
            name: Of the chat.
            home: Folder that holds all state.
            ledger: Of this home, for this thread.
            author: The person.
            chat_model: Who is asked.
            limits: Of what may be asked.
            screen: Where the person reads.
        """
        self.name, self.home, self.ledger, self.author = name, home, ledger, author
        self.chat_model, self.limits, self.screen = chat_model, limits, screen
        self.question: Question | None = None
        self.has_ended = False
        self.is_approval_needed = False
        self.turns = list(turns.turns_of(ledger, name))
        self.campaign = next((turn.campaign for turn in reversed(self.turns) if turn.campaign), "")
        drafts = [turn.message for turn in self.turns if turn.message.get("role") == turns.DRAFT]
        self.draft = _draft_of(drafts[-1]) if drafts else None
        self._read: CampaignFile | None = None
        self._work: Work | None = None
        self._folded: dict[str, State] = {}

    @property
    def used(self) -> Usage:
        """What the questions to the chat model have cost in this chat."""
        return used_by(self.turns)

    @property
    def work(self) -> Work | None:
        """The campaign that this chat has at work; None for none."""
        return self._work if self._work and self._work.is_running else None

    @property
    def is_unfinished(self) -> bool:
        """Whether the campaign of this chat can go on."""
        if self.campaign not in self.ledger.campaigns():
            return False
        ended = self._state_of(self.campaign).ended
        return ended is None or ended.reason in ("paused", "interrupted", "error")

    @property
    def is_by_hand(self) -> bool:
        """Whether people evaluate the campaign of this chat."""
        return is_by_hand(parse_campaign(self.state().spec, f"campaign {self.campaign} in the ledger"))

    @property
    def waiting(self) -> tuple[int, ...]:
        """Trials that nobody has approved or taken back."""
        told = self.work.told_trials if self.work else frozenset[int]()
        return tuple(t.number for t in self.state().pending if t.status == "proposed" and t.number not in told)

    def record(self, message: dict[str, Any], **more: Any) -> None:
        """Keep what was said, in the ledger too."""
        turn = ChatTurn(session=self.name, campaign=self.campaign, message=message, **more)
        turns.write_turn(self.ledger, turn)
        self.turns.append(turn)

    def state(self) -> State:
        """The state of the campaign that the chat is about.

        Raises:
            UserError: It is about none.
        """
        if not self.campaign:
            known = ", ".join(self.ledger.campaigns()) or "none yet"
            raise UserError(
                f"no campaign is chosen; /campaigns NAME chooses one, /new FILE drafts one; there are: {known}"
            )
        work = self.work
        if work and work.name == self.campaign:
            work.wait(lambda: work.is_open)
            if work.is_open:
                return work.state
        return self._state_of(self.campaign)

    def choose(self, name: str) -> None:
        """Turn to a campaign.

        Raises:
            UserError: There is none of that name, or another one is at work in this chat.
        """
        if self.work and self.work.name != name:
            raise UserError(f"campaign {self.work.name} is at work in this chat; /pause ends its run first")
        self._state_of(name)
        self.campaign = name

    def lay_out(self, file: CampaignFile) -> str:
        """Take a campaign file as the draft, write it down and show it; nothing is spent."""
        path = write_yaml(file, assemble.campaign_folder(self.home, file.name))
        self.draft = file
        self.record({"role": turns.DRAFT, "file": file.model_dump(mode="json")})
        self._read = file
        return f"{yaml_of(file)}\n({path})\nNothing is spent yet; /start asks you before anything is."

    def ask_to_start(self) -> None:
        """Ask the person whether the draft may begin to spend.

        Raises:
            UserError: There is no draft, or a campaign is at work.
        """
        if self.draft is None:
            raise UserError(
                "there is no draft to start; tell the chat model what you wish for, or name a file: /new FILE"
            )
        if self.work:
            raise UserError(f"campaign {self.work.name} is at work; /pause ends its run first")
        file = self.draft
        # Who has just read the file need not read it again.
        shown = "as shown above" if file == self._read else f"as follows?\n{yaml_of(file)}"
        text = f"Start {file.name} {shown}? It may spend {price_in_words(file)}. [y/n]"
        self.question = Question(text, lambda: self.start(file))

    def start(self, file: CampaignFile) -> None:
        """Start a campaign; the person has agreed.

        Raises:
            UserError: A campaign of this name is there.
        """
        if file.name in self.ledger.campaigns():
            raise UserError(f"a campaign named {file.name!r} is there already; /resume {file.name} goes on with it")
        self.campaign, self.draft = file.name, None
        if is_by_hand(file):
            campaign = assemble.wire(file, self.ledger)
            campaign.suggest(file.batch, assemble.holder(), assemble.versions())
            for line in (*news(State(), campaign.state), how_to_tell(file)):
                self.screen.line(line)
            return
        self._begin(State(), lambda ledger, recall: assemble.wire(file, ledger, recall))

    def resume(self, name: str) -> None:
        """Go on with a campaign.

        Raises:
            UserError: There is none of that name, or one is at work in this chat.
        """
        if self.work:
            raise UserError(f"campaign {self.work.name} is at work in this chat already")
        self.choose(name)
        if self.is_by_hand:
            raise UserError(
                f"people evaluate campaign {name}: /suggest says what to try, /observe takes what came of it"
            )
        self._begin(self._state_of(name), lambda ledger, recall: assemble.resumed_campaign(name, ledger, recall))

    def tell(self, *told: Told) -> None:
        """Tell the campaign something in the person's name, whether it is at work or not.

        Raises:
            UserError: It cannot be followed, or a process other than this one is at work on the campaign.
        """
        self.state()  # which waits until a campaign that has just begun can hear
        work = self.work
        if not (work and work.tell(*told)):
            tell_offline(self.ledger, self.campaign, *told)

    def hint(
        self,
        text: str,
        banned: tuple[str, ...] = (),
        wanted: tuple[str, ...] = (),
        fixed: tuple[tuple[str, float | str], ...] = (),
    ) -> str:
        """Give a hint; what was understood."""
        said = readable(text)[:MAX_NOTE]
        self.tell(HintGiven(author=self.author, text=said, banned=banned, wanted=wanted, fixed=fixed))
        rules = [f"no {symbol}" for symbol in banned]
        rules += [f"{name} is {value}" for name, value in fixed]
        if wanted:
            rules.append(f"half of the new candidates with {' or '.join(wanted)}")
        if rules:
            return f"Understood: from the next batch on {', and '.join(rules)}."
        return "Kept in your words. A chat model that plans reads it; the builtin planner only follows /ban and /want."

    def withdraw(self, number: int) -> str:
        """Take a hint back."""
        self.tell(HintWithdrawn(author=self.author, number=number))
        return f"Hint {number} does not count any more from the next batch on."

    def veto(self, trial: int, reason: str) -> str:
        """Take a trial back before it is at work."""
        self.tell(TrialAbandoned(trial=trial, author=self.author, reason=readable(reason)[:MAX_NOTE]))
        return f"Trial #{trial} is taken back; it costs nothing and is not proposed again."

    def approve(self, trials: tuple[int, ...]) -> str:
        """Let trials begin."""
        if not trials:
            raise UserError("no trial waits for approval")
        self.tell(*(TrialApproved(trial=trial, author=self.author) for trial in trials))
        return f"Approved: {', '.join(f'#{trial}' for trial in trials)}."

    def need_approval(self, is_needed: bool) -> str:
        """Have new trials wait for the person, or not."""
        self.is_approval_needed = is_needed
        if self.work:
            self.work.needs_approval(is_needed)
        return "New trials wait for your /approve." if is_needed else "Trials begin without asking."

    def pause(self) -> str:
        """Let the run end softly."""
        if not self.work:
            raise UserError("no campaign is at work in this chat")
        self.work.pause(self.author)
        return f"Pausing {self.work.name}: what is at work comes in and is kept, nothing new begins."

    def close(self) -> None:
        """Pause what is at work, and wait for it."""
        work = self.work
        if work:
            self.screen.line(self.pause())
            work.wait(lambda: False)

    def _state_of(self, name: str) -> State:
        """The state of a campaign in the ledger; what was read before is not read again."""
        before = self._folded.get(name)
        if before is None:
            self._folded[name] = assemble.state_of(name, self.ledger)
        else:
            self._folded[name] = fold(self.ledger.entries(name, after=before.last), before)
        return self._folded[name]

    def _begin(self, before: State, wiring: Any) -> None:
        self._work = Work(self.campaign, self.home, wiring, before, self.is_approval_needed, self.screen.line)
        self.screen.line(f"Campaign {self.campaign} begins; you can go on talking. /pause stops it softly.")


def _draft_of(message: Any) -> CampaignFile:
    return parse_campaign(message["file"], "the draft in the ledger")


def opened(
    home: Path,
    resume: str,
    campaign: str,
    author: str,
    chat_model: ChatModel,
    limits: Limits,
    screen: Screen,
    now: datetime,
) -> Session:
    """Begin a chat, or take one up again.

    Raises:
        UserError: There is no such chat or campaign.
    """
    ledger = assemble.open_home(home)
    name = turns.session_of(resume, ledger) if resume else turns.new_session(now, ledger)
    session = Session(name, home, ledger, clean(author, 64), chat_model, limits, screen)
    if session.campaign and session.campaign not in ledger.campaigns():
        session.campaign = ""
    if campaign:
        session.choose(campaign)
    if limits.needs_prices and not chat_model.settings.prices:
        raise UserError("--max-usd needs the prices of tokens: --prices IN,OUT in US dollars for a million of each")
    return session
