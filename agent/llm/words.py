"""Candidates and trials in one line each, as a chat model reads them.

Knows records, state and how numbers are written. Must not know chat models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...memory.foreign import clean, quoted
from ...memory.records import Crystal
from ...tools.crystals.feature import features
from ..labels import figure, label_of, percent, settings_of, space_group_of, wording
from ..planners.reflect import number, said

if TYPE_CHECKING:
    from ...memory.recall import Passage
    from ...memory.records import Candidate
    from ...memory.state import Trial
    from ...tools.acquisition.acquire import Choice


def name_of(candidate: Candidate) -> str:
    """Formula and space group of a crystal, or the settings of a point."""
    content = candidate.content
    return f"{label_of(candidate)} {space_group_of(content)}" if isinstance(content, Crystal) else settings_of(content)


def choice_line(choice: Choice, units: Mapping[str, str]) -> str:
    """A candidate that the acquisition was asked about: id, what it is, what is expected of it."""
    expected = "; ".join(
        f"{wording(name)} {number(mean, deviation, units.get(name, '1'))}"
        for name, (mean, deviation) in choice.predicted.items()
    )
    keeps = "" if choice.keeps is None else f"; keeps the constraints: {percent(choice.keeps)}"
    told = f"predicted: {expected}{keeps}" if expected else "no surrogate yet"
    return f"{choice.candidate.id} {name_of(choice.candidate)}; {told}"


def candidate_text(candidate: Candidate) -> str:
    """All that is known of a candidate that was not evaluated: features, and where it comes from."""
    own = "; ".join(
        f"{name} {', '.join(value) if isinstance(value, tuple) else figure(value)}"
        for name, value in features(candidate).items()
    )
    origin = f"made by {candidate.provenance.tool}: {quoted(candidate.provenance.note, 200)}"
    return f"{candidate.id} {name_of(candidate)}\nfeatures as proposed: {own}\n{origin}"


def passage_line(passage: Passage) -> str:
    """What memory has found, as a quotation with where it comes from."""
    document = passage.document
    whose = f"of campaign {quoted(document.campaign, 64)}" if document.campaign else "on all campaigns"
    verdict = f", {document.verdict}" if document.verdict else ""
    return f"{document.kind} {whose}{verdict}: {quoted(document.text, 300)}"


def trial_line(trial: Trial) -> str:
    """A trial: number, what it is, and what came back."""
    head = f"#{trial.number} {name_of(trial.candidate)}"
    if trial.outcome is None:
        return f"{head}: pending"
    if trial.outcome.failure:
        failure = trial.outcome.failure
        return f"{head}: failed, {wording(failure.kind)} ({quoted(failure.message, 120)})"
    return f"{head}: {', '.join(said(one) for one in trial.outcome.measurements)}"


def trial_text(trial: Trial) -> str:
    """All that is known of a trial."""
    lines = [trial_line(trial), f"proposed in batch {trial.batch} because {quoted(trial.reason, 300)}"]
    if trial.hypothesis:
        lines.append(f"tests {trial.hypothesis}")
    if trial.predicted:
        told = ", ".join(
            f"{wording(name)} {figure(mean)} ± {figure(sd)}" for name, (mean, sd) in trial.predicted.items()
        )
        lines.append(f"the surrogate had expected: {told}")
    if trial.outcome and trial.outcome.details:
        details = ", ".join(f"{clean(str(k), 40)} {clean(str(v), 60)}" for k, v in trial.outcome.details.items())
        lines.append(f"details: {quoted(details, 400)}")
    lines.append(candidate_text(trial.candidate))
    return "\n".join(lines)
