"""What a report and a summary say of memory: reused answers, what was recalled, notes, and that it was lost."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import made_up_campaign as made_up
from rich.console import Console
from typer.testing import CliRunner

from athanor.agent.cli import app
from athanor.agent.reports.report import write_report
from athanor.agent.views.summary import render, summarise
from athanor.memory.events import Evaluated, Recalled, RecallLost
from athanor.memory.ledger import HOME
from athanor.memory.people_events import NoteAdded
from athanor.memory.recall import Document, Passage
from athanor.memory.records import Origin
from athanor.memory.sql import open_ledger
from athanor.memory.state import State, fold

LOST = "recall: the folder is damaged; `athanor recall --rebuild` makes it anew"


def recalled(batch: int, text: str = "Carbides of Ti exceed 250 GPa.") -> Recalled:
    document = Document(
        id="light/hypothesis/h2",
        kind="hypothesis",
        campaign="light",
        text=text,
        trials=(3, 8),
        verdict="supported",
        time=datetime(2030, 5, 31, tzinfo=UTC),
    )
    note = Document(id="note/1", kind="note", campaign="", text="Mind the mesh.", author="Ada", time=document.time)
    material = Evaluated(
        origin=Origin(campaign="light", trial=17),
        oracle="sevennet",
        crystal=made_up.crystal(17),
        measurements=made_up.measurements(17),
        similarity=0.987,
    )
    failed = material.model_copy(update={"origin": Origin(campaign="light", trial=18), "measurements": ()})
    passages = (Passage(document=document, similarity=0.71), Passage(document=note, similarity=0.4))
    return Recalled(batch=batch, passages=passages, materials=(material, failed))


def remembering() -> State:
    told = made_up.events(40)
    told += [(told[-1][0], event) for event in (recalled(1, "old news"), recalled(3), *2 * [RecallLost(message=LOST)])]
    state = fold(made_up.entries(told))
    best = summarise(state)["pareto"][0]["trial"]
    reused = replace(state.trials[best], reused=Origin(campaign="light", trial=12), batch=0)
    return replace(state, trials={**state.trials, best: reused})


def test_the_section_tells_what_memory_did(tmp_path: Path) -> None:
    notes = [NoteAdded(author="Ada", campaign="stiff", text="The hits *look*\nodd.")]
    text = write_report(remembering(), tmp_path, notes).read_text(encoding="utf-8")
    section = text.split("\n## Memory\n")[1].split("\n## ")[0]
    assert "1 answer of earlier campaigns was taken over" in section
    assert "light (1). It costs nothing" in section
    assert "before batch 3" in section
    assert "old news" not in section
    source = "- hypothesis of campaign light, trials 3, 8, supported, 2030-05-31, similarity 0.71: "
    assert f"{source}«Carbides of Ti exceed 250 GPa.»" in section
    assert "- note on the home, by «Ada», 2030-05-31, similarity 0.40: «Mind the mesh.»" in section
    modulus = next(m.value for m in made_up.measurements(17) if m.property == "bulk_modulus")
    assert f"- ZnN of campaign light, trial 17, at sevennet, similarity 0.987: bulk modulus {modulus:.1f} ± " in section
    assert "(simulated by 7net-0, sevenn 0.13.0)" in section
    assert "trial 18, at sevennet, similarity 0.987: failed" in section
    assert "- «Ada»: «The hits \\*look\\* odd.»" in section
    assert section.count("Memory could not be used: recall: the folder is damaged") == 1


def test_a_hit_that_was_taken_over_is_marked(tmp_path: Path) -> None:
    text = write_report(remembering(), tmp_path).read_text(encoding="utf-8")
    rows = text.split("### Pareto set")[1].split("\n\n")[2].splitlines()
    assert rows[0].endswith("| reused from |")
    assert rows[2].endswith("| light \\#12 |")
    assert all(row.endswith("| – |") for row in rows[3:])
    assert "reused from" not in write_report(made_up.state(40), tmp_path).read_text(encoding="utf-8")


def test_without_memory_there_is_no_section(tmp_path: Path) -> None:
    assert "## Memory" not in write_report(made_up.state(40), tmp_path).read_text(encoding="utf-8")
    empty = replace(made_up.state(40), recalled={1: Recalled(batch=1)})
    assert "## Memory" not in write_report(empty, tmp_path).read_text(encoding="utf-8")


def test_the_summary_counts_each_once_and_says_what_was_lost() -> None:
    summary = json.loads(json.dumps(summarise(remembering())))
    assert summary["recalled"] == {"passages": 2, "materials": 2}
    assert summary["memory_lost"] == [LOST]
    assert summarise(made_up.state(3))["memory_lost"] == []
    screen = Console(file=StringIO(), width=100)
    render(summarise(remembering()), screen)
    assert "Memory could not be used: recall: the folder is damaged" in screen.file.getvalue()  # type: ignore[attr-defined]


def test_the_report_command_reads_the_notes_on_its_campaign(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, None)
    ledger.append("stiff", [event for _, event in made_up.events(6)])
    ledger.append(HOME, [NoteAdded(author="Ada", campaign="stiff", text="mine"), NoteAdded(author="Bo", text="any")])
    result = CliRunner().invoke(app, ["report", "stiff", "--home", str(tmp_path), "--json"])
    text = Path(json.loads(result.stdout)["report"]).read_text(encoding="utf-8")
    assert "- «Ada»: «mine»" in text
    assert "«any»" not in text
