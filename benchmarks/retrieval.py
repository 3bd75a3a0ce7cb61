"""Which embedder finds the right notes: recall@5 and mean reciprocal rank on hand-made notes and questions.

usage: python benchmarks/retrieval.py

`notes/choose.json` is for choosing and tuning; `notes/report.json` was kept back and gives the figures of
docs/decisions/0008. Whatever a candidate needs and is not installed is said, and the candidate skipped.
"""

from __future__ import annotations

import json
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from record import write_result
from threadpoolctl import threadpool_limits

from athanor.memory.index.element_names import names_in
from athanor.memory.index.sentence import PACKAGE, READ, SentenceEmbedder, _packaged

FOLDER = Path(__file__).parent / "notes"
DEFAULT = "MiniLM + names"
FOUND_IN = 5
RESAMPLES = 10_000
SEED = 0
BUCKETS = 1024
SHARE = 0.35
COMMON = frozenset(
    re.findall(
        r"\w+",
        "a about all an and any anything are as at be been by can could did do does each for from had has have how if "
        "in into is it its least most more no not of on or other over should so than that the then there these they "
        "this those to up was we were what when which who why will with would you",
    )
)


class Ranker(Protocol):
    """Says how well notes answer a question."""

    def index(self, notes: Sequence[str]) -> None:
        """Take the notes up."""
        ...

    def scores(self, question: str) -> np.ndarray:
        """One number a note, `(n_notes,)`; higher is better."""
        ...


@dataclass
class Cosine:
    """Ranks by the cosine of vectors of unit length."""

    vector: Callable[[str], np.ndarray]
    rows: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def index(self, notes: Sequence[str]) -> None:
        """Embed the notes."""
        self.rows = np.array([self.vector(note) for note in notes])

    def scores(self, question: str) -> np.ndarray:
        """Cosines, `(n_notes,)`."""
        return self.rows @ self.vector(question)


@dataclass
class Bm25:
    """The usual lexical baseline, Okapi BM25."""

    written: Callable[[str], str]
    ranking: Any = None

    def index(self, notes: Sequence[str]) -> None:
        """Count words."""
        from rank_bm25 import BM25Okapi

        self.ranking = BM25Okapi([re.findall(r"\w+", self.written(note).lower()) for note in notes])

    def scores(self, question: str) -> np.ndarray:
        """BM25 scores, `(n_notes,)`."""
        return np.array(self.ranking.get_scores(re.findall(r"\w+", self.written(question).lower())))


def plain(text: str) -> str:
    """The text as it is."""
    return text


def with_names(text: str) -> str:
    """What the default embedder's network reads: the beginning of the text, and the names of its elements."""
    return " ".join([text[:READ], *names_in(text)])


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector's direction; zero stays zero."""
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def joined(one: Callable[[str], np.ndarray], other: Callable[[str], np.ndarray], share: float) -> Callable[[str], Any]:
    """One vector whose cosine is the mean of two cosines, the second with weight `share`."""
    return lambda text: unit(np.concatenate([np.sqrt(1 - share) * one(text), np.sqrt(share) * other(text)]))


def n_gram_vector(text: str) -> np.ndarray:
    """Hashed words, and with equal weight hashed runs of three to five characters within them."""
    vector = np.zeros(BUCKETS)
    for word in sorted({*re.findall(r"[^\W\d_]\w*", text.lower())} - COMMON):
        bounded = f"<{word}>"
        runs = {bounded[at : at + n] for n in (3, 4, 5) for at in range(len(bounded) - n + 1)}
        weights = {f"word {word}": 1.0} | {f"run {run}": len(runs) ** -0.5 for run in sorted(runs)}
        for key, weight in weights.items():
            number = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
            vector[number % BUCKETS] += weight if number >> 63 else -weight
    return unit(vector)


def hashed(written: Callable[[str], str]) -> Callable[[str], np.ndarray]:
    """A lexical embedding without any model."""
    return lambda text: n_gram_vector(written(text))


