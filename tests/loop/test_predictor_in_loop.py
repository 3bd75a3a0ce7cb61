"""A predictor in the loop: it marks what it adds, sifts what is made, and is held against the oracle."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from made_up_acquisition import use_made_up_acquisition
from made_up_predictor import NAME, Said, install, rocksalt
from scipy.stats import norm

from athanor.agent import assemble
from athanor.agent.campaign_file import read_campaign_file
from athanor.agent.labels import label_of
from athanor.agent.planners.builtin import BuiltinPlanner
from athanor.agent.planners.supply import Supply
from athanor.memory.errors import UserError
from athanor.memory.records import (
    Budget,
    Candidate,
    Constraint,
    Goal,
    Measurement,
    Objective,
    Outcome,
)
from athanor.memory.state import State, Trial
from athanor.tools.acquisition.estimate import estimate
from athanor.tools.acquisition.improvement import keeps
from athanor.tools.acquisition.sift import sift
from athanor.tools.acquisition.surrogate import describe
from athanor.tools.oracles.build import evaluate, properties_of
from athanor.tools.oracles.fingerprint import fingerprint
from athanor.tools.oracles.oracle import SimulationSettings
from athanor.tools.properties.disagreement import Correction, correction, disagreements, root_mean_square_z
from athanor.tools.properties.predicted import PREDICTED, predicted, predictor_of
from athanor.tools.properties.solar import expected_limit
from athanor.tools.space import CrystalSpace

SOLAR = Path(__file__).parents[2] / "campaigns" / "solar.yaml"
GOAL = Goal(
    statement="a solar absorber",
    objectives=(
        Objective(property="solar_efficiency_limit", direction="maximise", unit="%"),
        Objective(property="energy_above_hull", direction="minimise", unit="eV/atom"),
    ),
    constraints=(
        Constraint(property="band_gap", comparison=">=", value=1.09, unit="eV"),
        Constraint(property="band_gap", comparison="<=", value=1.59, unit="eV"),
    ),
    budget=Budget(evaluations=20),
)
SPACE = CrystalSpace(elements=("Na", "Mg", "Al", "Zn", "O", "S", "Se", "Cl"), n_elements=(2, 3), max_atoms=8)


def trial(number: int, simulated: float, mean: float, deviation: float, batch: int = 1) -> Trial:
    """A completed trial of which both oracle and predictor have said the formation energy."""
    measurement = Measurement(
        property="formation_energy", value=simulated, unit="eV/atom", method="simulated", source="test"
    )
    said = {"mean": mean, "deviation": deviation, "lower": mean - 2 * deviation, "upper": mean + 2 * deviation}
    details = {"predictor": {"name": NAME, "novelty": 0.4, "flags": [], "formation_energy": said}}
    outcome = Outcome(measurements=(measurement,), details=details)
    return Trial(number, batch, "test", rocksalt("Na", "Cl", 5 + 0.01 * number), None, "", {}, "completed", outcome)


class TestTheOracle:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> SimulationSettings:
        path = tmp_path / "elements.json"
        path.write_text(json.dumps({"Ag": -0.1, "Au": -0.1, "Cu": -0.1}))
        return SimulationSettings.model_validate(
            {
                "calculator": "ase.calculators.emt:EMT",
                "references": str(path),
                "bulk_modulus": False,
                "predictor": "shipped",
            }
        )

    def test_it_adds_what_the_predictor_says_and_says_who_said_it(
        self, settings: SimulationSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install(monkeypatch, lambda formula: Said(energy=0.3))
        outcome = evaluate(settings, rocksalt("Ag", "Au"))
        assert outcome.failure is None, outcome.failure
        found = {m.property: m for m in outcome.measurements}
        assert {name: m.unit for name, m in found.items()} == dict(properties_of(settings))
        assert {name for name, m in found.items() if m.method == "predicted"} == set(PREDICTED)
        for name in PREDICTED:
            assert found[name].source.startswith(NAME)
        assert (found["band_gap"].value, found["band_gap"].deviation) == (1.34, 0.2)
        assert found["metal_probability"].value == 0.02
        (limit,), (deviation,) = expected_limit([1.34], [0.2], [0.02])
        assert found["solar_efficiency_limit"].value == pytest.approx(limit)
        assert found["solar_efficiency_limit"].deviation == pytest.approx(deviation)
        kept = outcome.details["predictor"]
        assert kept["name"] == NAME
        expected = {"mean": 0.3, "deviation": 0.05, "lower": 0.2, "upper": 0.4}
        assert kept["formation_energy"] == pytest.approx(expected)
        assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome

    def test_it_is_asked_about_the_relaxed_crystal(
        self, settings: SimulationSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made_up = install(monkeypatch)
        volumes: list[float] = []
        ask = made_up.predict
        monkeypatch.setattr(
            made_up, "predict", lambda structures: (volumes.append(structures[0].volume), ask(structures))[1]
        )
        outcome = evaluate(settings, rocksalt("Ag", "Au", 5.6))
        assert outcome.crystal
        assert volumes == [pytest.approx(abs(np.linalg.det(outcome.crystal.lattice)))]
        assert volumes[0] < 0.95 * 5.6**3 / 4

    def test_a_refusal_costs_the_predictions_alone(
        self, settings: SimulationSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install(monkeypatch)
        outcome = evaluate(settings, rocksalt("Ag", "Cu"))
        assert outcome.failure is None
        names = {m.property for m in outcome.measurements}
        assert names == set(properties_of(settings)) - set(PREDICTED)
        assert "Cu" in outcome.details["predictor"]["refusal"]

    def test_without_a_predictor_nothing_is_added(self, settings: SimulationSettings) -> None:
        plain = settings.model_copy(update={"predictor": None})
        assert not set(PREDICTED) & set(properties_of(plain))
        assert "predictor" not in evaluate(plain, rocksalt("Ag", "Au")).details

    def test_a_predictor_without_band_gaps_is_the_users_mistake(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made_up = install(monkeypatch)
        made_up.targets = made_up.targets[:1]
        with pytest.raises(UserError, match=r"formation_energy \(eV/atom\).*band_gap \(eV\) is needed"):
            predictor_of("shipped")


def test_the_fingerprint_sees_the_content_of_the_weights(tmp_path: Path) -> None:
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    one.write_bytes(b"weights")
    two.write_bytes(b"weights")
    plain, first = (fingerprint(SimulationSettings(predictor=chosen)) for chosen in (None, one))
    assert plain != first != ""
    assert fingerprint(SimulationSettings(predictor=two)) == first
    two.write_bytes(b"other weights")
    assert fingerprint(SimulationSettings(predictor=two)) != first
    assert fingerprint(SimulationSettings(predictor=tmp_path / "none.safetensors")) == ""


class TestTheCampaignFile:
    def written(self, folder: Path, predictor: str | None) -> Path:
        content = yaml.safe_load(SOLAR.read_text(encoding="utf-8"))
        content["oracle"]["predictor"] = predictor
        path = folder / "campaign.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    def test_the_shipped_predictor_and_a_file_of_ones_own(self, tmp_path: Path) -> None:
        shipped = read_campaign_file(self.written(tmp_path, "shipped"))
        assert shipped.oracle.predictor == "shipped"
        own = read_campaign_file(self.written(tmp_path, "mine.safetensors"))
        assert own.oracle.predictor == tmp_path / "mine.safetensors"
        assert own.confirming_oracle
        assert own.confirming_oracle.predictor == own.oracle.predictor

    def test_without_a_predictor_there_are_no_gaps_to_ask_for(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="does not give 'solar_efficiency_limit'"):
            read_campaign_file(self.written(tmp_path, None))

    def test_weights_that_are_not_there_are_named_before_anything_runs(self, tmp_path: Path) -> None:
        file = read_campaign_file(self.written(tmp_path, "mine.safetensors"))
        with pytest.raises(UserError, match="mine.safetensors"):
            assemble.wire(file, assemble.open_home(tmp_path / "home"))


class TestTheSift:
    SAID: Mapping[str, Said] = {
        "NaCl": Said(gap=5.0),
        "AgO": Said(gap=0.3),
        "AlAu": Said(gap=0.9, deviation=0.4, metal=0.97),
        "MgO": Said(gap=5.0, novelty=1.3),
        "CaS": Said(gap=1.34, deviation=0.1),
        "ZnSe": Said(gap=1.7, deviation=0.2),
    }
    CANDIDATES = tuple(
        rocksalt(*pair)
        for pair in (("Na", "Cl"), ("Ag", "O"), ("Al", "Au"), ("Mg", "O"), ("Ca", "S"), ("Zn", "Se"), ("Cu", "S"))
    )

    @pytest.fixture(autouse=True)
    def predictor(self, monkeypatch: pytest.MonkeyPatch) -> None:
        install(monkeypatch, lambda formula: self.SAID[formula])

    def formulas(self, candidates: Sequence[Candidate]) -> list[str]:
        return [label_of(candidate) for candidate in candidates]

    def test_what_cannot_be_a_hit_is_thrown_away_and_counted(self) -> None:
        sifted = sift(GOAL, self.CANDIDATES, "shipped", 10)
        # Of magnesia the predictor has seen nothing like, and of copper sulfide it knows nothing: both stay, last.
        assert self.formulas(sifted.candidates)[:2] == ["CaS", "ZnSe"]
        assert set(self.formulas(sifted.candidates)[2:]) == {"MgO", "CuS"}
        assert sifted.thrown == {"band gap above 1.59 eV": 1, "band gap below 1.09 eV": 1, "metal": 1}
        assert sifted.left == 0

    def test_only_the_most_promising_are_kept(self) -> None:
        sifted = sift(GOAL, self.CANDIDATES, "shipped", 1)
        assert self.formulas(sifted.candidates) == ["CaS"]
        assert sifted.left == 3

    def test_a_goal_without_gaps_throws_nothing_away(self) -> None:
        goal = GOAL.model_copy(update={"constraints": (), "objectives": GOAL.objectives[1:]})
        sifted = sift(goal, self.CANDIDATES, "shipped", 10)
        assert (sifted.thrown, len(sifted.candidates)) == ({}, 7)

    def test_stability_counts_where_it_is_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        install(monkeypatch, lambda formula: Said(energy=-3.05 if formula == "MgO" else -0.3))
        bound = Constraint(property="energy_above_hull", comparison="<=", value=0.1, unit="eV/atom")
        goal = GOAL.model_copy(update={"constraints": (*GOAL.constraints, bound)})
        order = self.formulas(sift(goal, self.CANDIDATES, "shipped", 10).candidates)
        assert order.index("MgO") < order.index("NaCl")
        # A campaign that has seen energies come out 2.7 eV/atom too low no longer believes that magnesia is stable.
        learnt = self.formulas(sift(goal, self.CANDIDATES, "shipped", 10, Correction(shift=-2.7)).candidates)
        assert learnt.index("MgO") > order.index("MgO")


def test_the_chance_to_keep_two_bounds_on_one_property_is_that_of_the_range() -> None:
    expected = norm.cdf(1.59, 1.4, 0.3) - norm.cdf(1.09, 1.4, 0.3)
    assert keeps(GOAL, {"band_gap": (1.4, 0.3)}) == pytest.approx(expected)
    apart = GOAL.model_copy(update={"constraints": tuple(reversed(GOAL.constraints))})
    assert keeps(apart, {"band_gap": (1.4, 0.3)}) == pytest.approx(expected)


def test_estimates_hold_what_the_predictor_says(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    looks = [estimate(rocksalt("Mg", "O", 4.2), "shipped"), estimate(rocksalt("Cu", "O", 4.2), "shipped")]
    assert [look.refusal for look in looks] == [None, None]
    assert looks[0].values["band_gap"] == 1.34
    assert {m.method for m in looks[0].measurements} == {"predicted"}
    assert {m.source.split(" ")[0] for m in looks[0].measurements} == {"CHGNet", "made-up"}
    assert "band_gap" not in looks[1].values
    described = describe([rocksalt("Cu", "O", 4.2), rocksalt("Mg", "O", 4.2)], "shipped")
    # One that the predictor refuses is expected to be like the others.
    np.testing.assert_allclose(described.estimates["band_gap"], 1.34)
    assert "band_gap" not in describe([rocksalt("Mg", "O", 4.2)]).estimates


class TestDisagreement:
    def test_what_both_say_is_compared(self) -> None:
        found = disagreements([trial(1, -1.0, -0.9, 0.05), trial(2, -2.0, -2.1, 0.2)])
        assert [one.difference for one in found] == [pytest.approx(0.1), pytest.approx(-0.1)]
        assert [one.z for one in found] == [pytest.approx(2.0), pytest.approx(-0.5)]
        assert root_mean_square_z(found) == pytest.approx(np.sqrt((4 + 0.25) / 2))

    def test_the_correction_is_learnt_slowly_and_never_narrows(self) -> None:
        assert correction(()) == Correction(0.0, 1.0)
        exact = disagreements([trial(n, -1.0, -1.0, 0.1) for n in range(1, 30)])
        assert correction(exact) == Correction(0.0, 1.0)
        off = disagreements([trial(n, -1.0, -0.7, 0.1) for n in range(1, 31)])
        learnt = correction(off)
        assert learnt.shift == pytest.approx(30 * 0.3 / 40)
        assert learnt.factor == 1.0  # what is left of the difference, 0.075, is within the deviation
        assert 0 < correction(off[:1]).shift < learnt.shift
        either = disagreements([trial(n, -1.0, -1.0 + 0.3 * (-1) ** n, 0.1) for n in range(1, 31)])
        assert correction(either) == Correction(pytest.approx(0.0), pytest.approx(np.sqrt((10 + 30 * 9) / 40)))

    def test_trials_without_both_are_left_out(self) -> None:
        bare = trial(1, -1.0, -0.9, 0.05)
        assert bare.outcome
        silent = replace(bare, outcome=bare.outcome.model_copy(update={"details": {}}))
        assert disagreements([silent, replace(bare, outcome=None)]) == ()


class TestTheSupply:
    @pytest.fixture(autouse=True)
    def predictor(self, monkeypatch: pytest.MonkeyPatch) -> None:
        install(monkeypatch, self.say)

    @staticmethod
    def say(formula: str) -> Said:
        """A gap that depends on the formula, and on nothing else."""
        return Said(gap=random.Random(formula).uniform(0, 4), deviation=0.3)

    def test_it_offers_the_most_promising_and_says_what_it_threw_away(self) -> None:
        offer = Supply(GOAL, SPACE, 0, 6, "shipped").offer(State())
        assert len(offer.candidates) == 6
        assert sum(offer.thrown.values()) + offer.left + 6 == 24
        assert offer.thrown
        gaps = [predicted([c.content], "shipped")[0].values["band_gap"] for c in offer.candidates]  # type: ignore[list-item]
        assert all(1.09 - 0.6 <= gap <= 1.59 + 0.6 for gap in gaps)
        plain = Supply(GOAL, SPACE, 0, 6).offer(State())
        assert (plain.thrown, plain.left, len(plain.candidates)) == ({}, 0, 6)

    def test_a_resumed_campaign_is_offered_the_same(self) -> None:
        supply = Supply(GOAL, SPACE, 0, 6, "shipped")
        state = State()
        for batch in (1, 2, 3):
            offer = supply.offer(state)
            assert Supply(GOAL, SPACE, 0, 6, "shipped").offer(state) == offer
            tried = {
                n: replace(trial(n, -1.0, -0.5, 0.1, batch), candidate=c)
                for n, c in enumerate(offer.candidates[:2], len(state.trials) + 1)
            }
            state = replace(state, trials={**state.trials, **tried}, batches=batch)
        assert Supply(GOAL, SPACE, 0, 6, "shipped").made_for(state, 2) == supply.made_for(state, 2)


def test_the_planner_hands_the_predictor_on_and_reports_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, TestTheSupply.say)
    handed = use_made_up_acquisition(monkeypatch, by_id=True)
    planner = BuiltinPlanner(GOAL, SPACE, 0, "shipped")
    proposal = planner.propose(State(), 3)
    assert set(handed) == {"shipped"}
    assert len(proposal.picks) == 3
    assert any(note.startswith("thrown away by the predictor: band gap") for note in proposal.notes)
    assert proposal.hypothesis
    assert "have predicted band gap of at least 1.09 eV" in proposal.hypothesis.statement
    assert BuiltinPlanner(GOAL, SPACE, 0, "shipped").propose(State(), 3) == proposal
    trials = {
        n: replace(trial(n, -1.0, -0.9, 0.1), candidate=pick.candidate) for n, pick in enumerate(proposal.picks, 1)
    }
    text = planner.reflect(State(trials=trials, batches=1), 1).text
    assert "Of 240 crystals made for batch 1 the predictor threw away " in text
    assert "(band gap above 1.59 eV " in text


class TestReadyMade:
    @pytest.fixture
    def started(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
        calls: list[tuple[object, ...]] = []
        monkeypatch.setattr(assemble, "new_campaign", lambda *arguments: calls.append(arguments))
        return calls

    def test_a_name_is_enough(
        self, started: list[tuple[object, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        ledger = assemble.open_home(tmp_path / "home")
        assemble.started_campaign(Path("solar"), ledger)
        assemble.started_campaign(None, ledger, None, "mine")
        assert [(call[0], call[3]) for call in started] == [
            (assemble.ready_made("solar"), "solar"),
            (assemble.ready_made("stiff"), "mine"),
        ]

    def test_a_file_of_that_name_goes_first(
        self, started: list[tuple[object, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("solar").write_text("name: other")
        assemble.started_campaign(Path("solar"), assemble.open_home(tmp_path / "home"))
        assert started[0][0] == Path("solar")

    def test_a_wrong_name_lists_the_ready_made(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="'solr'; ready-made are: solar, stiff"):
            assemble.started_campaign(Path("solr"), assemble.open_home(tmp_path / "home"))
