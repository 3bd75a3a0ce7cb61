"""Recall in a process of its own, because damaged files may end the process that reads them.

Knows processes and the contract. Must not know Chroma: this process never loads it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..children import follow_parent
from ..recall import Document, Material, Neighbour, Passage, Recall, RecallError, Where

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

# Documents or materials in one call: a long list must not run into a call's time limit.
PIECE = 500
# How long a child that has lost its parent may finish what it is writing.
GRACE_SECONDS = 10.0


class IsolatedRecall:
    """Runs the index that `make` makes in a child process, which starts when it is first needed.

    Args:
        make: Makes the index in the child; it travels there by pickle.
        seconds: How long one call may take.
    """

    def __init__(self, make: Callable[[], Recall], seconds: float = 60.0) -> None:
        self._make = make
        self._seconds = seconds
        self._child: Any = None
        self._line: Connection | None = None
        self._one_at_a_time = threading.Lock()

    def index(self, documents: Sequence[Document], materials: Sequence[Material], positions: Mapping[str, int]) -> None:
        """Take documents and materials up, piece by piece, and their positions with the last."""
        for start in range(0, max(len(documents), len(materials)) - PIECE, PIECE):
            piece = slice(start, start + PIECE)
            self._ask("index", tuple(documents[piece]), tuple(materials[piece]), {})
        done = max(0, (max(len(documents), len(materials)) - 1) // PIECE * PIECE)
        self._ask("index", tuple(documents[done:]), tuple(materials[done:]), dict(positions))

    def positions(self) -> Mapping[str, int]:
        """Campaign to the number of its last ledger entry that is covered."""
        found: Mapping[str, int] = self._ask("positions")
        return found

    def search(self, text: str, n: int, where: Where) -> tuple[Passage, ...]:
        """The `n` documents nearest in meaning, best first."""
        found: tuple[Passage, ...] = self._ask("search", text, n, where)
        return found

    def like(self, embedding: Sequence[float], n: int, where: Where) -> tuple[Neighbour, ...]:
        """The `n` materials nearest to an embedding, `(n_features,)`, best first."""
        found: tuple[Neighbour, ...] = self._ask("like", tuple(embedding), n, where)
        return found

    def clear(self) -> None:
        """Forget everything, as before an index is made anew."""
        self._ask("clear")

    def close(self) -> None:
        """End the child; it closes its files first, if it can in a few seconds."""
        with self._one_at_a_time:
            if self._line is not None:
                self._line.close()
                self._child.join(GRACE_SECONDS)
            self._end()

    def _ask(self, method: str, *arguments: Any) -> Any:
        with self._one_at_a_time:
            try:
                good, answer = self._exchange(method, arguments)
            except BaseException:
                # Its answer, if it still comes, would be taken for that to the next question.
                self._end()
                raise
        if not good:
            raise RecallError(answer)
        return answer

    def _exchange(self, method: str, arguments: tuple[Any, ...]) -> Any:
        try:
            line = self._started()
            line.send((method, arguments))
            if not line.poll(self._seconds):
                raise RecallError(
                    f"recall: {method} took longer than {self._seconds:g} s and was ended; try again later"
                )
            return line.recv()
        except (EOFError, ConnectionError) as error:
            self._child.join(GRACE_SECONDS)
            raise RecallError(
                f"recall: its process ended during {method} ({_ending(self._child.exitcode)}); if this happens again, "
                "the index is damaged: make it anew with `athanor recall --rebuild`"
            ) from error
        except OSError as error:
            raise RecallError(f"recall: its process cannot be started ({error}); try again later") from error

    def _started(self) -> Connection:
        if self._line is not None and self._child.is_alive():
            return self._line
        self._end()
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._child = context.Process(target=_serve, args=(self._make, theirs), name="recall", daemon=True)
        try:
            self._child.start()
        finally:
            theirs.close()
        return self._line

    def _end(self) -> None:
        if self._line is not None:
            self._line.close()
        if self._child is not None and self._child.pid is not None:
            self._child.kill()
            self._child.join()
            self._child.close()
        self._line = self._child = None


def open_recall(home: Path, address: str | None) -> IsolatedRecall:
    """The index of a home, in its folder `recall` or on the Chroma server at an address; nothing is started yet."""
    return IsolatedRecall(partial(_make_chroma, home / "recall", address))


def _make_chroma(folder: Path, address: str | None) -> Recall:
    from .chroma import ChromaRecall
    from .embed import open_embedder

    return ChromaRecall(open_embedder(), None if address else folder, address)


def _serve(make: Callable[[], Recall], line: Connection) -> None:
    """The child: answer questions until the other end of the line is gone."""
    follow_parent(GRACE_SECONDS)
    # Whatever Chroma prints would land in the middle of a person's screen.
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a descriptor is wanted, not a path
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    index: Recall | None = None
    while True:
        try:
            method, arguments = line.recv()
        except EOFError:
            break
        try:
            index = index or make()
            answer = (True, getattr(index, method)(*arguments))
        except Exception as error:  # noqa: BLE001 - the parent hears of whatever was raised
            answer = (False, str(error) if isinstance(error, RecallError) else f"recall: {method} failed ({error!r})")
        line.send(answer)
    if index is not None:
        index.close()


def _ending(code: int | None) -> str:
    """How a process ended, in words."""
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return "it hangs" if code is None else f"exit code {code}"
