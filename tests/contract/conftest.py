"""A PostgreSQL server for the tests, where Debian's is installed: started once, with a fresh database for each test."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def _folder_of_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _as_nobody_special(command: list[str], folder: Path) -> list[str]:
    """The command as PostgreSQL allows it: never as root."""
    if os.geteuid() != 0:
        return command
    shutil.chown(folder, "postgres", "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server on a socket in a temporary folder, `{}` in place of the database's name."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = _folder_of_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    # Not pytest's own folder: its path may be too long for a socket, and only this user may enter it.
    folder = Path(tempfile.mkdtemp(prefix="athanor-pg-"))
    initdb = [str(programs / "initdb"), "-D", f"{folder}/pg", "-U", "athanor", "--auth=trust", "--encoding=UTF8"]
    made = subprocess.run(_as_nobody_special([*initdb, "--locale=C", "--no-sync"], folder), capture_output=True)
    if made.returncode:
        shutil.rmtree(folder)
        pytest.fail(f"initdb failed: {made.stderr.decode()}")
    command = [str(programs / "postgres"), "-D", f"{folder}/pg", "-k", str(folder)]
    command += ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(_as_nobody_special(command, folder), stdout=log, stderr=log)
    try:
        for _ in range(300):
            try:
                psycopg.connect(host=str(folder), user="athanor", dbname="postgres").close()
                break
            except psycopg.OperationalError:
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
        yield f"postgresql://athanor@/{{}}?host={folder}"
    finally:
        # Fast shutdown: open connections are cut.
        subprocess.run(["kill", "-INT", str(server.pid)], check=True)
        server.wait(timeout=30)
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """URL of an empty PostgreSQL database."""
    import psycopg

    with psycopg.connect(postgres_server.format("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS ledger WITH (FORCE)")
        connection.execute("CREATE DATABASE ledger")
    return postgres_server.format("ledger")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.sqlite?timeout=0.2"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Give up root's right to write everywhere, for the rest of a test."""
    before = os.geteuid()
    yield lambda: os.seteuid(65534) if before == 0 else None
    os.seteuid(before)
