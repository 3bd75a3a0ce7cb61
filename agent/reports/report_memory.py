"""The section of a report on memory: what was reused, what was recalled, what people noted.

Knows the state and its summary. Must not know ledgers or the index: what they gave stands in the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...memory.foreign import quoted
from ...memory.records import Candidate, Provenance
from ..labels import counted, label_of, markdown
from ..views.summary import values_in_words, values_of

if TYPE_CHECKING:
    from ...memory.events import Evaluated
    from ...memory.people_events import NoteAdded
    from ...memory.recall import Passage
    from ...memory.state import State
    from ..views.summary import Summary

_LONGEST = 400
_MOST_TRIALS = 10


def memory(state: State, summary: Summary, notes: Sequence[NoteAdded]) -> str:
    """Write the section; empty where there is nothing to say.

    Args:
        state: The campaign's state.
        summary: The same, in short.
        notes: What people have noted on the campaign.
    """
    parts = [_reused(summary), *_recalled(state), _notes(notes)]
    parts += [f"Memory could not be used: {markdown(message)}" for message in summary["memory_lost"]]
    return "\n\n".join(["## Memory", *(part for part in parts if part)]) if any(parts) else ""


def _reused(summary: Summary) -> str:
    total = sum(summary["reused"].values())
    if not total:
        return ""
    names = ", ".join(f"{markdown(name, 64)} ({number})" for name, number in summary["reused"].items())
    was, they = ("was", "It costs nothing and counts") if total == 1 else ("were", "They cost nothing and count")
    return (
        f"{counted(total, 'answer')} of earlier campaigns {was} taken over, for the same material at the same oracle: "
        f"{names}. {they} for no budget."
    )


def _recalled(state: State) -> list[str]:
    """What memory gave last; an earlier reminder is in the ledger."""
    last = state.reminded(state.batches + 1)
    if last is None:
        return []
    parts = []
    if last.passages:
        head = f"What other campaigns and people had left, as recalled before batch {last.batch}; quoted, not checked:"
        parts.append("\n".join([head, "", *map(_passage, last.passages)]))
    if last.materials:
        head = f"Materials of other campaigns nearest to the best of this one, before batch {last.batch}:"
        parts.append("\n".join([head, "", *map(_material, last.materials)]))
    return parts


def _passage(passage: Passage) -> str:
    found = passage.document
    trials = ", ".join(map(str, found.trials[:_MOST_TRIALS])) + ("…" if len(found.trials) > _MOST_TRIALS else "")
    source = [
        f"{found.kind} of campaign {markdown(found.campaign, 64)}" if found.campaign else f"{found.kind} on the home",
        *([f"by {_quotation(found.author, 64)}"] if found.author else []),
        *([f"{'trial' if len(found.trials) == 1 else 'trials'} {trials}"] if trials else []),
        *([found.verdict] if found.verdict else []),
        f"{found.time:%Y-%m-%d}",
        f"similarity {passage.similarity:.2f}",
    ]
    return f"- {', '.join(source)}: {_quotation(found.text)}"


def _material(found: Evaluated) -> str:
    values = values_in_words(values_of(found.measurements)) or "failed"
    origin = f"{found.origin.campaign}, trial {found.origin.trial}, at {found.oracle}"
    name = label_of(Candidate(content=found.crystal, provenance=Provenance(tool="recall")))
    return f"- {markdown(name)} of campaign {markdown(origin)}, similarity {found.similarity:.3f}: {markdown(values)}"


def _notes(notes: Sequence[NoteAdded]) -> str:
    if not notes:
        return ""
    lines = [f"- {_quotation(note.author, 64)}: {_quotation(note.text)}" for note in notes]
    return "\n".join(["What people noted on this campaign:", "", *lines])


def _quotation(text: str, limit: int = _LONGEST) -> str:
    return markdown(quoted(text, limit), limit + 2)
