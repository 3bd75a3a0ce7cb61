"""Parsed crystals kept in a file, so that the same rows are parsed once.

Knows numpy's files. The name of a file says what it was made from: content, graph settings and the code that made it.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...models.graphs import crystal_graph
from ...models.graphs.batch import GraphStore
from ..crystals import read, soundness
from ..oracles import guards
from ..whole_file import whole_file
from . import parse
from .crystals import Crystals, store_cells
from .parse import Cell, Refusal, Tell, parse_rows
from .rows import Row


@dataclass(frozen=True)
class Parsed:
    """Rows that became crystals, and rows that did not.

    Attributes:
        crystals: The crystals.
        rows: Number of each crystal's row, `(n_crystals,)`.
        refused: Why other rows are left out, by number.
    """

    crystals: Crystals
    rows: NDArray[np.int64]
    refused: dict[int, Refusal]


def parsed(rows: Sequence[Row], folder: Path | None, workers: int, tell: Tell | None = None) -> Parsed:
    """Parse rows, or read what an earlier call made of them; a damaged file is made again.

    Args:
        rows: What files hold.
        folder: Where parsed crystals are kept; None for nowhere.
        workers: Processes to parse in.
        tell: Is told how many of how many rows are done.

    Raises:
        UserError: The folder cannot be written.
        TerminalError: A process was killed.
    """
    path = folder / f"crystals-{fingerprint(rows)}.npz" if folder is not None else None
    if path is not None and path.is_file():
        kept = _load(path, len(rows))
        if kept is not None:
            return kept
    found = parse_rows(rows, workers, tell)
    made = Parsed(
        crystals=store_cells([cell for cell in found if isinstance(cell, Cell)]),
        rows=np.array([k for k, cell in enumerate(found) if isinstance(cell, Cell)], dtype=np.int64),
        refused={k: cell for k, cell in enumerate(found) if isinstance(cell, Refusal)},
    )
    if path is not None:
        _save(path, made)
    return made


def fingerprint(rows: Sequence[Row]) -> str:
    """Hash of the rows' crystals and of all that decides what becomes of them, 16 hexadecimal digits."""
    settings = (crystal_graph.NEIGHBOURS, crystal_graph.CUTOFF, crystal_graph.SHELL_TOLERANCE)
    seen = sha256(f"{settings} {version('pymatgen')}".encode())
    for module in (crystal_graph, guards, parse, read, soundness):
        seen.update(Path(str(module.__file__)).read_bytes())
    for row in rows:
        seen.update(f"{row.kind} {len(row.text)} ".encode())
        seen.update(row.text.encode())
    return seen.hexdigest()[:16]


def _save(path: Path, made: Parsed) -> None:
    crystals, refused = made.crystals, made.refused
    content = {
        **crystals.graphs.arrays(),
        "lattices": crystals.lattices,
        "coordinates": crystals.coordinates,
        "species": crystals.species,
        "bounds": crystals.bounds,
        "rows": made.rows,
        "refused": np.array(list(refused), dtype=np.int64),
        "reasons": np.array([[r.reason, r.detail] for r in refused.values()], dtype=np.str_).reshape(-1, 2),
    }
    with whole_file(path, "parsed crystals") as stream:
        np.savez(stream, allow_pickle=False, **content)


def _load(path: Path, n_rows: int) -> Parsed | None:
    """What a file holds; None if it is damaged."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
        graphs = GraphStore(**{entry.name: arrays[entry.name] for entry in fields(GraphStore)})
        names = ("lattices", "coordinates", "species", "bounds")
        crystals = Crystals(graphs, *(arrays[name] for name in names))
        reasons = zip(arrays["refused"].tolist(), arrays["reasons"].tolist(), strict=True)
        kept = Parsed(crystals, arrays["rows"], {row: Refusal(*texts) for row, texts in reasons})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    return kept if len(kept.rows) + len(kept.refused) == n_rows and len(kept.rows) == len(crystals) else None
