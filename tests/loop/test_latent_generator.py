"""Candidates from latent space: they keep the rules of the space, follow from the wish, and say whence they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import islice

import made_up_latent_model
import numpy as np
import pytest
from made_up_latent_model import CRYSTALS, MadeUpLatentModel

from athanor.memory.errors import UserError
from athanor.memory.records import Candidate, Crystal, Provenance
from athanor.models.vae.latent_model import Decoded
from athanor.models.vae.wish import DecodingWish
from athanor.models.wyckoff.expand import expand
from athanor.models.wyckoff.wyckoff_crystal import WyckoffCrystal
from athanor.tools.crystals.structure import to_crystal
from athanor.tools.crystals.wyckoff import from_wyckoff
from athanor.tools.generators.generate import Wish, generate
from athanor.tools.generators.latent import BATCH, Decode
from athanor.tools.space import CrystalSpace

SPACE = CrystalSpace(elements=("Na", "Cl", "Mg", "Ca", "O", "Ti", "C", "Sr", "Zn", "S", "Fe"), n_elements=(2, 3))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model has eight crystals, and asks for their atoms at each of thousands of points."""
    monkeypatch.setattr(made_up_latent_model, "expand", cache(expand))


class Watched(MadeUpLatentModel):
    """Counts what is decoded, and keeps the wishes."""

    def __init__(self) -> None:
        self.decoded = 0
        self.wishes: list[DecodingWish] = []

    def decode(
        self, points: np.ndarray, wish: DecodingWish, temperature: float = 0.0, seed: int = 0
    ) -> tuple[Decoded, ...]:
        self.decoded += len(points)
        self.wishes.append(wish)
        return super().decode(points, wish, temperature, seed)


def candidate(number: int) -> Candidate:
    """A crystal that the model knows."""
    return Candidate(content=to_crystal(from_wyckoff(CRYSTALS[number])), provenance=Provenance(tool="test"))


def made(wish: Wish, n: int = 96, space: CrystalSpace = SPACE) -> list[Candidate]:
    return list(islice(Decode(space, MadeUpLatentModel()).generate(wish), n))


def crystals(candidates: Sequence[Candidate]) -> list[Crystal]:
    return [c.content for c in candidates if isinstance(c.content, Crystal)]


@pytest.mark.parametrize(
    "space",
    [
        SPACE,
        SPACE.model_copy(update={"required": ("O", "C")}),
        SPACE.model_copy(update={"n_elements": (3, 3)}),
        SPACE.model_copy(update={"max_atoms": 2}),
        CrystalSpace(elements=("Si", "Sr", "Ti", "O"), n_elements=(1, 2)),
    ],
    ids=["all", "required", "ternary", "small", "few"],
)
def test_raw_candidates_keep_the_rules_of_the_space(space: CrystalSpace) -> None:
    found = crystals(made(Wish(1, 3, parents=(candidate(1), candidate(7))), space=space))
    assert len(found) == 96
    for crystal in found:
        symbols = set(crystal.species)
        assert symbols <= set(space.elements)
        assert not space.required or symbols & set(space.required)
        assert space.n_elements[0] <= len(symbols) <= space.n_elements[1]
        assert len(crystal.species) <= space.max_atoms


def test_each_required_element_is_wished_for_and_no_element_beyond_the_space() -> None:
    model = Watched()
    space = SPACE.model_copy(update={"required": ("O", "C", "S"), "max_atoms": 50})
    list(islice(Decode(space, model).generate(Wish(1, 0)), BATCH))
    assert {wish.with_all for wish in model.wishes} == {frozenset({symbol}) for symbol in ("O", "C", "S")}
    for wish in model.wishes:
        assert wish.only == set(SPACE.elements) - {"Fe"}
        assert wish.atoms == (1, 20)


def test_the_same_wish_gives_the_same_candidates() -> None:
    told = tuple((candidate(number), float(number)) for number in (1, 2, 3, 7))
    wish = Wish(1, 5, parents=(candidate(1),), told=told)
    first, again = made(wish), made(wish)
    assert [c.model_dump() for c in first] == [c.model_dump() for c in again]
    assert [c.id for c in first] != [c.id for c in made(replace(wish, seed=6))]
    assert {c.provenance.seed for c in first} == {5}
    assert {c.provenance.tool for c in first} == {"generate/vae"}
    assert {c.provenance.version for c in first} == {MadeUpLatentModel.name}


def test_nothing_is_decoded_before_it_is_asked_for_and_then_a_batch() -> None:
    model = Watched()
    source = Decode(SPACE, model).generate(Wish(1, 0))
    assert model.decoded == 0
    next(source)
    assert model.decoded == BATCH
    list(islice(source, BATCH))
    assert model.decoded == 2 * BATCH


