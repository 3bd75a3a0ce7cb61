"""What a person reads: whole lines of a campaign at work, and an answer piece by piece, never one within the other.

Knows a function that writes. Must not know terminals, campaigns or chat models.
"""

from __future__ import annotations

import re
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PARTS = re.compile(r"\n|[^\S\n]+|\S+")
"""Line ends, spaces, words."""


class Screen:
    """Lines from any thread; while an answer is spoken, those of others wait until it has ended."""

    def __init__(self, write: Callable[[str], None], width: Callable[[], int] | None = None) -> None:
        """Choose where to write.

        Args:
            write: Takes text.
            width: Columns there are, so that no word is cut in two; None where lines may have any length.
        """
        self._write, self._width = write, width
        self._lock = threading.RLock()
        self._waiting: list[str] = []
        self._speaker: int | None = None
        self._column = 0

    def line(self, text: str) -> None:
        """Write whole lines, at once or after the answer that another thread speaks."""
        with self._lock:
            if self._speaker not in (None, threading.get_ident()):
                self._waiting.append(text)
                return
            self._write_lines(text)

    def piece(self, text: str) -> None:
        """Write a part of an answer."""
        with self._lock:
            self._write("".join(self._folded(text)))

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Keep the screen for the answers of this thread, and let the lines of others follow."""
        with self._lock:
            self._speaker = threading.get_ident()
        try:
            yield
        finally:
            with self._lock:
                self._speaker = None
                self._end_line()
                waiting, self._waiting = self._waiting, []
                for text in waiting:
                    self._write_lines(text)

    def _write_lines(self, text: str) -> None:
        self._end_line()
        self._write("".join(f"{part}\n" for line in text.split("\n") for part in self._parts(line)))

    def _end_line(self) -> None:
        if self._column:
            self._write("\n")
            self._column = 0

    def _parts(self, line: str) -> list[str]:
        """A line as several that fit, what follows the first a little further right."""
        width = self._width() if self._width else 0
        if not width or len(line) < width:
            return [line]
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        return textwrap.wrap(
            line, max(20, width - 1), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )

    def _folded(self, text: str) -> Iterator[str]:
        """Words of an answer with a line end before each that would not fit."""
        width = self._width() if self._width else 0
        for part in _PARTS.findall(text):
            if part == "\n":
                self._column = 0
            elif width and self._column and self._column + len(part) >= width:
                self._column = 0
                yield "\n"
                if part.isspace():
                    continue
            self._column += 0 if part == "\n" else len(part)
            yield part
