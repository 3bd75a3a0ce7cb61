"""The nearest rows of a collection among those that pass some tests, quickly.

Knows Chroma's collections and the keys of chroma_rows.py. Must not know what the rows are.

Chroma's own filter reads a line for every row of a collection, and more for each test, before it looks for
neighbours, whose search then visits most rows if few are allowed; docs/decisions/0009-recall.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .chroma_rows import Filter, facts_of

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

# How many neighbours are asked for and tested, until enough of them pass.
ROUNDS = (300, 3000)
# Of so many rows or fewer that pass, the vectors are compared one by one; of more, Chroma's graph is walked.
FEW = 1000


def nearest(collection: Collection, vector: Sequence[float], n: int, filters: Sequence[Filter]) -> dict[str, float]:
    """Keys of the `n` rows nearest to a vector `(dimension,)` that pass all tests, with cosines, best first."""
    import numpy as np

    if n < 1:
        return {}
    question = np.asarray([vector], np.float32)
    counts = [0] * len(filters)
    for wanted in [max(n, size) for size in ROUNDS] if filters else [n]:
        seen = _cosines(collection.query(question, n_results=wanted, include=["distances"]))
        facts = {key: facts_of(key) for key in seen} if filters else {}
        passing = {key: seen[key] for key in seen if all(one.passes(facts[key]) for one in filters)}
        # The graph may not lead to every row, so that only the count says whether all were seen.
        if len(passing) >= n or (len(seen) < wanted and len(seen) == collection.count()):
            return _best(passing, n)
        counts = [sum(one.passes(fact) for fact in facts.values()) for one in filters]
        if not passing:
            break
    narrowest = filters[counts.index(min(counts))] if filters else None
    allowed = collection.get(where=narrowest.asked if narrowest else None, include=[])["ids"]
    keys = [key for key in allowed if all(one.passes(facts) for facts in [facts_of(key)] for one in filters)]
    if len(keys) > max(n, FEW):
        return _best(_cosines(collection.query(question, ids=keys, n_results=n, include=["distances"])), n)
    return _best(_exactly(collection, question[0], keys), n)


def _cosines(found: Any) -> dict[str, float]:
    """Cosines by key, of what a query for one vector has found."""
    return {key: 1.0 - distance for key, distance in zip(found["ids"][0], found["distances"][0], strict=True)}


def _exactly(collection: Collection, question: Any, keys: list[str]) -> dict[str, float]:
    """Cosines of rows to a vector `(dimension,)`; Chroma visits more vectors than these to find a few allowed ones."""
    import numpy as np

    if not keys:
        return {}
    found: Any = collection.get(ids=keys, include=["embeddings"])
    vectors = np.asarray(found["embeddings"], np.float32)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(question)
    # A vector without length has no direction: its cosine is nought, as Chroma says too.
    return dict(zip(found["ids"], (vectors @ question / np.where(lengths > 0, lengths, 1)).tolist(), strict=True))


def _best(cosines: dict[str, float], n: int) -> dict[str, float]:
    """The `n` highest, best first; equal ones in the order of their keys."""
    best = sorted(cosines.items(), key=lambda item: (-item[1], item[0]))[:n]
    return {key: min(1.0, max(-1.0, cosine)) for key, cosine in best}
