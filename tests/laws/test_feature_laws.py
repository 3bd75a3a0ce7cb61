"""Features against hand-made numbers, and the laws they keep: any cell of a crystal has the same ones."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from athanor.memory.records import Candidate, Condition, Point, Provenance
from athanor.tools.crystals.feature import FEATURES, features, meets
from athanor.tools.crystals.structure import to_crystal
from athanor.tools.crystals.subgroup import MIN_MEMBERS, MIN_RATE, MIN_SCORE, discover

CORNERS = [[0, 0, 0], [0.5, 0.5, 0.5]]


def candidate(structure: Structure) -> Candidate:
    return Candidate(content=to_crystal(structure), provenance=Provenance(tool="test"))


@cache
def rocksalt() -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def point(**values: float | str) -> Candidate:
    return Candidate(content=Point(values=values), provenance=Provenance(tool="test"))


def test_features_of_magnesia() -> None:
    found = features(candidate(rocksalt()))
    assert found["elements"] == ("Mg", "O")
    assert found["formula_type"] == ("AB",)
    assert (found["crystal_system"], found["spacegroup"]) == (("cubic",), ("225",))
    assert found["volume_per_atom"] == pytest.approx(4.2**3 / 8)
    assert found["density"] == pytest.approx(rocksalt().density, rel=1e-6)
    assert found["mean_atomic_mass"] == pytest.approx((24.305 + 15.999) / 2, abs=1e-3)
    assert found["electronegativity_range"] == pytest.approx(3.44 - 1.31)
    assert found["valence_electron_density"] == pytest.approx(8 * 4 / 4.2**3)
    assert found.keys() == FEATURES.keys()


@pytest.mark.parametrize(
    ("formula", "electrons"), [("NaCl", 8), ("ZnS", 8), ("GaAs", 8), ("TiO", 10), ("LaN", 8), ("FeHe", 10)]
)
def test_valence_electrons(formula: str, electrons: int) -> None:
    symbols = Structure(Lattice.cubic(5), [formula[:2], formula[2:]], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert features(candidate(symbols))["valence_electrons_per_atom"] == electrons / 2


def test_a_feature_without_a_tabulated_value_is_left_out() -> None:
    argon = Structure(Lattice.cubic(5), ["Ar"], [[0, 0, 0]])
    assert "mean_electronegativity" not in features(candidate(argon))
    condition = Condition(feature="mean_electronegativity", comparison="<=", value=100.0)
    assert not meets(candidate(argon), [condition])


@pytest.mark.parametrize("seed", range(5))
def test_the_choice_of_cell_does_not_matter(seed: int) -> None:
    random = np.random.default_rng(seed)
    structure = Structure(
        Lattice.cubic(4.2).matrix[[1, 2, 0]] / 2 + Lattice.cubic(4.2).matrix / 2, ["Mg", "O"], CORNERS
    )
    other = structure.copy()
    other.translate_sites(list(range(len(other))), random.random(3))
    other = Structure.from_sites([other[int(i)] for i in random.permutation(len(other))])
    other.apply_operation(_rotation(random))
    other.make_supercell(random.permutation([1, 1, 2]))
    one, two = features(candidate(structure)), features(candidate(other))
    for name in one.keys() - {"n_atoms"}:
        if isinstance(one[name], tuple):
            assert one[name] == two[name], name
        else:
            assert one[name] == pytest.approx(two[name]), name


def _rotation(random: np.random.Generator) -> object:
    from pymatgen.core.operations import SymmOp

    return SymmOp.from_axis_angle_and_translation(random.normal(size=3), float(random.uniform(0, 360)))


def test_conditions_on_a_point() -> None:
    here = point(x=2.0, base="KOH")
    assert meets(here, [])
    assert meets(here, [Condition(feature="x", comparison="<=", value=2.0)])
    assert not meets(here, [Condition(feature="x", comparison=">=", value=2.1)])
    assert meets(here, [Condition(feature="base", comparison="any_of", value=("KOH", "NaOH"))])
    assert not meets(here, [Condition(feature="base", comparison="any_of", value=("NaOH",))])
    assert not meets(here, [Condition(feature="absent", comparison=">=", value=0.0)])
    assert not meets(here, [Condition(feature="base", comparison=">=", value=0.0)])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("uvw"), st.booleans()), min_size=1, max_size=60))
def test_subgroups_are_what_they_say(rows: list[tuple[int, str, bool]]) -> None:
    candidates = [point(x=float(x), kind=kind) for x, kind, _ in rows]
    passed = [p for _, _, p in rows]
    for group in discover([features(c) for c in candidates], passed):
        inside = [meets(c, group.conditions) for c in candidates]
        assert inside == list(group.members)
        k, n = sum(p for p, i in zip(passed, inside, strict=True) if i), sum(inside)
        assert group.inside == (k, n)
        assert group.outside == (sum(passed) - k, len(rows) - n)
        assert len(group.conditions) <= 2
        assert n >= MIN_MEMBERS
        assert k / n >= MIN_RATE
        assert len(rows) - n >= MIN_MEMBERS
        assert k / n - group.outside[0] / group.outside[1] > group.score >= MIN_SCORE


def test_a_planted_rule_is_found() -> None:
    random = np.random.default_rng(7)
    rows = [
        point(x=round(float(random.random()), 3), y=float(random.random()), kind=str(random.choice(list("uvwxyz"))))
        for _ in range(300)
    ]
    passed = [c.content.values["kind"] in "uv" and c.content.values["x"] <= 0.5 for c in rows]  # type: ignore[union-attr]
    best = discover([features(c) for c in rows], passed)[0]
    found = {(c.feature, c.comparison): c.value for c in best.conditions}
    assert found[("kind", "any_of")] == ("u", "v")
    assert found[("x", "<=")] == pytest.approx(0.5, abs=0.06)
    assert best.inside[0] / best.inside[1] > 0.9
