"""A report can be written at every stage, says what the state holds, and lets no foreign text through."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import made_up_campaign as made_up
import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image
from pymatgen.core import Structure

from athanor.agent.labels import cell, duration, figure, markdown, spread
from athanor.agent.reports.report import write_report
from athanor.agent.reports.timeline import working_bars
from athanor.agent.standing import standing_of
from athanor.agent.views.summary import summarise
from athanor.memory.errors import TerminalError, UserError
from athanor.memory.foreign import clean
from athanor.memory.state import State, fold

FULL = made_up.state(60, confirming=(6, 17))
HOSTILE = "- <script>x</script> *b* | [a](http://e.vil) `q` @me $x$ # h\n\n# not a heading \x1b[31m \u202e www.e.vil"


def tables(text: str) -> dict[str, list[dict[str, str]]]:
    """Every table of a report by the heading above it, its rows as header to cell."""
    found: dict[str, list[dict[str, str]]] = {}
    heading, header = "", []
    for line in text.splitlines():
        if line.startswith("#"):
            heading, header = line.lstrip("# "), []
        elif line.startswith("| "):
            cells = [part.strip() for part in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not header:
                header = cells
                found[heading] = []
            elif not set("".join(cells)) <= set("-: "):
                found[heading].append(dict(zip(header, cells, strict=True)))
        else:
            header = header if line else []
    return found


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(FULL, tmp_path_factory.mktemp("report")).parent


@pytest.mark.parametrize(
    ("state", "plots"),
    [
        (made_up.state(0, ended=False), set()),
        (made_up.state(6, failing=2), {"timeline"}),
        (
            made_up.state(9, running=3, ended=False),
            {"best_so_far", "objectives", "energy_above_hull", "timeline", "parity"},
        ),
        (made_up.state(1, failing=0), {"best_so_far", "objectives", "energy_above_hull", "timeline"}),
        (made_up.state(2, failing=0), {"best_so_far", "objectives", "energy_above_hull", "timeline"}),
        (made_up.state(30, one_objective=True), {"best_so_far", "parity", "energy_above_hull", "timeline"}),
        (made_up.pool_state(), {"best_so_far", "objectives", "energy_above_hull"}),
    ],
    ids=["empty", "all failed", "running", "one", "two", "one objective", "pool"],
)
def test_a_report_at_every_stage(state: State, plots: set[str], tmp_path: Path) -> None:
    path = write_report(state, tmp_path / "a" / "b")
    text = path.read_text(encoding="utf-8")
    assert {file.stem for file in path.parent.glob("*.png")} == plots
    assert set(re.findall(r"\]\((\w+)\.png\)", text)) == plots
    for heading in ("Goal", "Result", "Hits", "Hypotheses", "What was tried", "Time", "Limits and sources"):
        assert f"\n## {heading}\n" in text
    assert json.loads((path.parent / "summary.json").read_text(encoding="utf-8"))["name"] == "stiff"
    with (path.parent / "trials.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(state.trials)


def test_plots_show_something(full: Path) -> None:
    names = sorted(path.stem for path in full.glob("*.png"))
    assert names == ["best_so_far", "energy_above_hull", "objectives", "parity", "timeline"]
    for path in full.glob("*.png"):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        assert min(pixels.shape[:2]) >= 300
        assert len(np.unique(pixels[::4, ::4].reshape(-1, 3), axis=0)) > 10
        assert 0.005 < (pixels < 250).any(axis=2).mean() < 0.6


def test_a_thousand_trials(tmp_path: Path) -> None:
    state = made_up.state(1000, budget=1000)
    text = write_report(state, tmp_path).read_text(encoding="utf-8")
    assert "1000 of 1000 evaluations" in text
    assert len(text) < 60_000
    with (tmp_path / "trials.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 1000
    assert len(list((tmp_path / "hits").iterdir())) == len(standing_of(state).hits)


def test_the_tables_of_hits_hold_what_the_state_holds(full: Path) -> None:
    found = tables((full / "report.md").read_text(encoding="utf-8"))
    standing = standing_of(FULL)
    n = len(standing.front)
    for rows, trials in ((found["Pareto set"], standing.front), (found["Other hits"], standing.hits[n:])):
        assert [int(row["trial"]) for row in rows] == [t.number for t in trials]
        for row, trial in zip(rows, trials, strict=True):
            assert trial.outcome
            known = {m.property: m for m in trial.outcome.measurements}
            for name, head in (
                ("bulk_modulus", "bulk modulus (GPa)"),
                ("density", "density (g/cm3)"),
                ("energy_above_hull", "energy above hull (eV/atom)"),
            ):
                shown, *deviation = row[head].split(" ± ")
                assert float(shown) == pytest.approx(known[name].value, rel=0.02)
                assert row[head] == spread(known[name].value, known[name].deviation)
                assert bool(deviation) == (known[name].deviation is not None)
            expected = trial.outcome.details.get("known_as", "not looked up")
            assert row["known as"] == (expected or "new")


def test_the_figures_of_the_other_sections_are_those_of_the_state(full: Path) -> None:
    text = (full / "report.md").read_text(encoding="utf-8")
    found = tables(text)
    standing = standing_of(FULL)
    assert f"60 of 60 evaluations were made in {duration(FULL.spent)}, {len(standing.failed)} of them failed" in text
    assert f"{len(standing.hits)} trials keep all constraints" in text
    kinds = Counter(t.outcome.failure.kind for t in FULL.failed if t.outcome and t.outcome.failure)
    assert {row["kind"]: int(row["trials"]) for row in found["Failures"]} == kinds
    for row in found["What was tried"]:
        made = [t for t in standing.trials if t.candidate.provenance.tool == row["generator"]]
        assert int(row["tried"]) == len(made)
        assert int(row["completed"]) == sum(t.status == "completed" for t in made)
        assert int(row["failed"]) == sum(t.status == "failed" for t in made)
        assert int(row["hits"]) == len([t for t in made if t in standing.hits])
        assert int(row["in the Pareto set"]) == len([t for t in made if t in standing.front])
    for row in found["How the surrogate did"]:
        name = {"b": "bulk_modulus", "d": "density", "e": "energy_above_hull"}[row["property"][0]]
        both = [(*t.predicted[name], t.values[name]) for t in standing.completed if name in t.predicted]
        assert int(row["trials"]) == len(both)
        assert row["mean absolute error"] == figure(sum(abs(p - v) for p, _, v in both) / len(both))
        inside = sum(abs(p - v) <= 2 * sd for p, sd, v in both)
        assert row["within ± 2 sd"] == f"{100 * inside / len(both):.0f} %"
    cpu = sum(t.outcome.cpu_seconds for t in FULL.trials.values() if t.outcome)
    assert f"{duration(cpu)} of processor time" in text
    for name, judgement in FULL.judgements.items():
        assert f"**{name}, {judgement.verdict}**" in text
        assert f"pass: trials {', '.join(map(str, judgement.passed))}; fail: trial {judgement.failed[0]}" in text


def test_a_hit_far_below_the_hull_is_doubted(tmp_path: Path) -> None:
    trial = standing_of(FULL).front[0]
    assert trial.outcome
    low = tuple(
        m.model_copy(update={"value": -1.6}) if m.property == "energy_above_hull" else m
        for m in trial.outcome.measurements
    )
    doubtful = replace(trial, outcome=trial.outcome.model_copy(update={"measurements": low}))
    state = replace(FULL, trials={**FULL.trials, trial.number: doubtful})
    text = write_report(state, tmp_path).read_text(encoding="utf-8")
    assert "**1 hit lies more than 0.1 eV/atom below the hull of the known phases**" in text
    assert "below the hull" not in write_report(FULL, tmp_path).read_text(encoding="utf-8")


def test_confirmation_compares_the_same_material(full: Path) -> None:
    rows = tables((full / "report.md").read_text(encoding="utf-8"))["Confirmation"]
    assert [int(row["confirms"]) for row in rows] == [6, 6, 6, 17, 17, 17]
    modulus = FULL.trials[6].values["bulk_modulus"]
    assert rows[0]["sevennet"].startswith(f"{modulus:.1f}")
    assert rows[0]["sevennet-l3i5"].startswith(f"{0.96 * modulus:.1f}")
    assert rows[0]["difference"] == f"{figure(-0.04 * modulus)} (-4.0 %)"


def test_trials_file_holds_full_precision(full: Path) -> None:
    with (full / "trials.csv").open(encoding="utf-8") as file:
        rows = {int(row["trial"]): row for row in csv.DictReader(file)}
    assert set(rows) == set(FULL.trials)
    for number, trial in FULL.trials.items():
        row = rows[number]
        assert row["status"] == trial.status
        for m in trial.outcome.measurements if trial.outcome else ():
            assert float(row[m.property]) == m.value
            assert row[f"{m.property} unit"] == m.unit
            assert row[f"{m.property} method"] == m.method
            assert row[f"{m.property} source"] == m.source
        for name, (mean, deviation) in trial.predicted.items():
            assert (float(row[f"{name} surrogate mean"]), float(row[f"{name} surrogate deviation"])) == (
                mean,
                deviation,
            )


def test_each_hit_has_a_structure_that_can_be_read(full: Path) -> None:
    hits = standing_of(FULL).hits
    files = sorted((full / "hits").iterdir())
    assert [int(path.name[:3]) for path in files] == sorted(t.number for t in hits)
    trial = min(hits, key=lambda t: t.number)
    assert trial.outcome
    assert trial.outcome.crystal
    read = Structure.from_file(files[0])
    assert read.volume == pytest.approx(abs(np.linalg.det(trial.outcome.crystal.lattice)), rel=1e-4)


def test_summary_is_json_and_says_where_numbers_come_from() -> None:
    summary = json.loads(json.dumps(summarise(FULL)))
    assert summary["reason"] == "evaluations"
    for hit in summary["hits"]:
        for value in hit["values"]:
            assert value["method"] == "simulated"
            assert value["source"] == made_up.SOURCE
            assert value["unit"]
    assert [hit["trial"] for hit in summary["pareto"]] == [t.number for t in standing_of(FULL).front]
    assert {hit["novelty"] for hit in summary["hits"]} == {"known", "new", "not looked up"}


def test_a_killed_campaign_is_called_not_ended() -> None:
    summary = summarise(made_up.state(9, running=3, ended=False))
    assert (summary["reason"], summary["pending"]) == ("running", 3)
    assert "can be resumed" in summary["message"]


def test_foreign_text_stays_text(tmp_path: Path) -> None:
    state = made_up.state(12, failing=0.5, foreign_text=HOSTILE)
    text = write_report(state, tmp_path).read_text(encoding="utf-8")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    parts = [part for token in tokens for part in (token, *(token.children or ()))]
    assert not {part.type for part in parts} & {"html_block", "html_inline", "fence", "code_block"}
    assert {part.content for part in parts if part.type == "code_inline"} == {"hits/"}
    hrefs = {t.attrs["href"] for token in tokens for t in token.children or () if t.type == "link_open"}
    assert hrefs == {"trials.csv"}
    headings = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]
    assert not any("not a heading" in heading for heading in headings)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script>x</script>" in MarkdownIt("commonmark").render(text).replace("&lt;", "<").replace("&gt;", ">")
    assert "\x1b" not in (tmp_path / "trials.csv").read_text(encoding="utf-8")


def test_long_foreign_text_is_cut() -> None:
    assert len(clean("x" * 5000, 400)) == 400
    assert markdown("x" * 5000).endswith("…")
    assert cell("=1+1").startswith("'=")
    assert cell("-1").startswith("'")


def test_a_second_report_replaces_the_first(tmp_path: Path) -> None:
    write_report(made_up.state(30), tmp_path)
    write_report(made_up.state(6, failing=2), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"report.md", "summary.json", "trials.csv", "timeline.png"}


def test_writing_the_same_state_twice_gives_the_same_files(tmp_path: Path) -> None:
    one, two = (write_report(FULL, tmp_path / name).parent for name in ("one", "two"))
    for path in one.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (two / path.relative_to(one)).read_bytes(), path.name


def test_a_campaign_that_was_never_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="never opened"):
        write_report(State(), tmp_path)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(TerminalError, match=r"cannot be written to .*file.*athanor report stiff"):
        write_report(made_up.state(3), tmp_path / "file")


def test_the_timeline_cuts_pauses_out_and_uses_as_many_lanes_as_workers() -> None:
    told = made_up.events(8, failing=0, ended=False)
    night = 8 * 3600.0
    paused = [
        (seconds + (night if index > len(told) // 2 else 0.0), event) for index, (seconds, event) in enumerate(told)
    ]
    bars, cuts = working_bars(fold(made_up.entries(paused)).completed)
    assert len(bars) == 8
    assert len(cuts) == 1
    assert bars[-1].end < 600
    for lane in {bar.lane for bar in bars}:
        on_it = [bar for bar in bars if bar.lane == lane]
        assert all(later.start >= earlier.end - 4 for earlier, later in pairwise(on_it))
