"""The database under the ledger: URL, connections, schema version, and errors in plain words.

Knows SQLAlchemy, SQLite and PostgreSQL. Must not know events, campaigns or who writes.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from .errors import TerminalError, UserError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

REVISION = "0001"
VERSION_TABLE = "athanor_revision"
ALLOWED = "sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME"

_WRITES = "athanor_writes"
_MIGRATING = threading.Lock()
_BUSY_SECONDS = 10.0
_CONNECT_SECONDS = 10

_SQLITE_ADVICE = {
    "SQLITE_FULL": "no space is left; nothing was written: free some space and resume",
    "SQLITE_BUSY": "another program has locked it; close that program and resume",
    "SQLITE_LOCKED": "another program has locked it; close that program and resume",
    "SQLITE_NOTADB": "this file is not a database; name another file, or move it away to begin anew",
    "SQLITE_CORRUPT": "the file is damaged; nothing was written: restore a copy, or save what is left with "
    "`sqlite3 FILE .recover`",
    "SQLITE_READONLY": "it may only be read; give this user the right to write to the file and its folder",
    "SQLITE_CANTOPEN": "it cannot be opened; check that the folder exists and that this user may write to it",
    "SQLITE_IOERR": "the disk refused to read or write; check the disk and its free space, then resume",
}
_POSTGRES_ADVICE = {
    "53": "the server is out of space or connections; nothing was written: free some and resume",
    "28": "the server refused the user; check user name and password of the database URL",
    "3D": "there is no such database on the server; create it with `createdb`",
    "42501": "the user lacks a right; it must own the tables, or be allowed to create them",
    "25006": "it may only be read; name the primary server",
}


def connect(url: str | sa.URL) -> tuple[sa.Engine, str]:
    """Prepare connections to a database and bring its tables up to date.

    Connections are not pooled: nothing stays open between calls, so nothing is inherited by a forked process,
    and a lock that belongs to a connection ends with it.

    Returns:
        The engine, and the database's name in words for messages, without its password.

    Raises:
        UserError: The URL is wrong, or the database cannot be opened or is of a newer version.
    """
    parsed = _parse(url)
    engine, place = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgres(parsed)
    with refusals(place, UserError):
        _migrate(engine, place)
    return engine, place


def writing(connectable: sa.Engine) -> sa.Engine:
    """The same engine, whose transactions take SQLite's write lock as they begin."""
    return connectable.execution_options(**{_WRITES: True})


@contextmanager
def refusals(place: str, kind: type[UserError | TerminalError]) -> Iterator[None]:
    """Turn what the database refuses within the block into an error that says what, where and what to do.

    Raises:
        TerminalError: Another writer has taken an event's number; otherwise, if `kind` is that.
        UserError: If `kind` is that.
    """
    try:
        yield
    except IntegrityError as error:
        raise TerminalError(
            f"{place}: somebody else has written to this campaign; nothing was written by this one: "
            f"stop the other writer and resume ({_first_line(error)})"
        ) from error
    except DBAPIError as error:
        raise kind(f"{place}: {_advice(error)} ({_first_line(error)})") from error


def _parse(url: str | sa.URL) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        # The cause is dropped: it may quote the URL, and with it a password.
        raise UserError(f"the database URL cannot be read; allowed: {ALLOWED}") from None
    backend, _, driver = parsed.drivername.partition("+")
    if backend in ("postgresql", "postgres") and driver in ("", "psycopg"):
        if "@" in (parsed.host or ""):
            raise UserError("the database URL holds @ twice; write @ in a user name or password as %40")
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and driver in ("", "pysqlite"):
        if parsed.host or (parsed.database or ":memory:").startswith((":memory:", "file:")):
            raise UserError("the database URL names no file; allowed: sqlite:///PATH (three slashes, then the path)")
        if set(parsed.query) - {"timeout"}:
            raise UserError("the database URL has an unknown option; allowed for SQLite: ?timeout=SECONDS")
        return parsed
    raise UserError(f"the database URL begins with {parsed.drivername!r}; allowed: {ALLOWED}")


def _sqlite(url: sa.URL) -> tuple[sa.Engine, str]:
    path = Path(url.database or "").expanduser().resolve()
    place = f"ledger {path}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{place}: its folder cannot be made ({error.strerror}); name another folder") from error
    seconds = {} if "timeout" in url.query else {"timeout": _BUSY_SECONDS}
    engine = sa.create_engine(url.set(database=str(path)), connect_args=seconds, poolclass=sa.NullPool)

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _: object) -> None:
        # Python's sqlite3 would begin and commit transactions by itself, not around DDL; `_begin` does it instead.
        connection.isolation_level = None
        try:
            with closing(connection.cursor()) as cursor:
                cursor.execute("PRAGMA journal_mode=WAL")
                cursor.execute("PRAGMA synchronous=FULL")
        except sqlite3.Error:
            connection.close()
            raise

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that reads first and takes the write lock later can fail in between; readers take none.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine, place


def _postgres(url: sa.URL) -> tuple[sa.Engine, str]:
    host = url.host or url.query.get("host") or "the local socket"
    place = f"ledger in PostgreSQL database {url.database or url.username or ''!r} on {host}:{url.port or 5432}"
    seconds = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_SECONDS}
    try:
        engine = sa.create_engine(url, connect_args=seconds, poolclass=sa.NullPool)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise UserError(f"{place}: the driver is missing; install it with: pip install 'athanor[postgres]'") from error
    return engine, place


def _migrate(engine: sa.Engine, place: str) -> None:
    if _revision(engine) == REVISION:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    # Alembic keeps the migration at work in a global of its own.
    with _MIGRATING, writing(engine).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('athanor migration'))")
        found = _revision(connection)
        if found is not None and found not in known:
            raise UserError(
                f"{place}: it is at revision {found}, this version of athanor knows up to {REVISION}; update athanor"
            )
        config.attributes["connection"] = connection
        config.attributes["version_table"] = VERSION_TABLE
        command.upgrade(config, "head")


def _revision(bind: sa.Engine | sa.Connection) -> str | None:
    if not sa.inspect(bind).has_table(VERSION_TABLE):
        return None
    query = sa.select(sa.column("version_num", sa.Text)).select_from(sa.table(VERSION_TABLE))
    if isinstance(bind, sa.Connection):
        return bind.execute(query).scalar()
    with bind.connect() as connection:
        return connection.execute(query).scalar()


def _advice(error: DBAPIError) -> str:
    code = str(getattr(error.orig, "sqlite_errorname", ""))
    state = str(getattr(error.orig, "sqlstate", None) or "")
    for prefix, advice in (_SQLITE_ADVICE if code else _POSTGRES_ADVICE).items():
        if (code or state).startswith(prefix):
            return advice
    if error.connection_invalidated or (not code and not state):
        return "the server cannot be reached; check that it runs and the database URL names it, then resume"
    return "the database refused"


def _first_line(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())
