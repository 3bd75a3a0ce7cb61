"""The predict tool: arrays in the order asked, reasons instead of silent numbers, and bounded memory."""

from __future__ import annotations

import gc
import itertools
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from volume_predictor import VolumePredictor, distribution

from athanor.models.prediction import Predictions
from athanor.tools.crystals.soundness import widest_gap
from athanor.tools.crystals.stream import Given
from athanor.tools.crystals.structure import to_crystal
from athanor.tools.predict import Answers, predict, predict_stream

ROCKSALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.21), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
SILICON = Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.43), ["Si"], [[0, 0, 0]])


def one(structure: Structure) -> Answers:
    return predict([structure], VolumePredictor())


def refusal(structure: Structure) -> str:
    """Why it is refused; and no number comes with it."""
    answers = one(structure)
    assert np.isnan(answers.novelty).all()
    assert all(np.isnan(d.mean).all() and np.isnan(d.upper).all() for d in answers.properties.values())
    assert answers.flags == ((),)
    assert answers.refusals[0] is not None
    return answers.refusals[0]


def flags(structure: Structure) -> tuple[str, ...]:
    answers = one(structure)
    assert answers.refusals == (None,)
    assert np.isfinite(answers.properties["band_gap"].mean).all()
    return answers.flags[0]


def test_arrays_come_in_the_order_asked_with_units_and_source() -> None:
    bad = Structure(Lattice.cubic(4.0), ["Fe"], [[0, 0, 0]])
    answers = predict([SALT, bad, ROCKSALT], VolumePredictor())
    volumes = np.array([SALT.volume / 8, np.nan, ROCKSALT.volume / 8])
    np.testing.assert_allclose(answers.properties["band_gap"].mean, volumes / 10)
    np.testing.assert_allclose(answers.properties["band_gap"].zero_probability, 1 / (1 + volumes))
    np.testing.assert_allclose(answers.properties["formation_energy"].mean, [-(0.93 + 3.16) / 2, np.nan, -2.375])
    assert answers.properties["formation_energy"].zero_probability is None
    assert answers.units == {"formation_energy": "eV/atom", "band_gap": "eV"}
    assert answers.source == "made-up (no training)"
    assert answers.refusals[0] is answers.refusals[2] is None
    assert "Fe" in (answers.refusals[1] or "")
    assert answers.flags == ((), (), ())


def test_nothing_asked_nothing_said() -> None:
    answers = predict([], VolumePredictor())
    assert answers.refusals == ()
    assert answers.properties["band_gap"].mean.shape == (0,)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_order_and_company_change_no_number(order: tuple[int, ...]) -> None:
    crystals = [SALT, ROCKSALT, SILICON]
    together = predict([crystals[n] for n in order], VolumePredictor())
    for place, n in enumerate(order):
        alone = one(crystals[n])
        for name, found in together.properties.items():
            assert found.mean[place] == alone.properties[name].mean[0]
            assert found.deviation[place] == alone.properties[name].deviation[0]
        assert together.flags[place] == alone.flags[0]


def test_cell_and_kind_of_record_change_no_number() -> None:
    skewed = ROCKSALT.copy()
    skewed.make_supercell([[1, 1, 0], [0, 1, 0], [0, 1, 2]])
    cells = [ROCKSALT, ROCKSALT.get_primitive_structure(), skewed, to_crystal(ROCKSALT), ROCKSALT * (2, 2, 2)]
    answers = predict(cells, VolumePredictor())
    assert answers.refusals == (None,) * 5
    for found in answers.properties.values():
        np.testing.assert_allclose(found.mean, found.mean[0], rtol=1e-12)


def test_more_crystals_than_the_predictor_is_handed_at_once() -> None:
    predictor = VolumePredictor()
    cells = [Structure(Lattice.cubic(2.9 + n / 1000), ["Mg"], [[0, 0, 0]]) for n in range(600)]
    answers = predict(cells, predictor)
    assert predictor.asked == [256, 256, 88]
    np.testing.assert_allclose(answers.properties["band_gap"].mean, [cell.volume / 10 for cell in cells])


def test_no_atoms() -> None:
    assert refusal(Structure(Lattice.cubic(4), [], [])) == "0 atoms; 1 to 200 are allowed"


def test_two_thousand_atoms() -> None:
    assert refusal(ROCKSALT * (5, 10, 5)) == "2000 atoms; 1 to 200 are allowed"


