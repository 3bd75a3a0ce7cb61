"""The folder of an index, which several processes use by turns.

Knows files and locks. Must not know what Chroma writes there beyond the name of its database.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..recall import RecallError

LOCK_SECONDS = 20.0
MARKER = "athanor-recall"
DATABASE = "chroma.sqlite3"


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Have a folder alone: Chroma's files bear one process at a time.

    Raises:
        RecallError: Another process keeps it busy.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside the folder, for its content may be removed; the kernel's lock, for it falls with its process.
    lock = FileLock(f"{folder}.lock", thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire(timeout=LOCK_SECONDS, poll_interval=0.01)
    except Timeout as error:
        raise RecallError(
            f"recall {folder}: another process has kept it busy for {LOCK_SECONDS:g} s; try again later"
        ) from error
    try:
        yield
    finally:
        lock.release()


def mark_of(folder: Path) -> str:
    """What stood beside the folder when it was last written to; who opened it under another mark is out of date."""
    file = _mark_file(folder)
    return file.read_text("utf-8", "replace") if file.exists() else ""


def change_mark(folder: Path) -> str:
    """Put a new mark beside the folder, before writing: a writer that dies half-way leaves nobody out of date."""
    mark = uuid.uuid4().hex
    _mark_file(folder).write_text(mark, "utf-8")
    return mark


def make(folder: Path) -> None:
    """Make the folder, unless an index is there.

    Raises:
        RecallError: Something else is there.
    """
    if not _is_index(folder):
        folder.mkdir(exist_ok=True)
        (folder / MARKER).touch()


def remove(folder: Path) -> None:
    """Remove an index, damaged or not, unread.

    Raises:
        RecallError: Something else is there.
    """
    if _is_index(folder):
        shutil.rmtree(folder)


def _is_index(folder: Path) -> bool:
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise RecallError(f"recall {folder}: this is a file, and a folder is expected; move it away")
    names = {path.name for path in folder.iterdir()}
    if names and not names.intersection((MARKER, DATABASE)):
        raise RecallError(f"recall {folder}: the folder holds other things than an index; move them away")
    return bool(names)


def _mark_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.mark")
