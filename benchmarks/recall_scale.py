"""How quickly and how well recall finds things among 100,000 documents and 100,000 materials.

Times are end to end through the child process, with the embedding of the question. Indexing is timed without the
network's share, which is given for one text: a document's vector is that of its sentence, one of 500 that the default
embedder reads, turned at random to a cosine of 0.89. Questions are sentences that no document has.

Run: python benchmarks/recall_scale.py [NUMBER OF EACH]
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from record import RESULTS, write_result

from athanor.memory.index import chroma_rows
from athanor.memory.index.embed import open_embedder
from athanor.memory.index.isolated import IsolatedRecall
from athanor.memory.recall import Document, Material, Property, Range, Recall, Where

FULL = 100_000
SENTENCES = 500
CAMPAIGNS = 40
QUESTIONS = 40
N = 10
ELEMENTS = [
    "O", "Si", "Al", "Fe", "Ti", "Mn", "C", "N", "B", "S", "P", "Li", "Na", "K", "Mg", "Ca", "V", "Cr", "Co", "Ni",
    "Cu", "Zn", "Zr", "Nb", "Mo", "Ba", "Sr", "Y", "La", "W",
]  # fmt: skip
START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = ("hypothesis", "reflection", "note", "failure", "summary")
VERDICTS = ("open", "supported", "refuted", "inconclusive")
WORDS = (
    ("Oxides", "Carbides", "Nitrides", "Borides", "Sulphides", "Spinels", "Perovskites", "Half-Heusler phases"),
    ("with small cations", "rich in metal", "of high symmetry", "with short bonds", "in layered cells", "under strain"),
    ("are stiffer than", "relax further than", "collapse sooner than", "lie closer to the hull than", "outweigh"),
    (
        "their neighbours",
        "the estimate says",
        "random candidates",
        "substituted prototypes",
        "what the potential knows",
    ),
    (
        "at low density",
        "when cobalt is replaced",
        "in small cells",
        "after a poor fit",
        "beyond 200 GPa",
        "in both runs",
    ),
)


class Varied:
    """The default embedder, and for a numbered variant of a sentence its vector with a random part added."""

    def __init__(self) -> None:
        self._real = open_embedder()
        self._known: dict[str, np.ndarray[Any, Any]] = {}
        self.name, self.dimension = self._real.name, self._real.dimension

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Vectors of unit length, one a text."""
        return [self._one(*text.partition(" · variant ")).tolist() for text in texts]

    def _one(self, sentence: str, mark: str, number: str) -> np.ndarray[Any, Any]:
        if not mark:
            return np.asarray(self._real.embed([sentence])[0])
        if sentence not in self._known:
            self._known[sentence] = np.asarray(self._real.embed([sentence])[0])
        noise = np.random.default_rng(int(number)).normal(size=self.dimension)
        vector = self._known[sentence] + 0.5 * noise / np.linalg.norm(noise)
        return vector / np.linalg.norm(vector)


def make(folder: Path) -> Recall:
    """The index, made in the child."""
    from athanor.memory.index.chroma import ChromaRecall

    return ChromaRecall(Varied(), folder)


def sentences(chance: random.Random) -> Iterator[str]:
    """Different sentences without end."""
    told: set[str] = set()
    while True:
        text = " ".join(chance.choice(words) for words in WORDS) + f" ({chance.choice(ELEMENTS)})"
        if text not in told:
            told.add(text)
            yield text


def some_elements(chance: random.Random) -> tuple[str, ...]:
    """One to four elements, the first of the list much more often than the last."""
    weights = [1 / (rank + 2) for rank in range(len(ELEMENTS))]
    return tuple(dict.fromkeys(chance.choices(ELEMENTS, weights, k=chance.randint(1, 4))))


