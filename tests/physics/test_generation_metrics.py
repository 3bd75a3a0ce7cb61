"""Metrics of generators: closed forms, crystals that are the same, and failures that must count."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_latent_model import CRYSTALS, MadeUpLatentModel
from pymatgen.core import Lattice, Structure
from scipy.stats import binomtest
from volume_predictor import VolumePredictor

from athanor.agent.executors import InlineExecutor
from athanor.memory.errors import UserError
from athanor.memory.records import Candidate, Failure, Measurement, Outcome, Provenance
from athanor.models.wyckoff.wyckoff_crystal import Orbit, WyckoffCrystal
from athanor.tools import predictor as predictors
from athanor.tools.crystals.structure import to_crystal
from athanor.tools.crystals.wyckoff import from_wyckoff, to_wyckoff
from athanor.tools.evaluation import relaxations
from athanor.tools.evaluation.described import read_described
from athanor.tools.evaluation.evaluate import evaluate
from athanor.tools.evaluation.known_crystals import KnownCrystals
from athanor.tools.evaluation.random_search import RandomSearch
from athanor.tools.evaluation.rates import divergence, earth_movers, share, wilson
from athanor.tools.evaluation.reconstruction import reconstruction
from athanor.tools.evaluation.relaxations import Relaxation, relaxed
from athanor.tools.evaluation.sample import Sample, formula_of, look
from athanor.tools.evaluation.stability import stability
from athanor.tools.evaluation.substitution import SubstitutionSource
from athanor.tools.evaluation.twins import are_novel, are_unique
from athanor.tools.evaluation.validity import is_apart, is_neutral, is_sound

SALT, MAGNESIA, LIME, CARBIDE, BLENDE, SILICON, ZINCITE, PEROVSKITE = map(from_wyckoff, CRYSTALS)
CONVENTIONAL = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
OVERLAPPING = Structure(Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.15, 0, 0]])
QUIET: Any = lambda done, total: None  # noqa: E731


@pytest.fixture(autouse=True)
def _made_up_predictor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictors, "shipped_predictor", VolumePredictor)


class Given:
    """A source that gives what it was handed."""

    name = "given"
    version = "by hand"

    def __init__(self, *structures: Structure | None) -> None:
        self.structures = structures

    def sample(self, n: int, seed: int) -> Sequence[Structure | None]:
        return self.structures[:n]


def test_the_wilson_interval_is_the_one_of_the_tables() -> None:
    assert wilson(8, 10) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    for count, n in ((0, 20), (20, 20), (1, 3), (60, 200)):
        known = binomtest(count, n).proportion_ci(method="wilson")
        assert wilson(count, n) == pytest.approx((known.low, known.high), abs=1e-9)


def test_a_share_of_nothing_has_no_value() -> None:
    assert share("novel", []).value is None


def test_the_divergence_runs_from_none_to_one_bit() -> None:
    assert divergence([225, 225, 62], [62, 225, 225]) == pytest.approx(0.0, abs=1e-12)
    assert divergence([225, 221], [62, 12]) == pytest.approx(1.0)
    # H(3/4, 1/4) less half of H(1/2, 1/2).
    assert divergence([1], [1, 2]) == pytest.approx(0.811278 - 0.5, abs=1e-6)
    assert divergence([], [1]) is None


def test_moving_a_sample_by_two_is_a_distance_of_two() -> None:
    values = np.random.default_rng(0).normal(size=50)
    assert earth_movers(values, values[::-1] + 2.0) == pytest.approx(2.0)
    assert earth_movers(np.array([0.0, 1.0, np.nan]), np.array([0.5])) == pytest.approx(0.5)
    assert earth_movers(np.array([np.nan]), values) is None


def test_pairs_half_an_angstrom_apart_are_the_limit_of_cdvae() -> None:
    for gap, verdict in ((0.49, False), (0.51, True)):
        assert is_apart(Structure(Lattice.cubic(4.0), ["Mg", "O"], [[0, 0, 0], [gap / 4, 0, 0]])) is verdict
    assert not is_apart(Structure(Lattice.cubic(0.4), ["H"], [[0, 0, 0]]))
    # Across the border of the cell too.
    assert not is_apart(Structure(Lattice.cubic(4.0), ["Mg", "O"], [[0.01, 0, 0], [0.99, 0, 0]]))


def test_the_screen_is_stricter() -> None:
    assert is_apart(OVERLAPPING)
    assert not is_sound(look(OVERLAPPING))
    assert is_sound(look(MAGNESIA))
    assert not is_sound(look(None))


@pytest.mark.parametrize(
    ("species", "verdict"),
    [
        (["Na", "Cl"], True),
        (["Na", "Cl", "Cl"], False),
        (["Si"], True),
        (["Al", "Al", "Ti"], True),  # an alloy
        (["He", "F", "F"], None),  # helium has no states in the table
    ],
)
def test_compositions_are_judged_by_smact(species: list[str], verdict: bool | None) -> None:
    places = [[k / len(species), 0, 0] for k in range(len(species))]
    assert is_neutral(look(Structure(Lattice.cubic(9.0), species, places))) is verdict
    assert is_neutral(look(None)) is False
    assert is_neutral(Sample(formula="F4 Rf1")) is None  # no table of SMACT holds it


def test_a_crystal_counts_once_however_it_is_written() -> None:
    permuted = Structure(SALT.lattice, SALT.species[::-1], SALT.frac_coords[::-1])
    shifted = SALT.copy()
    shifted.translate_sites(range(len(shifted)), [0.3, 0.1, 0.2])
    crystals = [to_crystal(one) for one in (SALT, SALT * (2, 1, 1), permuted, shifted, CONVENTIONAL)]
    assert are_unique(crystals) == (True, False, False, False, False)
    assert are_unique([None, crystals[0], to_crystal(MAGNESIA), None]) == (False, True, True, False)


def test_polymorphs_of_one_formula_are_different() -> None:
    wurtzite = from_wyckoff(
        WyckoffCrystal(186, (Orbit("b", "Zn", (0.0,)), Orbit("b", "S", (0.38,))), (3.8, 3.8, 6.2, 90, 90, 120))
    )
    assert are_unique([to_crystal(BLENDE), to_crystal(wurtzite)]) == (True, True)


def test_a_known_crystal_is_not_novel_in_any_cell() -> None:
    known = KnownCrystals((CRYSTALS[0],), (CRYSTALS[1],))
    crystals = [to_crystal(SALT * (1, 2, 1)), to_crystal(MAGNESIA), to_crystal(LIME), None]
    assert are_novel(crystals, known) == (False, False, True, False)


def test_the_formula_of_a_description_is_that_of_its_atoms() -> None:
    assert [formula_of(one) for one in CRYSTALS] == [look(from_wyckoff(one)).formula for one in CRYSTALS]


def test_failures_lower_every_share_that_should_be_high() -> None:
    known = KnownCrystals(CRYSTALS[1:], ())
    found = evaluate(Given(SALT, SALT * (2, 1, 1), None, OVERLAPPING), 4, known=known)
    shares = {one.name: one for one in found.figures}
    assert next(iter(shares)) == "raw_validity"
    assert {name: shares[name].value for name in ("raw_validity", "structure", "composition", "unique", "novel")} == {
        "raw_validity": 0.5, "structure": 0.75, "composition": 0.75, "unique": 0.5, "novel": 0.75,
    }  # fmt: skip
    assert all(shares[name].n == 4 for name in ("raw_validity", "structure", "composition", "unique", "novel"))
    assert shares["raw_validity"].lower == pytest.approx(wilson(2, 4)[0])
    assert shares["density"].n == 2
    (dropped, *_) = evaluate(Given(SALT), 4).figures
    assert (dropped.value, dropped.n) == (0.25, 4)
    alone = evaluate(Given(None, None), 2)
    assert {one.name: one.value for one in alone.figures} == {
        "raw_validity": 0.0, "structure": 0.0, "composition": 0.0, "unique": 0.0, "p1": None,
    }  # fmt: skip


def test_symmetry_is_found_and_compared_with_the_training_crystals() -> None:
    random = np.random.default_rng(1)
    crooked = Structure(Lattice.from_parameters(4, 5, 6, 80, 95, 103), ["Mg", "O", "Si"], random.random((3, 3)))
    known = KnownCrystals(tuple(map(to_wyckoff, (SALT, MAGNESIA))))
    found = evaluate(Given(SALT, BLENDE, crooked, SILICON), 4, known=known)
    values = {one.name: one.value for one in found.figures}
    assert values["p1"] == 0.25
    assert values["new_template"] == 0.75
    groups = [225, to_wyckoff(BLENDE).spacegroup, 1, 227]
    assert values["spacegroups"] == pytest.approx(divergence(groups, [225, 225]))
    assert values["crystal_systems"] == pytest.approx(divergence([1, 1, 2, 1], [1, 1]))


def test_distributions_equal_to_the_training_set_lie_at_zero() -> None:
    known = KnownCrystals((CRYSTALS[0], CRYSTALS[1]))
    values = {one.name: one.value for one in evaluate(Given(SALT, MAGNESIA), 2, known=known).figures}
    for name in ("spacegroups", "density", "volume_per_atom", "n_elements", "formation_energy"):
        assert values[name] == pytest.approx(0.0, abs=1e-9)
    values = {one.name: one.value for one in evaluate(Given(SILICON, PEROVSKITE), 2, known=known).figures}
    # One element and three against two of each, and an element that the predictor does not know.
    assert values["n_elements"] == pytest.approx(1.0)


def test_known_crystals_come_back_and_others_count_as_lost() -> None:
    stranger = WyckoffCrystal(225, (Orbit("a", "K"), Orbit("b", "Br")), (6.6, 6.6, 6.6, 90.0, 90.0, 90.0))
    match, error = reconstruction(MadeUpLatentModel(), [*CRYSTALS, stranger], failed=1)
    assert match.value == pytest.approx(8 / 10)
    assert match.n == 10
    assert error.value == pytest.approx(0.0, abs=1e-6)
    assert error.n == 8


def outcome(structure: Structure, height: float, known_as: str | None = None, spacegroup: int = 225) -> Outcome:
    """A relaxation that ended well."""
    energy = Measurement(
        property="energy_above_hull", value=height, unit="eV/atom", method="simulated", source="made up"
    )
    details: dict[str, Any] = {"known_as": known_as, "spacegroup": spacegroup, "cpu_seconds": {"relaxation": 2.0}}
    return Outcome(measurements=(energy,), crystal=to_crystal(structure), details=details)


def test_stable_unique_and_novel_are_judged_relaxed_over_all_samples() -> None:
    known = KnownCrystals((CRYSTALS[6],))
    lost = Outcome(failure=Failure(kind="unconverged", message="after 100 steps"))
    found = stability(
        [
            outcome(SALT, -0.01),
            outcome(SALT * (2, 1, 1), -0.01),  # a twin
            outcome(MAGNESIA, 0.0, known_as="mp-1265"),  # stable, and known to the hull
            outcome(ZINCITE, 0.0),  # stable, and known as a reference
            outcome(LIME, 0.09),  # metastable alone
            outcome(CARBIDE, 0.08, spacegroup=1),  # stable without symmetry
            outcome(SILICON, 0.5),
            lost,
            None,
            None,
        ],
        known,
    )
    values = {one.name: (one.value, one.n) for one in found.figures}
    assert values == {
        "relaxed": (0.7, 10), "stable": (0.5, 10), "sun": (0.2, 10), "ssun": (0.1, 10), "msun": (0.3, 10),
        "energy_above_hull": (0.0, 7),
    }  # fmt: skip
    assert found.failures == {"failed": 2, "unconverged": 1}
    assert found.cpu_seconds == 14.0


class Oracle:
    """Counts what it is asked, and fails on titanium."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def evaluate(self, candidate: Candidate) -> Outcome:
        self.asked.append(candidate.id)
        if "Ti" in getattr(candidate.content, "species", ()):
            raise ZeroDivisionError("no volume")
        return outcome(SALT, 0.0)


