"""Edits of a crystal: what they leave and make, against crystals worked out by hand."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from athanor.memory.errors import RetryError, UserError
from athanor.memory.records import Candidate, Point, Provenance
from athanor.tools.crystals.structure import to_crystal, to_structure
from athanor.tools.generators.edit import EditKind, edited, largest_hole
from athanor.tools.generators.edits import Edits
from athanor.tools.generators.generate import Wish
from athanor.tools.space import CrystalSpace

SALT = Structure.from_spacegroup(225, Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
PEROVSKITE = Structure(
    Lattice.cubic(3.905),
    ["Sr", "Ti", "O", "O", "O"],
    [[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]],
)


def candidate(structure: Structure) -> Candidate:
    return Candidate(content=to_crystal(structure), provenance=Provenance(tool="test"))


def made(structure: Structure, kind: EditKind, element: str, other: str = "") -> Structure:
    return to_structure(edited(candidate(structure), kind, element, other).content)  # type: ignore[arg-type]


def test_exchanging_swaps_two_elements() -> None:
    new = made(PEROVSKITE, "exchange", "Sr", "Ti")
    assert new.composition.reduced_formula == "SrTiO3"
    middle = next(site for site in new if site.specie.symbol == "Sr")
    nearest = min(middle.distance(site) for site in new if site.specie.symbol == "O")
    assert nearest == pytest.approx(new.lattice.a / 2, abs=1e-4)  # where Ti had been, with six neighbours


def test_replacing_changes_one_element_and_the_volume() -> None:
    new = made(SALT, "replace", "Na", "Cs")
    assert new.composition.reduced_formula == "CsCl"
    assert len(new) == 2
    assert new.volume > 1.2 * SALT.volume / 4


def test_removing_takes_all_atoms_of_an_element() -> None:
    new = made(PEROVSKITE, "remove", "Sr")
    assert new.composition.reduced_formula == "TiO3"
    assert new.volume < PEROVSKITE.volume


def test_adding_fills_the_largest_hole() -> None:
    primitive = SALT.get_primitive_structure()
    hole = largest_hole(to_crystal(primitive))
    apart = min(primitive.lattice.get_distance_and_image(hole, site.frac_coords)[0] for site in primitive)
    assert apart == pytest.approx(5.64 * np.sqrt(3) / 4, abs=1e-3)  # the middle of a cube of eight ions
    new = made(primitive, "add", "Li")
    assert Counter(site.specie.symbol for site in new) == {"Na": 1, "Cl": 1, "Li": 1}
    assert new.volume > primitive.volume


def test_an_edit_tells_its_parent_and_what_was_done() -> None:
    start = candidate(SALT)
    provenance = edited(start, "replace", "Na", "K").provenance
    assert provenance.parents == (start.id,)
    assert provenance.note == "Na→K"


@pytest.mark.parametrize(
    ("kind", "element", "other", "told"),
    [
        ("exchange", "Na", "Na", "needs two elements"),
        ("exchange", "Na", "K", "needs two elements"),
        ("replace", "K", "Li", "does not occur"),
        ("replace", "Na", "", "takes the other one's place"),
        ("replace", "Na", "He", "no crystal can be made"),
        ("remove", "S", "", "does not occur"),
        ("add", "Xx", "", "no crystal can be made"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(kind: EditKind, element: str, other: str, told: str) -> None:
    with pytest.raises(RetryError, match=told):
        edited(candidate(SALT), kind, element, other)


def test_nothing_is_left_of_an_element_without_itself() -> None:
    copper = Structure(Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])
    with pytest.raises(RetryError, match="nothing would be left"):
        edited(candidate(copper), "remove", "Cu")


def test_points_cannot_be_edited() -> None:
    point = Candidate(content=Point(values={"x": 1.0}), provenance=Provenance(tool="test"))
    with pytest.raises(RetryError, match="only crystals"):
        edited(point, "add", "Na")


def test_edits_come_of_what_is_told_and_need_something_to_begin_with() -> None:
    space = CrystalSpace(elements=("Na", "Cl", "K", "Br"), generators=("edit",))
    source, start = Edits(space), candidate(SALT.get_primitive_structure())
    found = list(islice(source.generate(Wish(1, 3, parents=[start])), 20))
    assert {one.provenance.parents for one in found} == {(start.id,)}
    assert len({one.id for one in found}) > 4
    assert list(islice(source.generate(Wish(1, 3, exclude=[start])), 20)) == found
    with pytest.raises(UserError, match="needs crystals to begin with"):
        next(source.generate(Wish(1, 3)))
