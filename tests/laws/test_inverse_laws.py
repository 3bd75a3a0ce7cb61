"""Laws of inverse design: wishes are kept, seeds decide, nothing is lost, and the trust region stays in its limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from binary_latent_model import ELEMENTS, TYPES, BinaryLatentModel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from athanor.memory.errors import UserError
from athanor.models.target import BAND_GAP, FORMATION_ENERGY
from athanor.models.vae.wish import DecodingWish
from athanor.tools.crystals.structure import to_structure
from athanor.tools.generators.duplicate import Seen
from athanor.tools.inverse.aims import Aim, check_aims, met, parse_aim, score
from athanor.tools.inverse.generated import Generated
from athanor.tools.inverse.interpolate import spherical
from athanor.tools.inverse.sample import sample
from athanor.tools.inverse.search import Search, begun, tell
from athanor.tools.inverse.trust_region import LONGEST, SHORTEST, TrustRegion
from athanor.tools.oracles.guards import check_geometry

MODEL = BinaryLatentModel()
FEW = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NUMBERS = st.floats(-5, 5)
POINTS = st.lists(st.floats(-3, 3), min_size=4, max_size=4).map(np.array)


@st.composite
def wishes(draw: st.DrawFn) -> DecodingWish:
    """Wishes that the model can keep, and some that it cannot."""
    only = draw(st.none() | st.sets(st.sampled_from(ELEMENTS), min_size=2, max_size=6).map(frozenset))
    allowed = sorted(only) if only is not None else ELEMENTS
    with_all = draw(st.sets(st.sampled_from(allowed), max_size=2).map(frozenset))
    others = sorted(set(ELEMENTS) - with_all)
    without = draw(st.sets(st.sampled_from(others), max_size=3).map(frozenset))
    if only is not None and not only - without:
        without = frozenset[str]()
    groups = draw(st.none() | st.sets(st.sampled_from([one[0] for one in TYPES] + [62]), min_size=1).map(frozenset))
    return DecodingWish(only, with_all, without, groups, draw(st.sampled_from([(1, 20), (2, 2), (3, 20)])))


@st.composite
def aims(draw: st.DrawFn) -> Aim:
    target = draw(st.sampled_from([FORMATION_ENERGY, BAND_GAP]))
    kind = draw(st.sampled_from(["about", "at_most", "at_least"]))
    return Aim(target, kind, round(draw(st.floats(-2, 3)), 3), 0.5 if kind == "about" else 0.0)


@FEW
@given(wishes(), st.lists(aims(), max_size=1), st.integers(0, 10**6))
def test_every_crystal_keeps_the_wish_and_meets_the_aims(wish: DecodingWish, wanted: list[Aim], seed: int) -> None:
    outcome = sample(MODEL, wish, wanted, 4, seed, tries=6)
    seen = Seen()
    for one in outcome.made:
        assert wish.broken(one.crystal, len(one.cell.species)) is None
        assert check_geometry(to_structure(one.cell)) is None
        assert not seen.holds(one.candidate)
        seen.add(one.candidate)
        again = MODEL.encode([one.crystal]).mean
        assert np.allclose(again[0], one.point)
        for name, values in MODEL.properties(again).items():
            assert one.values[name] == pytest.approx(values[0])
        assert met(wanted, {name: np.array([value]) for name, value in one.values.items()}, 1)[0]
    assert_nothing_is_lost(outcome)


def assert_nothing_is_lost(outcome: Generated) -> None:
    assert len(outcome.made) + sum(outcome.faults.values()) == outcome.tried <= outcome.n * 6
    assert len(outcome.made) <= outcome.valid <= outcome.tried
    assert outcome.validity == (outcome.valid / outcome.tried if outcome.tried else 0.0)
    assert len(outcome.made) == outcome.n or outcome.tried == outcome.n * 6


@FEW
@given(wishes(), st.integers(0, 10**6), st.sampled_from([0.0, 0.5]))
def test_the_same_seed_gives_the_same_crystals(wish: DecodingWish, seed: int, temperature: float) -> None:
    one, other = (sample(MODEL, wish, (), 3, seed, 4, temperature) for _ in range(2))
    assert [made.candidate for made in one.made] == [made.candidate for made in other.made]
    assert (one.tried, one.valid, one.faults) == (other.tried, other.valid, other.faults)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=60))
def test_the_trust_region_stays_in_its_limits(told: Sequence[tuple[bool, int]]) -> None:
    region = TrustRegion()
    for is_better, n in told:
        before, region = region, region.told(is_better, n)
        assert SHORTEST <= region.length <= LONGEST
        assert region.successes < 10
        assert region.failures < 32
        if is_better:
            assert region.length >= before.length
            assert region.failures == 0
        elif region.restarts == before.restarts:
            assert region.length <= before.length
            assert region.successes == 0
        assert region.restarts - before.restarts in (0, 1)


def test_the_trust_region_doubles_halves_and_begins_anew() -> None:
    region = TrustRegion()
    for _ in range(10):
        region = region.told(True, 20)
    assert region == TrustRegion(length=1.6)
    assert region.told(False, 31).length == 1.6
    assert region.told(False, 31).told(False, 1) == TrustRegion(length=0.8)
    region = TrustRegion(length=SHORTEST)
    assert region.told(False, 32) == TrustRegion(restarts=1)


@given(st.lists(st.tuples(POINTS, st.floats(-10, 10) | st.just(np.nan)), max_size=12))
def test_a_search_keeps_what_it_is_told_and_nothing_else(told: list[tuple[np.ndarray, float]]) -> None:
    search: Search = begun(MODEL)
    for point, value in told:
        search = tell(search, point[None], np.array([value]))
    known = [value for _, value in told if np.isfinite(value)]
    assert search.scores.tolist() == known
    assert search.points.shape == (len(known), 4)
    assert search.best == max(known, default=-np.inf)


@given(POINTS, POINTS, st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_the_spherical_way_joins_its_ends(first: np.ndarray, second: np.ndarray, shares: list[float]) -> None:
    ends = spherical(first, second, np.array([0.0, 1.0]))
    assert np.allclose(ends, [first, second], atol=1e-6)
    way, back = spherical(first, second, np.array(shares)), spherical(second, first, 1 - np.array(shares))
    assert np.allclose(way, back, atol=1e-6)
    longest = max(np.linalg.norm(first), np.linalg.norm(second))
    assert (np.linalg.norm(way, axis=1) <= longest + 1e-6).all()


def test_the_spherical_way_turns_at_constant_length() -> None:
    way = spherical(np.array([2.0, 0, 0, 0]), np.array([0, 2.0, 0, 0]), np.array([0.5]))
    assert np.allclose(way, [[np.sqrt(2), np.sqrt(2), 0, 0]])


@given(aims(), st.lists(NUMBERS, min_size=1, max_size=5))
def test_an_aim_is_met_where_nothing_falls_short(aim: Aim, values: list[float]) -> None:
    column = {aim.target.name: np.array(values)}
    short = aim.shortfall(column[aim.target.name])
    assert (short >= 0).all()
    assert (met([aim], column, len(values)) == (short == 0)).all()
    assert ((score([aim], column, {aim.target.name: 0.5}, len(values)) == 0) == (short == 0)).all()
    assert not met([aim], {aim.target.name: np.array([np.nan])}, 1)[0]


@given(aims())
def test_an_aim_reads_as_it_is_written(aim: Aim) -> None:
    written = str(aim).removesuffix(aim.target.unit).strip()
    if not (aim.target.kind == "gap" and aim.kind == "about" and aim.value + aim.tolerance < 0):
        assert parse_aim(written, MODEL.targets) == aim


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_bounds_contradict_each_other_where_no_value_keeps_both(low: float, high: float) -> None:
    both = [Aim(FORMATION_ENERGY, "at_least", low), Aim(FORMATION_ENERGY, "at_most", high)]
    if low <= high:
        check_aims(both)
    else:
        with pytest.raises(UserError, match="contradict"):
            check_aims(both)
