"""A predicted value never looks simulated, wherever a campaign is shown; the predictor is held against the oracle."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from pathlib import Path

import made_up_campaign as made_up
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from athanor.agent.labels import figure
from athanor.agent.reports.report import write_report
from athanor.agent.standing import standing_of
from athanor.agent.views.live import result
from athanor.agent.views.progress import Progress
from athanor.agent.views.summary import render, summarise
from athanor.memory.events import CampaignOpened, Event, TrialFinished
from athanor.memory.records import Measurement, Outcome
from athanor.memory.state import State, fold
from athanor.tools.properties.disagreement import correction, disagreements, root_mean_square_z

NAME = "made-up predictor 1"
GOAL = {
    "statement": "a solar absorber",
    "objectives": [
        {"property": "solar_efficiency_limit", "direction": "maximise", "unit": "%"},
        {"property": "energy_above_hull", "direction": "minimise", "unit": "eV/atom"},
    ],
    "constraints": [
        {"property": "band_gap", "comparison": ">=", "value": 1.09, "unit": "eV"},
        {"property": "band_gap", "comparison": "<=", "value": 1.59, "unit": "eV"},
        {"property": "energy_above_hull", "comparison": "<=", "value": 0.1, "unit": "eV/atom"},
        {"property": "energy_above_hull", "comparison": ">=", "value": -0.1, "unit": "eV/atom"},
    ],
    "budget": {"evaluations": 40},
}


def with_predictions(number: int, outcome: Outcome) -> Outcome:
    """An outcome to which a predictor has added what it says."""
    if outcome.failure:
        return outcome
    dice = random.Random(number)
    values = {"band_gap": (0.9 + 0.9 * dice.random(), 0.3, "eV"), "solar_efficiency_limit": (25.0, 6.0, "%")}
    added = tuple(
        Measurement(property=name, value=value, deviation=deviation, unit=unit, method="predicted", source=NAME)
        for name, (value, deviation, unit) in values.items()
    )
    simulated = next(m.value for m in outcome.measurements if m.property == "formation_energy")
    mean = simulated + dice.gauss(0, 0.1)
    energy = {"mean": mean, "deviation": 0.05, "lower": mean - 0.1, "upper": mean + 0.1}
    flags = ["far from the training crystals"] if number % 9 == 0 else []
    said = {"name": NAME, "novelty": 0.5, "flags": flags, "formation_energy": energy}
    return outcome.model_copy(
        update={"measurements": (*outcome.measurements, *added), "details": {**outcome.details, "predictor": said}}
    )


def told(event: Event) -> Event:
    """The made-up campaign's events, as of a campaign for solar absorbers."""
    if isinstance(event, CampaignOpened):
        spec = {**event.spec, "goal": GOAL, "oracle": {"kind": "simulation", "predictor": "shipped"}}
        return event.model_copy(update={"spec": spec})
    if isinstance(event, TrialFinished):
        return event.model_copy(update={"outcome": with_predictions(event.trial, event.outcome)})
    return event


def state(trials: int = 40) -> State:
    events = [(seconds, told(event)) for seconds, event in made_up.events(trials, confirming=(3,) if trials else ())]
    return fold(made_up.entries(events))


SOLAR = state()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(SOLAR, tmp_path_factory.mktemp("solar"))


