"""The hull against one made by hand, and the shipped table against what is known of it."""

from __future__ import annotations

import gzip
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition, Lattice, Structure

from athanor.memory.errors import TerminalError
from athanor.tools.crystals.hull import Phase, PhaseTable, References, known_phases, shipped_references
from athanor.tools.crystals.symmetry import Symmetry, symmetry_of


def phase(name: str, formula: str, energy: float, group: int = 225) -> Phase:
    return Phase(name, formula, group, "a_b", 2, {"sevennet": energy})


# A (0), AB (-1.0), A3B (-0.4), B (0): A3B lies 0.1 above the line from A to AB, which is at -0.5 there.
TABLE = PhaseTable([phase("m-1", "MgO", -1.0), phase("m-2", "Mg3O", -0.4), phase("m-3", "Mg", -0.7)])


@pytest.mark.parametrize(
    ("formula", "energy", "above", "shares"),
    [
        ("Mg3O", -0.4, 0.1, {"Mg": 0.5, "MgO": 0.5}),
        ("Mg3O", -0.55, -0.05, {"Mg": 0.5, "MgO": 0.5}),
        ("MgO", -1.0, 0.0, {"MgO": 1.0}),
        ("Mg2O2", -0.9, 0.1, {"MgO": 1.0}),
        ("MgO3", 0.0, 0.5, {"MgO": 0.5, "O2": 0.5}),
        ("Mg", 0.02, 0.02, {"Mg": 1.0}),
    ],
)
def test_hull_made_by_hand(formula: str, energy: float, above: float, shares: dict[str, float]) -> None:
    distance = TABLE.energy_above_hull(formula, energy, "sevennet")
    assert distance.energy == pytest.approx(above)
    assert distance.decomposition == pytest.approx(shares)


def test_a_system_without_known_compounds_is_measured_against_its_elements() -> None:
    distance = TABLE.energy_above_hull("FeCo", -0.2, "sevennet")
    assert distance.energy == pytest.approx(-0.2)
    assert distance.decomposition == pytest.approx({"Fe": 0.5, "Co": 0.5})


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(TerminalError, match="'mace'; allowed: sevennet"):
        TABLE.energy_above_hull("MgO", -1.0, "mace")


def test_mirror_images_are_one_phase() -> None:
    table = PhaseTable([phase("left", "SiO2", -3.0, group=154)])
    assert table.known_as("Si3O6", Symmetry(152, "a_b", "hP9")) == "left"
    assert table.known_as("SiO2", Symmetry(155, "a_b", "hP9")) is None


@given(st.floats(-3, 0), st.floats(0.01, 1))
def test_the_distance_grows_with_the_energy(energy: float, more: float) -> None:
    low = TABLE.energy_above_hull("Mg3O", energy, "sevennet").energy
    assert TABLE.energy_above_hull("Mg3O", energy + more, "sevennet").energy == pytest.approx(low + more)


def test_references_name_the_element_they_lack() -> None:
    references = References({"Mg": -1.5}, "references of nothing")
    assert references.formation_energy(Composition("Mg2"), -4.0) == pytest.approx(-0.5)
    with pytest.raises(TerminalError, match=r"no reference energy for O \(references of nothing\)"):
        references.formation_energy(Composition("MgO"), -5.0)


def test_shipped_table_knows_rock_salt_in_any_cell() -> None:
    structure = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert known_phases().known_as("MgO", symmetry_of(structure)) is not None
    shifted = structure.copy()
    shifted.translate_sites(list(range(len(shifted))), [0.25, 0.1, 0.3])
    assert (
        symmetry_of(shifted) == symmetry_of(structure.get_primitive_structure()) == symmetry_of(structure * (2, 1, 1))
    )
    # Rock salt of carbon and xenon is not known.
    assert known_phases().known_as("XeC", symmetry_of(structure)) is None


def test_shipped_table_is_stable_against_itself() -> None:
    """No known phase lies below the hull of its own column, and each column has both signs of formation energy."""
    table = known_phases()
    for column in ("sevennet", "chgnet"):
        for known in table.phases[:: len(table.phases) // 100]:
            if len(Composition(known.formula).elements) > 1:
                distance = table.energy_above_hull(known.formula, known.energies[column], column)
                assert distance.energy >= -1e-9, known
        energies = [known.energies[column] for known in table.phases]
        assert min(energies) < -3
        assert max(energies) > 0


def test_shipped_table_says_where_it_is_from_and_stays_small() -> None:
    packed = files("athanor.tools").joinpath("reference/known_phases.csv.gz").read_bytes()
    assert len(packed) < 6e6
    header = gzip.decompress(packed).decode().split("\nformula,")[0]
    for words in ("Materials Project", "CC BY 4.0", "MP-20", "AFLOW", "sevenn 0.", "chgnet 0."):
        assert words in header


@pytest.mark.parametrize("name", ["chgnet", "sevennet", "sevennet-l3i5"])
def test_shipped_references_cover_common_elements(name: str) -> None:
    energies = shipped_references()[name].energies
    assert {"H", "B", "C", "N", "O", "Mg", "Al", "Si", "Ti", "Cu", "Zn", "Zr", "Ba"} <= set(energies)
    # PBE energies of the elements, which every potential of the three was trained on.
    for symbol, expected in {"Si": -5.42, "Mg": -1.6, "O": -4.95, "Cu": -4.1, "Ti": -7.9}.items():
        assert energies[symbol] == pytest.approx(expected, abs=0.12), symbol
