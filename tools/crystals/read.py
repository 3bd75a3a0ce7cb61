"""Crystals from files: CIF, POSCAR, extended XYZ, JSON, CSV, or a folder of them, with errors made for people.

Knows pymatgen's and ASE's readers. Knows nothing of spaces or candidates.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TextIO

import ase.io
from pydantic import ValidationError
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.cif import CifParser

from ...memory.errors import UserError
from ...memory.foreign import clean
from ...memory.records import Crystal
from ..oracles.guards import MAX_ATOMS
from .cell import primitive_cell
from .structure import to_crystal, to_structure

ALLOWED = (
    "CIF (.cif), POSCAR (.poscar, .vasp, POSCAR, CONTCAR), extended XYZ (.xyz, .extxyz), JSON (.json), "
    "or a table with a column `cif` (.csv); each also as .gz"
)

_NO_ATOMS = "0 atoms: the CIF has no _atom_site loop"

Parse = Callable[[], Structure]
Reader = Callable[[TextIO], Iterator[tuple[str, Parse]]]
"""Makes of an open file, piece by piece, what each crystal is called there (nothing for its number) and its parser."""


@dataclass(frozen=True)
class Named:
    """A crystal with the name a person knows it by: its file, and its number where the file holds several."""

    name: str
    crystal: Crystal


@dataclass(frozen=True)
class Unread:
    """A crystal that has been found in a file and not been parsed yet.

    Attributes:
        name: Its file, and its number or label where the file holds several.
        place: The same with the folder.
        share: Share of the file's bytes that has been read, 0 to 1.
    """

    name: str
    place: str
    share: float
    parse: Parse

    def structure(self) -> Structure:
        """Parse it.

        Raises:
            UserError: It does not parse; the crystals behind it may.
        """
        with _told_of(self.place), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.parse()


def read_crystals(path: Path) -> tuple[Named, ...]:
    """Read every crystal of a file, or of all files of a folder in alphabetical order.

    Returns:
        The crystals in their primitive cells.

    Raises:
        UserError: Missing or unknown file, one that does not parse, or a crystal without atoms, with partial
            occupancies, with more than 200 atoms, not periodic, or with two atoms on one place.
    """
    files = crystal_files(path)
    return tuple(Named(one.name, _checked(one.structure(), one.place)) for file in files for one in unread(file))


def crystal_files(path: Path) -> tuple[Path, ...]:
    """A file that crystals can be read from, or all such files of a folder in alphabetical order, tables left out.

    Raises:
        UserError: Missing or unknown file, or a folder without crystals.
    """
    if path.is_dir():
        files = tuple(sorted(file for file in path.iterdir() if file.is_file() and reader_of(file) not in (None, _csv)))
        if not files:
            raise UserError(f"{path}: the folder holds no crystal; allowed: {ALLOWED}")
        return files
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    if reader_of(path) is None:
        raise UserError(f"{path}: unknown kind of file; allowed: {ALLOWED}")
    return (path,)


def unread(path: Path) -> Iterator[Unread]:
    """Find the crystals of a file one after another; no more of it is held than the text of two of them.

    A JSON file is the exception: it is held whole.

    Raises:
        UserError: Missing or unknown file, one that cannot be read on, or one without crystals.
    """
    (path,) = crystal_files(path)
    reader = reader_of(path)
    with _told_of(f"{path}"):
        raw, size = path.open("rb"), max(path.stat().st_size, 1)
    with raw, io.TextIOWrapper(_unpacked(raw, path), "utf-8-sig") as text:
        pieces = reader(text) if reader else iter(())
        piece, number, trouble = _next(pieces, path), 1, None
        if piece is None:
            raise UserError(f"{path}: holds no crystal; 1 to {MAX_ATOMS} atoms are allowed")
        while piece:
            label, parse = piece
            try:
                piece = _next(pieces, path)
            except UserError as error:
                piece, trouble = None, error
            is_only = number == 1 and not (piece or trouble)
            name = path.name if is_only else f"{path.name}#{label or number}"
            yield Unread(name, f"{path.parent / name}", min(raw.tell() / size, 1.0), parse)
            number += 1
        if trouble:
            raise trouble


def _next(pieces: Iterator[tuple[str, Parse]], path: Path) -> tuple[str, Parse] | None:
    with _told_of(f"{path}"):
        return next(pieces, None)


def _unpacked(raw: io.BufferedReader, path: Path) -> io.BufferedReader | gzip.GzipFile:
    return gzip.GzipFile(fileobj=raw) if path.suffix.lower() == ".gz" else raw


@contextmanager
def _told_of(place: str) -> Iterator[None]:
    """Turn whatever goes wrong with a file into an error that names it."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{place}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{place}: cannot be read as text: {error}") from error
    except Exception as error:  # the readers of two libraries raise whatever they meet
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{place}: does not parse: {reason}") from error


