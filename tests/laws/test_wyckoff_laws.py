"""A crystal's description does not depend on how it is given, and leads back to the crystal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

from athanor.memory.errors import UserError
from athanor.models.wyckoff.describe import describe
from athanor.models.wyckoff.expand import expand
from athanor.models.wyckoff.tables import GROUPS, LETTERS, centring_vectors, operations, polar_axes, sites
from athanor.models.wyckoff.wyckoff_crystal import Orbit, WyckoffCrystal
from athanor.tools.crystals.wyckoff import from_wyckoff, to_wyckoff

_CELLS = {
    "cubic": (5.3, 5.3, 5.3, 90.0, 90.0, 90.0),
    "hexagonal": (4.1, 4.1, 7.3, 90.0, 90.0, 120.0),
    "trigonal": (4.1, 4.1, 7.3, 90.0, 90.0, 120.0),
    "tetragonal": (4.4, 4.4, 6.9, 90.0, 90.0, 90.0),
    "orthorhombic": (4.2, 5.7, 7.4, 90.0, 90.0, 90.0),
    "monoclinic": (4.7, 5.9, 7.8, 90.0, 104.0, 90.0),
    "triclinic": (4.9, 5.8, 7.1, 83.0, 97.0, 104.0),
}


@st.composite
def crystals(draw: st.DrawFn) -> WyckoffCrystal:
    """Some orbits of some space group, at least one in general position so that it has no more symmetry."""
    from athanor.models.wyckoff.tables import crystal_system

    group = draw(st.sampled_from(list(GROUPS)))
    table = sites(group)
    fraction = st.floats(0.02, 0.98).map(lambda value: round(value, 4))
    general = table[-1]
    chosen = [general, *draw(st.lists(st.sampled_from(table), max_size=2, unique_by=lambda site: site.letter))]
    elements = ["O", "Ti", "Sr"]
    orbits = [
        Orbit(site.letter, element, tuple(draw(fraction) for _ in site.free))
        for site, element in zip(chosen, elements, strict=False)
    ]
    scale = (sum(site.multiplicity for site in chosen) * len(centring_vectors(group)) / 4) ** (1 / 3)
    a, b, c, *angles = _CELLS[crystal_system(group)]
    return WyckoffCrystal(group, tuple(orbits), (a * scale, b * scale, c * scale, *angles))


def _structure(crystal: WyckoffCrystal) -> Structure:
    """The crystal's cell; examples whose atoms are so near that symmetry is a matter of tolerance are passed over."""
    try:
        structure = from_wyckoff(crystal)
    except ValueError:
        assume(False)
    images = structure.lattice.get_all_distances(structure.frac_coords, structure.frac_coords)
    assume((images + 9 * np.eye(len(structure))).min() > 0.7)
    return structure


def _same(first: WyckoffCrystal, second: WyckoffCrystal) -> bool:
    kinds = [[(orbit.letter, orbit.element) for orbit in crystal.orbits] for crystal in (first, second)]
    free = [np.array([x for orbit in crystal.orbits for x in orbit.free]) for crystal in (first, second)]
    gaps = free[0] - free[1] if len(free[0]) == len(free[1]) else np.ones(1)
    return (
        first.spacegroup == second.spacegroup
        and kinds[0] == kinds[1]
        and bool(np.all(np.abs(gaps - np.round(gaps)) < 2e-3))
        and np.allclose(first.lattice, second.lattice, rtol=1e-3)
    )


def test_the_table_is_complete() -> None:
    found = [site for group in GROUPS for site in sites(group)]
    assert len(found) == 1731
    for group in GROUPS:
        letters = [site.letter for site in sites(group)]
        assert letters == list(LETTERS[: len(letters)])
        general = sites(group)[-1]
        assert general.free == (0, 1, 2)
        assert general.multiplicity * len(centring_vectors(group)) == len(operations(group).rotations)


def test_every_position_holds_as_many_atoms_as_the_table_says() -> None:
    for group in GROUPS:
        for site in sites(group):
            free = tuple(0.0612 + 0.2371 * k for k in range(len(site.free)))
            crystal = WyckoffCrystal(group, (Orbit(site.letter, "Si", free),), (9.0, 9.0, 9.0, 90.0, 90.0, 90.0))
            assert len(expand(crystal).elements) == site.multiplicity


