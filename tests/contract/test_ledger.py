"""One suite for every ledger: append-only, all or nothing, one writer, and clear words when the storage refuses."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from athanor.memory.errors import UserError
from athanor.memory.events import Event, Reflected, RunEnded, RunStarted, TrialFinished, TrialProposed
from athanor.memory.ledger import Ledger
from athanor.memory.records import Candidate, Crystal, Failure, Measurement, Outcome, Point, Provenance
from athanor.memory.sql import SqlLedger, open_ledger
from athanor.memory.volatile import VolatileLedger

CRYSTAL = Crystal(
    lattice=((0.0, 1.8, 1.8), (1.8, 0.0, 1.8), (1.8, 1.8, 0.1 + 0.2)),
    species=("C", "C"),
    coordinates=((0.0, 0.0, 0.0), (0.25, 0.25, 1 / 3)),
)
BULK = Measurement(property="bulk_modulus", value=443.0, deviation=1e-300, unit="GPa", method="simulated", source="x")
EVENTS: tuple[Event, ...] = (
    RunStarted(holder="someone@somewhere, pid 1"),
    TrialProposed(
        trial=1,
        batch=1,
        oracle="sevennet",
        candidate=Candidate(content=CRYSTAL, provenance=Provenance(tool="generate/substitute", note="Ti→Zr")),
        reason="quotes \" ' and % :name {} \\ and\nlines, \x00, 🜂",
        predicted={"bulk_modulus": (400.0, 30.0)},
    ),
    TrialProposed(
        trial=2,
        batch=1,
        oracle="table",
        candidate=Candidate(
            content=Point(values={"x": 1.0, "solvent": "1.0"}), provenance=Provenance(tool="generate/pool")
        ),
        reason="a pool",
    ),
    TrialFinished(trial=1, outcome=Outcome(measurements=(BULK,), crystal=CRYSTAL, details={"steps": [1, 2.5, None]})),
    TrialFinished(trial=2, outcome=Outcome(failure=Failure(kind="missing", message="no such row"))),
    RunEnded(reason="evaluations", message="2 of 2 evaluations"),
)


@pytest.fixture(params=["volatile", "sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Ledger:
    """An empty ledger of each kind."""
    if request.param == "volatile":
        return VolatileLedger()
    if request.param == "sqlite":
        return SqlLedger(f"sqlite:///{tmp_path}/a/b/ledger.sqlite")
    return SqlLedger(request.getfixturevalue("postgres_url"))


def test_an_empty_ledger_is_empty(ledger: Ledger) -> None:
    assert ledger.campaigns() == ()
    assert list(ledger.entries("stiff")) == []


def test_events_come_back_as_they_went_in(ledger: Ledger) -> None:
    before = datetime.now(UTC)
    first = ledger.append("stiff", EVENTS[:2])
    second = ledger.append("stiff", EVENTS[2:])
    entries = list(ledger.entries("stiff"))
    assert entries == [*first, *second]
    assert [entry.event for entry in entries] == list(EVENTS)
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert all(before <= entry.time <= datetime.now(UTC) for entry in entries)
    assert all(entry.time.tzinfo is UTC for entry in entries)


def test_entries_after_a_number(ledger: Ledger) -> None:
    ledger.append("stiff", EVENTS)
    assert [entry.number for entry in ledger.entries("stiff", after=4)] == [5, 6]
    assert list(ledger.entries("stiff", after=6)) == []


def test_more_entries_than_fit_on_a_page(ledger: Ledger) -> None:
    ledger.append("long", [Reflected(batch=n, text="…") for n in range(2500)])
    assert [entry.number for entry in ledger.entries("long", after=1)] == list(range(2, 2501))


def test_nothing_to_append_leaves_no_trace(ledger: Ledger) -> None:
    assert ledger.append("stiff", []) == ()
    assert ledger.campaigns() == ()


def test_campaigns_are_apart_and_oldest_first(ledger: Ledger) -> None:
    for name in ("zinc", "a/b ü '; DROP TABLE events", "zinc", "Zinc"):
        ledger.append(name, EVENTS[:1])
    assert ledger.campaigns() == ("zinc", "a/b ü '; DROP TABLE events", "Zinc")
    assert [entry.number for entry in ledger.entries("zinc")] == [1, 2]


def test_a_second_writer_is_refused_by_name(ledger: Ledger) -> None:
    with ledger.writer("stiff", "ada@athens, pid 7"):
        ledger.append("stiff", EVENTS[:1])
        with pytest.raises(UserError, match="'stiff' is being written by ada@athens, pid 7"):
            ledger.writer("stiff", "bob").__enter__()
        ledger.append("stiff", EVENTS[1:])
    assert len(list(ledger.entries("stiff"))) == len(EVENTS)


def test_a_writer_is_free_again_after_its_block(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), ledger.writer("stiff", "ada"):
        raise ZeroDivisionError
    with ledger.writer("stiff", "bob"):
        ledger.append("stiff", EVENTS)


def test_writers_of_different_campaigns_do_not_meet(ledger: Ledger) -> None:
    with ledger.writer("stiff", "ada"), ledger.writer("light", "bob"):
        ledger.append("light", EVENTS[:1])
        ledger.append("stiff", EVENTS[:1])
        ledger.append("free", EVENTS[:1])
        assert ledger.campaigns() == ("light", "stiff", "free")


def test_reading_while_writing(ledger: Ledger) -> None:
    with ledger.writer("stiff", "ada"):
        ledger.append("stiff", EVENTS[:3])
        reader = ledger.entries("stiff")
        assert next(reader).number == 1
        ledger.append("stiff", EVENTS[3:])
        assert [entry.number for entry in reader][:2] == [2, 3]


def test_a_second_ledger_sees_what_the_first_wrote_and_cannot_write_past_it(database_url: str) -> None:
    first, second = SqlLedger(database_url), SqlLedger(database_url)
    with first.writer("stiff", "ada"):
        first.append("stiff", EVENTS[:2])
        assert len(list(second.entries("stiff"))) == 2
        with pytest.raises(UserError, match="written by ada since"):
            second.append("stiff", EVENTS[2:])
    second.append("stiff", EVENTS[2:])
    with first.writer("stiff", "ada"):
        assert [entry.number for entry in first.append("stiff", EVENTS[:1])] == [7]


def test_the_default_ledger_lies_in_the_home_folder(tmp_path: Path) -> None:
    home = tmp_path / "50% of? #1 ü"
    open_ledger(home, None).append("stiff", EVENTS)
    assert (home / "ledger.sqlite").is_file()
    (tmp_path / "link").symlink_to(home)
    again = open_ledger(tmp_path / "elsewhere", f"sqlite:///{tmp_path}/link/ledger.sqlite")
    with open_ledger(home, None).writer("stiff", "ada"), pytest.raises(UserError, match="written by ada"):
        again.append("stiff", EVENTS)
    assert [entry.event for entry in again.entries("stiff")] == list(EVENTS)
