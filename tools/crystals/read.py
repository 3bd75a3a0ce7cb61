"""Crystals from files: CIF, POSCAR, extended XYZ, JSON, or a folder of them, with errors made for people.

Knows pymatgen's and ASE's readers. Knows nothing of spaces or candidates.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import ase.io
from pydantic import ValidationError
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.cif import CifParser

from ...memory.errors import UserError
from ...memory.records import Crystal
from ..oracles.guards import MAX_ATOMS
from .cell import primitive_cell
from .structure import to_crystal

ALLOWED = "CIF (.cif), POSCAR (.poscar, .vasp, POSCAR, CONTCAR), extended XYZ (.xyz, .extxyz), JSON (.json)"


@dataclass(frozen=True)
class Named:
    """A crystal with the name a person knows it by: its file, and its number where the file holds several."""

    name: str
    crystal: Crystal


def read_crystals(path: Path) -> tuple[Named, ...]:
    """Read every crystal of a file, or of all files of a folder in alphabetical order.

    Returns:
        The crystals in their primitive cells.

    Raises:
        UserError: Missing or unknown file, one that does not parse, or a crystal without atoms, with partial
            occupancies, with more than 200 atoms, not periodic, or with two atoms on one place.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and _reader(file) is not None)
        if not files:
            raise UserError(f"{path}: the folder holds no crystal; allowed: {ALLOWED}")
        return tuple(named for file in files for named in read_crystals(file))
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    reader = _reader(path)
    if reader is None:
        raise UserError(f"{path}: unknown kind of file; allowed: {ALLOWED}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text: {error}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            structures = list(reader(text))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except Exception as error:  # the readers of two libraries raise whatever they meet
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{path}: does not parse: {reason}") from error
    if not structures:
        raise UserError(f"{path}: holds no crystal; 1 to {MAX_ATOMS} atoms are allowed")
    names = [path.name] if len(structures) == 1 else [f"{path.name}#{n}" for n in range(1, len(structures) + 1)]
    return tuple(
        Named(name, _checked(structure, f"{path.parent / name}"))
        for name, structure in zip(names, structures, strict=True)
    )


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


def _cif(text: str) -> Iterator[Structure]:
    if "_atom_site_label" not in text and "_atom_site_type_symbol" not in text:
        raise UserError("0 atoms: the CIF has no _atom_site loop")
    yield from CifParser(io.StringIO(text)).parse_structures(primitive=False, on_error="raise")


def _poscar(text: str) -> Iterator[Structure]:
    yield Structure.from_str(text, fmt="poscar")


def _xyz(text: str) -> Iterator[Structure]:
    for atoms in ase.io.iread(io.StringIO(text), index=":", format="extxyz"):
        if len(atoms) == 0:
            raise UserError(f"0 atoms; 1 to {MAX_ATOMS} are allowed")
        if not atoms.cell.rank == 3:
            raise UserError('no periodic cell; extended XYZ needs Lattice="..." with three vectors')
        yield AseAtomsAdaptor.get_structure(atoms)


def _json(text: str) -> Iterator[Structure]:
    content = json.loads(text)
    for entry in content if isinstance(content, list) else [content]:
        if not isinstance(entry, dict):
            raise UserError("JSON must hold a crystal or a list of them")
        if "coordinates" in entry:
            yield from _record(entry)
        elif not entry.get("sites"):
            raise UserError("0 atoms: a crystal needs lattice, species, coordinates, or pymatgen's lattice and sites")
        else:
            yield Structure.from_dict(entry)


def _record(entry: dict[str, object]) -> Iterator[Structure]:
    from .structure import to_structure

    try:
        yield to_structure(Crystal.model_validate(entry))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _reader(path: Path) -> Callable[[str], Iterator[Structure]] | None:
    if path.name.upper().startswith(("POSCAR", "CONTCAR")):
        return _poscar
    readers = {".cif": _cif, ".poscar": _poscar, ".vasp": _poscar, ".xyz": _xyz, ".extxyz": _xyz, ".json": _json}
    return readers.get(path.suffix.lower())
