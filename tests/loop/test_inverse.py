"""Inverse design against models without networks: steering, ways between crystals, variations, search, and errors."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from binary_latent_model import BinaryLatentModel
from made_up_latent_model import CRYSTALS, MadeUpLatentModel
from pymatgen.core import Lattice, Structure

from athanor.models.vae.latent_model import SAMPLED, Decoded, Latent
from athanor.models.vae.wish import DecodingWish
from athanor.models.wyckoff.wyckoff_crystal import Orbit, WyckoffCrystal
from athanor.tools.crystals.structure import to_structure
from athanor.tools.crystals.wyckoff import from_wyckoff, to_wyckoff
from athanor.tools.generators.duplicate import Seen, reduced_formula
from athanor.tools.inverse.aims import parse_aim
from athanor.tools.inverse.interpolate import interpolate, straight_way
from athanor.tools.inverse.judges import Judge, predictor_judge
from athanor.tools.inverse.known import known
from athanor.tools.inverse.optimise import optimise
from athanor.tools.inverse.sample import sample
from athanor.tools.inverse.screen_decoded import Sound, screen
from athanor.tools.inverse.search import LEAST, ask, begun, tell
from athanor.tools.inverse.steer import led_points
from athanor.tools.inverse.survey import survey
from athanor.tools.inverse.vary import vary

BINARY, MADE_UP = BinaryLatentModel(), MadeUpLatentModel()
ANYTHING = DecodingWish()
SALT, LIME = CRYSTALS[0], CRYSTALS[2]


def gap(structures: Sequence[Structure]) -> dict[str, np.ndarray]:
    """A judge who sees in every crystal the opposite of what the model expects of it."""
    points = BINARY.encode([to_wyckoff(one) for one in structures]).mean
    return {"band_gap": 2.0 - points[:, 1]}


CONTRARY = Judge("contrary", gap)


def test_points_are_led_to_what_is_wanted_and_stay_apart() -> None:
    ground = survey(BINARY, 0)
    aim = parse_aim("band_gap=3.5+-0.1", BINARY.targets)
    wish = DecodingWish(only=frozenset({"Na", "K", "Cl", "F"}))
    led = next(led_points(BINARY, wish, [aim], ground, 0))
    free = BINARY.sample(len(led), 1)
    share = {
        name: float((np.abs(BINARY.properties(some)["band_gap"] - 3.5) <= 0.1).mean())
        for name, some in (("led", led), ("free", free))
    }
    assert share["led"] > 0.9
    assert share["free"] < 0.1
    assert BINARY.promise(led, wish).mean() > BINARY.promise(free, wish).mean()
    assert (BINARY.log_density(led) >= ground.floor).all()
    assert len(np.unique(led, axis=0)) == len(led) > 300
    assert led[:, 0].std() > 0.3  # what is not asked for is not narrowed


def test_points_for_nothing_in_particular_are_those_of_the_prior() -> None:
    led = next(led_points(BINARY, ANYTHING, (), survey(BINARY, 0), 0))
    assert np.abs(led.mean(axis=0)).max() < 0.2
    assert np.abs(led.std(axis=0) - 1).max() < 0.2


def test_the_true_symmetry_is_what_counts() -> None:
    """A declared P1 cell of rock salt is rock salt, and a wish for P1 is not kept by it."""
    orbits = tuple(Orbit("a", e, tuple(x)) for e, x in (("Mg", (0.0, 0.0, 0.0)), ("O", (0.5, 0.5, 0.5))))
    edge = 4.21 / np.sqrt(2)
    declared = WyckoffCrystal(1, orbits, (edge, edge, edge, 60.0, 60.0, 60.0))
    sound = screen(Decoded(declared))
    assert isinstance(sound, Sound)
    assert sound.wyckoff.template == "225:ab"

    class Declares(BinaryLatentModel):
        def decode(self, points: np.ndarray, *rest: object) -> tuple[Decoded, ...]:
            return tuple(Decoded(declared) for _ in points)

    outcome = sample(Declares(), DecodingWish(spacegroups=frozenset({1})), (), 2, 0, tries=2)
    assert (outcome.made, outcome.faults, outcome.validity) == ((), {"wish spacegroups": 4}, 1.0)


@pytest.mark.parametrize(
    ("crystal", "fault"),
    [
        (WyckoffCrystal(225, (Orbit("a", "Na"), Orbit("b", "Cl")), (2.0, 2.0, 2.0, 90.0, 90.0, 90.0)), "volume"),
        (WyckoffCrystal(225, (Orbit("a", "K"), Orbit("b", "Cl")), (3.5, 3.5, 3.5, 90.0, 90.0, 90.0)), "overlap"),
        (WyckoffCrystal(221, (Orbit("a", "Cs"),), (6.5, 6.5, 6.5, 90.0, 90.0, 90.0)), "volume"),
        (WyckoffCrystal(2, (Orbit("i", "Na", (0.0, 0.0, 0.0)),), (4.0, 4.0, 4.0, 90.0, 90.0, 90.0)), "coincident"),
    ],
)
def test_nonsense_is_named(crystal: WyckoffCrystal, fault: str) -> None:
    assert screen(Decoded(crystal)) == fault
    assert screen(Decoded(None, "dead_end")) == "dead_end"


def test_what_cannot_be_met_says_how_near_it_came() -> None:
    aim = parse_aim("band_gap>=60", BINARY.targets)
    outcome = sample(BINARY, ANYTHING, [aim], 2, 0, tries=5)
    assert outcome.made == ()
    assert outcome.tried == 10
    assert outcome.faults["target"] > 0
    assert re.fullmatch(
        r"The nearest miss was \w+ in space group \d+: band_gap [\d.]+ eV \(predicted\)\.", outcome.notes[0]
    )


def test_what_the_judge_says_decides_what_is_kept_and_what_is_learnt() -> None:
    def sometimes(structures: Sequence[Structure]) -> dict[str, np.ndarray]:
        said = gap(structures)["band_gap"]
        return {"band_gap": np.where(said > 3.4, np.nan, said)}

    aim = parse_aim("band_gap=3.2+-0.3", BINARY.targets)
    outcome = sample(BINARY, ANYTHING, [aim], 12, 0, tries=20, judge=Judge("sometimes", sometimes))
    assert len(outcome.made) >= 3
    for one in outcome.made:
        assert one.judged["band_gap"] == pytest.approx(gap([to_structure(one.cell)])["band_gap"][0])
        assert abs(one.judged["band_gap"] - 3.2) <= 0.3
    assert np.mean([abs(one.values["band_gap"] - 3.2) > 0.3 for one in outcome.made]) > 0.5
    assert outcome.judge == "sometimes"
    unlearnt = sample(BINARY, ANYTHING, [aim], 12, 0, tries=20)
    assert not unlearnt.judge
    assert all(abs(one.values["band_gap"] - 3.2) <= 0.3 and not one.judged for one in unlearnt.made)


def test_a_judge_of_a_property_is_asked_only_where_there_is_an_aim() -> None:
    def never(structures: Sequence[Structure]) -> dict[str, np.ndarray]:
        raise AssertionError("there is nothing to judge")

    outcome = sample(BINARY, ANYTHING, (), 2, 0, judge=Judge("never", never))
    assert len(outcome.made) == 2
    assert not outcome.judge


def test_one_crystal_of_a_kind_is_enough_where_there_is_an_aim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Seen, "holds", lambda *_: False)  # as if all of a kind differed
    aim = parse_aim("band_gap>=0", BINARY.targets)
    led = sample(BINARY, ANYTHING, [aim], 12, 3, tries=20)
    kinds = [(reduced_formula(one.cell), one.crystal.template) for one in led.made]
    assert len(set(kinds)) == len(kinds) >= 6
    known_salt = known("salt", SALT, BINARY)
    near = vary(BINARY, known_salt, ANYTHING, (), 12, 1, tries=20).made
    kinds = [(reduced_formula(one.cell), one.crystal.template) for one in near]
    assert len(set(kinds)) < len(kinds)


def test_variations_meet_what_the_judge_says() -> None:
    start = known("salt", SALT, BINARY)
    aim = parse_aim("band_gap>=2.2", BINARY.targets)
    outcome = vary(BINARY, start, ANYTHING, [aim], 3, 1, tries=40, judge=CONTRARY)
    assert outcome.made
    assert all(one.judged["band_gap"] >= 2.2 for one in outcome.made)
    assert outcome.judge == "contrary"


def test_samples_are_decoded_warmer_than_points_that_were_chosen() -> None:
    heard: list[float] = []

    class Listening(BinaryLatentModel):
        def decode(
            self, points: np.ndarray, wish: DecodingWish, temperature: float = 0.0, seed: int = 0
        ) -> tuple[Decoded, ...]:
            heard.append(temperature)
            return super().decode(points, wish, temperature, seed)

    model, aim = Listening(), parse_aim("band_gap=2+-1", BINARY.targets)
    for aims, temperature in (((), None), ((aim,), None), ((), 0.0), ((aim,), 1.5)):
        sample(model, ANYTHING, aims, 1, 0, 1, temperature)
    assert heard == [SAMPLED, 0.0, 0.0, 1.5]


def test_a_decoded_crystal_that_cannot_be_encoded_again_is_counted() -> None:
    class Forgetful(BinaryLatentModel):
        def encode(self, crystals: Sequence[WyckoffCrystal]) -> Latent:
            if any("K" in crystal.elements for crystal in crystals):
                raise ValueError("larger, smaller or longer than the model can write")
            return super().encode(crystals)

    outcome = sample(Forgetful(), ANYTHING, (), 3, 0, 20)
    assert outcome.faults["no_place"] > 0
    assert outcome.made
    assert not any("K" in one.crystal.elements for one in outcome.made)


def test_flags_are_no_refusals() -> None:
    outcome = sample(BINARY, DecodingWish(only=frozenset({"Na", "Cl", "Mg"})), (), 12, 3, tries=20)
    balanced = {one.is_balanced for one in outcome.made}
    assert balanced == {True, False}
    for one in outcome.made:
        apart = [np.linalg.norm(one.point - other) for other in survey(BINARY, 3).points]
        assert one.drift == sum(other < np.linalg.norm(one.point - one.aimed) for other in apart) / len(apart)
        assert one.has_drifted == (one.drift > 0.05)


def test_provenance_says_who_from_what_and_how() -> None:
    made = sample(BINARY, DecodingWish(with_all=frozenset({"Na"})), (), 1, 7).made[0]
    origin = made.candidate.provenance
    assert (origin.tool, origin.version, origin.seed) == ("generate/vae", BINARY.name, 7)
    assert origin.note == "sampled: with Na"
    near = known("salt", SALT, MADE_UP)
    origin = vary(MADE_UP, near, ANYTHING, (), 1, 0, tries=60).made[0].candidate.provenance
    assert origin.parents == (near.candidate.id,)
    assert re.fullmatch(r"[\d.]+ deviations around salt", origin.note)


def test_a_way_merges_what_comes_twice_and_finds_its_ends() -> None:
    ends = known("salt", SALT, MADE_UP), known("lime", LIME, MADE_UP)
    outcome = interpolate(MADE_UP, *ends, ANYTHING, 7, 0)
    way = outcome.between
    assert way is not None
    assert way.recovered == (True, True)
    assert [step.number for step in way.steps] == [0] * 5 + [1] * 4
    assert [sorted(one.crystal.elements) for one in outcome.made] == [["Cl", "Na"], ["Ca", "O"]]
    assert outcome.made[0].share == 0.0
    assert outcome.faults == {"duplicate": 7}
    assert outcome.made[1].candidate.provenance.parents == tuple(one.candidate.id for one in ends)


def test_a_lost_end_is_told() -> None:
    class Forgets(MadeUpLatentModel):
        def decode(self, points: np.ndarray, *rest: object, **more: object) -> tuple[Decoded, ...]:
            return (Decoded(None, "dead_end"), *super().decode(points, *rest, **more)[1:])  # type: ignore[arg-type]

    way = interpolate(Forgets(), known("salt", SALT, MADE_UP), known("lime", LIME, MADE_UP), ANYTHING, 1, 0).between
    assert way is not None
    assert way.recovered == (False, True)
    assert (way.steps[0].number, way.steps[0].fault) == (None, "dead_end")


def test_the_straight_way_needs_one_template() -> None:
    assert straight_way(SALT, CRYSTALS[4], np.array([0.5])) is None
    ((share, middle, fault),) = straight_way(SALT, LIME, np.array([0.75])) or ()
    assert (share, fault) == (0.75, "")
    assert middle.lattice[0] == pytest.approx(0.25 * 5.64 + 0.75 * 4.81)
    assert middle.elements == {"Ca", "O"}
    one, other = (
        WyckoffCrystal(186, (Orbit("b", "Zn", (0.0,)), Orbit("b", "O", (u,))), CRYSTALS[6].lattice) for u in (0.9, 0.1)
    )
    ((_, middle, _),) = straight_way(one, other, np.array([0.5])) or ()
    assert middle.orbits[1].free[0] % 1.0 == pytest.approx(0.0, abs=1e-9)  # round the cell, not through it


def test_variations_are_others_and_the_nearest_come_first() -> None:
    start = known("salt", WyckoffCrystal(225, SALT.orbits, (5.2, 5.2, 5.2, 90.0, 90.0, 90.0)), BINARY)
    outcome = vary(BINARY, start, ANYTHING, (), 6, 1, tries=20)
    assert len(outcome.made) == 6
    assert start.candidate.id not in {one.candidate.id for one in outcome.made}
    assert outcome.faults["known"] > 0
    radii = [float(one.candidate.provenance.note.split()[0]) for one in outcome.made]
    assert radii == sorted(radii)
    assert outcome.made[0].crystal.elements & {"Na", "Cl"}


def test_a_search_finds_what_the_model_is_wrong_about() -> None:
    aim = parse_aim("band_gap=3.2+-0.3", BINARY.targets)
    found = optimise(BINARY, CONTRARY, ANYTHING, [aim], 12, 0, tries=10)
    led = [abs(gap([to_structure(one.cell)])["band_gap"][0] - 3.2) <= 0.3 for one in found.judged[:15]]
    assert sum(led) <= 2  # as the model expects it, nothing is found
    assert found.tried <= 120
    assert len(found.made) >= 3
    assert abs(np.mean([one.judged["band_gap"] for one in found.judged[-15:]]) - 3.2) < 1.0
    for one in found.made:
        assert one.judged["band_gap"] == pytest.approx(gap([to_structure(one.cell)])["band_gap"][0])
        assert abs(one.judged["band_gap"] - 3.2) <= 0.3
    assert list(found.best) == sorted(found.best)
    assert len(found.best) == len(found.judged)
    assert len({one.candidate.id for one in found.judged}) == len(found.judged)
    assert found.judge == "contrary"
    assert len(found.made) + sum(found.faults.values()) == found.tried


def test_a_search_upwards_goes_up() -> None:
    aim = parse_aim("band_gap=highest", BINARY.targets)
    found = optimise(BINARY, CONTRARY, ANYTHING, [aim], 3, 0, tries=30)
    said = [one.judged["band_gap"] for one in found.judged]
    assert [one.judged["band_gap"] for one in found.made] == sorted(said, reverse=True)[:3]
    assert np.mean(said[-15:]) > np.mean(said[:15]) + 0.7
    assert found.tried == 90


def test_what_the_judge_refuses_is_no_hit_and_stops_nothing() -> None:
    def moody(structures: Sequence[Structure]) -> dict[str, np.ndarray]:
        said = gap(structures)["band_gap"]
        return {"band_gap": np.where(said > 2.3, np.nan, said)}

    found = optimise(
        BINARY, Judge("moody", moody), ANYTHING, [parse_aim("band_gap>=1.9", BINARY.targets)], 12, 0, tries=6
    )
    assert found.made
    assert all(1.9 <= one.judged["band_gap"] <= 2.3 for one in found.made)
    assert any("band_gap" not in one.judged for one in found.judged)
    assert len(found.made) + sum(found.faults.values()) == found.tried


def test_the_latent_model_stands_in_for_what_a_judge_does_not_say() -> None:
    aims = [parse_aim(text, BINARY.targets) for text in ("formation_energy<=-2", "band_gap>=1")]
    found = optimise(BINARY, CONTRARY, ANYTHING, aims, 2, 0)
    for one in found.made:
        assert one.judged["formation_energy"] == one.values["formation_energy"] <= -2
        assert one.judged["band_gap"] != one.values["band_gap"]


def test_asking_is_pure_and_respects_region_and_density() -> None:
    ground = survey(BINARY, 0)
    search = begun(BINARY)
    assert ask(search, BINARY, ANYTHING, ground, 3, 0).shape == (3, 4)
    points = BINARY.sample(40, 5)
    search = tell(search, points, -np.linalg.norm(points - 1.0, axis=1))
    assert len(search.scores) >= LEAST
    first, again = (ask(search, BINARY, ANYTHING, ground, 6, 3) for _ in range(2))
    assert (first == again).all()
    assert len(np.unique(first, axis=0)) == 6
    assert (BINARY.log_density(first) >= ground.floor).all()
    best = points[np.argmax(search.scores)]
    small = tell(search, points, np.full(40, -50.0))
    for _ in range(4):
        small = tell(small, points, np.full(40, -50.0))
    assert small.region.length < 0.05
    near = ask(small, BINARY, ANYTHING, ground, 6, 3)
    assert np.linalg.norm(near - best, axis=1).max() < np.linalg.norm(first - best, axis=1).max()


def test_a_predictor_judges_by_its_mean_and_refuses_in_nan() -> None:
    from made_up_predictor import MadeUpPredictor, Said

    judge = predictor_judge(MadeUpPredictor(lambda formula: Said(gap=2.5)))
    copper = Structure(Lattice.cubic(4.2), ["Cu", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    said = judge.says([from_wyckoff(SALT), copper])["band_gap"]
    assert said[0] == 2.5
    assert np.isnan(said[1])