def _checked(structure: Structure, place: str) -> Crystal:
    if not structure.is_ordered:
        partial = next(site for site in structure if not site.is_ordered)
        raise UserError(f"{place}: partial occupancy ({partial.species_string}); every site must hold one element")
    if not 1 <= len(structure) <= MAX_ATOMS:
        raise UserError(f"{place}: {len(structure)} atoms; 1 to {MAX_ATOMS} are allowed")
    if structure.volume < 1.0:
        raise UserError(f"{place}: the cell has {structure.volume:.3g} Å³; a periodic cell with a volume is needed")
    if len(structure) > 1 and not structure.is_valid(tol=0.5):
        raise UserError(f"{place}: two atoms are closer than 0.5 Å")
    return to_crystal(primitive_cell(structure))


def _cif(file: TextIO) -> Iterator[tuple[str, Parse]]:
    found = 0
    for block in _blocks(file):
        if _has_atoms(block):
            found += 1
            yield "", partial(_cif_block, block)
    if not found:
        raise UserError(_NO_ATOMS)


def _has_atoms(block: str) -> bool:
    return "_atom_site_label" in block or "_atom_site_type_symbol" in block


def _blocks(file: TextIO) -> Iterator[str]:
    """Cut a CIF before each `data_`, where pymatgen's parser cuts it too."""
    block: list[str] = []
    for line in file:
        if line.lstrip().startswith("data_") and block:
            yield "".join(block)
            block = []
        block.append(line)
    yield "".join(block)


def _cif_block(block: str) -> Structure:
    if not _has_atoms(block):
        raise UserError(_NO_ATOMS)
    (structure,) = CifParser(io.StringIO(block)).parse_structures(primitive=False, on_error="raise")
    return structure


def _poscar(file: TextIO) -> Iterator[tuple[str, Parse]]:
    yield "", partial(Structure.from_str, file.read(), fmt="poscar")


def _xyz(file: TextIO) -> Iterator[tuple[str, Parse]]:
    for head in file:
        if head.strip():
            try:
                n_atoms = int(head)
            except ValueError:
                raise UserError(f"a frame begins with its number of atoms, not with {clean(head, 40)!r}") from None
            lines = list(islice(file, n_atoms + 1))
            if len(lines) <= n_atoms:
                raise UserError(f"cut off: {n_atoms} atoms are announced, {max(len(lines) - 1, 0)} follow")
            yield "", partial(_frame, "".join((head, *lines)))


def _frame(text: str) -> Structure:
    atoms = next(ase.io.iread(io.StringIO(text), index=":", format="extxyz"))
    if len(atoms) == 0:
        raise UserError(f"0 atoms; 1 to {MAX_ATOMS} are allowed")
    if not atoms.cell.rank == 3:
        raise UserError('no periodic cell; extended XYZ needs Lattice="..." with three vectors')
    return AseAtomsAdaptor.get_structure(atoms)


def _json(file: TextIO) -> Iterator[tuple[str, Parse]]:
    content = json.load(file)
    for entry in content if isinstance(content, list) else [content]:
        yield "", partial(_entry, entry)


def _entry(entry: object) -> Structure:
    if not isinstance(entry, dict):
        raise UserError("JSON must hold a crystal or a list of them")
    if "coordinates" in entry:
        return _record(entry)
    if not entry.get("sites"):
        raise UserError("0 atoms: a crystal needs lattice, species, coordinates, or pymatgen's lattice and sites")
    return Structure.from_dict(entry)


def _record(entry: dict[str, object]) -> Structure:
    try:
        return to_structure(Crystal.model_validate(entry))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _csv(file: TextIO) -> Iterator[tuple[str, Parse]]:
    """A crystal a row; a column `material_id`, where there is one, says what it is called."""
    table = csv.DictReader(file)
    if "cif" not in (table.fieldnames or ()):
        columns = clean(", ".join(table.fieldnames or ()), 200)
        raise UserError(f"a table of crystals needs a column `cif`; there are: {columns or 'none'}")
    for row in table:
        yield row.get("material_id") or "", partial(_cif_block, row["cif"] or "")


def reader_of(path: Path) -> Reader | None:
    """What reads a file of this name; None where nothing does."""
    name = path.name.lower().removesuffix(".gz")
    if name.startswith(("poscar", "contcar")):
        return _poscar
    readers: dict[str, Reader] = {
        ".cif": _cif, ".poscar": _poscar, ".vasp": _poscar, ".xyz": _xyz, ".extxyz": _xyz, ".json": _json, ".csv": _csv,
    }  # fmt: skip
    return readers.get(Path(name).suffix)
