"""What people are told when the database under the ledger is full, locked, damaged, newer, or somewhere else."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from athanor.memory import database
from athanor.memory.errors import TerminalError, UserError
from athanor.memory.events import Reflected
from athanor.memory.sql import SqlLedger


def notes(n: int, length: int = 10) -> list[Reflected]:
    return [Reflected(batch=number, text="x" * length) for number in range(1, n + 1)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}?timeout=0.2"


def plain(database_url: str) -> sa.Engine:
    """Connections past the ledger."""
    return sa.create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET body = '{}' WHERE number = 1",
        "DELETE FROM events",
        "INSERT INTO events SELECT campaign, number + 7, time, kind, body FROM events WHERE number = 1",
        "INSERT INTO events SELECT campaign, number, time, kind, body FROM events WHERE number = 1",
        "INSERT INTO events SELECT campaign, number - 1, time, kind, body FROM events WHERE number = 1",
    ],
)
def test_the_database_itself_only_appends(database_url: str, statement: str) -> None:
    ledger = SqlLedger(database_url)
    written = ledger.append("stiff", notes(3))
    with pytest.raises(sa.exc.IntegrityError, match=r"append-only|next number"), plain(database_url).begin() as raw:
        raw.exec_driver_sql(statement)
    assert tuple(ledger.entries("stiff")) == written


@pytest.mark.parametrize("statement", ["INSERT OR REPLACE INTO events", "REPLACE INTO events"])
def test_sqlite_cannot_replace_an_event(url: str, statement: str) -> None:
    written = SqlLedger(url).append("stiff", notes(3))
    with pytest.raises(sa.exc.IntegrityError, match=r"next number"), plain(url).begin() as raw:
        raw.exec_driver_sql(f"{statement} SELECT campaign, number, time, kind, '{{}}' FROM events")
    assert tuple(SqlLedger(url).entries("stiff")) == written


def test_postgres_cannot_be_emptied(postgres_url: str) -> None:
    SqlLedger(postgres_url).append("stiff", notes(3))
    with pytest.raises(sa.exc.IntegrityError, match=r"append-only"), plain(postgres_url).begin() as raw:
        raw.exec_driver_sql("TRUNCATE events")


def test_somebody_who_writes_past_the_lock_is_noticed(database_url: str) -> None:
    ledger = SqlLedger(database_url)
    with ledger.writer("stiff", "ada"):
        ledger.append("stiff", notes(2))
        with plain(database_url).begin() as raw:
            raw.exec_driver_sql("INSERT INTO events SELECT campaign, 3, time, kind, body FROM events WHERE number = 1")
        with pytest.raises(TerminalError, match=r"somebody else has written to this campaign"):
            ledger.append("stiff", notes(2))
    assert [entry.number for entry in ledger.entries("stiff")] == [1, 2, 3]


def test_a_full_database_takes_all_or_nothing(url: str) -> None:
    ledger = SqlLedger(url)

    @sa.event.listens_for(sa.Engine, "connect")
    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA max_page_count=40")

    try:
        with ledger.writer("stiff", "ada"):
            ledger.append("stiff", notes(2))
            with pytest.raises(TerminalError, match=r"ledger\.sqlite: no space is left; nothing was written: free"):
                ledger.append("stiff", notes(100, 5000))
            ledger.append("stiff", notes(1))
    finally:
        sa.event.remove(sa.Engine, "connect", limit)
    assert [entry.number for entry in ledger.append("stiff", notes(100, 5000))][:1] == [4]
    assert len(list(ledger.entries("stiff"))) == 103


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_takes_all_or_nothing(small_disk: Path) -> None:
    ledger = SqlLedger(f"sqlite:///{small_disk}/ledger.sqlite")
    filler = small_disk / "filler"
    filler.write_bytes(bytes(400_000))
    kept = 0
    with ledger.writer("stiff", "ada"):
        with suppress(TerminalError):
            while kept < 3000:
                ledger.append("stiff", notes(3, 2000))
                kept += 3
        with pytest.raises(TerminalError, match=r"no space is left|the disk refused"):
            ledger.append("stiff", notes(3, 2000))
        assert len(list(ledger.entries("stiff"))) == kept
        filler.unlink()
        assert ledger.append("stiff", notes(3, 2000))[0].number == kept + 1
    assert len(list(ledger.entries("stiff"))) == kept + 3


def test_a_full_disk_at_the_start_is_the_users_to_mend(small_disk: Path) -> None:
    with pytest.raises(OSError, match=r"No space"):
        (small_disk / "filler").write_bytes(bytes(2_000_000))
    with pytest.raises(UserError, match=r"ledger\.sqlite: (no space is left|the disk refused|it cannot be opened)"):
        SqlLedger(f"sqlite:///{small_disk}/ledger.sqlite")


def test_a_locked_database_is_named_and_nothing_is_lost(url: str, path: Path) -> None:
    ledger = SqlLedger(url)
    with ledger.writer("stiff", "ada"):
        ledger.append("stiff", notes(2))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(TerminalError, match=r"ledger\.sqlite: another program has locked it; close"):
                ledger.append("stiff", notes(1))
            assert len(list(ledger.entries("stiff"))) == 2, "readers are not locked out"
            other.execute("ROLLBACK")
        assert ledger.append("stiff", notes(1))[0].number == 3


def test_a_database_locked_against_readers(url: str, path: Path) -> None:
    SqlLedger(url).append("stiff", notes(2))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match=r"another program has locked it"):
            SqlLedger(url)


def test_a_file_that_is_no_database(url: str, path: Path) -> None:
    path.write_text("goal: a stiff compound\n" * 100)
    with pytest.raises(UserError, match=r"ledger\.sqlite: this file is not a database; name another file"):
        SqlLedger(url)
    assert path.read_text().startswith("goal"), "a file that is not ours stays as it is"


def test_a_damaged_file(url: str, path: Path) -> None:
    ledger = SqlLedger(url)
    ledger.append("stiff", notes(300, 1000))
    with path.open("r+b") as file:
        file.seek(4096 * 6)
        file.write(os.urandom(4096 * 40))
    with pytest.raises(UserError, match=r"ledger\.sqlite: the file is damaged.*restore a copy"):
        list(ledger.entries("stiff"))


def test_an_event_that_json_cannot_hold_is_refused_whole(database_url: str) -> None:
    ledger = SqlLedger(database_url)
    with pytest.raises(TerminalError, match=r"event reflected of campaign 'stiff' is not text"):
        ledger.append("stiff", [*notes(2), Reflected(batch=3, text="caf\udce9.cif")])
    assert list(ledger.entries("stiff")) == []


def test_an_event_changed_by_hand_is_named(database_url: str) -> None:
    ledger = SqlLedger(database_url)
    ledger.append("stiff", notes(1))
    with plain(database_url).begin() as raw:
        raw.exec_driver_sql(
            """INSERT INTO events SELECT campaign, 2, time, kind, '{"kind": "reflected"}' FROM events"""
        )
    with pytest.raises(UserError, match=r"event 2 of campaign 'stiff' cannot be read .reflected.batch: Field required"):
        list(ledger.entries("stiff"))


@pytest.fixture
def read_only(unprivileged: Callable[[], None]) -> Iterator[Path]:
    """A folder with a ledger in which this user may not write; not pytest's own, which others cannot enter."""
    folder = Path(tempfile.mkdtemp())
    SqlLedger(f"sqlite:///{folder}/ledger.sqlite").append("stiff", notes(2))
    for item in (folder / "ledger.sqlite.locks", *folder.glob("*.sqlite"), folder):
        item.chmod(0o555)
    before = os.geteuid()
    unprivileged()
    yield folder
    os.seteuid(before)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_read_only_folder(read_only: Path) -> None:
    with pytest.raises(UserError, match=r"its folder cannot be made .Permission denied.; name another folder"):
        SqlLedger(f"sqlite:///{read_only}/new/ledger.sqlite")
    with pytest.raises(UserError, match=r"it cannot be opened; check that the folder exists and that this user may"):
        SqlLedger(f"sqlite:///{read_only}/new.sqlite")
    with pytest.raises(UserError, match=r"may only be read|cannot be opened"):
        SqlLedger(f"sqlite:///{read_only}/ledger.sqlite")


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(UserError, match=r"its folder cannot be made"):
        SqlLedger(f"sqlite:///{tmp_path}/home/ledger.sqlite")


