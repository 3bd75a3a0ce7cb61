"""Three generators in a campaign: resumed it makes the same list, and it says what each has made and why.

The acquisition is a stand-in that draws at random, and the latent model is made up.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import made_up_campaign as made_up
import made_up_latent_model
import pytest
import yaml
from made_up_acquisition import use_made_up_acquisition
from made_up_latent_model import MadeUpLatentModel
from rich.console import Console
from typer.testing import CliRunner

from athanor.agent.campaign import Campaign
from athanor.agent.campaign_file import CampaignFile, parse_campaign
from athanor.agent.cli import app
from athanor.agent.executors import InlineExecutor
from athanor.agent.labels import percent
from athanor.agent.planners import builtin
from athanor.agent.planners.builtin import BuiltinPlanner
from athanor.agent.planners.random_planner import RandomPlanner
from athanor.agent.recollection.recollect import Recollection, Sources
from athanor.agent.reports.report import write_report
from athanor.agent.views.generators import parts_of
from athanor.agent.views.progress import Progress
from athanor.agent.views.summary import render, summarise
from athanor.memory.errors import UserError
from athanor.memory.events import EVENT, Entry, GeneratorShare, GeneratorShares
from athanor.memory.records import Candidate, Crystal, Measurement, Outcome
from athanor.memory.sql import open_ledger
from athanor.memory.state import State, fold
from athanor.memory.volatile import VolatileLedger
from athanor.models.wyckoff.expand import expand
from athanor.models.wyckoff.wyckoff_crystal import WyckoffCrystal
from athanor.tools.generators.bandit import shares, tallies
from athanor.tools.space import CrystalSpace

NAMES = ("substitute", "decorate", "vae")
FILE: dict[str, Any] = {
    "name": "three",
    "goal": {
        "statement": "stiff",
        "objectives": [{"property": "bulk_modulus", "direction": "maximise", "unit": "GPa"}],
        "constraints": [{"property": "density", "comparison": "<=", "value": 4.0, "unit": "g/cm3"}],
        "budget": {"evaluations": 24, "failures_in_a_row": 24},
    },
    "space": {
        "kind": "crystal",
        "elements": ["Na", "Cl", "Mg", "Ca", "O", "Ti", "C", "Zn", "S", "Si", "Sr"],
        "n_elements": [1, 3],
        "max_atoms": 6,
        "generators": list(NAMES),
    },
    "oracle": {"kind": "simulation", "calculator": "sevennet"},
    "seed": 3,
}


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    use_made_up_acquisition(monkeypatch)
    monkeypatch.setattr("athanor.tools.latent_model.shipped_latent_model", MadeUpLatentModel)
    monkeypatch.setattr(made_up_latent_model, "expand", cache(expand))
    monkeypatch.setattr(builtin, "NEW_CRYSTALS", 16)
    monkeypatch.setattr("athanor.tools.generators.generate._FRUITLESS", 40)


def answer(candidate: Candidate) -> Outcome:
    """What latent points give is light, what substitutions give is so now and then, and decorations never are."""
    assert isinstance(candidate.content, Crystal)
    dice = random.Random(candidate.id)
    chance = {"generate/vae": 0.9, "generate/substitute": 0.4}.get(candidate.provenance.tool, 0.0)
    density = 3.0 if dice.random() < chance else 5.0
    values = {"bulk_modulus": (dice.uniform(50, 300), "GPa"), "density": (density, "g/cm3")}
    return Outcome(
        measurements=tuple(
            Measurement(property=name, value=value, unit=unit, method="simulated", source="test")
            for name, (value, unit) in values.items()
        ),
        crystal=candidate.content,
    )


def file(**space: Any) -> CampaignFile:
    return parse_campaign(FILE | {"space": FILE["space"] | space}, "test")


def campaign(ledger: VolatileLedger, of: CampaignFile) -> Campaign:
    planner = BuiltinPlanner(of.goal, of.space, of.seed)
    memory = Recollection(of, Sources(ledger, None, lambda crystal: None, {"sevennet": ""}))
    return Campaign(of, ledger, planner, {"sevennet": answer}, InlineExecutor, memory)


def interrupt_at(call: int) -> Callable[[State, Sequence[int]], None]:
    calls = iter(range(10_000))

    def watch(state: State, running: Sequence[int]) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt

    return watch


@pytest.fixture(scope="module")
def ended() -> dict[str, Any]:
    return {}


@pytest.fixture
def whole(ended: dict[str, Any]) -> tuple[State, VolatileLedger]:
    """The campaign, run once for all tests."""
    if not ended:
        ended["ledger"] = VolatileLedger()
        ended["state"] = campaign(ended["ledger"], file()).run("me", {})
    return ended["state"], ended["ledger"]


@pytest.mark.parametrize("call", [0, 1])
def test_a_resumed_campaign_makes_the_same_list_with_the_same_shares(
    whole: tuple[State, VolatileLedger], call: int
) -> None:
    ledger = VolatileLedger()
    with pytest.raises(KeyboardInterrupt):
        campaign(ledger, file()).run("me", {}, interrupt_at(call))
    assert 0 < len(fold(ledger.entries("three")).trials) < 24
    resumed = campaign(ledger, file()).run("me", {})
    straight = whole[0]
    assert [t.candidate for t in resumed.trials.values()] == [t.candidate for t in straight.trials.values()]
    assert resumed.shares == straight.shares


def test_all_three_take_part_and_the_shares_follow_from_the_ledger_alone(whole: tuple[State, VolatileLedger]) -> None:
    state, ledger = whole
    assert {t.candidate.provenance.tool for t in state.trials.values()} == {f"generate/{name}" for name in NAMES}
    goal = file().goal
    replayed = fold(ledger.entries("three"))
    assert set(replayed.shares) == set(range(1, state.batches + 1))
    for batch, given in replayed.shares.items():
        # Batch b is planned from the results of the batches up to b - 2.
        seen = [t for t in replayed.trials.values() if t.batch < batch - 1]
        known = tallies(goal, seen, NAMES)
        assert {one.generator: one.share for one in given.generators} == shares(known)
        for one in given.generators:
            assert (one.evaluated, one.hits, one.improved) == (
                known[one.generator].evaluated,
                known[one.generator].hits,
                known[one.generator].improved,
            )
            assert one.made >= one.kept
        assert sum(one.kept for one in given.generators) <= 16
    last = {one.generator: one.share for one in state.shares[state.batches].generators}
    assert last["decorate"] < 0.25
    assert last["vae"] > last["decorate"]


def test_a_ledger_from_before_there_were_shares_still_reads(whole: tuple[State, VolatileLedger]) -> None:
    state, ledger = whole
    old = []
    for entry in ledger.entries("three"):
        content = json.loads(entry.model_dump_json())
        if content["event"]["kind"] == "generator_shares":
            continue
        if content["event"]["kind"] == "campaign_opened":
            del content["event"]["spec"]["space"]["generators"]
        old.append(Entry.model_validate_json(json.dumps(content | {"number": len(old) + 1})))
    before = fold(old)
    assert before.shares == {}
    assert list(before.trials.values()) == list(state.trials.values())
    assert summarise(before)["generators"] == []
    assert parse_campaign(before.spec, "old").space.generators == ("substitute", "decorate")


def test_shares_survive_json() -> None:
    event = GeneratorShares(batch=2, generators=(GeneratorShare(generator="vae", share=0.25, made=3, kept=2),))
    assert EVENT.validate_json(event.model_dump_json()) == event


def test_the_random_planner_takes_from_all_in_turn_whatever_came_back() -> None:
    of = file()
    planner = RandomPlanner(of.goal, of.space, of.seed)
    state = made_up.recorded(State(), planner.propose(State(), 6))
    trials = {n: replace(t, status="completed", outcome=answer(t.candidate)) for n, t in state.trials.items()}
    proposal = planner.propose(replace(state, trials=trials), 6)
    assert {one.share for one in proposal.generators} == {1 / 3}
    made = {one.generator: one.made for one in proposal.generators}
    assert made["decorate"] - made["vae"] in (0, 1)
    assert sum(one.evaluated for one in proposal.generators) == 6


def test_summary_report_and_views_show_what_each_generator_did(
    whole: tuple[State, VolatileLedger], tmp_path: Path
) -> None:
    state, _ = whole
    parts = {part["generator"]: part for part in parts_of(state)}
    assert list(parts) == list(NAMES)
    assert sum(part["evaluated"] for part in parts.values()) == 24
    hits = summarise(state)["hits"]
    assert sum(part["hits"] for part in parts.values()) == len(hits)
    assert parts["decorate"]["hits"] == 0
    for name, part in parts.items():
        rows = [one for given in state.shares.values() for one in given.generators if one.generator == name]
        assert (part["made"], part["kept"]) == (sum(r.made for r in rows), sum(r.kept for r in rows))
        assert part["share"] == rows[-1].share
    vae = parts["vae"]
    row = [vae[key] for key in ("made", "kept", "improved")]  # type: ignore[literal-required]
    text = write_report(state, tmp_path).read_text(encoding="utf-8")
    assert f"| vae | {' | '.join(map(str, row))} | {percent(vae['share'])} |" in text
    assert json.loads((tmp_path / "summary.json").read_text())["generators"] == list(parts.values())
    console = Console(file=StringIO(), width=100)
    render(summarise(state), console)
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert f"{percent(vae['share'])}" in next(line for line in told.splitlines() if line.startswith("vae "))
    screen = Console(file=StringIO(), width=100, height=40, force_terminal=True)
    with Progress(screen) as view:
        view.update(state)
    assert f"vae {percent(vae['share'])}" in screen.file.getvalue()  # type: ignore[attr-defined]


def test_status_has_a_row_for_each_generator_and_the_report_the_latent_map(
    whole: tuple[State, VolatileLedger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, ledger = whole
    home = tmp_path / "home"
    open_ledger(home, None).append("three", [entry.event for entry in ledger.entries("three")])
    told = CliRunner().invoke(app, ["status", "--home", str(home)]).stdout
    rows = {line.split()[0]: line.split()[1:] for line in told.splitlines() if line}
    for part in parts_of(state):
        numbers = [str(part[key]) for key in ("made", "kept", "evaluated", "hits", "improved")]  # type: ignore[literal-required]
        assert rows[part["generator"]] == [*numbers, *percent(part["share"]).split()]
    monkeypatch.setattr("athanor.tools.latent_model.shipped_latent_model", MadeUpLatentModel)
    assert CliRunner().invoke(app, ["report", "three", "--home", str(home)]).exit_code == 0
    folder = home / "campaigns" / "three"
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "](latent_map.png)" in text
    assert "](latent_map.html)" in text
    assert (folder / "latent_map.png").is_file()
    assert (folder / "latent_map.html").is_file()


def test_a_campaign_without_the_vae_loads_no_latent_model_for_its_report(
    world: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr("athanor.tools.latent_model.shipped_latent_model", refuse)
    result = CliRunner().invoke(app, ["run", str(world()), "--home", str(tmp_path / "home")])
    assert result.exit_code == 0, result.exception
    assert not (tmp_path / "home" / "campaigns" / "table" / "latent_map.png").exists()


@pytest.mark.parametrize(
    ("generators", "told"),
    [
        (["substitute", "vea"], "'substitute', 'decorate', 'edit' or 'vae'"),
        (["vae", "vae"], "names one twice"),
        ([], "at least 1 item"),
        (None, "generators"),
    ],
)
def test_a_wrong_list_of_generators_is_refused(generators: object, told: str) -> None:
    with pytest.raises(UserError, match="generators") as caught:
        file(generators=generators)
    assert told in str(caught.value)


def test_the_vae_is_asked_for_by_name_and_may_be_alone() -> None:
    content = yaml.safe_load("{kind: crystal, elements: [Mg, O]}")
    assert CrystalSpace(**content).generators == ("substitute", "decorate")
    of = file(generators=["vae"])
    proposal = BuiltinPlanner(of.goal, of.space, of.seed).propose(State(), 3)
    assert {pick.candidate.provenance.tool for pick in proposal.picks} == {"generate/vae"}
    assert proposal.generators == ()


@pytest.fixture
def lessons(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many crystals were learnt, each time that some were."""
    found: list[int] = []

    class Learning(MadeUpLatentModel):
        def tuned(self, crystals: Sequence[WyckoffCrystal], seed: int) -> MadeUpLatentModel:
            found.append(len(crystals))
            return super().tuned(crystals, seed)

    monkeypatch.setattr("athanor.tools.latent_model.shipped_latent_model", Learning)
    return found


def test_the_vae_learns_the_better_half_every_few_batches_and_a_resumed_campaign_the_same(lessons: list[int]) -> None:
    of = file(generators=["substitute", "vae"], fine_tune_every=2)
    straight = campaign(VolatileLedger(), of).run("me", {})
    # Eight lessons are the fewest, half of what batches 1 to 4 have brought; six batches make 24 trials.
    assert lessons == [8]
    ledger = VolatileLedger()
    with pytest.raises(KeyboardInterrupt):
        campaign(ledger, of).run("me", {}, interrupt_at(1))
    resumed = campaign(ledger, of).run("me", {})
    assert [t.candidate for t in resumed.trials.values()] == [t.candidate for t in straight.trials.values()]
    assert set(lessons) == {8}


def test_fine_tuning_without_the_vae_is_refused() -> None:
    with pytest.raises(UserError, match="fine_tune_every is about the generator vae"):
        file(generators=["substitute"], fine_tune_every=2)
    with pytest.raises(UserError, match="fine_tune_every"):
        file(fine_tune_every=0)