def test_without_parents_all_is_sampled_and_with_them_half_is_varied() -> None:
    assert {c.provenance.note for c in made(Wish(1, 0))} == {"sampled"}
    oxide, perovskite = candidate(1), candidate(7)
    varied = made(Wish(1, 0, parents=(oxide, perovskite)))
    notes = Counter(c.provenance.note for c in varied)
    assert notes["sampled"] == 48
    assert notes["around MgO"] + notes["around SrTiO3"] == 48
    assert min(notes.values()) > 5
    ids = {"around MgO": (oxide.id,), "around SrTiO3": (perovskite.id,), "sampled": ()}
    assert all(c.provenance.parents == ids[c.provenance.note] for c in varied)


def test_near_a_parent_its_neighbours_are_found() -> None:
    varied = [c for c in made(Wish(1, 0, parents=(candidate(7),)), n=48) if c.provenance.parents]
    share = np.mean([set(crystal.species) == {"Sr", "Ti", "O"} for crystal in crystals(varied)])
    assert share > 0.9
    sampled = crystals(made(Wish(1, 0), n=48))
    assert np.mean([set(crystal.species) == {"Sr", "Ti", "O"} for crystal in sampled]) < 0.5


def test_parents_that_the_model_cannot_know_are_passed_over() -> None:
    iron = Crystal(lattice=((2.5, 0, 0), (0, 2.5, 0), (0, 0, 2.5)), species=("Fe",), coordinates=((0.0, 0.0, 0.0),))
    stranger = Candidate(content=iron, provenance=Provenance(tool="test"))
    assert [c.model_dump() for c in made(Wish(1, 0, parents=(stranger,)))] == [c.model_dump() for c in made(Wish(1, 0))]


def test_the_search_is_told_of_scores_and_goes_where_they_are_high() -> None:
    scores = dict.fromkeys((0, 1, 2, 3, 4), -10.0) | {7: 5.0}
    told = tuple((candidate(number), score) for number, score in scores.items())
    found = made(Wish(1, 0, told=told))
    sought = [c for c in found if c.provenance.note.startswith("sought from SrTiO3 in a trust region of length ")]
    assert len(sought) == 48
    assert all(c.provenance.parents == (candidate(7).id,) for c in sought)
    share = np.mean([set(crystal.species) == {"Sr", "Ti", "O"} for crystal in crystals(sought)])
    sampled = [c for c in found if c.provenance.note == "sampled"]
    assert share > 2 * np.mean([set(crystal.species) == {"Sr", "Ti", "O"} for crystal in crystals(sampled)])
    assert not any(c.provenance.note.startswith("sought") for c in made(Wish(1, 0, told=told[:3])))


def test_a_wish_that_nothing_decodes_to_ends() -> None:
    model = Watched()
    space = CrystalSpace(elements=("Na", "Mg"), n_elements=(2, 2))
    assert list(Decode(space, model).generate(Wish(1, 0))) == []
    assert model.decoded == 5 * BATCH


def test_the_generate_tool_keeps_each_crystal_once_and_ends() -> None:
    result = generate(Wish(50, 0, exclude=(candidate(0),)), (Decode(SPACE, MadeUpLatentModel()),), SPACE)
    formulas = sorted("".join(sorted(crystal.species)) for crystal in crystals(result.candidates))
    assert formulas == ["CTi", "CaO", "MgO", "OOOSrTi", "OOZnZn", "SZn"]
    assert result.made["vae"] == len(result.candidates) + sum(result.rejected.values())


@pytest.mark.parametrize(
    ("space", "told"),
    [
        (CrystalSpace(elements=("Fe", "W", "O"), n_elements=(2, 3)), "vae has learnt O of the space's elements"),
        (CrystalSpace(elements=("Fe", "Mg", "O"), required=("Fe",)), r"none of the required elements \(Fe\)"),
    ],
)
def test_a_space_that_the_model_does_not_know_is_refused(space: CrystalSpace, told: str) -> None:
    with pytest.raises(UserError, match=told):
        Decode(space, MadeUpLatentModel())


def test_lessons_are_learnt_once_before_anything_is_decoded_and_strangers_left_out() -> None:
    taught: list[list[WyckoffCrystal]] = []

    class Learning(MadeUpLatentModel):
        def tuned(self, crystals: Sequence[WyckoffCrystal], seed: int) -> MadeUpLatentModel:
            taught.append(list(crystals))
            return super().tuned(crystals, seed)

    iron = Crystal(lattice=((2.5, 0, 0), (0, 2.5, 0), (0, 0, 2.5)), species=("Fe",), coordinates=((0.0, 0.0, 0.0),))
    stranger = Candidate(content=iron, provenance=Provenance(tool="test"))
    source = Decode(SPACE, Learning())
    for _ in range(2):
        found = next(source.generate(Wish(1, 0, lessons=(candidate(7), stranger, candidate(1)))))
        assert found.provenance.version == "made-up latent model 1, tuned on 2 more"
    assert [[crystal.template for crystal in one] for one in taught] == [[CRYSTALS[7].template, CRYSTALS[1].template]]
    assert next(source.generate(Wish(1, 0, lessons=(stranger,)))).provenance.version == MadeUpLatentModel.name