def test_the_code_knows_the_latest_migration() -> None:
    scripts = ScriptDirectory(str(Path(database.__file__).parent / "migrations"))
    assert scripts.get_heads() == [database.REVISION]


def test_a_newer_database_is_refused_and_left_alone(database_url: str) -> None:
    SqlLedger(database_url).append("stiff", notes(1))
    with plain(database_url).begin() as raw:
        raw.exec_driver_sql(f"UPDATE {database.VERSION_TABLE} SET version_num = '0999'")
    with pytest.raises(UserError, match=f"at revision 0999, this version of athanor knows up to {database.REVISION}"):
        SqlLedger(database_url)
    with plain(database_url).begin() as raw:
        assert raw.exec_driver_sql("SELECT count(*) FROM events").scalar() == 1


def test_a_migration_is_done_as_a_whole_or_not_at_all(database_url: str) -> None:
    with plain(database_url).begin() as raw:
        raw.exec_driver_sql("CREATE TABLE writers (name TEXT)")
    with pytest.raises(UserError, match=r"the database refused .*writers.* already exists"):
        SqlLedger(database_url)
    with plain(database_url).connect() as raw:
        assert sa.inspect(raw).get_table_names() == ["writers"]
    with plain(database_url).begin() as raw:
        raw.exec_driver_sql("DROP TABLE writers")
    assert SqlLedger(database_url).campaigns() == ()


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(
        UserError, match=r"'materials' on 127.0.0.1:1: the server cannot be reached; check that it runs"
    ):
        SqlLedger("postgresql://ada:s3cret@127.0.0.1:1/materials")


