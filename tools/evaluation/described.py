"""Files of crystals as Wyckoff descriptions: made once in several processes, and kept for the next time.

Knows files and how crystals are described. Must not know what is compared with them.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import orjson

from ...memory.errors import AthanorError, UserError
from ...models.wyckoff import describe, tables, wyckoff_crystal
from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal, from_row, to_row
from ..crystals import read, wyckoff
from ..crystals.read import Unread, crystal_files, unread
from ..crystals.wyckoff import to_wyckoff
from ..whole_file import whole_file

Tell = Callable[[int, int], object]
"""Is told how many of how many crystals are described."""

_CHUNK = 50
"""Crystals that a process is handed at once."""


@dataclass(frozen=True)
class Described:
    """Crystals of files.

    Attributes:
        crystals: Those that could be described.
        left_out: How many could not: they do not parse, are disordered, or show no symmetry.
    """

    crystals: tuple[WyckoffCrystal, ...]
    left_out: int


def read_described(path: Path, executor: Executor, folder: Path | None, tell: Tell) -> Described:
    """Describe all crystals of a file or folder, or take what an earlier call has kept.

    Args:
        path: Anything that crystals can be read from.
        executor: Where crystals are described.
        folder: Where descriptions are kept; None for nowhere.
        tell: Is told how many of how many crystals are done.

    Raises:
        UserError: Missing or unknown file, one without a crystal that can be used, or a folder that cannot be written.
    """
    files = crystal_files(path)
    kept_at = folder / f"described-{_fingerprint(files)}.json.gz" if folder is not None else None
    found = _load(kept_at) if kept_at is not None else None
    if found is None:
        found = _described([one for file in files for one in unread(file)], executor, tell)
        if kept_at is not None:
            _save(kept_at, found)
    if not found.crystals:
        raise UserError(f"{path}: none of {found.left_out} crystals can be described; ordered crystals are needed")
    return found


def describe_all(crystals: Sequence[Unread]) -> list[WyckoffCrystal | None]:
    """Parse and describe crystals; None for those that cannot be."""
    return [_described_one(one) for one in crystals]


def _described_one(one: Unread) -> WyckoffCrystal | None:
    try:
        return to_wyckoff(one.structure())
    except (AthanorError, ValueError):
        return None


def _described(crystals: Sequence[Unread], executor: Executor, tell: Tell) -> Described:
    chunks = [crystals[start : start + _CHUNK] for start in range(0, len(crystals), _CHUNK)]
    found: list[WyckoffCrystal | None] = []
    for part in executor.map(describe_all, chunks):
        found += part
        tell(len(found), len(crystals))
    usable = tuple(crystal for crystal in found if crystal is not None)
    return Described(usable, len(found) - len(usable))


def _fingerprint(files: Sequence[Path]) -> str:
    """Hash of files and of all that decides what becomes of them, 16 hexadecimal digits."""
    seen = sha256(f"{version('moyopy')} {version('pymatgen')}".encode())
    for module in (describe, tables, wyckoff_crystal, read, wyckoff):
        seen.update(Path(str(module.__file__)).read_bytes())
    for file in files:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise UserError(f"{file}: cannot be read: {error}") from error
        seen.update(f"{file.name} {len(content)} ".encode() + content)
    return seen.hexdigest()[:16]


def _save(path: Path, found: Described) -> None:
    text = orjson.dumps({"left_out": found.left_out, "crystals": [to_row(crystal) for crystal in found.crystals]})
    with whole_file(path, "descriptions of crystals") as stream:
        stream.write(gzip.compress(text, compresslevel=6))


def _load(path: Path) -> Described | None:
    """What a file holds; None where there is none, or it is damaged."""
    try:
        content = orjson.loads(gzip.decompress(path.read_bytes()))
        return Described(tuple(from_row(row) for row in content["crystals"]), int(content["left_out"]))
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None