def made_up(size: int) -> tuple[list[Document], list[Material], list[str]]:
    """Documents, materials in 500 clusters, and questions."""
    chance, numbers = random.Random(1), np.random.default_rng(1)
    texts = sentences(chance)
    known = [next(texts) for _ in range(SENTENCES)]
    centres = numbers.normal(size=(500, 64))
    documents, materials = [], []
    for number in range(size):
        common = {"campaign": f"campaign-{number % CAMPAIGNS}", "elements": some_elements(chance)}
        at = START + timedelta(minutes=5 * number)
        kind = chance.choice(KINDS)
        verdict = chance.choice(VERDICTS) if kind == "hypothesis" else None
        text = f"{known[number % SENTENCES]} · variant {number}"
        documents.append(Document(id=f"d/{number}", kind=kind, text=text, verdict=verdict, time=at, **common))
        values = {"bulk_modulus": (chance.gauss(150, 60), "GPa"), "density": (chance.gauss(6, 2), "g/cm³")}
        properties = [Property(name=name, value=value, unit=unit) for name, (value, unit) in values.items()]
        embedding = tuple((centres[number % 500] + 0.8 * numbers.normal(size=64)).tolist())
        what = {"id": f"m/{number}", "trial": number, "candidate": f"{number:016x}", "formula": "Mn2O3"}
        more = {"properties": tuple(properties), "oracle": "simulation", "time": at, "embedding": embedding}
        materials.append(Material(**what, **more, **common, model="net 1"))
    return documents, materials, [next(texts) for _ in range(QUESTIONS)]


def filters(size: int) -> dict[str, Callable[[random.Random], Where]]:
    """Kinds of filters, each with a random choice of what it asks."""
    late, last = (START + timedelta(minutes=5 * size * part) for part in (0.7, 0.99))

    def campaign(chance: random.Random) -> tuple[str, ...]:
        return (f"campaign-{chance.randrange(CAMPAIGNS)}",)

    def between(low: float, width: float) -> tuple[Range, ...]:
        return (Range(property="bulk_modulus", low=low, high=low + width),)

    return {
        "none": lambda chance: Where(),
        "campaign": lambda chance: Where(campaigns=campaign(chance)),
        "not_own_campaign": lambda chance: Where(without=campaign(chance)),
        "element": lambda chance: Where(elements=some_elements(chance)[:1]),
        "last_30_percent": lambda chance: Where(since=late),
        "last_1_percent": lambda chance: Where(since=last),
        "campaign_and_element": lambda chance: Where(campaigns=campaign(chance), elements=some_elements(chance)[:1]),
        "kind": lambda chance: Where(kinds=("failure",)),
        "verdict": lambda chance: Where(verdict=chance.choice(VERDICTS)),
        "element_verdict_date": lambda chance: Where(elements=("O",), verdict="refuted", since=late),
        "property_wide": lambda chance: Where(properties=between(150, 100)),
        "property_narrow": lambda chance: Where(properties=between(chance.uniform(80, 220), 2)),
        "element_property_date": lambda chance: Where(elements=("Mn",), properties=between(200, 200), since=late),
    }


ONLY_DOCUMENTS = ("kind", "verdict", "element_verdict_date")
ONLY_MATERIALS = ("property_wide", "property_narrow", "element_property_date")


def milliseconds(ask: Callable[[], object]) -> float:
    """How long something takes."""
    begun = time.perf_counter()
    ask()
    return 1000 * (time.perf_counter() - begun)


def summary(times: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(statistics.quantiles(times, n=20, method="inclusive")[18], 1),
    }


def exact(vectors: Any, facts: Sequence[Any], asked: Sequence[chroma_rows.Filter], question: Any) -> set[str]:
    """Ids of the nearest that pass, found by looking at all."""
    best: list[str] = []
    for row in np.argsort(-(vectors @ question)):
        if all(one.passes(facts[row]) for one in asked):
            best.append(facts[row]["id"])
        if len(best) == N:
            break
    return set(best)


def unit(vectors: Any) -> Any:
    """Rows of length one, single precision."""
    found = np.asarray(vectors, np.float32)
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


