"""Text that others wrote: notes, messages, names in files. It is shown and handed on as data, never obeyed.

Knows Unicode. Must not know where the text comes from or will be shown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_MARKS = 8
"""Combining marks that one letter may bear: the tallest Tibetan stack has as many."""
_INVISIBLE = re.compile(
    # Invisible though Unicode calls them letters or marks: fillers, joiners of graphemes, variation selectors.
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_JOINERS = "\u200c\u200d"
# From Arabic to Sinhala these two decide how a word is written; anywhere else they only hide something.
_STRAY_JOINER = re.compile(f"(?<![\u0600-\u0dff])[{_JOINERS}]|[{_JOINERS}](?![\u0600-\u0dff])")
_INNER = str.maketrans("«»", "‹›")


def readable(text: str) -> str:
    """Foreign text without control, formatting and invisible characters, in normal form C; lines stay lines.

    No such text can then steer a terminal, hide words, turn the reading direction or climb over other lines.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    before = ""
    # What goes can bring together what may not stand together; a text that is read again must not change again.
    while text != before:
        before, text = text, "\n".join(_line(line) for line in text.splitlines()).strip()
    return text


def clean(text: str, limit: int) -> str:
    """Foreign text as one line of visible characters, cut at `limit` with an ellipsis."""
    line = " ".join(readable(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def quoted(text: str, limit: int = 400) -> str:
    """Foreign text as a quotation that it cannot end by itself: between « and », on one line, cut at `limit`."""
    return f"«{clean(text, limit).translate(_INNER)}»"


def _line(line: str) -> str:
    visible = _STRAY_JOINER.sub("", "".join(_visible(_INVISIBLE.sub("", line))))
    return unicodedata.normalize("NFC", visible).rstrip()


def _visible(line: str) -> Iterator[str]:
    """Characters of a line that show; marks only on a character, no flood of them.

    Marks are counted before the text is brought into normal form, which takes long where they are many.
    """
    marks = _MARKS
    for c in line:
        kind = unicodedata.category(c)[0]
        if kind == "M":
            marks += 1
            if marks <= _MARKS:
                yield c
        elif c in _JOINERS:
            yield c
        elif kind != "C" or c == "\t":
            marks = _MARKS if c.isspace() else 0
            yield c