def test_partial_occupancy_names_the_site() -> None:
    alloy = Structure(Lattice.cubic(4.2), ["O", {"Mg": 0.5, "Na": 0.5}], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert refusal(alloy) == "partial occupancy: Na:0.5, Mg:0.5 (atom 2); every site must hold one element"
    assert "partial occupancy" in refusal(Structure(Lattice.cubic(3.2), [{"Mg": 0.9}], [[0, 0, 0]]))


@pytest.mark.parametrize("symbol", ["Tc", "X"])
def test_an_element_never_seen(symbol: str) -> None:
    strange = Structure(Lattice.cubic(4.2), [symbol, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert refusal(strange).startswith(f"{symbol}: never seen in training, which held 6")


def test_an_ion_is_its_element() -> None:
    ionic = ROCKSALT.copy()
    ionic.add_oxidation_state_by_element({"Mg": 2, "O": -2})
    assert flags(ionic) == ()


@pytest.mark.parametrize("distance", [0.0, 0.01, 1.0])
def test_overlapping_atoms(distance: float) -> None:
    lattice = Lattice.cubic(4)
    close = Structure(lattice, ["Mg", "O"], [[0, 0, 0], [0, 0, distance / 4]], validate_proximity=False)
    said = refusal(close)
    assert said.startswith(f"atoms overlap: Mg (atom 1) and O (atom 2) are {distance:.2f} Å apart")
    assert "0.6 or more is allowed" in said


def test_atoms_that_nearly_overlap_are_flagged() -> None:
    # 0.66 of the sum of the covalent radii, 1.41 and 0.66 Å.
    (said,) = flags(Structure(Lattice.cubic(4), ["Mg", "O"], [[0, 0, 0], [0, 0, 0.66 * 2.07 / 4]]))
    assert said.startswith("atoms nearly overlap: Mg (atom 1) and O (atom 2) are 1.37 Å apart, 0.66 of")


def test_an_atom_near_its_own_image() -> None:
    needle = Structure(Lattice.orthorhombic(1.0, 5.0, 5.0), ["Si"], [[0, 0, 0]])
    assert refusal(needle) == "an atom is 1.00 Å from its own periodic image"


def test_a_crushed_cell_is_refused_before_its_neighbours_are_counted() -> None:
    assert "Å³/atom; 1 or more is allowed" in refusal(Structure(Lattice.cubic(0.02), ["Si"], [[0, 0, 0]]))
    flat = Structure([[3, 0, 0], [0, 3, 0], [3, 3, 0]], ["Si"], [[0, 0, 0]])
    assert refusal(flat) == "0 Å³/atom; 1 or more is allowed"


def test_numbers_that_are_none() -> None:
    lost = Structure(Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [np.nan, 0.5, 0.5]])
    assert "not finite" in refusal(lost)
    assert "not finite" in refusal(Structure(Lattice([[np.inf, 0, 0], [0, 4, 0], [0, 0, 4]]), ["Mg"], [[0, 0, 0]]))


def test_a_slab_that_says_so_is_not_a_crystal() -> None:
    slab = Structure(Lattice(np.diag([3.0, 3.0, 20.0]), pbc=(True, True, False)), ["Mg"], [[0, 0, 0]])
    assert "not periodic in all three directions" in refusal(slab)


@pytest.mark.parametrize("length", [7.0, 50.0, 1e6])
def test_an_atom_that_stands_alone(length: float) -> None:
    assert refusal(Structure(Lattice.cubic(length), ["Na"], [[0, 0, 0]])).startswith("Na (atom 1) stands alone")


@pytest.mark.parametrize("vacuum", [9.0, 30.0, 1e5])
def test_a_vacuum_is_flagged(vacuum: float) -> None:
    lattice = Lattice.tetragonal(4.21, 4.21 + vacuum)
    height = 2.105 / lattice.c
    positions = [[0, 0, 0], [0.5, 0.5, 0], [0, 0, height], [0.5, 0.5, height]]
    slab = Structure(lattice, ["Mg", "Mg", "O", "O"], positions)
    said = flags(slab)
    assert any(f"a vacuum of {vacuum + 2.105:.1f} Å" in reason for reason in said)
    assert any("Å³/atom (5 to 100 is usual)" in reason for reason in said) == (slab.volume / 4 > 100)
    skewed = slab.copy()
    skewed.make_supercell([[1, 0, 1], [0, 1, 0], [1, 0, 2]])
    assert widest_gap(skewed) == pytest.approx(vacuum + 2.105)


def test_a_real_crystal_has_no_vacuum() -> None:
    skewed = ROCKSALT.copy()
    skewed.make_supercell([[1, 1, 0], [0, 1, 0], [0, 1, 2]])
    for cell in (ROCKSALT, ROCKSALT.get_primitive_structure(), skewed):
        assert widest_gap(cell) == pytest.approx(4.21 / 2)
    assert flags(ROCKSALT) == flags(SILICON) == ()


def test_a_volume_that_real_crystals_rarely_have_is_flagged_not_refused() -> None:
    caesium = Structure(Lattice.cubic(6.14), ["Cs", "Cs"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert any("116 Å³/atom (5 to 100 is usual)" in reason for reason in flags(caesium))


def test_a_crystal_far_from_the_training_data_is_flagged() -> None:
    thin = Structure(Lattice.cubic(4.0), ["Mg"], [[0, 0, 0]])
    assert flags(thin) == ("far from the training crystals (novelty 1.28, up to 1 is near)",)


def test_a_number_that_is_none_is_never_handed_on() -> None:
    class Broken(VolumePredictor):
        def predict(self, structures):  # type: ignore[no-untyped-def]
            said = super().predict(structures)
            gap = said.properties["band_gap"].mean.copy()
            gap[0] = np.nan
            return Predictions({**said.properties, "band_gap": distribution(gap, gap * 0 + 0.5, gap * 0)}, said.novelty)

    answers = predict([SALT, ROCKSALT], Broken())
    assert answers.refusals == ("the predictor gives no finite number for band_gap", None)
    assert np.isnan(answers.properties["formation_energy"].mean[0])
    assert np.isfinite(answers.properties["band_gap"].mean[1])


def test_rows_carry_name_method_source_and_the_same_numbers() -> None:
    given = [Given("salt", SALT), Given("lost", None, "does not parse"), Given("magnesia", to_crystal(ROCKSALT))]
    salt, lost, magnesia = predict_stream(given, VolumePredictor(), chunk=2)
    answers = predict([SALT, ROCKSALT], VolumePredictor())
    for n, row in enumerate((salt, magnesia)):
        assert (row.method, row.source, row.refusal) == ("predicted", "made-up (no training)", None)
        assert row.novelty == answers.novelty[n]
        for name, value in row.values.items():
            found = answers.properties[name]
            assert (value.mean, value.deviation) == (found.mean[n], found.deviation[n])
            assert (value.lower, value.upper, value.unit) == (found.lower[n], found.upper[n], answers.units[name])
    assert (salt.name, salt.formula, salt.n_atoms) == ("salt", "NaCl", 8)
    assert magnesia.values["formation_energy"].zero_probability is None
    assert magnesia.values["band_gap"].zero_probability == pytest.approx(1 / (1 + ROCKSALT.volume / 8))
    assert (lost.name, lost.values, lost.novelty, lost.refusal) == ("lost", {}, None, "does not parse")


def test_a_file_name_that_is_no_text_stops_nothing() -> None:
    (row,) = predict_stream([Given("a\udcff\x1b[2J.cif", SALT)], VolumePredictor())
    assert row.name == "a[2J.cif"


def test_ten_thousand_crystals_are_never_held_together() -> None:
    chunk, alive, most = 64, list[weakref.ref[Structure]](), 0

    def crystals() -> Iterator[Given]:
        nonlocal alive, most
        for n in range(10_000):
            # Most hold an element never seen, which is the quickest to find out.
            structure = Structure(Lattice.cubic(2.9), ["Mg" if n % 8 == 0 else "Fe"], [[0, 0, 0]])
            alive = [known for known in (*alive, weakref.ref(structure)) if known() is not None]
            most = max(most, len(alive))
            yield Given(str(n), structure)
            del structure

    gc.disable()
    try:
        predictor = VolumePredictor()
        names = [row.name for row in predict_stream(crystals(), predictor, chunk=chunk)]
    finally:
        gc.enable()
    assert names == [str(n) for n in range(10_000)]
    assert predictor.asked == [8] * 156 + [2]
    assert most <= chunk + 1


def test_the_first_rows_come_before_the_last_crystal_is_read() -> None:
    read = 0

    def crystals() -> Iterator[Given]:
        nonlocal read
        for read in range(1, 101):
            yield Given(str(read), SALT)

    rows = predict_stream(crystals(), VolumePredictor(), chunk=10)
    next(rows)
    assert read == 10
