"""Recall's contract: semantic search over what all campaigns of a home have learned.

Knows the records. It is an index over the ledger and never the truth: it may be lost, and is then made anew.
The implementation is in chroma.py; isolated.py runs it in a process of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal, Protocol

from pydantic import Field

from .errors import TerminalError
from .records import Prediction, Record, Verdict

DocumentKind = Literal["hypothesis", "reflection", "note", "failure", "summary"]


class RecallError(TerminalError):
    """The index cannot be used: the message says why and what would mend it. The ledger is not touched by this."""


class Document(Record):
    """A piece of text worth finding again.

    Attributes:
        id: Unique in the index: `stiff/hypothesis/3`, `stiff/failure/12`.
        campaign: Empty for a person's note on the whole home.
        elements: Chemical symbols of the materials it is about.
        trials: Numbers of the trials it is about, in its campaign.
        verdict: Of a hypothesis.
        prediction: Of a hypothesis.
        author: Person who wrote it; empty for what the loop wrote.
        time: When it was last changed, UTC.
    """

    id: str
    kind: DocumentKind
    campaign: str
    text: str
    elements: tuple[str, ...] = ()
    trials: tuple[int, ...] = ()
    verdict: Verdict | None = None
    prediction: Prediction | None = None
    author: str = ""
    time: datetime


class Property(Record):
    """A value of a property with its unit."""

    name: str
    value: float
    unit: str


class Material(Record):
    """An evaluated crystal.

    Attributes:
        id: Unique in the index: `stiff/12`.
        trial: Number of the trial in its campaign.
        candidate: Content hash of the candidate as proposed.
        formula: Reduced formula.
        elements: Chemical symbols in it.
        properties: What the oracle answered; empty after a failure.
        failure: Kind of the failure; empty where there was none.
        oracle: Name of the oracle.
        time: When the answer came, UTC.
        model: Network that embedded it, with its version.
        embedding: `(n_features,)`, without unit.
    """

    id: str
    campaign: str
    trial: int
    candidate: str
    formula: str
    elements: tuple[str, ...]
    properties: tuple[Property, ...] = ()
    failure: str = ""
    oracle: str
    time: datetime
    model: str
    embedding: Annotated[tuple[float, ...], Field(min_length=1)]


class Range(Record):
    """Bounds on a property, both included."""

    property: str
    low: float | None = None
    high: float | None = None


class Where(Record):
    """What a found document or material must be; all of it.

    Attributes:
        campaigns: One of these; empty for any.
        without: None of these campaigns, except for notes that people wrote on them.
        kinds: One of these; materials have none and are not asked.
        elements: All of these.
        properties: Ranges of measured properties; documents have none and are not asked.
        verdict: This one; materials have none and are not asked.
        model: Embedded by this network; documents are not asked.
        since: Not older.
        until: Not newer.
    """

    campaigns: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    kinds: tuple[DocumentKind, ...] = ()
    elements: tuple[str, ...] = ()
    properties: tuple[Range, ...] = ()
    verdict: Verdict | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Passage(Record):
    """A document that was found.

    Attributes:
        similarity: Cosine to what was asked, from -1 to 1.
    """

    document: Document
    similarity: float


class Neighbour(Record):
    """A material that was found.

    Attributes:
        similarity: Cosine to what was asked, from -1 to 1.
    """

    material: Material
    similarity: float


class Recall(Protocol):
    """An index of documents and materials. Every method may raise RecallError."""

    def index(self, documents: Sequence[Document], materials: Sequence[Material], positions: Mapping[str, int]) -> None:
        """Take documents and materials up; one with a known id replaces the earlier.

        Args:
            positions: Campaign to the number of its last ledger entry that is now covered.
        """
        ...

    def positions(self) -> Mapping[str, int]:
        """Campaign to the number of its last ledger entry that is covered."""
        ...

    def search(self, text: str, n: int, where: Where) -> tuple[Passage, ...]:
        """The `n` documents nearest in meaning, best first."""
        ...

    def like(self, embedding: Sequence[float], n: int, where: Where) -> tuple[Neighbour, ...]:
        """The `n` materials nearest to an embedding, `(n_features,)`, best first."""
        ...

    def clear(self) -> None:
        """Forget everything, as before an index is made anew."""
        ...

    def close(self) -> None:
        """Let go of files, connections and processes."""
        ...
