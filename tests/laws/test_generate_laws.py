"""Laws of the generate tool: reproducible, rule-abiding, and never the same crystal twice."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymatgen.core import Structure

from athanor.memory.records import Candidate, Crystal, Provenance
from athanor.tools.crystals.cell import primitive_crystal
from athanor.tools.crystals.structure import to_crystal, to_structure
from athanor.tools.generators.charge import is_balanced
from athanor.tools.generators.duplicate import Seen, reduced_formula, same_crystal
from athanor.tools.generators.generate import Wish, generate, generators_for
from athanor.tools.generators.screen import broken_rule
from athanor.tools.space import CrystalSpace

SPACE = CrystalSpace(elements=("Mg", "Si", "O", "B", "C", "Ti", "Al", "N"), n_elements=(2, 3), max_atoms=8)
SYMBOLS = ("H", "Li", "B", "C", "N", "O", "F", "Mg", "Al", "Si", "S", "Ca", "Ti", "Fe", "Zr", "W", "Bi")


def as_candidate(crystal: Crystal) -> Candidate:
    return Candidate(content=crystal, provenance=Provenance(tool="test"))


def wished(n: int, seed: int, **more) -> tuple[Candidate, ...]:
    return generate(Wish(n, seed, **more), generators_for(SPACE), SPACE).candidates


@st.composite
def spaces(draw):
    elements = draw(st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=8, unique=True))
    low = draw(st.integers(1, min(3, len(elements))))
    high = draw(st.integers(low, 4))
    required = draw(st.lists(st.sampled_from(elements), max_size=2, unique=True))
    return CrystalSpace(
        elements=tuple(elements), required=tuple(required), n_elements=(low, high), max_atoms=draw(st.integers(1, 10))
    )


def test_same_wish_same_candidates_with_provenance():
    first, again = wished(30, 5), wished(30, 5)
    assert [c.model_dump() for c in first] == [c.model_dump() for c in again]
    assert [c.id for c in first] != [c.id for c in wished(30, 6)]
    for candidate in first:
        assert candidate.provenance.tool in {"generate/substitute", "generate/decorate"}
        assert candidate.provenance.parents
        assert candidate.provenance.seed == 5
        assert candidate.provenance.note


def test_no_global_random_numbers_are_drawn():
    np.random.seed(1)  # noqa: NPY002 - the global state is what is watched here
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    wished(10, 0)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_a_longer_wish_begins_with_the_shorter_one():
    assert [c.id for c in wished(30, 5)][:10] == [c.id for c in wished(10, 5)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(space=spaces(), seed=st.integers(0, 2**32 - 1))
def test_no_candidate_breaks_a_rule_of_its_space(space, seed):
    result = generate(Wish(6, seed), generators_for(space), space)
    for candidate in result.candidates:
        symbols = set(candidate.content.species)
        assert symbols <= set(space.elements)
        assert not space.required or symbols & set(space.required)
        assert space.n_elements[0] <= len(symbols) <= space.n_elements[1]
        assert len(candidate.content.species) <= space.max_atoms
        assert broken_rule(candidate.content, space) is None
        assert len(primitive_crystal(candidate.content).species) == len(candidate.content.species)
    assert sum(result.made.values()) == len(result.candidates) + sum(result.rejected.values())


def test_what_is_excluded_never_comes_back():
    first = wished(40, 0)
    second = wished(40, 0, exclude=first)
    assert not {c.id for c in first} & {c.id for c in second}
    for candidate in second:
        rivals = [c for c in first if reduced_formula(c.content) == reduced_formula(candidate.content)]
        assert not any(same_crystal(candidate.content, rival.content) for rival in rivals)


def copies(crystal: Crystal, random: np.random.Generator) -> dict[str, Crystal]:
    """The same crystal written down otherwise."""
    structure = to_structure(crystal)
    shifted = structure.copy()
    shifted.translate_sites(range(len(shifted)), random.random(3), frac_coords=True)
    order = random.permutation(len(structure))
    return {
        "supercell": to_crystal(structure * (2, 1, 1)),
        "permuted": to_crystal(Structure.from_sites([structure[int(i)] for i in order])),
        "shifted": to_crystal(shifted),
        "swollen": to_crystal(structure.copy().scale_lattice(structure.volume * 1.06) or structure),
    }


@pytest.mark.parametrize("kind", ["supercell", "permuted", "shifted", "swollen"])
def test_copies_of_what_is_excluded_never_come_back(kind):
    first = wished(12, 2)
    random = np.random.default_rng(0)
    others = [as_candidate(copies(c.content, random)[kind]) for c in first]
    seen = Seen(others)
    assert all(seen.holds(candidate) for candidate in first)
    assert not {c.id for c in wished(12, 2, exclude=others)} & {c.id for c in first}


def test_one_yield_holds_no_crystal_twice():
    candidates = wished(60, 9)
    for index, one in enumerate(candidates):
        for other in candidates[:index]:
            if reduced_formula(one.content) == reduced_formula(other.content):
                assert not same_crystal(one.content, other.content)


@given(
    counts=st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 4), min_size=1, max_size=4),
    factor=st.integers(2, 3),
)
def test_charge_balance_does_not_depend_on_order_and_survives_more_formula_units(counts, factor):
    balanced = is_balanced(counts.items())
    assert is_balanced(list(reversed(counts.items()))) == balanced
    if balanced:
        assert is_balanced([(symbol, n * factor) for symbol, n in counts.items()])
