"""Textbook cases of the generators: what must be reachable, with the volume it must have."""

from itertools import islice

import numpy as np
import pytest
from pymatgen.analysis.prototypes import AFLOW_PROTOTYPE_LIBRARY
from pymatgen.core import Lattice, Structure
from pymatgen.core.structure_prediction.volume_predictor import DLSVolumePredictor, bond_params

from athanor.memory.errors import UserError
from athanor.memory.records import Candidate, Crystal, Provenance
from athanor.tools.crystals.cell import shortest_distances
from athanor.tools.crystals.structure import to_crystal, to_structure
from athanor.tools.crystals.symmetry import symmetry_of
from athanor.tools.generators.charge import is_balanced
from athanor.tools.generators.decorate import Decorate
from athanor.tools.generators.generate import Wish, generate, generators_for
from athanor.tools.generators.prototype import aflow_prototypes, recast
from athanor.tools.generators.substitute import Substitute, likely
from athanor.tools.generators.volume import tightness
from athanor.tools.space import CrystalSpace

ROCKSALT = "NaCl halite, rock salt (AFLOW AB_cF8_225_a_b)"


def prototype(name: str):
    return next(parent for parent in aflow_prototypes(12) if parent.name == name)


def formulas(candidates) -> set[str]:
    return {to_structure(c.content).composition.reduced_formula for c in candidates}


def made_by(generator, wish: Wish, parent: str) -> list[Candidate]:
    return [c for c in islice(generator.generate(wish), 800) if parent in c.provenance.parents]


def test_prototypes_are_those_of_the_public_library():
    small = [e["snl"].structure for e in AFLOW_PROTOTYPE_LIBRARY if len(e["snl"].structure) <= 12]
    parents = aflow_prototypes(12)
    assert len(parents) == len(small)
    assert sorted(to_structure(p.crystal).composition.reduced_formula for p in parents) == sorted(
        s.composition.reduced_formula for s in small
    )
    assert np.allclose([p.volume / len(p.species) for p in parents], [s.volume / len(s) for s in small], rtol=2e-3)


def test_rocksalt_leads_to_magnesia_and_potassium_chloride():
    found = made_by(Substitute(CrystalSpace(elements=("Mg", "O", "K", "Cl"), n_elements=(2, 2))), Wish(1, 0), ROCKSALT)
    assert {"MgO", "KCl"} <= formulas(found)


def test_aliovalent_substitution_keeps_charges_balanced():
    pairs = {tuple(new for _, new in s) for s, _ in likely(("Na", "Cl"), ("Mg", "O", "K", "Cl"))}
    assert ("Mg", "O") in pairs or ("O", "Mg") in pairs
    assert ("Mg", "Cl") not in pairs
    assert ("Cl", "Mg") not in pairs


@pytest.mark.parametrize(
    ("elements", "formula", "spacegroup"),
    [
        (("Ti", "B"), "TiB2", 191),
        (("Si", "C"), "SiC", 216),
        (("B", "N"), "BN", 216),
        (("Ti", "C"), "TiC", 225),
        (("Fe", "Al"), "AlFe", 221),
        (("W", "C"), "WC", 187),
    ],
)
def test_substitution_reaches_hard_compounds(elements, formula, spacegroup):
    space = CrystalSpace(elements=elements, n_elements=(2, 2), max_atoms=8)
    found = {
        (to_structure(c.content).composition.reduced_formula, symmetry_of(to_structure(c.content)).spacegroup)
        for c in Substitute(space).generate(Wish(1, 0))
    }
    assert (formula, spacegroup) in found


def test_decorated_rocksalt_is_magnesia_of_the_right_volume():
    found = [
        to_structure(c.content)
        for c in made_by(Decorate(CrystalSpace(elements=("Mg", "O"), n_elements=(2, 2))), Wish(1, 0), ROCKSALT)
    ]
    assert found
    assert {s.composition.reduced_formula for s in found} == {"MgO"}
    experiment = 4.212**3 / 8  # Å³/atom, Wyckoff 1963
    assert found[0].volume / len(found[0]) == pytest.approx(experiment, rel=0.10)


