"""A table of a report, in markdown.

Knows text alone. Must not know what the cells say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in markdown; columns whose cells are all numbers stand to the right."""
    rows = list(rows)
    right = [
        bool(rows) and all(row[i][:1].isdigit() or row[i][:1] in "-–−" for row in rows) for i in range(len(header))
    ]
    lines = [header, ["---:" if is_right else "---" for is_right in right], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
