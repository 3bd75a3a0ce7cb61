"""What was left out of labelled crystals or changed in them, counted, with examples.

Knows nothing else of the project.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

N_EXAMPLES = 3


@dataclass(frozen=True)
class Note:
    """Something that happened to some crystals.

    Attributes:
        what: In words (`left out: partial occupancy`).
        count: How often.
        examples: The first few, as a person finds them.
    """

    what: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        more = ", …" if self.count > len(self.examples) else ""
        return f"{self.count} {self.what} ({'; '.join(self.examples)}{more})"


def noted(what: str, examples: Sequence[str]) -> tuple[Note, ...]:
    """A note if anything happened."""
    return (Note(what, len(examples), tuple(examples[:N_EXAMPLES])),) if examples else ()


def grouped(happened: Iterable[tuple[str, str]]) -> tuple[Note, ...]:
    """Notes of what happened `(what, example)`, the most frequent first."""
    groups: dict[str, list[str]] = {}
    for what, example in happened:
        groups.setdefault(what, []).append(example)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    return tuple(note for what, examples in ordered for note in noted(what, examples))
