"""Embedders of text: what turns a sentence into a vector whose direction is its meaning.

Knows which embedder the environment asks for. Must not know the index, or what the texts are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str:
        """Model and version; vectors of two names are never compared."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Vectors of unit length, one a text."""
        ...


def open_embedder() -> Embedder:
    """The embedder that the environment asks for: a service's if ATHANOR_EMBEDDING_MODEL names a model, else ours."""
    from .sentence import SentenceEmbedder
    from .service import OpenAIEmbedder

    model = os.environ.get("ATHANOR_EMBEDDING_MODEL", "").strip()
    return OpenAIEmbedder(model) if model else SentenceEmbedder()


def valid(text: str) -> str:
    """The text with half characters, which no encoder takes, replaced."""
    return text.encode("utf-8", "replace").decode()
