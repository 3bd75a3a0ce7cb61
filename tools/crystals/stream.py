"""Crystals of many files one after another: nothing but the one at hand is held, and one that fails stops no other.

Knows files and how crystals are read from them. Must not know what is done with the crystals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...memory.errors import UserError
from .read import crystal_files, unread

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ...memory.records import Crystal


@dataclass(frozen=True)
class Given:
    """A crystal as somebody hands it in, or why it could not be read.

    Attributes:
        name: What it is called: its file with the folder, and its number or label where the file holds several.
        structure: As it stands in the file; None where it could not be read.
        error: Why it could not be read.
    """

    name: str
    structure: Structure | Crystal | None
    error: str = ""


def files_of(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Files named, and the files of folders named, in that order.

    Raises:
        UserError: A path that is missing, of unknown kind, or a folder without crystals.
    """
    return tuple(file for path in paths for file in crystal_files(path))


def stream(files: Iterable[Path], told: Callable[[float], object] = lambda share: None) -> Iterator[Given]:
    """Read files one after another, when their turn comes.

    Args:
        files: Files of kinds that can be read.
        told: Is told how many files have been read, with the share of the one at hand, before each crystal.
    """
    for number, file in enumerate(files):
        try:
            for one in unread(file):
                told(number + one.share)
                try:
                    given = Given(one.place, one.structure())
                except UserError as error:
                    given = _failed(one.place, error)
                yield given
        except UserError as error:
            yield _failed(str(file), error)
        told(number + 1)


def _failed(name: str, error: UserError) -> Given:
    return Given(name, None, str(error).removeprefix(f"{name}: "))