def test_relaxations_are_kept_and_a_cut_off_line_is_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    oracle = Oracle()
    monkeypatch.setattr(relaxations, "_oracle", lambda: oracle)
    crystals = [to_crystal(SALT), None, to_crystal(CARBIDE), to_crystal(SALT)]
    how = Relaxation(4, InlineExecutor(), tmp_path)
    told: list[tuple[int, int]] = []
    first = relaxed(crystals, how, lambda done, total: told.append((done, total)))
    assert [one is None for one in first] == [False, True, False, False]
    assert first[2] is not None
    assert first[2].failure == Failure(kind="crash", message="ZeroDivisionError: no volume")
    assert told[0] == (0, 2)
    assert told[-1] == (2, 2)
    assert relaxed(crystals, how, QUIET) == first
    assert len(oracle.asked) == 2
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:-20])
    assert relaxed(crystals, how, QUIET) == first
    assert len(oracle.asked) == 3
    candidate = Candidate(content=to_crystal(CARBIDE), provenance=Provenance(tool="test"))
    assert candidate.id in oracle.asked


def table(path: Path, *texts: str) -> Path:
    """A table of crystals, as data sets come."""
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([["material_id", "cif"], *((f"mp-{k}", text) for k, text in enumerate(texts))])
    return path


def test_files_are_described_once_and_what_cannot_be_is_counted(tmp_path: Path) -> None:
    path = table(tmp_path / "train.csv", str(SALT.to(fmt="cif")), "data_x", str(PEROVSKITE.to(fmt="cif")))
    found = read_described(path, InlineExecutor(), tmp_path / "kept", QUIET)
    assert found.left_out == 1
    assert [formula_of(one) for one in found.crystals] == ["Cl1 Na1", "O3 Sr1 Ti1"]
    assert [one.template for one in found.crystals] == [to_wyckoff(one).template for one in (SALT, PEROVSKITE)]
    no_executor: Any = None
    assert read_described(path, no_executor, tmp_path / "kept", QUIET) == found
    (kept,) = (tmp_path / "kept").iterdir()
    kept.write_bytes(gzip.compress(b'{"left_out": 0, "crystals": [[225]]}'))
    assert read_described(path, InlineExecutor(), tmp_path / "kept", QUIET) == found
    table(path, str(SALT.to(fmt="cif")))
    assert len(read_described(path, InlineExecutor(), tmp_path / "kept", QUIET).crystals) == 1


