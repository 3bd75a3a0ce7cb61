"""The real index under a real campaign: it can be made anew with the same answers, and its loss stops nothing."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from made_up_campaign import events
from made_up_recall import WordEmbedder
from typer.testing import CliRunner

from athanor.agent import assemble
from athanor.agent.cli import app
from athanor.agent.recollection.rebuild import rebuild
from athanor.agent.recollection.remember import catch_up, embeddings, everything
from athanor.memory.index.chroma import ChromaRecall
from athanor.memory.ledger import HOME, Ledger
from athanor.memory.people_events import NoteAdded
from athanor.memory.recall import Recall, Where
from athanor.memory.records import Crystal
from athanor.memory.state import fold

QUESTIONS = (
    "why did the oxides fail?",
    "stiffest carbides",
    "which runs ended unconverged",
    "furnace",
    "what was claimed about small volumes",
    "what has the campaign come to",
)


def embed(crystal: Crystal) -> tuple[str, tuple[float, ...]]:
    """Eight numbers that depend on the crystal alone."""
    numbers = random.Random(repr(crystal))
    return "test 1", tuple(numbers.gauss(0, 1) for _ in range(8))


def answers(recall: Recall) -> list[Any]:
    """What the index says, with similarities to four digits."""
    filters = (Where(), Where(kinds=("failure",)), Where(elements=("O",)), Where(verdict="supported"))
    found: list[Any] = [
        [(p.document, round(p.similarity, 4)) for p in recall.search(question, 6, where)]
        for question in QUESTIONS
        for where in filters
    ]
    for number in range(6):
        asked = embed(Crystal(lattice=((1.0 + number, 0.0, 0.0),) * 3, species=("O",), coordinates=((0.0,) * 3,)))[1]
        near = recall.like(asked, 5, Where())
        found.append([(n.material.id, n.material.properties, round(n.similarity, 4)) for n in near])
    return found


def two_campaigns(ledger: Ledger, recall: Recall) -> None:
    """Tell two campaigns and two notes, and index them piece by piece as they grow."""
    for name, trials in (("stiff", 30), ("light", 22)):
        told = [event for _, event in events(trials)]
        for start in range(0, len(told), 25):
            ledger.append(name, told[start : start + 25])
            catch_up(ledger, recall, everything(ledger))
    # The crystals of one alone: the other has the same, and which of two equal ones comes first is chance.
    ledger.append("stiff", embeddings(fold(ledger.entries("stiff")), embed))
    ledger.append(HOME, [NoteAdded(author="Ada", campaign="stiff", text="The furnace was cold on Monday.")])
    catch_up(ledger, recall, everything(ledger))
    ledger.append(HOME, [NoteAdded(author="Bob", text="Weigh boron carbide twice.")])
    catch_up(ledger, recall, everything(ledger))


def test_an_index_made_anew_gives_the_same_answers(tmp_path: Path) -> None:
    ledger = assemble.open_home(tmp_path)
    with closing(assemble.open_index(tmp_path)) as recall:
        two_campaigns(ledger, recall)
        before = answers(recall)
        assert sum(map(len, before)) > 60
        done = rebuild(ledger, recall, lambda crystal: None, "me", lambda what, n, of: None)
        assert (done.campaigns, done.notes, dict(done.left)) == (2, 2, {})
        assert answers(recall) == before


@pytest.fixture
def athanor(world: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the table campaign under a name, from the command line; gives its JSON."""
    monkeypatch.setenv("ATHANOR_HOME", str(tmp_path / "home"))

    def run(name: str, seed: int = 3) -> Any:
        result = CliRunner().invoke(app, ["run", str(world(name=name, seed=seed)), "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run


def garbage(home: Path) -> None:
    file = home / "recall" / "chroma.sqlite3"
    file.write_bytes(os.urandom(file.stat().st_size))


def older(home: Path) -> None:
    with closing(ChromaRecall(WordEmbedder(), home / "recall")) as recall:
        recall.clear()
        recall.index([], [], {"first": 1})


def no_folder(home: Path) -> None:
    for file in sorted((home / "recall").rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    (home / "recall").rmdir()
    (home / "recall").write_text("this is a file")


@pytest.mark.parametrize("harm", [garbage, older, no_folder])
def test_a_harmed_index_stops_no_campaign(
    athanor: Callable[..., Any], tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    home = tmp_path / "home"
    athanor("first")
    ledger = assemble.open_home(home)
    before = list(ledger.entries("first"))
    harm(home)
    summary = athanor("second", seed=5)
    assert (summary["completed"], summary["reused"]) == (20, {"first": 20})
    assert len(summary["memory_lost"]) == 1
    report = Path(summary["report"]).read_text()
    assert report.count("could not be used") == 1
    assert list(ledger.entries("first")) == before


def test_a_lost_index_is_made_again_by_the_next_campaign(athanor: Callable[..., Any], tmp_path: Path) -> None:
    athanor("first")
    for file in (tmp_path / "home" / "recall").glob("chroma*"):
        file.unlink()
    summary = athanor("second", seed=5)
    assert summary["memory_lost"] == []
    assert summary["recalled"]["passages"] > 0


def test_a_server_that_is_not_there_stops_no_campaign(
    athanor: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    athanor("first")
    monkeypatch.setenv("ATHANOR_CHROMA", "http://127.0.0.1:9")
    summary = athanor("second", seed=5)
    assert summary["completed"] == 20
    (lost,) = summary["memory_lost"]
    assert "127.0.0.1:9" in lost
