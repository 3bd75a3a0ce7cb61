"""Occupied Wyckoff positions of many crystals, found in several processes and kept in a file, crystal by crystal.

Knows crystals as flat arrays, and how one is described. Loads no torch, for every process would load it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...memory.children import mapped
from ...models.vae import lattice
from ...models.vae.lattice import n_atoms, to_numbers
from ...models.vae.wish import MAX_ATOMS
from ...models.wyckoff import describe as description
from ...models.wyckoff import expand as expansion
from ...models.wyckoff import tables
from ...models.wyckoff.describe import SYMPREC, describe
from ...models.wyckoff.expand import expand
from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal, from_row, to_row
from ..labelled.parse import Refusal
from ..whole_file import whole_file

if TYPE_CHECKING:
    from ..labelled.crystals import Crystals

CHUNK = 64
"""Crystals that a process is handed at once."""
Cell = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]
Description = WyckoffCrystal | Refusal
Descriptions = dict[str, Description]
"""By key of the crystal."""
Tell = Callable[[int, int], None]


def keys_of(crystals: Crystals) -> list[str]:
    """Hash of each crystal's cell, 16 hexadecimal digits; `n_crystals` of them."""
    return [sha256(b"".join(part.tobytes() for part in cell)).hexdigest()[:16] for cell in _cells(crystals)]


def described(crystals: Crystals, folder: Path, processes: int, tell: Tell) -> list[Description]:
    """Describe crystals, or read what an earlier call found; only what is new costs time.

    Args:
        crystals: As they were parsed.
        folder: Where descriptions are kept.
        processes: To describe in, with 1 in this one.
        tell: Is told how many of how many crystals are described.

    Returns:
        A description each, or why there is none a VAE could learn from.

    Raises:
        UserError: The folder cannot be written.
        TerminalError: A process was killed.
    """
    path = folder / f"wyckoff-{_version()}.json"
    known, keys = _load(path), keys_of(crystals)
    new = {key: cell for key, cell in zip(keys, _cells(crystals), strict=True) if key not in known}
    if new:
        cells = list(new.values())
        chunks = [cells[start : start + CHUNK] for start in range(0, len(cells), CHUNK)]
        found: list[Description] = []
        killed = "a process that found symmetries was killed; --processes 1 needs the least memory"
        for part in mapped(describe_cells, chunks, processes, killed):
            found += part
            tell(len(found), len(cells))
        known |= dict(zip(new, found, strict=True))
        _save(path, known)
    return [known[key] for key in keys]


def describe_cells(cells: Sequence[Cell]) -> list[Description]:
    """Describe crystals, each given by its lattice, coordinates and atomic numbers."""
    return [_described(*cell) for cell in cells]


def _described(basis: NDArray[np.float64], positions: NDArray[np.float64], numbers: NDArray[np.uint8]) -> Description:
    try:
        crystal = describe(basis, positions, numbers.tolist())
        atoms = n_atoms(crystal)
        if atoms > MAX_ATOMS:
            return Refusal(f"more than {MAX_ATOMS} atoms in the primitive cell", f"{atoms} atoms")
        expand(crystal)
    except ValueError as error:
        return Refusal("no symmetry is found that gives the same atoms again", str(error))
    try:
        to_numbers(crystal)
    except ValueError as error:
        return Refusal("a cell larger, smaller or longer than the network can write", str(error))
    return crystal


def _cells(crystals: Crystals) -> Iterator[Cell]:
    for k, (a, b) in enumerate(zip(crystals.bounds[:-1], crystals.bounds[1:], strict=True)):
        yield crystals.lattices[k], crystals.coordinates[a:b], crystals.species[a:b]


def _version() -> str:
    """Hash of all that decides how a crystal is described, 16 hexadecimal digits."""
    seen = sha256(f"{SYMPREC} {MAX_ATOMS} {version('moyopy')}".encode())
    for module in (description, expansion, lattice, tables):
        seen.update(Path(str(module.__file__)).read_bytes())
    seen.update(Path(__file__).read_bytes())
    return seen.hexdigest()[:16]


def _load(path: Path) -> Descriptions:
    """What a file holds; nothing if it is damaged."""
    try:
        content: Mapping[str, Any] = json.loads(path.read_bytes())
        return {key: _from_json(entry) for key, entry in content.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _save(path: Path, known: Descriptions) -> None:
    with whole_file(path, "descriptions of crystals") as stream:
        stream.write(json.dumps({key: _to_json(entry) for key, entry in known.items()}).encode())


def _to_json(entry: Description) -> list[Any]:
    if isinstance(entry, Refusal):
        return [entry.reason, entry.detail]
    return to_row(entry)


def _from_json(entry: list[Any]) -> Description:
    return Refusal(*entry) if len(entry) == 2 else from_row(entry)