def test_a_file_without_a_usable_crystal_is_an_error(tmp_path: Path) -> None:
    path = table(tmp_path / "train.csv", "data_x", "data_y")
    with pytest.raises(UserError, match="none of 2 crystals can be described; ordered crystals are needed"):
        read_described(path, InlineExecutor(), None, QUIET)


def test_random_search_keeps_the_template_and_draws_the_rest() -> None:
    known = KnownCrystals((CRYSTALS[0], CRYSTALS[6], CRYSTALS[7]))
    made = RandomSearch(known).sample(16, seed=3)
    assert [look(one).formula for one in made] == [look(one).formula for one in RandomSearch(known).sample(16, seed=3)]
    assert [look(one).formula for one in made] != [look(one).formula for one in RandomSearch(known).sample(16, seed=4)]
    samples = [look(one) for one in made]
    sound = [sample for sample in samples if is_sound(sample)]
    assert len(sound) > 8
    allowed = {"Na", "Cl", "Zn", "O", "Sr", "Ti"}
    assert {symbol for sample in sound for symbol in sample.crystal.species} == allowed  # type: ignore[union-attr]
    templates = {sample.described.template for sample in sound if sample.described}
    assert {"225:ab", "221:abc"} <= templates
    assert {len(sample.crystal.species) for sample in sound} == {2, 4, 5}  # type: ignore[union-attr]


