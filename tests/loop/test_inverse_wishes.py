"""Wishes, targets and files of inverse design: what is read, what is written, and what is refused with its reason."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from binary_latent_model import BinaryLatentModel
from made_up_latent_model import CRYSTALS
from pymatgen.core import Lattice, Structure

from athanor.memory.errors import UserError
from athanor.memory.records import Crystal
from athanor.models.vae.wish import DecodingWish
from athanor.models.wyckoff.wyckoff_crystal import Orbit, WyckoffCrystal
from athanor.tools.crystals.read import unread
from athanor.tools.crystals.wyckoff import from_wyckoff, to_wyckoff
from athanor.tools.inverse.aims import parse_aim
from athanor.tools.inverse.cif import cif_text
from athanor.tools.inverse.known import known, read_known
from athanor.tools.inverse.wishes import wish_of

BINARY = BinaryLatentModel()
SALT, LIME = CRYSTALS[0], CRYSTALS[2]


@pytest.mark.parametrize(
    "crystal", [*CRYSTALS, WyckoffCrystal(166, (Orbit("a", "Bi"),), (4.5, 4.5, 11.9, 90, 90, 120))]
)
def test_a_cif_file_declares_its_symmetry(crystal: WyckoffCrystal, tmp_path: Path) -> None:
    text = cif_text(crystal, "x", ("made up",))
    (tmp_path / "x.cif").write_text(text)
    (read,) = unread(tmp_path / "x.cif")
    structure = read.structure()
    assert to_wyckoff(structure).template == to_wyckoff(from_wyckoff(crystal)).template
    assert structure.composition.reduced_formula == from_wyckoff(crystal).composition.reduced_formula
    assert f"_symmetry_Int_Tables_number {crystal.spacegroup}\n" in text
    assert text.startswith("# made up\n")


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"only": ["Xy"]}, "--only: 'Xy' is no element"),
        ({"with_all": ["Au"]}, "--with: Au was never seen in training"),
        ({"with_all": ["Na"], "without": ["Na"]}, "Na: both wanted and banned"),
        ({"only": ["Na"], "without": ["Na"]}, "no element is left"),
        ({"only": ["Na", "Cl"], "n_elements": "3"}, "3 elements or more are wanted, and 2 are allowed"),
        ({"with_all": ["Na", "K", "Cl"], "atoms": "2"}, "3 elements do not fit on 2 atoms"),
        ({"spacegroups": [231]}, "--spacegroup 231: 1 to 230"),
        ({"systems": ["cubical"]}, "no crystal system; triclinic, monoclinic"),
        ({"systems": ["cubic"], "spacegroups": [194]}, "194 is hexagonal, not cubic; a cubic one is one of 195 to 230"),
        ({"atoms": "30"}, "--atoms 30: 1 to 20"),
        ({"atoms": "few"}, "--atoms 'few': cannot be read"),
        ({"n_elements": "4-2"}, "--elements 4-2"),
    ],
)
def test_wishes_that_cannot_be_kept_say_why(wishes: dict[str, list[str]], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        wish_of(BINARY.elements, **wishes)  # type: ignore[arg-type]


def test_wishes_are_what_was_said() -> None:
    wish = wish_of(BINARY.elements, ["Na", "Cl"], ["Na"], ["K"], systems=["cubic"], atoms="2-8", n_elements="2")
    assert wish == DecodingWish(
        frozenset({"Na", "Cl"}), frozenset({"Na"}), frozenset({"K"}), frozenset(range(195, 231)), (2, 8), (2, 2)
    )
    assert wish_of(BINARY.elements, systems=["cubic"], spacegroups=[225]).spacegroups == {225}
    assert wish_of(BINARY.elements) == DecodingWish()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("band_gap", "cannot be read; allowed: PROPERTY=VALUE±TOLERANCE"),
        ("colour=3", "does not know colour; it knows formation_energy, band_gap"),
        ("band_gap=much", "'much' is no number"),
        ("band_gap=nan", "'nan' is not finite"),
        ("band_gap=1±0", "a tolerance of 0"),
        ("band_gap=-1", "is never negative"),
    ],
)
def test_targets_that_cannot_be_read_say_why(text: str, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        parse_aim(text, BINARY.targets)


def test_a_crystal_the_model_cannot_know_is_refused(tmp_path: Path) -> None:
    big = Structure(Lattice.tetragonal(5.64, 40), ["Na", "Cl"] * 11, np.random.default_rng(0).random((22, 3)))
    with pytest.raises(UserError, match="22 atoms in the primitive cell; the model knows crystals of up to 20"):
        known("big", to_wyckoff(big), BINARY)
    gold = WyckoffCrystal(225, (Orbit("a", "Au"),), (4.08, 4.08, 4.08, 90.0, 90.0, 90.0))
    with pytest.raises(UserError, match="Au: never seen in training"):
        known("gold", gold, BINARY)
    partial = tmp_path / "partial.cif"
    Structure(Lattice.cubic(4.0), [{"Na": 0.5, "K": 0.5}, "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]).to(filename=str(partial))
    with pytest.raises(UserError, match="partial occupancy"):
        read_known(partial, BINARY)
    two = tmp_path / "two.cif"
    two.write_text(cif_text(SALT, "one") + cif_text(LIME, "two"))
    with pytest.raises(UserError, match=r"two\.cif: holds 2 crystals; a file with one is needed"):
        read_known(two, BINARY)
    broken = tmp_path / "broken.cif"
    broken.write_text("data_x\n_cell_length_a 4.2\nloop_\n_atom_site_label\nMg1\n")
    with pytest.raises(UserError, match=r"broken\.cif: does not parse"):
        read_known(broken, BINARY)
    salt = tmp_path / "salt.cif"
    salt.write_text(cif_text(SALT, "salt"))
    assert isinstance(read_known(salt, BINARY).candidate.content, Crystal)