def test_every_line_of_a_report_that_shows_a_predicted_value_says_so(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    shown = [f"{t.values['band_gap']:.2f} ± 0.30" for t in SOLAR.completed] + ["25.0 ± 6.0"]
    lines = [line for line in text.splitlines() if any(value in line for value in shown)]
    assert len(lines) > 5
    for line in lines:
        for value in shown:
            assert not re.search(re.escape(value) + r"(?! %? ?(eV )?\(predicted\)| \(predicted\))", line), line
    named = [line for line in text.splitlines() if re.search(r"(band gap|solar efficiency limit)", line)]
    assert len(named) > 8
    for line in named:
        assert re.search(r"[Pp]redict|Shockley", line), line
    assert f"band gap: predicted by {NAME}" in text
    assert "PBE" in text
    assert "No electronic structure was computed here" in text


def test_a_goal_says_so_before_there_are_results(tmp_path: Path) -> None:
    text = write_report(state(0), tmp_path).read_text(encoding="utf-8")
    assert "objective: solar efficiency limit (%, predicted) as high as possible" in text
    assert "constraint: band gap (predicted) ≥ 1.09 eV" in text
    assert "constraint: energy above hull ≤ 0.1 eV/atom" in text
    assert "Predictor against oracle" not in text


def test_the_section_holds_what_the_trials_hold(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    found = disagreements(standing_of(SOLAR).completed)
    assert len(found) == len(standing_of(SOLAR).completed) > 20
    section = text[text.index("## Predictor against oracle") : text.index("## Time")]
    mean = float(np.mean([abs(one.difference) for one in found]))
    far = sum(abs(one.z) > 2 for one in found) / len(found)
    assert f"differ by {figure(mean)} eV/atom on average over {len(found)} relaxed crystals" in section
    assert f"In {100 * far:.0f} % of them" in section
    assert f"should be multiplied by {figure(root_mean_square_z(found) or 0)}," in section
    assert f"deviations {figure(correction(found).factor)} times as wide" in section
    assert f"shifted by {figure(-correction(found).shift)} eV/atom" in section
    whole = next(line for line in section.splitlines() if line.startswith("| all"))
    assert [cell.strip() for cell in whole.split("|")[2:4]] == [str(len(found)), figure(mean)]
    worst = max(found, key=lambda one: abs(one.z))
    largest = section[section.index("### Largest disagreements") :]
    first = next(line for line in largest.splitlines() if re.match(r"\| \d", line))
    assert first.startswith(f"| {worst.trial.number} |")
    assert "(predicted)" in first
    assert "(predictor.png)" in text


def test_the_plot_shows_something(report: Path) -> None:
    with Image.open(report.parent / "predictor.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert min(pixels.shape[:2]) >= 300
    assert 0.005 < (pixels < 250).any(axis=2).mean() < 0.6


def test_a_campaign_without_a_predictor_has_no_such_section(tmp_path: Path) -> None:
    path = write_report(made_up.state(20), tmp_path)
    text = path.read_text(encoding="utf-8")
    assert "Predictor against oracle" not in text
    assert "PBE" not in text
    assert not (tmp_path / "predictor.png").exists()


def test_tables_of_numbers_carry_method_and_source(report: Path) -> None:
    with (report.parent / "trials.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["band_gap"]]
    assert rows
    assert {(row["band_gap method"], row["band_gap source"]) for row in rows} == {("predicted", NAME)}
    assert "band_gap predicted" not in rows[0]
    summary = json.loads((report.parent / "summary.json").read_text(encoding="utf-8"))
    assert summary["predicted"] == ["band_gap", "solar_efficiency_limit"]
    methods = {value["property"]: value["method"] for hit in summary["hits"] for value in hit["values"]}
    assert (methods["band_gap"], methods["energy_above_hull"]) == ("predicted", "simulated")


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_marks_what_is_predicted(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    render(summarise(SOLAR), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert re.search(r"25\.0 ± 6\.0†", text)
    assert "† predicted, not simulated or measured" in text
    assert f"predicted by {NAME}" in text
    assert "25.0 ± 6.0 % (predicted)" in " ".join(text.split())
    assert "†" not in text[: text.index("The best hits")]


def test_the_live_view_marks_what_is_predicted() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=50, color_system=None)
    progress = Progress(console)
    progress.update(SOLAR)
    console.print(progress._draw())
    assert "25.0 ± 6.0†" in console.file.getvalue()  # type: ignore[attr-defined]
    trial = SOLAR.completed[0]
    line = result(standing_of(SOLAR).goal, trial)
    assert line.startswith("solar efficiency limit 25.0 ± 6.0 % (predicted), energy above hull ")
    assert line.endswith("eV (predicted) (others simulated by sevennet)")
    without_names = result(standing_of(SOLAR).goal, trial, with_names=False)
    assert without_names.startswith("25.0 ± 6.0 % (predicted), ")
    assert without_names.endswith("others simulated")
