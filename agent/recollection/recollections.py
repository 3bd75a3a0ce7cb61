"""What recall finds when a person asks: notes, failures by their kind, and evaluated materials with their values.

Knows the index and the ledger: the index finds, and the ledger says what was measured. Must not know terminals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ...memory.errors import UserError
from ...memory.foreign import clean
from ...memory.records import Candidate, Origin, Provenance
from ...memory.state import State, Trial, fold
from ..labels import label_of
from ..views.summary import values_of
from .rebuild import Rebuilt

if TYPE_CHECKING:
    from ...memory.ledger import Ledger
    from ...memory.recall import Neighbour, Passage, Recall, Where
    from ...memory.records import Crystal
    from .remember import Embed

FAILURES = 50
"""Failures that are counted by kind for one question, the nearest ones."""
_LONGEST = 2000


@dataclass(frozen=True)
class Notes:
    """The answer to a question.

    Attributes:
        question: As asked.
        passages: The nearest, best first.
        failures: Kind to trials, the most frequent first, among the failures nearest to the question.
    """

    question: str
    passages: tuple[Passage, ...]
    failures: Mapping[str, tuple[Origin, ...]]


@dataclass(frozen=True)
class Alike:
    """An evaluated material that is like another one.

    Attributes:
        neighbour: As the index has it.
        trial: As the ledger has it.
    """

    neighbour: Neighbour
    trial: Trial


@dataclass(frozen=True)
class Materials:
    """The answer to "what is like this?".

    Attributes:
        name: What was asked about: a file.
        formula: Its reduced formula.
        alike: The nearest evaluated materials, best first.
        lost: Number of materials in the index that the ledger does not hold.
    """

    name: str
    formula: str
    alike: tuple[Alike, ...]
    lost: int


Found = Notes | Materials | Rebuilt


def ask(recall: Recall, ledger: Ledger, question: str, n: int, where: Where) -> Notes:
    """Search notes; where failures are among them, count the kinds of many more.

    Raises:
        RecallError: The index cannot be used.
    """
    text = clean(question, _LONGEST)
    passages = recall.search(text, n, where)
    kinds: dict[str, list[Origin]] = {}
    if any(passage.document.kind == "failure" for passage in passages):
        trial_of = _reader(ledger)
        for passage in recall.search(text, FAILURES, where.model_copy(update={"kinds": ("failure",)})):
            for number in passage.document.trials:
                trial = trial_of(passage.document.campaign, number)
                failure = trial.outcome.failure if trial and trial.outcome else None
                kind = failure.kind if failure else "not in this ledger"
                kinds.setdefault(kind, []).append(Origin(campaign=passage.document.campaign, trial=number))
    by_number = sorted(kinds.items(), key=lambda item: -len(item[1]))
    return Notes(text, passages, {kind: tuple(trials) for kind, trials in by_number})


def alike(recall: Recall, ledger: Ledger, name: str, crystal: Crystal, embed: Embed, n: int, where: Where) -> Materials:
    """Search materials near to a crystal, and read in the ledger what was measured.

    Raises:
        RecallError: The index cannot be used.
        UserError: The crystal cannot be embedded.
    """
    formula = label_of(Candidate(content=crystal, provenance=Provenance(tool="recall")))
    seen = embed(crystal)
    if seen is None:
        raise UserError(f"{clean(name, 200)}: {formula} cannot be compared, because CHGNet cannot look at it")
    trial_of = _reader(ledger)
    neighbours = recall.like(seen[1], n, where.model_copy(update={"model": seen[0]}))
    found = [(one, trial_of(one.material.campaign, one.material.trial)) for one in neighbours]
    known = tuple(Alike(neighbour, trial) for neighbour, trial in found if trial is not None)
    return Materials(name, formula, known, len(found) - len(known))


def _reader(ledger: Ledger) -> Callable[[str, int], Trial | None]:
    @cache
    def state_of(campaign: str) -> State:
        return fold(ledger.entries(campaign))

    return lambda campaign, number: state_of(campaign).trials.get(number)


def as_json_document(found: Sequence[Found]) -> dict[str, Any]:
    """Everything that was found for a program: ids and all fields."""
    document: dict[str, Any] = {}
    for one in found:
        match one:
            case Rebuilt():
                document["rebuilt"] = asdict(one)
            case Notes(question, passages, failures):
                document["question"] = question
                document["notes"] = [_passage(passage) for passage in passages]
                document["failures"] = {kind: [t.model_dump() for t in trials] for kind, trials in failures.items()}
            case Materials(name, formula, alike, lost):
                document |= {"like": clean(name, 200), "formula": clean(formula, 64), "not_in_ledger": lost}
                document["materials"] = [_material(material) for material in alike]
    return document


def _passage(passage: Passage) -> dict[str, Any]:
    found = passage.document
    shown = {"text": clean(found.text, _LONGEST), "author": clean(found.author, 64)}
    return {**found.model_dump(mode="json"), **shown, "similarity": passage.similarity}


def _material(one: Alike) -> dict[str, Any]:
    outcome = one.trial.outcome
    failure = outcome.failure if outcome else None
    found = one.neighbour.material
    return {
        **found.model_dump(mode="json", exclude={"properties", "failure", "embedding"}),
        "formula": clean(found.formula, 64),
        "oracle": clean(found.oracle, 64),
        "model": clean(found.model, 64),
        "similarity": one.neighbour.similarity,
        "values": values_of(outcome.measurements if outcome else ()),
        "failure": {"kind": failure.kind, "message": clean(failure.message, _LONGEST)} if failure else None,
    }