@pytest.mark.parametrize(("group", "axes"), [(1, (0, 1, 2)), (6, (0, 2)), (4, (1,)), (99, (2,)), (225, ()), (19, ())])
def test_polar_axes(group: int, axes: tuple[int, ...]) -> None:
    assert polar_axes(group) == axes


@settings(max_examples=60, deadline=None)
@given(crystal=crystals(), seed=st.integers(0, 10_000))
def test_cell_origin_and_order_do_not_matter(crystal: WyckoffCrystal, seed: int) -> None:
    rng = np.random.default_rng(seed)
    structure = _structure(crystal)
    first = to_wyckoff(structure, symprec=0.01)
    assume(first.spacegroup == crystal.spacegroup)
    shear = np.array([[1, 1, 0], [0, 1, 0], [0, -1, 1]])[rng.permutation(3)]
    shear = shear if np.linalg.det(shear) > 0 else -shear
    moved = structure.frac_coords @ np.linalg.inv(shear) + rng.random(3)
    order = rng.permutation(len(structure))
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turned = Lattice(shear @ structure.lattice.matrix @ (rotation * np.sign(np.linalg.det(rotation))))
    again = Structure(turned, [structure.species[k] for k in order], moved[order] % 1.0)
    second = to_wyckoff(again, symprec=0.01)
    assert _same(first, second)


@settings(max_examples=40, deadline=None)
@given(crystal=crystals())
def test_description_leads_back_to_the_crystal(crystal: WyckoffCrystal) -> None:
    structure = _structure(crystal)
    described = to_wyckoff(structure, symprec=0.01)
    assert len(expand(described).elements) <= len(structure)
    assert StructureMatcher(stol=0.05, ltol=0.05, angle_tol=2).fit(structure, from_wyckoff(described))


def test_rutile() -> None:
    x = 0.3048
    oxygen = [[x, x, 0], [-x, -x, 0], [0.5 + x, 0.5 - x, 0.5], [0.5 - x, 0.5 + x, 0.5]]
    rutile = Structure(Lattice.tetragonal(4.594, 2.959), ["Ti"] * 2 + ["O"] * 4, [[0, 0, 0], [0.5] * 3, *oxygen])
    # Moved by half a cell, Ti lies on b; the description chooses a.
    rutile.translate_sites(list(range(6)), [0, 0, 0.5])
    described = to_wyckoff(rutile)
    assert described.template == "136:af"
    assert [orbit.element for orbit in described.orbits] == ["Ti", "O"]
    assert described.orbits[1].free == pytest.approx((x,), abs=1e-3)
    assert described.lattice == pytest.approx((4.594, 4.594, 2.959, 90, 90, 90))


def test_partial_occupancy_is_refused() -> None:
    alloy = Structure(Lattice.cubic(3.6), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]])
    with pytest.raises(UserError, match=r"partial occupancy: .*every site must hold one element"):
        to_wyckoff(alloy)


def test_a_coordinate_on_a_special_position_is_refused() -> None:
    with pytest.raises(ValueError, match="the position holds"):
        expand(WyckoffCrystal(2, (Orbit("i", "O", (0.0, 0.0, 0.0)),), (5.0, 5.0, 5.0, 90.0, 90.0, 90.0)))


def test_atoms_on_one_spot_have_no_symmetry() -> None:
    with pytest.raises(ValueError, match="no symmetry is found"):
        describe(np.eye(3) * 4, np.zeros((2, 3)), [8, 8])


def test_an_element_without_a_mendeleev_number_is_refused_in_words() -> None:
    lawrencium = describe(3 * np.eye(3), np.zeros((1, 3)), [103])
    assert [orbit.element for orbit in lawrencium.orbits] == ["Lr"]
    # Warnings are errors here, and pymatgen warns of every element that it has no number for.
    with pytest.raises(ValueError, match="Rf has no Mendeleev number; H to Lr are allowed"):
        describe(3 * np.eye(3), np.zeros((1, 3)), [104])
