"""The ledger in SQL: SQLite by default, PostgreSQL by URL.

Knows events and the database. Must not know what events mean, nor who reads them.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from .database import connect, refusals, writing
from .errors import TerminalError, UserError
from .events import EVENT, Entry, Event
from .ledger import CHATS, HOME
from .locks import advisory_lock, file_lock

if TYPE_CHECKING:
    from .ledger import Ledger

_PAGE = 1000


_METADATA = sa.MetaData()
_EVENTS = sa.Table(
    "events",
    _METADATA,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)
_WRITERS = sa.Table(
    "writers",
    _METADATA,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
)


@dataclass
class _Writer:
    """The right to write to a campaign: the connection that holds it, and the last number written."""

    connection: sa.Connection
    last: int
    lock: threading.Lock = field(default_factory=threading.Lock)


class SqlLedger:
    """Append-only events in a database.

    Args:
        url: `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST:PORT/NAME`.

    Raises:
        UserError: The URL is wrong, or the database cannot be opened or is of a newer version.
    """

    def __init__(self, url: str | sa.URL) -> None:
        self._engine, self._place = connect(url)
        self._writers: dict[str, _Writer] = {}

    def append(self, campaign: str, events: Sequence[Event]) -> tuple[Entry, ...]:
        """Write events in one transaction: all of them or none.

        Where this ledger does not hold the campaign's writer, it takes it for the moment of writing.

        Raises:
            TerminalError: The database refused, or somebody else has written past the writer.
            UserError: Another process holds the writer.
        """
        if not events:
            return ()
        if campaign in self._writers:
            return self._write(self._writers[campaign], campaign, events)
        with self._take(campaign, "a single write") as writer:
            return self._write(writer, campaign, events)

    def _write(self, writer: _Writer, campaign: str, events: Sequence[Event]) -> tuple[Entry, ...]:
        if writer.connection.invalidated:
            # SQLAlchemy would connect anew, without the lock that died with the connection.
            raise TerminalError(f"{self._place}: the right to write to {campaign!r} went with the connection; resume")
        time = datetime.now(UTC)
        with writer.lock, refusals(self._place, TerminalError):
            entries = tuple(
                Entry(campaign=campaign, number=number, time=time, event=event)
                for number, event in enumerate(events, start=writer.last + 1)
            )
            rows = [_row(entry) for entry in entries]
            with writer.connection.begin():
                writer.connection.execute(sa.insert(_EVENTS), rows)
            writer.last += len(entries)
        return entries

    def entries(self, campaign: str, after: int = 0) -> Iterator[Entry]:
        """Entries of a campaign in order, those numbered above `after`.

        Raises:
            UserError: The database cannot be read, or holds an event that this version does not know.
        """
        query = sa.select(_EVENTS.c.number, _EVENTS.c.time, _EVENTS.c.body).where(_EVENTS.c.campaign == campaign)
        query = query.order_by(_EVENTS.c.number).limit(_PAGE)
        while True:
            # Page by page, so that no transaction stays open while the reader thinks.
            with refusals(self._place, UserError), self._engine.connect() as connection:
                rows = connection.execute(query.where(_EVENTS.c.number > after)).all()
            with _no_garbage():
                page = [self._entry(campaign, *row) for row in rows]
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].number

    def _entry(self, campaign: str, number: int, time: datetime, body: str) -> Entry:
        try:
            return Entry(campaign=campaign, number=number, time=_utc(time), event=EVENT.validate_json(body))
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(str(part) for part in first["loc"])
            raise UserError(
                f"{self._place}: event {number} of campaign {campaign!r} cannot be read ({path}: {first['msg']}); "
                "another version of athanor wrote it, or it was changed by hand"
            ) from error

    def campaigns(self) -> tuple[str, ...]:
        """Names of all campaigns, oldest first.

        Raises:
            UserError: The database cannot be read.
        """
        query = sa.select(_EVENTS.c.campaign).where(_EVENTS.c.number == 1, _EVENTS.c.campaign.not_in([HOME, CHATS]))
        query = query.order_by(_EVENTS.c.time, _EVENTS.c.campaign)
        with refusals(self._place, UserError), self._engine.connect() as connection:
            return tuple(connection.scalars(query))

    @contextmanager
    def writer(self, campaign: str, holder: str) -> Iterator[None]:
        """Hold the right to write to a campaign; freed when the process ends, however it ends.

        Raises:
            UserError: It is held already; the message names the holder.
        """
        with self._take(campaign, holder) as writer:
            self._writers[campaign] = writer
            try:
                yield
            finally:
                del self._writers[campaign]

    @contextmanager
    def _take(self, campaign: str, holder: str) -> Iterator[_Writer]:
        with ExitStack() as stack:
            with refusals(self._place, UserError):
                connection = stack.enter_context(writing(self._engine).connect())
                if not self._lock(stack, connection, campaign):
                    raise UserError(self._held(connection, campaign))
                writer = _Writer(connection, self._sign(connection, campaign, holder))
            yield writer

    def _lock(self, stack: ExitStack, connection: sa.Connection, campaign: str) -> bool:
        if connection.dialect.name == "postgresql":
            return advisory_lock(connection, campaign)
        return stack.enter_context(file_lock(Path(f"{self._engine.url.database}.locks"), campaign))

    def _held(self, connection: sa.Connection, campaign: str) -> str:
        row = connection.execute(sa.select(_WRITERS).where(_WRITERS.c.campaign == campaign)).one_or_none()
        who = f"{row.holder} since {_utc(row.since):%Y-%m-%d %H:%M:%S} UTC" if row else "another process"
        return f"{self._place}: campaign {campaign!r} is being written by {who}; wait until it ends, or stop it"

    def _sign(self, connection: sa.Connection, campaign: str, holder: str) -> int:
        """Note who holds the writer; gives the number of the last event."""
        with connection.begin():
            connection.execute(sa.delete(_WRITERS).where(_WRITERS.c.campaign == campaign))
            row = {"campaign": campaign, "holder": holder, "since": datetime.now(UTC)}
            connection.execute(sa.insert(_WRITERS), row)
            last = sa.select(sa.func.coalesce(sa.func.max(_EVENTS.c.number), 0)).where(_EVENTS.c.campaign == campaign)
            return int(connection.execute(last).scalar_one())


def open_ledger(home: Path, url: str | None) -> Ledger:
    """Open the ledger of a home folder: the database of the URL, or else `ledger.sqlite` in the folder.

    Raises:
        UserError: The database cannot be opened.
    """
    return SqlLedger(url or sa.URL.create("sqlite", database=str(home / "ledger.sqlite")))


@contextmanager
def _no_garbage() -> Iterator[None]:
    # Thousands of new records make Python look for garbage among all of them again and again, in vain:
    # without this, reading takes four times as long.
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _row(entry: Entry) -> dict[str, object]:
    try:
        body = entry.event.model_dump_json()
    except PydanticSerializationError as error:
        # A text may hold half a character (an odd file name in an error's message), which no JSON can.
        raise TerminalError(f"event {entry.event.kind} of campaign {entry.campaign!r} is not text: {error}") from error
    return {
        "campaign": entry.campaign,
        "number": entry.number,
        "time": entry.time,
        "kind": entry.event.kind,
        "body": body,
    }


def _utc(time: datetime) -> datetime:
    # SQLite keeps no time zone (all are written in UTC); PostgreSQL answers in that of the session.
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