def minilm(written: Callable[[str], str]) -> Callable[[str], np.ndarray]:
    """The default embedder's network alone."""
    network = SentenceEmbedder()._network
    return lambda text: network.vector(written(text))


def chosen() -> Ranker:
    """The default embedder as it is."""
    embedder = SentenceEmbedder()
    return Cosine(lambda text: np.array(embedder.embed([text])[0]))


def by_torch(written: Callable[[str], str]) -> Ranker:
    """The same weights in sentence-transformers, on one thread."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(str(_packaged()), device="cpu")
    return Cosine(lambda text: unit(model.encode([written(text)], show_progress_bar=False)[0]))


def wordllama(written: Callable[[str], str], rare: float = 0.0) -> Callable[[str], np.ndarray]:
    """Mean of static token vectors; with `rare`, tokens weigh a/(a + p), p by Zipf's law from the token's number.

    Source of the weights: Arora et al., ICLR 2017 (smooth inverse frequency).
    """
    import wordllama as package

    # Told to look in its own folder, it finds the tokenizer it carries; otherwise it would download one.
    model = package.WordLlama.load(cache_dir=Path(package.__file__).parent, disable_download=True)
    if not rare:
        return lambda text: unit(model.embed([written(text)])[0])
    # The first 259 tokens are bytes and marks; the others stand in the order of their frequency.
    share = 1 / (np.maximum(np.arange(len(model.embedding)) - 259, 1) + 50)
    weights = rare / (rare + share / share.sum())

    def weighted(text: str) -> np.ndarray:
        numbers = model.tokenize([written(text)])[0].ids
        return unit((model.embedding[numbers] * weights[numbers, None]).sum(axis=0))

    return weighted


TORCH_STACK = ("sentence-transformers", "transformers", "regex", "safetensors")
MINILM = (PACKAGE, *TORCH_STACK)
WORDLLAMA = ("wordllama", "safetensors", "toml")
CANDIDATES: dict[str, tuple[Callable[[], Ranker], tuple[str, ...], tuple[str, ...]]] = {
    # name: how to make it, modules it imports, packages it would add to those of the lock
    "BM25": (lambda: Bm25(plain), ("rank_bm25",), ("rank-bm25",)),
    "BM25 + names": (lambda: Bm25(with_names), ("rank_bm25",), ("rank-bm25",)),
    "hashed": (lambda: Cosine(hashed(plain)), (), ()),
    "hashed + names": (lambda: Cosine(hashed(with_names)), (), ()),
    "WordLlama": (lambda: Cosine(wordllama(plain)), ("wordllama",), WORDLLAMA),
    "WordLlama + names": (lambda: Cosine(wordllama(with_names)), ("wordllama",), WORDLLAMA),
    "WordLlama + names, rare tokens weigh more": (
        lambda: Cosine(wordllama(with_names, rare=1e-3)),
        ("wordllama",),
        WORDLLAMA,
    ),
    "WordLlama + names + hashed": (
        lambda: Cosine(joined(wordllama(with_names), hashed(with_names), 0.5)),
        ("wordllama",),
        WORDLLAMA,
    ),
    "MiniLM": (lambda: Cosine(minilm(plain)), (PACKAGE,), MINILM),
    DEFAULT: (chosen, (PACKAGE,), MINILM),
    "MiniLM + names + hashed": (
        lambda: Cosine(joined(minilm(with_names), hashed(with_names), SHARE)),
        (PACKAGE,),
        MINILM,
    ),
    "MiniLM + names, by torch": (lambda: by_torch(with_names), (PACKAGE, "sentence_transformers"), MINILM),
}


def read(name: str) -> list[dict[str, Any]]:
    """One of the files in `notes/`."""
    rows: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return rows


def measured(questions: Sequence[dict[str, Any]], ranker: Ranker) -> tuple[np.ndarray, list[float]]:
    """Recall@5 and reciprocal rank of each question, `(n_questions, 2)`, and the seconds it took."""
    places = {note["id"]: at for at, note in enumerate(read("notes"))}
    found, seconds = [], []
    for question in questions:
        start = time.perf_counter()
        scores = ranker.scores(question["query"])
        seconds.append(time.perf_counter() - start)
        ranks = np.empty(len(scores), dtype=int)
        ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
        own = [int(ranks[places[note]]) for note in question["found"]]
        found.append([sum(rank < FOUND_IN for rank in own) / len(own), 1 / (1 + min(own))])
    return np.array(found), seconds


def interval(values: np.ndarray) -> dict[str, float]:
    """Mean with its bootstrap 95 % interval over questions."""
    draws = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    return {"mean": round(float(values.mean()), 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def fresh(name: str) -> dict[str, float]:
    """CPU seconds to import and load, and megabytes held, in a process of its own."""
    command = [sys.executable, __file__, "--load", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    both: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return both


def load(name: str) -> None:
    """Make one candidate, let it embed one text, and print what that took."""
    ranker = CANDIDATES[name][0]()
    ranker.index(["one text", "and another"])
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"load_cpu_s": round(time.process_time(), 2), "peak_mb": round(used.ru_maxrss / 1024)}))


def added_megabytes(packages: Sequence[str]) -> float | None:
    """Installed size of packages; None where one is not installed."""
    try:
        files = [file for package in packages for file in distribution(package).files or ()]
    except PackageNotFoundError:
        return None
    sizes = [Path(str(file.locate())).stat().st_size for file in files if Path(str(file.locate())).is_file()]
    return round(sum(sizes) / 1e6, 1)


def main() -> None:
    """Measure, print and write the figures."""
    # As many threads as the embedder itself uses.
    threadpool_limits(limits=1)
    if sys.argv[1:2] == ["--load"]:
        load(sys.argv[2])
        return
    notes = [note["text"] for note in read("notes")]
    parts = {part: read(part) for part in ("choose", "report")}
    figures: dict[str, Any] = {}
    values: dict[str, dict[str, np.ndarray]] = {}
    skipped = {}
    for name, (make, modules, packages) in CANDIDATES.items():
        missing = [module for module in modules if find_spec(module) is None]
        if missing:
            skipped[name] = f"{', '.join(missing)} not installed"
            print(f"{name}: skipped, {skipped[name]}")
            continue
        ranker = make()
        start = time.process_time()
        ranker.index(notes)
        a_note = (time.process_time() - start) / len(notes)
        values[name], row = {}, {}
        for part, questions in parts.items():
            found, seconds = measured(questions, ranker)
            values[name][part] = found
            row[part] = {"recall_at_5": interval(found[:, 0]), "mrr": interval(found[:, 1])}
        row |= {"median_ms_per_query": round(1e3 * statistics.median(seconds), 2)}
        row |= {"cpu_ms_per_note": round(1e3 * a_note, 2), **fresh(name), "added_mb": added_megabytes(packages)}
        figures[name] = row
        shown = row["report"]
        print(f"{name:>46}: recall@5 {shown['recall_at_5']}, MRR {shown['mrr']}, {row['median_ms_per_query']} ms")
    if DEFAULT in values:
        for name, found in values.items():
            gain = values[DEFAULT]["report"] - found["report"]
            figures[name]["default_minus_this"] = {"recall_at_5": interval(gain[:, 0]), "mrr": interval(gain[:, 1])}
    counts = {"notes": len(notes), **{part: len(questions) for part, questions in parts.items()}}
    used = {name for _, modules, packages in CANDIDATES.values() for name in (*packages, "tokenizers", "scipy")}
    versions = {name: version(name) for name in sorted(used) if added_megabytes([name]) is not None}
    conditions = {
        **counts,
        "packages": versions,
        "seed": SEED,
        "resamples": RESAMPLES,
        "default": SentenceEmbedder.name,
    }
    write_result("retrieval", {**conditions, "candidates": figures, "skipped": skipped})


if __name__ == "__main__":
    main()
