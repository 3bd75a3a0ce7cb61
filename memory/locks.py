"""Locks that only one writer can hold, and that the kernel or the server frees when their holder dies.

Knows file locks and PostgreSQL's advisory locks. Must not know what is written under them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from filelock import FileLock, Timeout

from .errors import UserError

if TYPE_CHECKING:
    from sqlalchemy import Connection


@contextmanager
def file_lock(folder: Path, name: str) -> Iterator[bool]:
    """Try to lock a file of this name in a folder; gives whether it worked.

    The lock is the kernel's: it falls with the process, and a forked child does not keep it.

    Raises:
        UserError: The file cannot be made, or the file system knows no locks.
    """
    path = folder / f"{quote(name, safe='')}.lock"
    # A soft lock would outlive a killed process; rather none than that one.
    lock = FileLock(path, thread_local=False, fallback_to_soft=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise UserError(f"lock {path}: it cannot be taken ({error.strerror}); check the folder and its disk") from error
    try:
        yield True
    finally:
        lock.release()


def advisory_lock(connection: Connection, name: str) -> bool:
    """Try to take the advisory lock of this name for as long as the connection lives; gives whether it worked."""
    key = int.from_bytes(hashlib.blake2b(f"athanor {name}".encode(), digest_size=8).digest(), signed=True)
    taken = connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (key,)).scalar()
    connection.commit()
    return bool(taken)