def test_a_database_that_is_not_there(postgres_server: str) -> None:
    with pytest.raises(UserError, match=r"no such database|cannot be reached.*does not exist"):
        SqlLedger(postgres_server.format("nothing"))


def test_a_server_that_goes_away_while_writing(postgres_url: str) -> None:
    ledger = SqlLedger(postgres_url)
    with ledger.writer("stiff", "ada"):
        ledger.append("stiff", notes(1))
        with plain(postgres_url).begin() as raw:
            raw.exec_driver_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        with pytest.raises(TerminalError, match=r"the server cannot be reached"):
            ledger.append("stiff", notes(1))
        with pytest.raises(TerminalError, match=r"the right to write to 'stiff' went with the connection; resume"):
            ledger.append("stiff", notes(1))
    assert len(list(ledger.entries("stiff"))) == 1


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s3cret",
        "postgresql://ada:s3cret@host:port/materials",
        "postgresql://ada:p@s3cret@127.0.0.1:1/materials",
        "postgresql://ada:s3cret@127.0.0.1:1/materials?option=unknown",
        "postgresql:///materials?host=127.0.0.1&port=1&password=s3cret",
        "postgresql+asyncpg://ada:s3cret@127.0.0.1:1/materials",
        "mysql://ada:s3cret@127.0.0.1/materials",
        "s3cret",
        "",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://home/s3cret",
        "sqlite:////nowhere/x?s3cret=1",
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UserError, match=r"allowed|%40|cannot be reached") as caught:
        SqlLedger(url)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value.__cause__ or caught.value))
    assert "s3cret" not in str(caught.value)