@pytest.mark.parametrize(
    ("parent", "species", "edge"),
    [
        (ROCKSALT, {"Na": "Ti", "Cl": "C"}, 4.328),
        (ROCKSALT, {"Na": "K", "Cl": "Cl"}, 6.293),
        ("ZnS zincblende, sphalerite (AFLOW AB_cF8_216_c_a)", {"Zn": "Si", "S": "C"}, 4.360),
        ("C diamond (AFLOW A_cF8_227_a)", {"C": "C"}, 3.567),
        ("ZnS zincblende, sphalerite (AFLOW AB_cF8_216_c_a)", {"Zn": "B", "S": "N"}, 3.616),
    ],
)
def test_lattice_constants_of_textbook_crystals(parent, species, edge):
    crystal = recast(prototype(parent), [species[s] for s in prototype(parent).species])
    per_atom = to_structure(crystal).volume / len(crystal.species)
    assert (8 * per_atom) ** (1 / 3) == pytest.approx(edge, rel=0.05)  # 8 atoms in each of these cubic cells


def test_tightest_bond_rule_is_that_of_pymatgen():
    for parent in [p for p in aflow_prototypes(6) if bond_params.keys() >= set(p.species)]:
        structure = to_structure(parent.crystal)
        expected = DLSVolumePredictor(min_scaling=None, max_scaling=None).predict(structure)
        ours = structure.volume * tightness(parent.species, parent.distances) ** 3
        assert ours == pytest.approx(expected, rel=1e-6)


def test_shortest_distances_count_periodic_images():
    copper = Structure(Lattice.cubic(3.61), ["Cu"], [[0, 0, 0]])
    assert shortest_distances(copper)[0, 0] == pytest.approx(3.61)


@pytest.mark.parametrize(
    ("counts", "balanced"),
    [
        ({"Na": 1, "Cl": 1}, True),
        ({"Na": 1, "Cl": 2}, False),
        ({"Fe": 3, "O": 4}, True),
        ({"Mg": 1, "O": 2}, False),
        ({"Ti": 1, "B": 2}, True),
        ({"Cu": 3, "Au": 1}, True),
        ({"O": 2}, True),
        ({"Ca": 1, "Ti": 1, "O": 3}, True),
        ({"Ca": 1, "Mg": 1, "O": 1}, False),
    ],
)
def test_charge_balance_of_textbook_compositions(counts, balanced):
    assert is_balanced(counts.items()) is balanced


def test_the_best_so_far_are_parents():
    spinel_like = Structure.from_spacegroup(
        221, Lattice.cubic(3.905), ["Sr", "Ti", "O"], [[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0]]
    )
    best = Candidate(content=to_crystal(spinel_like), provenance=Provenance(tool="test"))
    space = CrystalSpace(elements=("Ca", "Zr", "O", "Sr", "Ti"), n_elements=(3, 3), max_atoms=5)
    first = list(islice(Substitute(space).generate(Wish(1, 0, parents=(best,))), 10))
    assert sum(best.id in c.provenance.parents for c in first) >= 2
    assert all(c.provenance.version.startswith("pymatgen ") for c in first)


def test_a_users_crystals_are_parents(tmp_path):
    cell = Structure.from_spacegroup(225, Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.5] * 3])
    cell.to(filename=str(tmp_path / "periclase.cif"))
    space = CrystalSpace(elements=("Ca", "S"), n_elements=(2, 2), max_atoms=2, seeds=(tmp_path,))
    found = [c for c in Substitute(space).generate(Wish(1, 0)) if "periclase.cif" in c.provenance.parents]
    assert "Mg→Ca, O→S in periclase.cif" in {c.provenance.note for c in found}


def test_seeds_too_large_for_the_space_are_refused(tmp_path):
    cell = Structure.from_spacegroup(225, Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.5] * 3])
    cell.to(filename=str(tmp_path / "periclase.cif"))
    with pytest.raises(UserError, match="none of 1 crystals has at most 1 atoms"):
        generators_for(CrystalSpace(elements=("Ca", "S"), max_atoms=1, seeds=(tmp_path,)))


def test_an_element_of_unknown_size_is_refused():
    with pytest.raises(UserError, match="He"):
        generators_for(CrystalSpace(elements=("He", "Mg")))


def test_yield_counts_add_up():
    space = CrystalSpace(elements=("Mg", "Si", "O", "B", "Ti"), n_elements=(2, 3), max_atoms=10)
    result = generate(Wish(40, 3), generators_for(space), space)
    assert len(result.candidates) == 40 == sum(result.kept.values())
    assert sum(result.made.values()) == 40 + sum(result.rejected.values())
    assert min(result.kept.values()) >= 10


def test_an_exhausted_space_ends():
    space = CrystalSpace(elements=("C",), n_elements=(1, 1), max_atoms=2)
    result = generate(Wish(1000, 0), generators_for(space), space)
    assert 3 < len(result.candidates) < 40
    assert all(isinstance(c.content, Crystal) for c in result.candidates)
