"""An answer of the chat model on its way to a person: word by word, without the values that name no source.

Knows numbers with their sources, and the screen. Must not know chat models or what is talked about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ...memory.foreign import readable
from ..labels import counted
from ..llm.provenance import WITHHELD, check

if TYPE_CHECKING:
    from ..llm.known_values import Known
    from .screen import Screen

_END = re.compile(r"(?<=[.!?])[\"'»)]*\s+|\n")
"""Where a sentence ends: whether a number has a source is only known there."""
_WORDS = re.compile(r"(\s+)")
_AGAIN = "\n(that answer broke off or could not be used; it is asked again)\n"


class Spoken:
    """Says an answer while it comes.

    Words are said at once, up to the first number of a sentence; from there on when the sentence is whole.
    """

    def __init__(self, screen: Screen, knowns: Callable[[], Sequence[Known]]) -> None:
        """Choose where to speak.

        Args:
            screen: Where the person reads.
            knowns: What tools and people have told so far.
        """
        self._screen, self._knowns = screen, knowns
        self._heard, self._taken, self.text = "", 0, ""

    def begin(self) -> None:
        """An answer is asked for; what an earlier try has said does not count."""
        if self.text.strip():
            self._screen.piece(_AGAIN)
        self._heard, self._taken, self.text = "", 0, ""

    def hear(self, token: str) -> None:
        """Take the next piece of the answer."""
        self._heard += token
        self._say(self._sayable())

    def end(self, whole: str) -> str:
        """Say what is left; what the person has read then.

        Args:
            whole: The answer, in case that no pieces of it have come.
        """
        if not self._heard:
            self._heard = whole
        self._say(len(self._heard))
        said, self.text = self.text, ""
        if said and not said.endswith("\n"):
            self._screen.piece("\n")
        kept = said.count(WITHHELD)
        if kept:
            them = "it" if kept == 1 else "them"
            self._screen.piece(f"({counted(kept, 'value')} withheld: nothing in this chat has told {them})\n")
        return said.strip()

    def _sayable(self) -> int:
        ends = [match.end() for match in _END.finditer(self._heard, self._taken)]
        begin = ends[-1] if ends else self._taken
        tail = self._heard[begin:]
        first = next((at for at, c in enumerate(tail) if c.isdigit()), len(tail))
        # Up to the last space before it, for a sign or a bracket may belong to the number.
        space = max((match.end() for match in re.finditer(r"\s", tail[:first])), default=0)
        return begin + space

    def _say(self, end: int) -> None:
        if end <= self._taken:
            return
        new = _printable(self._heard[self._taken : end])
        self._taken = end
        has_numbers = any(c.isdigit() for c in new)
        told = _withheld(self.text, new, self._knowns()) if has_numbers else new
        self.text += told
        self._screen.piece(told)


def _withheld(before: str, new: str, knowns: Sequence[Known]) -> str:
    """The new part of a text without values that name no source; what stands before it says what it is about."""
    while found := [one for one in check(before + new, knowns).unsourced if one.number.start >= len(before)]:
        for one in reversed(found):
            start, end = one.number.start - len(before), one.number.end - len(before)
            new = new[:start] + WITHHELD + new[end:]
    return new


def _printable(text: str) -> str:
    """Words as they may stand on a terminal, with the spaces and line ends between them."""
    return "".join(
        ("\n" * part.count("\n") or " " * len(part)) if part.isspace() else readable(part)
        for part in _WORDS.split(text)
    )
