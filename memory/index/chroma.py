"""Recall on Chroma: a folder of this machine, or a server.

Knows chromadb, and keeps its exceptions to itself. Must not know which model embeds, nor that it runs in a process
of its own (isolated.py), which it must: chromadb may end its process when the files are damaged.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from ..errors import AthanorError
from ..recall import Document, Material, Neighbour, Passage, RecallError, Where
from . import chroma_folder, chroma_rows
from .chroma_nearest import nearest
from .embed import Embedder

if TYPE_CHECKING:
    import numpy as np
    from chromadb.api.models.Collection import Collection
    from numpy.typing import NDArray

# Raised when the layout of the metadata changes.
SCHEMA = 1
REBUILD = "make it anew with `athanor recall --rebuild`"
BATCH = 1000
CONNECT_SECONDS = 5.0
# With Chroma's 16 neighbours the graph leads past some documents that stand alone among thousands that are alike.
HNSW = {"space": "cosine", "ef_search": 300, "ef_construction": 300, "max_neighbors": 48}
APART = 1e-3
NAMES = ("athanor-documents", "athanor-materials", "athanor-positions")


class _Collections(NamedTuple):
    """Positions are one item a campaign, so that two writers at one server lose none."""

    documents: Collection
    materials: Collection
    positions: Collection


class ChromaRecall:
    """An index in a folder or at a server's address; one of the two is given.

    A folder may be open in many processes, once in each: an operation has its turn under a lock, and opens the folder
    anew if the mark beside it shows that another process has written.
    """

    def __init__(self, embedder: Embedder, folder: Path | None = None, address: str | None = None) -> None:
        if (folder is None) == (address is None):
            raise ValueError("recall is in a folder or at an address, one of the two")
        self._embedder = embedder
        self._folder = folder
        self._address = address
        self._client: Any = None
        self._collections: _Collections | None = None
        self._mark = ""

    def index(self, documents: Sequence[Document], materials: Sequence[Material], positions: Mapping[str, int]) -> None:
        """Take documents and materials up; one with a known id replaces the earlier.

        Positions are written last: whoever dies on the way finds its work not done, and repeats it.
        """
        texts = {document.id: document for document in documents}.values()
        crystals = {material.id: material for material in materials}.values()
        with self._errors("index"):
            vectors = self._embed([document.text for document in texts])
            self._check(crystals)
        with self._open("index", write=True) as collections:
            rows = [chroma_rows.of_document(document) for document in texts]
            _replace(collections.documents, rows, _apart(vectors, [document.id for document in texts]))
            embeddings = [material.embedding for material in crystals]
            _replace(collections.materials, [chroma_rows.of_material(material) for material in crystals], embeddings)
            if positions:
                places: Any = [{"campaign": campaign, "last": last} for campaign, last in positions.items()]
                names = [f"campaign/{campaign}" for campaign in positions]
                collections.positions.upsert(names, _rows([[1.0]] * len(names)), places)

    def positions(self) -> Mapping[str, int]:
        """Campaign to the number of its last ledger entry that is covered."""
        with self._open("positions") as collections:
            found = collections.positions.get(include=["metadatas"])["metadatas"] or []
            return {str(place["campaign"]): int(str(place["last"])) for place in found}

    def search(self, text: str, n: int, where: Where) -> tuple[Passage, ...]:
        """The `n` documents nearest in meaning, best first."""
        with self._errors("search"):
            vector = self._embed([text])[0]
        with self._open("search") as collections:
            near = nearest(collections.documents, vector, n, chroma_rows.filters_of_documents(where))
            rows = _get(collections.documents, list(near))
            return tuple(
                Passage(document=chroma_rows.to_document(rows[key][0]), similarity=similarity)
                for key, similarity in near.items()
            )

    def like(self, embedding: Sequence[float], n: int, where: Where) -> tuple[Neighbour, ...]:
        """The `n` materials nearest to an embedding, `(n_features,)`, best first."""
        with self._open("like") as collections:
            near = nearest(collections.materials, embedding, n, chroma_rows.filters_of_materials(where))
            rows = _get(collections.materials, list(near), "embeddings")
            return tuple(
                Neighbour(material=chroma_rows.to_material(*rows[key]), similarity=similarity)
                for key, similarity in near.items()
            )

    def clear(self) -> None:
        """Forget everything; the files of a damaged folder are removed unread."""
        with self._errors("clear"):
            if self._folder is None:
                self._close()
                self._client = self._connect()
                for name in {found.name for found in self._client.list_collections()}.intersection(NAMES):
                    self._client.delete_collection(name)
                self._close()
                return
            with chroma_folder.turn(self._folder):
                self._close()
                chroma_folder.change_mark(self._folder)
                chroma_folder.remove(self._folder)

    def close(self) -> None:
        """Let go of files and connections."""
        with self._errors("close"):
            self._close()

    @contextmanager
    def _open(self, doing: str, *, write: bool = False) -> Iterator[_Collections]:
        """The collections as they are now, for one operation."""
        with self._errors(doing):
            if self._folder is None:
                yield self._opened()
                return
            with chroma_folder.turn(self._folder):
                mark = chroma_folder.mark_of(self._folder)
                if mark != self._mark:
                    self._close()
                collections = self._opened()
                self._mark = chroma_folder.change_mark(self._folder) if write else mark
                yield collections

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """Whatever goes wrong becomes a RecallError, and the next operation opens anew."""
        try:
            yield
        except AthanorError as error:
            self._close()
            raise error if isinstance(error, RecallError) else RecallError(str(error)) from error
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # a panic of Chroma's Rust half is no Exception
            self._close()
            mend = f"check the folder and its disk, or {REBUILD}" if self._folder else "check that the server runs"
            reason = " ".join(str(error).split()) or type(error).__name__
            raise RecallError(f"recall {self._place}: {doing} failed ({reason}); {mend}") from error

    @property
    def _place(self) -> str:
        return str(self._folder or self._address)

    def _opened(self) -> _Collections:
        if self._collections is None:
            self._client = self._connect()
            made = [
                self._client.get_or_create_collection(
                    name, embedding_function=None, metadata=self._identity(name), configuration={"hnsw": HNSW}
                )
                for name in NAMES
            ]
            for collection in made:
                self._check_identity(collection)
            self._collections = _Collections(*made)
        return self._collections

    def _connect(self) -> Any:
        import chromadb
        from chromadb.config import Settings

        # A file `.env` of the folder where a person happens to be is none of Chroma's business.
        settings = Settings(_env_file=None, anonymized_telemetry=False)
        if self._folder is not None:
            chroma_folder.make(self._folder)
            return chromadb.PersistentClient(self._folder, settings)
        address = urlsplit(str(self._address))
        if address.scheme not in ("http", "https") or not address.hostname or not address.port:
            raise RecallError(f"recall address {self._address!r}: http://HOST:PORT or https://HOST:PORT is expected")
        # Chroma's own client waits for ever for a machine that does not answer.
        socket.create_connection((address.hostname, address.port), CONNECT_SECONDS).close()
        return chromadb.HttpClient(address.hostname, address.port, address.scheme == "https", settings=settings)

    def _close(self) -> None:
        from chromadb.api.shared_system_client import SharedSystemClient

        client, self._client, self._collections = self._client, None, None
        if client is not None:
            client.close()
        # A client that failed to open stays in this cache and would be handed out again.
        SharedSystemClient.clear_system_cache()

    def _identity(self, name: str) -> dict[str, Any]:
        if name != NAMES[0]:
            return {"schema": SCHEMA}
        return {"schema": SCHEMA, "embedder": self._embedder.name, "dimension": self._embedder.dimension}

    def _check_identity(self, collection: Collection) -> None:
        found, wanted = dict(collection.metadata or {}), self._identity(collection.name)
        different = [f"{key} {found.get(key)}, not {value}" for key, value in wanted.items() if found.get(key) != value]
        if different:
            raise RecallError(f"recall {self._place}: it was made with {'; '.join(different)}; {REBUILD}")

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        return self._embedder.embed(texts) if texts else []

    def _check(self, materials: Iterable[Material]) -> None:
        lengths = {len(material.embedding) for material in materials}
        if len(lengths) > 1:
            raise RecallError(
                f"recall {self._place}: materials with embeddings of {sorted(lengths)} numbers cannot be in one index"
            )


def _replace(collection: Collection, rows: Sequence[dict[str, Any]], vectors: Sequence[Sequence[float]]) -> None:
    """Write rows with their vectors `(n_rows, dimension)` in pieces, and remove what they replace.

    What a row replaces has another key if any fact differs. It goes last: a crash leaves two rather than none.
    """
    for start in range(0, len(rows), BATCH):
        chunk = slice(start, start + BATCH)
        replaced: Any = {"id": {"$in": [row["id"] for row in rows[chunk]]}}
        keys = [chroma_rows.key_of(row) for row in rows[chunk]]
        known = collection.get(where=replaced, include=[])["ids"]
        collection.upsert(keys, _rows(vectors[chunk]), list(rows[chunk]))
        if gone := set(known).difference(keys):
            collection.delete(ids=sorted(gone))


def _get(collection: Collection, keys: list[str], *more: str) -> dict[str, tuple[Any, ...]]:
    """Metadata, and more that is asked for, by key."""
    if not keys:
        return {}
    found: Any = collection.get(ids=keys, include=["metadatas", *more])  # type: ignore[list-item]
    return dict(zip(found["ids"], zip(found["metadatas"], *(found[name] for name in more), strict=True), strict=True))


def _apart(vectors: Sequence[Sequence[float]], ids: Sequence[str]) -> Sequence[Sequence[float]]:
    """Vectors with a random part of a thousandth of their length, always the same for one id.

    Equal texts are common (one failure, many trials), and equal vectors link only to each other in the graph: a search
    that comes upon them does not get out, and one that begins elsewhere does not get in.
    """
    import numpy as np

    apart = []
    for vector, name in zip(vectors, ids, strict=True):
        noise = np.random.default_rng(zlib.crc32(name.encode())).normal(size=len(vector))
        apart.append((np.asarray(vector) + APART * noise / np.linalg.norm(noise)).tolist())
    return apart


def _rows(vectors: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    import numpy as np

    return np.asarray(vectors, np.float32)
