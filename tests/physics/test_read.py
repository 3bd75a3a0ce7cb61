"""Reading crystals: what is accepted, and what people are told about the rest."""

import json

import ase.io
import pytest
from pymatgen.core import Lattice, Structure

from athanor.memory.errors import UserError
from athanor.tools.crystals.read import read_crystals
from athanor.tools.crystals.structure import to_atoms, to_crystal


def rocksalt() -> Structure:
    return Structure.from_spacegroup(225, Lattice.cubic(4.21), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def message(path) -> str:
    with pytest.raises(UserError) as caught:
        read_crystals(path)
    assert str(path.parent if path.suffix else path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.cif", "a.vasp", "POSCAR", "a.json", "record.json", "a.extxyz", "a.xyz"])
def test_every_format_gives_the_primitive_cell(tmp_path, name):
    path = tmp_path / name
    if name == "record.json":
        path.write_text(to_crystal(rocksalt()).model_dump_json())
    elif name.endswith("xyz"):
        ase.io.write(path, to_atoms(to_crystal(rocksalt())), format="extxyz")
    else:
        rocksalt().to(filename=str(path), fmt={"cif": "cif", "json": "json"}.get(path.suffix[1:], "poscar"))
    (named,) = read_crystals(path)
    assert sorted(named.crystal.species) == ["Mg", "O"]
    assert named.name == name


def test_several_crystals_of_one_file_are_numbered(tmp_path):
    path = tmp_path / "two.extxyz"
    ase.io.write(path, [to_atoms(to_crystal(rocksalt()))] * 2, format="extxyz")
    assert [named.name for named in read_crystals(path)] == ["two.extxyz#1", "two.extxyz#2"]


def test_a_folder_gives_all_its_crystals_and_leaves_other_files_alone(tmp_path):
    rocksalt().to(filename=str(tmp_path / "b.cif"))
    rocksalt().to(filename=str(tmp_path / "a.vasp"), fmt="poscar")
    (tmp_path / "notes.txt").write_text("nothing")
    assert [named.name for named in read_crystals(tmp_path)] == ["a.vasp", "b.cif"]


def test_a_broken_cif_is_named(tmp_path):
    path = tmp_path / "broken.cif"
    path.write_text("data_x\n_cell_length_a 4.2\nloop_\n_atom_site_label\n_atom_site_fract_x\nMg1\n")
    assert "does not parse" in message(path)
    path.write_text("\x00\x01 nonsense")
    assert "broken.cif" in message(path)
    path.write_bytes(b"\xff\xfe\xfa")
    assert "cannot be read as text" in message(path)


def test_a_truncated_cif_is_named(tmp_path):
    rocksalt().to(filename=str(tmp_path / "whole.cif"))
    text = (tmp_path / "whole.cif").read_text()
    path = tmp_path / "cut.cif"
    path.write_text(text[: text.index("_atom_site_type_symbol")])
    assert "0 atoms" in message(path)


def test_partial_occupancy_is_refused(tmp_path):
    disordered = Structure(Lattice.cubic(3.6), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]])
    disordered.to(filename=str(tmp_path / "alloy.cif"))
    text = message(tmp_path / "alloy.cif")
    assert "partial occupancy" in text
    assert "every site must hold one element" in text


def test_a_vacancy_is_a_partial_occupancy(tmp_path):
    Structure(Lattice.cubic(3.6), [{"Cu": 0.9}], [[0, 0, 0]]).to(filename=str(tmp_path / "vacancy.cif"))
    assert "partial occupancy" in message(tmp_path / "vacancy.cif")


def test_no_atoms_are_refused(tmp_path):
    (tmp_path / "none.extxyz").write_text('0\nLattice="4 0 0 0 4 0 0 0 4" pbc="T T T"\n')
    assert "0 atoms" in message(tmp_path / "none.extxyz")
    (tmp_path / "none.json").write_text(
        json.dumps({"lattice": {"matrix": [[4, 0, 0], [0, 4, 0], [0, 0, 4]]}, "sites": []})
    )
    assert "0 atoms" in message(tmp_path / "none.json")
    (tmp_path / "empty.xyz").write_text("")
    assert "empty.xyz" in message(tmp_path / "empty.xyz")


def test_five_hundred_atoms_are_refused(tmp_path):
    path = tmp_path / "large.vasp"
    (Structure(Lattice.cubic(2.9), ["Fe"], [[0, 0, 0]]) * (5, 10, 10)).to(filename=str(path), fmt="poscar")
    text = message(path)
    assert "500 atoms" in text
    assert "1 to 200 are allowed" in text


def test_overlapping_atoms_are_refused(tmp_path):
    path = tmp_path / "overlap.vasp"
    Structure(Lattice.cubic(4), ["Fe", "O"], [[0, 0, 0], [0, 0, 0.01]]).to(filename=str(path), fmt="poscar")
    assert "closer than 0.5 Å" in message(path)


def test_a_molecule_without_a_cell_is_refused(tmp_path):
    (tmp_path / "water.xyz").write_text("3\n\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n")
    assert "no periodic cell" in message(tmp_path / "water.xyz")


def test_missing_and_unknown_files_are_named(tmp_path):
    assert "no such file" in message(tmp_path / "nowhere.cif")
    (tmp_path / "a.docx").write_text("x")
    assert "allowed: CIF" in message(tmp_path / "a.docx")
    (tmp_path / "folder").mkdir()
    assert "holds no crystal" in message(tmp_path / "folder")


def test_a_record_with_a_missing_field_is_named(tmp_path):
    (tmp_path / "half.json").write_text(json.dumps({"species": ["Mg"], "coordinates": [[0, 0, 0]]}))
    assert "lattice" in message(tmp_path / "half.json")
