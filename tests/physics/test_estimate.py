"""Estimates by the fast potential against its own published values, and what it must refuse."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from athanor.memory.records import Candidate, Crystal, Point, Provenance
from athanor.tools.acquisition.estimate import estimate
from athanor.tools.crystals.structure import to_crystal


def candidate(structure: Structure) -> Candidate:
    return Candidate(content=to_crystal(structure), provenance=Provenance(tool="test"))


def cubic(group: str, a: float, *sites: tuple[str, tuple[float, float, float]]) -> Candidate:
    names, places = zip(*sites, strict=True)
    structure = Structure.from_spacegroup(group, Lattice.cubic(a), names, places)
    return candidate(structure.get_primitive_structure())


@pytest.fixture(scope="module")
def magnesia() -> Candidate:
    return cubic("Fm-3m", 4.0, ("Mg", (0, 0, 0)), ("O", (0.5, 0.5, 0.5)))


@pytest.mark.parametrize(
    ("crystal", "modulus", "density"),
    [
        (cubic("Fd-3m", 3.45, ("C", (0, 0, 0))), 427, 3.51),
        (cubic("Fd-3m", 5.7, ("Si", (0, 0, 0))), 78, 2.28),
        (cubic("Fm-3m", 4.0, ("Mg", (0, 0, 0)), ("O", (0.5, 0.5, 0.5))), 133, 3.48),
        (cubic("Fm-3m", 3.75, ("Cu", (0, 0, 0))), 156, 8.92),
    ],
    ids=["diamond", "silicon", "magnesia", "copper"],
)
def test_modulus_and_density_from_a_wrong_volume(crystal: Candidate, modulus: float, density: float) -> None:
    # GPa and g/cm³ that CHGNet 0.3.0 gives in a 13-point equation of state.
    values = estimate(crystal).values
    assert values["bulk_modulus"] == pytest.approx(modulus, rel=0.1)
    assert values["density"] == pytest.approx(density, rel=0.01)


def test_stability_of_a_known_phase(magnesia: Candidate) -> None:
    values = estimate(magnesia).values
    assert values["formation_energy"] == pytest.approx(-3.05, abs=0.1)
    assert values["energy_above_hull"] == pytest.approx(0, abs=0.03)


def test_start_volume_and_supercell_change_nothing(magnesia: Candidate) -> None:
    assert isinstance(magnesia.content, Crystal)
    structure = Structure(magnesia.content.lattice, magnesia.content.species, magnesia.content.coordinates)
    wanted = estimate(magnesia)
    assert wanted.embedding is not None
    assert wanted.embedding.shape == (64,)
    for other in (structure.make_supercell([2, 1, 1], in_place=False), structure.copy().apply_strain(0.02)):
        found = estimate(candidate(other))
        assert found.embedding is not None
        np.testing.assert_allclose(found.embedding, wanted.embedding, atol=0.02 * np.abs(wanted.embedding).max())
        assert found.values["density"] == pytest.approx(wanted.values["density"], rel=5e-3)
        assert found.values["formation_energy"] == pytest.approx(wanted.values["formation_energy"], abs=2e-3)


def test_every_number_says_that_it_is_predicted_and_by_what(magnesia: Candidate) -> None:
    for measurement in estimate(magnesia).measurements:
        assert measurement.method == "predicted"
        assert "CHGNet 0.3.0" in measurement.source


def test_same_content_is_computed_once(magnesia: Candidate) -> None:
    again = magnesia.model_copy(update={"provenance": Provenance(tool="another")})
    assert estimate(again) is estimate(magnesia)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (candidate(Structure(Lattice.cubic(3.3), ["Po"], [[0, 0, 0]])), "Po"),
        (candidate(Structure(Lattice.cubic(9.0), ["C"], [[0, 0, 0]])), "Å³/atom"),
        (candidate(Structure(Lattice.cubic(0.5), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])), "Å³/atom"),
        (candidate(Structure(Lattice.cubic(4.0), ["Na", "Cl"], [[0, 0, 0], [0.1, 0, 0]])), "apart"),
        (Candidate(content=Point(values={"x": 1.0}), provenance=Provenance(tool="test")), "crystals"),
    ],
    ids=["element", "thin", "dense", "overlap", "point"],
)
def test_refusals_have_a_reason(bad: Candidate, reason: str) -> None:
    answer = estimate(bad)
    assert answer.embedding is None
    assert answer.measurements == ()
    assert answer.refusal is not None
    assert reason in answer.refusal
