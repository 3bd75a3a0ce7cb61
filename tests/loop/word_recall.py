"""An index that needs no files and no network, for tests of those who ask one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from athanor.memory.recall import Document, Material, Neighbour, Passage, RecallError, Where


class WordRecall:
    """An index in memory that counts shared words; it remembers what it was asked."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}
        self.materials: dict[str, Material] = {}
        self.last: dict[str, int] = {}
        self.asked: list[tuple[int, Where]] = []
        self.calls = 0
        self.cleared = 0
        self.trouble = ""

    def index(self, documents: Sequence[Document], materials: Sequence[Material], positions: Mapping[str, int]) -> None:
        self._fail()
        self.documents |= {document.id: document for document in documents}
        self.materials |= {material.id: material for material in materials}
        self.last |= positions

    def positions(self) -> Mapping[str, int]:
        self._fail()
        return dict(self.last)

    def search(self, text: str, n: int, where: Where) -> tuple[Passage, ...]:
        self._fail()
        self.asked.append((n, where))
        words = set(text.lower().split())
        passing = [d for d in self.documents.values() if not where.kinds or d.kind in where.kinds]
        passing = [d for d in passing if d.kind == "note" or d.campaign not in where.without]
        passing = [d for d in passing if not where.campaigns or d.campaign in where.campaigns]
        found = [Passage(document=d, similarity=len(words & set(d.text.lower().split())) / len(words)) for d in passing]
        return tuple(sorted(found, key=lambda passage: -passage.similarity)[:n])

    def like(self, embedding: Sequence[float], n: int, where: Where) -> tuple[Neighbour, ...]:
        self._fail()
        self.asked.append((n, where))
        found = [
            Neighbour(material=m, similarity=1 - abs(m.embedding[0] - embedding[0]) / 100)
            for m in self.materials.values()
            if m.campaign not in where.without
        ]
        return tuple(sorted(found, key=lambda neighbour: -neighbour.similarity)[:n])

    def clear(self) -> None:
        self._fail()
        self.cleared += 1
        self.documents, self.materials, self.last = {}, {}, {}

    def close(self) -> None:
        pass

    def _fail(self) -> None:
        self.calls += 1
        if self.trouble:
            raise RecallError(self.trouble)
