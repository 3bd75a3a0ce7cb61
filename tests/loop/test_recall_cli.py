"""`athanor recall` and `athanor note`: what they show, what they hand to the index, and what they refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import made_up_campaign as made_up
import pytest
from typer.testing import CliRunner, Result
from word_recall import WordRecall

from athanor.agent import assemble
from athanor.agent.cli import app
from athanor.agent.recollection import notes
from athanor.memory.events import CampaignOpened, CrystalEmbedded, Event, TrialFinished
from athanor.memory.ledger import HOME
from athanor.memory.people_events import NoteAdded
from athanor.memory.recall import Document, Range, Where
from athanor.memory.sql import open_ledger
from athanor.memory.state import fold

MGO = """data_MgO
_cell_length_a 4.21
_cell_length_b 4.21
_cell_length_c 4.21
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Mg 0 0 0
O 0.5 0.5 0.5
"""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> WordRecall:
    """The index that every command of a test meets."""
    recall = WordRecall()
    monkeypatch.setattr(assemble, "open_index", lambda home: recall)
    return recall


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose ledger holds the made-up campaign `stiff`, its crystals embedded by the number of their trial."""
    tell(tmp_path / "home", "stiff")
    return tmp_path / "home"


def tell(home: Path, name: str, *, embedded: bool = True, ended: bool = True) -> None:
    events: list[Event] = []
    for _, event in made_up.events(20, failing=0.4, ended=ended):
        if isinstance(event, CampaignOpened):
            event = event.model_copy(update={"spec": {**event.spec, "name": name}})
        events.append(event)
        if isinstance(event, TrialFinished) and embedded:
            events.append(CrystalEmbedded(trial=event.trial, model="test", embedding=(float(event.trial), 1.0)))
    open_ledger(home, None).append(name, events)


@pytest.fixture
def athanor(home: Path) -> Callable[..., Result]:
    """Call the command in this process."""

    def call(*arguments: str, given: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, [*arguments, "--home", str(home)], input=given, env={"COLUMNS": "80"})

    return call


def noted(home: Path) -> list[NoteAdded]:
    events = [entry.event for entry in open_ledger(home, None).entries(HOME)]
    assert all(isinstance(event, NoteAdded) for event in events)
    return [event for event in events if isinstance(event, NoteAdded)]


def test_a_note_is_kept_and_found(athanor: Callable[..., Result], index: WordRecall, home: Path) -> None:
    assert athanor("note", "rocksalt needs a finer mesh", "--campaign", "stiff", "--author", "Ada").exit_code == 0
    assert index.documents["note/1"].text == "rocksalt needs a finer mesh"
    result = athanor("recall", "a finer mesh", "-n", "1")
    assert result.exit_code == 0, result.stderr
    first, second, *_ = result.stdout.splitlines()
    assert first.startswith(" 1.00 note  stiff  by «Ada»  ")
    assert first.endswith(" UTC")
    assert second.strip() == "«rocksalt needs a finer mesh»"
    assert noted(home) == [NoteAdded(author="Ada", campaign="stiff", text="rocksalt needs a finer mesh")]


