"""Files that are whole or not there: written beside and renamed, so that whoever kills the writer leaves no half.

Knows file systems alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..memory.errors import UserError


@contextmanager
def whole_file(path: Path, what: str) -> Iterator[BinaryIO]:
    """Open a file to write; it gets its name, and its folders are made, when the block has ended.

    Args:
        path: Its name in the end.
        what: What it holds, in the plural, to be told where it cannot be written.

    Raises:
        UserError: The folder cannot be written.
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as stream:
            yield stream
        beside.replace(path)
    except OSError as error:
        raise UserError(f"{path.parent}: {what} cannot be kept there: {error}") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