@pytest.mark.parametrize("spacegroup", [2, 14, 62, 139, 166, 194, 227])
def test_random_cells_fit_their_crystal_system(spacegroup: int) -> None:
    general = {2: "i", 14: "e", 62: "c", 139: "e", 166: "c", 194: "f", 227: "e"}[spacegroup]
    free = {"i": 3, "e": 3}.get(general, 1) if spacegroup < 100 else 1
    free = 2 if spacegroup == 62 else free
    crystal = WyckoffCrystal(spacegroup, (Orbit(general, "Si", (0.1,) * free),), (5.0, 5.0, 5.0, 90.0, 90.0, 90.0))
    made = [look(one) for one in RandomSearch(KnownCrystals((crystal,))).sample(6, seed=0)]
    found = [sample.described.spacegroup for sample in made if sample.described]
    assert spacegroup in found


def test_substitution_gives_other_crystals_than_those_it_starts_from() -> None:
    known = KnownCrystals(CRYSTALS)
    made = SubstitutionSource(known).sample(8, seed=5)
    formulas = [look(one).formula for one in made]
    assert formulas == [look(one).formula for one in SubstitutionSource(known).sample(8, seed=5)]
    assert len(set(formulas)) > 3
    assert sum(is_sound(look(one)) for one in made) > 4
