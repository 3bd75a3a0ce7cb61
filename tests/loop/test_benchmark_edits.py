"""`athanor benchmark edits`: the tasks, what a run counts, the table of planners, going on, and what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from athanor.agent import assemble, executors
from athanor.agent.chat_model.settings import ChatModelSettings
from athanor.agent.cli import app
from athanor.agent.executors import InlineExecutor
from athanor.agent.protocols.edit_figures import EditRun, interval, scores
from athanor.agent.protocols.edit_runs import run
from athanor.agent.protocols.edit_task import TARGET, TOLERANCE, EditTask, starts
from athanor.memory.records import Candidate, Crystal, Failure, Measurement, Outcome
from athanor.memory.state import State
from athanor.tools.crystals.structure import to_structure
from athanor.tools.generators.edits import Edits
from athanor.tools.oracles.guards import check_geometry

FORMULAS = {
    "BaV2Ni2O8",
    "CdCu2GeS4",
    "CeAlO3",
    "Co2TiO4",
    "ErNi2Ge2",
    "Ga2O3",
    "Li2CaSiO4",
    "LiSiNO",
    "Na2ZnGeO4",
    "SrTiO3",
}


def mean_number(candidate: Candidate) -> float:
    """A made-up gap in eV: a tenth of the mean atomic number."""
    assert isinstance(candidate.content, Crystal)
    return float(np.mean(to_structure(candidate.content).atomic_numbers)) / 10


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A predictor's answers without a predictor; the ids of what was asked. Crystals with germanium have none."""
    asked: list[str] = []

    def answer(self: EditTask, candidate: Candidate) -> Outcome:
        asked.append(candidate.id)
        assert isinstance(candidate.content, Crystal)
        if "Ge" in candidate.content.species:
            return Outcome(failure=Failure(kind="infeasible", message="never seen"))
        told = Measurement(
            property=self.wanted, value=mean_number(candidate), unit=self.unit, method="predicted", source="made up"
        )
        return Outcome(measurements=(told,))

    monkeypatch.setattr(EditTask, "answer", answer)
    return asked


@pytest.fixture
def benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: list[str]) -> Callable[..., Result]:
    """Calls the command in its own folder, without processes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(executors, "process_pool", lambda _: InlineExecutor)
    monkeypatch.delenv("ATHANOR_MODEL", raising=False)
    return lambda *arguments: CliRunner().invoke(app, ["benchmark", "edits", *arguments])


def kept(home: Path, name: str) -> State:
    """The state of the one run whose name begins so."""
    ledger = assemble.open_home(home)
    (whole,) = [one for one in ledger.campaigns() if one.startswith(name)]
    return assemble.state_of(whole, ledger)


def test_runs_with_other_chat_models_or_numbers_of_edits_are_others() -> None:
    def name(edits: int, model: str) -> str:
        return EditTask("gap", edits).campaign("SrTiO3", "llm", 0, ChatModelSettings(model=model)).name

    assert name(5, "a") == name(5, "a")
    assert len({name(5, "a"), name(6, "a"), name(5, "b")}) == 3


def test_the_starts_are_ten_sound_crystals_of_the_right_formula() -> None:
    assert set(starts()) == FORMULAS
    for formula, start in starts().items():
        assert isinstance(start.content, Crystal)
        structure = to_structure(start.content)
        assert check_geometry(structure) is None
        assert structure.composition.reduced_composition == type(structure.composition)(formula).reduced_composition


def test_candidates_are_edits_of_what_is_known_and_a_run_ends_on_the_target(tmp_path: Path, world: list[str]) -> None:
    task = EditTask("gap", edits=12)
    done = run(task, ("random", "SrTiO3", 1), None, tmp_path)
    state = kept(tmp_path, "gap-random-SrTiO3-1")
    first, *others = state.trials.values()
    assert first.candidate.id == starts()["SrTiO3"].id
    assert first.batch == 0
    known = {first.candidate.id}
    for trial in others:
        assert trial.candidate.provenance.tool == f"generate/{Edits.name}"
        assert trial.candidate.provenance.parents[0] in known
        known.add(trial.candidate.id)
    assert done.edits == len(others)
    assert done.is_met == (abs(done.values[-1] - TARGET) <= TOLERANCE)
    assert not any(abs(value - TARGET) <= TOLERANCE for value in done.values[:-1])
    assert done.edits == 12 or done.is_met


def test_an_interrupted_run_goes_on_without_asking_again(
    tmp_path: Path, world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, key = EditTask("formation", edits=5), ("random", "CeAlO3", 0)
    whole = run(task, key, None, tmp_path / "whole")
    answer = EditTask.answer

    def breaks(self: EditTask, candidate: Candidate) -> Outcome:
        if len(world) - before >= 3:
            raise KeyboardInterrupt
        return answer(self, candidate)

    before = len(world)
    monkeypatch.setattr(EditTask, "answer", breaks)
    with pytest.raises(KeyboardInterrupt):
        run(task, key, None, tmp_path / "broken")
    monkeypatch.setattr(EditTask, "answer", answer)
    asked_before = set(world[before:]) - {starts()["CeAlO3"].id}
    again = len(world)
    assert run(task, key, None, tmp_path / "broken") == whole
    assert asked_before.isdisjoint(world[again:])


def test_scores_count_all_edits_of_a_run_that_missed() -> None:
    task = EditTask("gap", edits=50)
    runs = [EditRun("a", 0, 4, True, (2.0, 1.4), 0, 0), EditRun("a", 1, 30, False, (3.0,), 0, 0)]
    assert scores(task, runs) == {"edits": [4.0, 50.0], "met": [1.0, 0.0], "final gap": [1.4, 3.0]}
    formation = [EditRun("a", 0, 3, False, (-1.0, -3.0), 0, 0), EditRun("a", 1, 1, False, (), 0, 0)]
    assert scores(EditTask("formation"), formation) == {"mean": [-2.0], "minimum": [-3.0]}
    mean, low, high = interval([1.0, 2.0, 3.0])
    assert low < mean == 2.0 < high
    assert math.isnan(interval([])[0])


def test_the_command_shows_planners_side_by_side_and_a_scripted_chat_model_among_them(
    benchmark: Callable[..., Result], tmp_path: Path
) -> None:
    arguments = ["--start", "SrTiO3", "--repeats", "1", "--edits", "1", "--out", "figures.json"]
    shown = benchmark(*arguments, "--planner", "random", "llm", "--model", "scripted:obedient")
    assert shown.exit_code == 0, shown.output
    assert "random" in shown.output
    assert "llm" in shown.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert set(figures["planners"]) == {"random", "llm"}
    assert figures["planners"]["llm"]["runs"][0]["tokens"] > 0
    assert figures["settings"]["chat_model"]["model"] == "scripted:obedient"
    state = kept(tmp_path / "athanor-home/benchmark-edits", "gap-llm-SrTiO3-0")
    told = {call["name"] for one in state.exchanges for call in one.reply.get("tool_calls", ())}
    assert "submit_batch" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--task", "colour"], "gap, formation are allowed"),
        (["--start", "NaCl"], "no such start"),
        (["--planner", "genius"], "random, builtin, llm are allowed"),
        (["--planner", "llm"], "needs a chat model"),
        (["--model", "scripted:obedient", "--names", "secret"], "--names"),
        (["--out", "nowhere/figures.json"], "no such folder"),
    ],
)
def test_wrong_wishes_are_refused_before_anything_is_spent(
    benchmark: Callable[..., Result], world: list[str], arguments: list[str], told: str
) -> None:
    refused = benchmark(*arguments)
    assert refused.exit_code == 2
    assert told in refused.output
    assert not world
