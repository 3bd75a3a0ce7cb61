"""An index for tests: documents, materials, and an embedder that needs no model. Its child process imports this too."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from athanor.memory.index import chroma_nearest
from athanor.memory.index.chroma import ChromaRecall
from athanor.memory.recall import Document, Material, Property, Recall

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class WordEmbedder:
    """Counts words in 256 bins: texts that share words are near to each other."""

    def __init__(self, name: str = "words/1", dimension: int = 256) -> None:
        self.name = name
        self.dimension = dimension

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> list[float]:
        vector = [1e-3] * self.dimension
        for word in text.lower().split():
            number = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
            vector[number % self.dimension] += 1.0
        length = math.sqrt(sum(value * value for value in vector))
        return [value / length for value in vector]


class SlowRecall(ChromaRecall):
    """Needs very long to answer."""

    def positions(self) -> dict[str, int]:
        time.sleep(600)
        return {}


def in_folder(folder: Path, rounds: tuple[int, ...] = chroma_nearest.ROUNDS) -> Recall:
    chroma_nearest.ROUNDS = rounds
    return ChromaRecall(WordEmbedder(), folder)


def at_address(address: str, rounds: tuple[int, ...] = chroma_nearest.ROUNDS) -> Recall:
    chroma_nearest.ROUNDS = rounds
    return ChromaRecall(WordEmbedder(), address=address)


def slow() -> Recall:
    return SlowRecall(WordEmbedder(), address="http://127.0.0.1:1")


def document(number: int, text: str = "", **fields: Any) -> Document:
    given = {"kind": "reflection", "campaign": "stiff", "time": NOON, **fields}
    return Document(id=f"{given['campaign']}/{number}", text=text or f"reflection number{number}", **given)


def material(number: int, embedding: Sequence[float] = (), **fields: Any) -> Material:
    given = {"campaign": "stiff", "elements": ("Mn", "O"), "time": NOON, "model": "net 1", **fields}
    values = given.pop("values", {"density": 5.0})
    return Material(
        id=f"{given['campaign']}/{number}",
        trial=number,
        candidate=f"{number:016x}",
        formula="MnO",
        properties=tuple(Property(name=name, value=value, unit="GPa") for name, value in values.items()),
        oracle="simulation",
        embedding=tuple(embedding) or (math.cos(number), math.sin(number), 1.0),
        **given,
    )
