"""What a campaign's events teach, as documents and materials for the index.

Knows events, states and how they are put into words. A pure function of the ledger, so that an index made anew
holds what the lost one held. Must not know indexes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...memory.events import (
    CrystalEmbedded,
    Entry,
    HypothesisJudged,
    HypothesisStated,
    Reflected,
    RunEnded,
    TrialFinished,
)
from ...memory.foreign import clean
from ...memory.people_events import NoteAdded
from ...memory.recall import Document, Material, Property
from ...memory.records import Crystal
from ..labels import label_of
from ..views.summary import sentences, summarise

if TYPE_CHECKING:
    from datetime import datetime

    from ...memory.state import State, Trial

LONGEST = 2000
"""Characters of a document."""


@dataclass(frozen=True)
class Learned:
    """What is to be indexed."""

    documents: tuple[Document, ...]
    materials: tuple[Material, ...]


def learned(campaign: str, entries: Sequence[Entry], state: State) -> Learned:
    """Read documents and materials off entries.

    Args:
        campaign: Name of the campaign, or of the home's own notes.
        entries: What is new.
        state: The campaign after the last of these entries.
    """
    documents = {document.id: document for entry in entries for document in _documents(campaign, entry, state)}
    materials = {material.id: material for entry in entries for material in _materials(campaign, entry, state)}
    return Learned(tuple(documents.values()), tuple(materials.values()))


def _documents(campaign: str, entry: Entry, state: State) -> Iterator[Document]:
    match entry.event:
        case HypothesisStated(hypothesis=stated):
            yield _of_hypothesis(campaign, stated.id, state, entry.time)
        case HypothesisJudged(judgement=judgement):
            yield _of_hypothesis(campaign, judgement.hypothesis, state, entry.time)
        case Reflected(batch=batch, text=text):
            trials = [trial for trial in state.trials.values() if trial.batch == batch]
            yield Document(
                id=f"{campaign}/reflection/{batch}",
                kind="reflection",
                campaign=campaign,
                text=clean(text, LONGEST),
                elements=_elements(trials),
                trials=tuple(trial.number for trial in trials),
                time=entry.time,
            )
        case TrialFinished(trial=number) if state.trials[number].status == "failed":
            if state.trials[number].reused is None:
                yield _of_failure(campaign, state.trials[number], entry.time)
        case RunEnded():
            yield _of_campaign(campaign, state, entry.time)
        case NoteAdded(author=author, campaign=about, text=text):
            yield Document(
                id=f"note/{entry.number}",
                kind="note",
                campaign=about,
                text=clean(text, LONGEST),
                author=author,
                time=entry.time,
            )


def _materials(campaign: str, entry: Entry, state: State) -> Iterator[Material]:
    if isinstance(entry.event, CrystalEmbedded):
        trial = state.trials[entry.event.trial]
        failure = trial.outcome.failure if trial.outcome else None
        measurements = trial.outcome.measurements if trial.outcome else ()
        yield Material(
            id=f"{campaign}/{trial.number}",
            campaign=campaign,
            trial=trial.number,
            candidate=trial.candidate.id,
            formula=label_of(trial.candidate),
            elements=_elements([trial]),
            properties=tuple(Property(name=m.property, value=m.value, unit=m.unit) for m in measurements),
            failure=failure.kind if failure else "",
            oracle=trial.oracle,
            time=entry.time,
            model=entry.event.model,
            embedding=entry.event.embedding,
        )


def _of_hypothesis(campaign: str, name: str, state: State, time: datetime) -> Document:
    hypothesis, judgement = state.hypotheses[name], state.judgements.get(name)
    verdict = judgement.verdict if judgement else "open"
    statistic = f" {judgement.statistic}." if judgement else ""
    about = [
        c.value for c in hypothesis.prediction.conditions if c.feature == "elements" and isinstance(c.value, tuple)
    ]
    return Document(
        id=f"{campaign}/hypothesis/{name}",
        kind="hypothesis",
        campaign=campaign,
        text=clean(f"{hypothesis.statement} This is {verdict}.{statistic} {hypothesis.rationale}", LONGEST),
        elements=tuple(sorted({symbol for symbols in about for symbol in symbols})),
        trials=(*judgement.passed, *judgement.failed) if judgement else (),
        verdict=verdict,
        prediction=hypothesis.prediction,
        time=time,
    )


def _of_failure(campaign: str, trial: Trial, time: datetime) -> Document:
    failure = trial.outcome.failure if trial.outcome else None
    kind, message = (failure.kind.replace("_", " "), failure.message) if failure else ("", "")
    made = trial.candidate.provenance
    how = f" It was made by {made.tool}: {made.note}." if made.note else ""
    text = f"{label_of(trial.candidate)} failed at {trial.oracle}, {kind}: {message}.{how}"
    return Document(
        id=f"{campaign}/failure/{trial.number}",
        kind="failure",
        campaign=campaign,
        text=clean(text, LONGEST),
        elements=_elements([trial]),
        trials=(trial.number,),
        time=time,
    )


def _of_campaign(campaign: str, state: State, time: datetime) -> Document:
    summary = summarise(state)
    wanted = ", ".join(summary["objectives"])
    text = f"Campaign {campaign}: {summary['statement']}. Wanted: {wanted}. {' '.join(sentences(summary))}"
    best = summary["pareto"]
    return Document(
        id=f"{campaign}/summary",
        kind="summary",
        campaign=campaign,
        text=clean(text, LONGEST),
        elements=_elements([state.trials[hit["trial"]] for hit in best]),
        trials=tuple(hit["trial"] for hit in best),
        time=time,
    )


def _elements(trials: Iterable[Trial]) -> tuple[str, ...]:
    contents = (trial.candidate.content for trial in trials)
    return tuple(sorted({s for content in contents if isinstance(content, Crystal) for s in content.species}))