def test_a_note_as_json_and_from_standard_input(athanor: Callable[..., Result], index: WordRecall, home: Path) -> None:
    result = athanor("note", "-", "--json", given=b"first line\nsecond \x1b[31mline\n\xff")
    answer = json.loads(result.stdout)
    assert answer["number"] == 1
    assert answer["campaign"] == ""
    assert answer["author"]
    assert datetime.fromisoformat(answer["time"]).tzinfo is not None
    assert noted(home)[0].text == "first line\nsecond [31mline\n\ufffd"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["x" * 4001], "4001 readable characters; 1 to 4000 are allowed"),
        ([" \u200b\x00\u202e "], "0 readable characters"),
        (["x", "--campaign", "nobody"], "no campaign named 'nobody'; there are: stiff"),
        (["x", "--author", "\u200b"], "--author"),
    ],
)
def test_a_note_that_cannot_be_kept_is_refused(
    athanor: Callable[..., Result], index: WordRecall, home: Path, arguments: list[str], says: str
) -> None:
    result = athanor("note", *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert noted(home) == []


def test_a_note_waits_while_another_is_written(athanor: Callable[..., Result], index: WordRecall, home: Path) -> None:
    other = open_ledger(home, None)
    with other.writer(HOME, "someone"):
        result: list[Result] = []
        thread = threading.Thread(target=lambda: result.append(athanor("note", "patience")))
        thread.start()
        thread.join(1.0)
        assert thread.is_alive()
        assert noted(home) == []
    thread.join(notes.PATIENCE)
    assert result[0].exit_code == 0, result[0].stderr
    assert [note.text for note in noted(home)] == ["patience"]


def test_a_note_does_not_wait_for_ever(
    athanor: Callable[..., Result], index: WordRecall, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "PATIENCE", 0.2)
    with open_ledger(home, None).writer(HOME, "someone else"):
        result = athanor("note", "in vain")
    assert result.exit_code == 2
    assert "someone else" in result.stderr


def test_a_note_is_added_while_a_campaign_runs(athanor: Callable[..., Result], index: WordRecall, home: Path) -> None:
    with open_ledger(home, None).writer("stiff", "a run"):
        assert athanor("note", "seen on the way", "--campaign", "stiff").exit_code == 0
    assert len(noted(home)) == 1


def test_a_note_is_safe_where_the_index_is_not(athanor: Callable[..., Result], index: WordRecall, home: Path) -> None:
    index.trouble = "recall: the folder is damaged"
    result = athanor("note", "still here")
    assert result.exit_code == 0
    assert "safe in the ledger" in result.stdout
    assert "the folder is damaged" in result.stdout
    assert [note.text for note in noted(home)] == ["still here"]
    assert json.loads(athanor("note", "again", "--json").stdout)["not_indexed"] == index.trouble


def test_failures_are_counted_by_the_kind_that_the_ledger_knows(
    athanor: Callable[..., Result], index: WordRecall, home: Path
) -> None:
    state = fold(open_ledger(home, None).entries("stiff"))
    kinds: dict[str, list[int]] = {}
    for trial in state.failed:
        assert trial.outcome
        assert trial.outcome.failure
        kinds.setdefault(trial.outcome.failure.kind, []).append(trial.number)
    answer = json.loads(athanor("recall", "forces failed", "--kind", "failure", "-n", "2", "--json").stdout)
    assert {k: sorted(t["trial"] for t in found) for k, found in answer["failures"].items()} == kinds
    assert len(answer["notes"]) == 2
    assert index.asked[-1] == (50, Where(kinds=("failure",)))
    text = " ".join(athanor("recall", "forces failed", "--kind", "failure", "-n", "2").stdout.split())
    assert f"Of the {len(state.failed)} failures nearest to this question: " in text
    for kind, trials in kinds.items():
        assert f"{kind.replace('_', ' ')} {len(trials)} (stiff {' '.join(f'#{n}' for n in trials)})" in text


def test_json_holds_ids_and_all_fields(athanor: Callable[..., Result], index: WordRecall) -> None:
    document = json.loads(athanor("recall", "Compounds of B or C", "--kind", "hypothesis", "-n", "1", "--json").stdout)
    assert document["question"] == "Compounds of B or C"
    (found,) = document["notes"]
    known = index.documents[found["id"]]
    assert Document.model_validate({k: v for k, v in found.items() if k != "similarity"}) == known
    assert found["prediction"]["property"] == "bulk_modulus"
    assert document["failures"] == {}


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["--campaign", "stiff"], Where(campaigns=("stiff",))),
        (["--element", "Mn", "--element", "O"], Where(elements=("Mn", "O"))),
        (["--kind", "note", "--kind", "summary"], Where(kinds=("note", "summary"))),
        (["--verdict", "refuted"], Where(verdict="refuted")),
        (
            ["--since", "2026-05-01", "--until", "2026-05-31"],
            Where(since=datetime(2026, 5, 1, tzinfo=UTC), until=datetime(2026, 5, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ),
        (["--since", "2026-05-01T10:00+02:00"], Where(since=datetime(2026, 5, 1, 8, tzinfo=UTC))),
        (["--until", "2026-05-01T10:00"], Where(until=datetime(2026, 5, 1, 10, tzinfo=UTC))),
    ],
)
def test_filters_reach_the_index(
    athanor: Callable[..., Result], index: WordRecall, arguments: list[str], asked: Where
) -> None:
    assert athanor("recall", "anything", "-n", "3", *arguments).exit_code == 0
    assert index.asked[0] == (3, asked)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "one of a question, --like FILE and --rebuild"),
        (["x", "--like", "x.cif"], "one of a question, --like FILE and --rebuild"),
        (["  "], "the question is empty"),
        (["x", "--property", "density<=3"], "with --like"),
        (["--like", "x.cif", "--kind", "note"], "with a question"),
        (["--like", "nowhere.cif"], "nowhere.cif: no such file"),
        (["x", "--campaign", "light"], "no campaign named 'light'; there are: stiff"),
        (["x", "--element", "Mm"], "--element 'Mm'"),
        (["x", "--kind", "joke"], "hypothesis, reflection, note, failure, summary"),
        (["x", "--verdict", "true"], "open, supported, refuted, inconclusive"),
        (["x", "--since", "yesterday"], "--since 'yesterday': not an ISO date"),
        (["x", "--until", "0001-01-01T00:00+14:00"], "--until"),
        (["--like", "x.cif", "--property", "density=3"], "bulk_modulus>=200"),
        (["--like", "x.cif", "--property", "density<=nan"], "bulk_modulus>=200"),
        (["x", "-n", "0"], "-n"),
    ],
)
def test_a_wrong_question_is_refused(
    athanor: Callable[..., Result], index: WordRecall, arguments: list[str], says: str
) -> None:
    result = athanor("recall", *arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output
    assert index.asked == []


def test_an_index_that_fails_ends_with_1(athanor: Callable[..., Result], index: WordRecall) -> None:
    index.trouble = "recall: the folder is damaged; `athanor recall --rebuild` makes it anew"
    result = athanor("recall", "anything")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.strip() == index.trouble


def test_an_empty_home_says_so(index: WordRecall, tmp_path: Path) -> None:
    call = ["recall", "anything", "--home", str(tmp_path / "empty")]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0
    assert "Nothing to recall here yet" in result.stdout
    assert json.loads(CliRunner().invoke(app, [*call, "--json"]).stdout)["notes"] == []


@pytest.fixture
def cif(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with one crystal, which is embedded next to trial 9."""
    monkeypatch.setattr(assemble, "embed", lambda crystal: ("test", (9.2, 1.0)))
    path = tmp_path / "MgO.cif"
    path.write_text(MGO)
    return path


def test_materials_alike_come_with_what_the_ledger_knows_of_them(
    athanor: Callable[..., Result], index: WordRecall, cif: Path, home: Path
) -> None:
    bounds = ["--property", "bulk_modulus >= 200", "--property", "density<=5e0"]
    answer = json.loads(athanor("recall", "--like", str(cif), "-n", "20", *bounds, "--json").stdout)
    ranges = (Range(property="bulk_modulus", low=200), Range(property="density", high=5))
    assert index.asked == [(20, Where(properties=ranges, model="test"))]
    assert (answer["like"], answer["formula"], answer["not_in_ledger"]) == ("MgO.cif", "MgO", 0)
    state = fold(open_ledger(home, None).entries("stiff"))
    assert [found["trial"] for found in answer["materials"][:2]] == [9, 10]
    assert len(answer["materials"]) == 20
    for found in answer["materials"]:
        outcome = state.trials[found["trial"]].outcome
        assert outcome
        assert [(v["property"], v["value"], v["deviation"], v["unit"]) for v in found["values"]] == [
            (m.property, m.value, m.deviation, m.unit) for m in outcome.measurements
        ]
        assert {v["method"] for v in found["values"]} <= {"simulated"}
        assert (found["failure"] or {}).get("kind") == (outcome.failure.kind if outcome.failure else None)


def test_materials_alike_as_text(athanor: Callable[..., Result], index: WordRecall, cif: Path) -> None:
    result = athanor("recall", "--like", str(cif), "-n", "20")
    text = " ".join(result.stdout.split())
    assert text.startswith("Nearest to MgO of MgO.cif: 0.998 ")
    assert "stiff #9 at sevennet" in text
    assert "(simulated by 7net-0, sevenn 0.13.0)" in text
    assert "failed, " in text
    assert "after 150 steps»" in text
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert not any(line.endswith(" ") for line in result.stdout.splitlines())


def test_materials_that_the_ledger_lacks_are_not_made_up(
    athanor: Callable[..., Result], index: WordRecall, cif: Path
) -> None:
    athanor("recall", "anything")
    index.materials["gone/1"] = index.materials["stiff/9"].model_copy(update={"campaign": "gone"})
    result = athanor("recall", "--like", str(cif), "-n", "2")
    assert "1 material more that this ledger does not know" in " ".join(result.stdout.split())
    assert "gone" not in result.stdout


@pytest.mark.parametrize("count", [0, 2])
def test_a_file_without_exactly_one_crystal_is_refused(
    athanor: Callable[..., Result], index: WordRecall, tmp_path: Path, count: int
) -> None:
    path = tmp_path / "crystals.json"
    path.write_text(json.dumps([made_up.crystal(n).model_dump() for n in range(count)]))
    result = athanor("recall", "--like", str(path))
    assert result.exit_code == 2
    assert "crystals.json" in result.stderr
    assert athanor("recall", "--like", str(tmp_path)).exit_code == 2


def test_a_crystal_that_cannot_be_embedded_is_refused(
    athanor: Callable[..., Result], index: WordRecall, cif: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assemble, "embed", lambda crystal: None)
    result = athanor("recall", "--like", str(cif))
    assert result.exit_code == 2
    assert "MgO cannot be compared" in result.stderr


def test_a_rebuilt_index_holds_what_the_lost_one_held(
    athanor: Callable[..., Result], index: WordRecall, home: Path
) -> None:
    athanor("note", "kept")
    athanor("recall", "anything")
    before = (dict(index.documents), dict(index.materials), dict(index.last))
    index.documents["forged/1"] = next(iter(index.documents.values()))
    answer = json.loads(athanor("recall", "kept", "--rebuild", "--json").stdout)
    assert answer["rebuilt"] == {"campaigns": 1, "notes": 1, "embedded": {}, "left": {}}
    assert answer["notes"][0]["id"] == "note/1"
    assert index.cleared == 1
    assert (index.documents, index.materials, index.last) == before
    assert "made anew from 1 campaign and 1 note." in athanor("recall", "--rebuild").stdout


def test_a_rebuild_embeds_what_was_never_embedded(
    athanor: Callable[..., Result], index: WordRecall, home: Path, cif: Path
) -> None:
    tell(home, "old", embedded=False)
    tell(home, "held", embedded=False)
    tell(home, "killed", embedded=False, ended=False)
    ledger = open_ledger(home, None)
    spent = {name: fold(ledger.entries(name)).spent for name in ledger.campaigns()}
    with ledger.writer("held", "a run elsewhere"):
        answer = json.loads(athanor("recall", "--rebuild", "--json").stdout)["rebuilt"]
    assert answer["embedded"] == {"old": 20}
    assert "a run elsewhere" in answer["left"]["held"]
    assert "--resume killed" in answer["left"]["killed"]
    assert {name: fold(ledger.entries(name)).spent for name in ledger.campaigns()} == spent
    assert sorted(n for m in index.materials.values() if m.campaign == "old" for n in [m.trial]) == list(range(1, 21))
    again = json.loads(athanor("recall", "--rebuild", "--json").stdout)["rebuilt"]
    assert again["embedded"] == {"held": 20}


def test_a_plain_question_loads_no_network_and_answers_from_the_real_index(home: Path) -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from athanor.agent.cli import app\n"
        "if __name__ == '__main__':\n"
        "    done = CliRunner().invoke(app, ['recall', 'carbides', '--json', '-n', '1'])\n"
        "    print(done.stdout, *{name.split('.')[0] for name in sys.modules}, sep='\\n')\n"
    )
    script = home / "question.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "ATHANOR_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    document, *loaded = done.stdout.split("\n", 1)
    answer: dict[str, Any] = json.loads(document)
    assert len(answer["notes"]) == 1
    assert not {"torch", "chgnet", "sevenn", "ase", "scipy", "chromadb"} & set(loaded[0].split())