def measured(
    ask: Callable[[Any, Where], Sequence[str]],
    questions: Sequence[tuple[Any, Any]],
    kinds: Any,
    filters_of: Callable[[Where], list[chroma_rows.Filter]],
    everything: tuple[Any, Sequence[Any]],
) -> dict[str, Any]:
    """Times and overlap with exact search for each kind of filter."""
    figures = {}
    for kind, choose in kinds.items():
        chance, times, overlaps = random.Random(2), [], []
        for question, vector in questions:
            where = choose(chance)
            found: list[str] = []
            times.append(milliseconds(lambda q=question, w=where, f=found: f.extend(ask(q, w))))
            right = exact(*everything, filters_of(where), vector)
            assert len(found) == len(right), f"{kind}: {len(found)} found of {len(right)}"
            overlaps.append(len(right.intersection(found)) / max(1, len(right)))
        figures[kind] = {**summary(times), "overlap_at_10": round(statistics.mean(overlaps), 3)}
        print(kind, figures[kind], flush=True)
    return figures


def main() -> None:
    """Index, ask, compare, write."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else FULL
    documents, materials, questions = made_up(size)
    embedder = Varied()
    embedding = [milliseconds(lambda text=text: embedder.embed([text])) for text in questions]
    with tempfile.TemporaryDirectory() as folder:
        recall = IsolatedRecall(partial(make, Path(folder) / "recall"))
        begun = time.perf_counter()
        recall.index(documents, [], {})
        print("documents", time.perf_counter() - begun, flush=True)
        middle = time.perf_counter()
        recall.index([], materials, {"campaign-0": size})
        done = time.perf_counter()
        recall.close()
        recall = IsolatedRecall(partial(make, Path(folder) / "recall"))
        start = milliseconds(recall.positions)
        first = milliseconds(lambda: recall.search(questions[0], N, Where()))
        first_like = milliseconds(lambda: recall.like(materials[0].embedding, N, Where()))
        kinds = filters(size)
        text_facts = [chroma_rows.of_document(document) for document in documents]
        text_vectors = unit(embedder.embed([document.text for document in documents]))
        asked = [(question, unit(embedder.embed([question])[0])) for question in questions]
        searches = measured(
            lambda question, where: [found.document.id for found in recall.search(question, N, where)],
            asked,
            {kind: choose for kind, choose in kinds.items() if kind not in ONLY_MATERIALS},
            chroma_rows.filters_of_documents,
            (text_vectors, text_facts),
        )
        facts = [chroma_rows.of_material(material) for material in materials]
        vectors = unit([material.embedding for material in materials])
        noise = np.random.default_rng(3)
        near = [
            np.asarray(materials[i].embedding) + 0.4 * noise.normal(size=64) for i in range(0, size, size // QUESTIONS)
        ]
        likes = measured(
            lambda question, where: [found.material.id for found in recall.like(question.tolist(), N, where)],
            [(vector, unit(vector)) for vector in near[:QUESTIONS]],
            {kind: choose for kind, choose in kinds.items() if kind not in ONLY_DOCUMENTS},
            chroma_rows.filters_of_materials,
            (vectors, facts),
        )
        (child,) = multiprocessing.active_children()
        status = Path(f"/proc/{child.pid}/status").read_text("utf-8")
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        disk = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        recall.close()
    figures = {
        "documents": size,
        "materials": size,
        "embedder": embedder.name,
        "dimension": embedder.dimension,
        "load_average": os.getloadavg()[0],
        "index_documents_s": round(middle - begun, 1),
        "index_materials_s": round(done - middle, 1),
        "disk_mb": round(disk / 1e6),
        "child_resident_mb": round(resident / 1e3),
        "embed_one_text": summary(embedding),
        "start_of_child_ms": round(start),
        "first_search_ms": round(first),
        "first_like_ms": round(first_like),
        "search": searches,
        "like": likes,
        "seeds": [1, 2, 3],
    }
    print(json.dumps(figures, indent=1))
    if size == FULL:
        print(write_result("recall_scale", figures).relative_to(RESULTS.parent))


if __name__ == "__main__":
    main()
