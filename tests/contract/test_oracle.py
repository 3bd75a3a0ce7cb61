"""What every oracle keeps: units as promised, failures instead of exceptions, the same answer to the same question."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from athanor.agent.executors import process_pool
from athanor.memory.errors import UserError
from athanor.memory.records import Candidate, Crystal, Outcome, Point, Provenance
from athanor.tools.oracles.build import build_oracle, evaluate, properties_of
from athanor.tools.oracles.oracle import FunctionSettings, OracleSettings, SimulationSettings, TableSettings

TABLE = "x,colour,strength\n1.0,red,10\n1.0,red,14\n2.0,blue,3\n3.0,blue,\n"
FUNCTION = """
import math
def parabola(point, top=5.0):
    x = point.values["x"]
    if x < 0:
        raise ValueError("x is below zero")
    return {"height": top - x**2 if x < 100 else math.nan} if x < 200 else {}
"""


def at(**values: float | str) -> Candidate:
    return Candidate(content=Point(values=values), provenance=Provenance(tool="test"))


def carbon(length: float) -> Candidate:
    half = length / 2
    lattice = ((0.0, half, half), (half, 0.0, half), (half, half, 0.0))
    content = Crystal(lattice=lattice, species=("C", "C"), coordinates=((0.0, 0.0, 0.0), (0.25, 0.25, 0.25)))
    return Candidate(content=content, provenance=Provenance(tool="test"))


@dataclass(frozen=True)
class Case:
    """An oracle with a candidate it answers, and ones it cannot, by kind of failure."""

    settings: OracleSettings
    good: Candidate
    bad: Mapping[str, Candidate]


@pytest.fixture(params=["simulation", "table", "function"])
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    if request.param == "simulation":
        settings: OracleSettings = SimulationSettings(calculator="chgnet")
        return Case(settings, carbon(3.6), {"volume": carbon(2.9), "missing": at(x=1.0)})
    if request.param == "table":
        path = tmp_path / "pool.csv"
        path.write_text(TABLE)
        settings = TableSettings(file=path, properties={"strength": "MPa"})
        bad = {"missing": at(x=9.0, colour="red")}
        return Case(settings, at(x=1.0, colour="red"), bad)
    name = f"function_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(FUNCTION)
    monkeypatch.syspath_prepend(tmp_path)
    settings = FunctionSettings(function=f"{name}:parabola", properties={"height": "m"}, arguments={"top": 7.0})
    return Case(settings, at(x=2.0), {"crash": at(x=-1.0), "not_a_number": at(x=150.0), "missing": at(x=300.0)})


def answers(outcome: Outcome) -> dict[str, float]:
    return {m.property: m.value for m in outcome.measurements}


def test_answers_what_it_promises_in_the_units_it_promises(case: Case) -> None:
    oracle = build_oracle(case.settings)
    outcome = evaluate(case.settings, case.good)
    assert oracle.name
    assert dict(oracle.properties) == dict(properties_of(case.settings))
    assert outcome.failure is None, outcome.failure
    assert {m.property: m.unit for m in outcome.measurements} == dict(oracle.properties)
    assert all(m.source for m in outcome.measurements)
    assert outcome.cpu_seconds >= 0


def test_the_same_question_has_the_same_answer(case: Case) -> None:
    first, second = (evaluate(case.settings, case.good) for _ in range(2))
    assert answers(first) == answers(second)
    assert first.crystal == second.crystal


def test_a_bad_candidate_is_a_failure_of_its_kind(case: Case) -> None:
    for kind, candidate in case.bad.items():
        failure = evaluate(case.settings, candidate).failure
        assert failure is not None
        assert failure.kind == kind, failure
        assert len(failure.message) > 10


def test_an_outcome_survives_the_ledger(case: Case) -> None:
    for candidate in (case.good, *case.bad.values()):
        outcome = evaluate(case.settings, candidate)
        assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_what_a_worker_is_given_can_be_sent(case: Case) -> None:
    function, settings, candidate = pickle.loads(pickle.dumps((evaluate, case.settings, case.good)))
    assert (settings, candidate) == (case.settings, case.good)
    assert function is evaluate


def test_built_once_for_the_same_settings(case: Case) -> None:
    assert build_oracle(case.settings) is build_oracle(case.settings.model_copy())


def test_works_in_a_worker_process(tmp_path: Path) -> None:
    path = tmp_path / "pool.csv"
    path.write_text(TABLE)
    settings = TableSettings(file=path, properties={"strength": "MPa"})
    with process_pool(1)() as pool:
        assert answers(pool.submit(evaluate, settings, at(x=2.0, colour="blue")).result()) == {"strength": 3.0}


def test_replicates_are_averaged_and_state_their_error(tmp_path: Path) -> None:
    path = tmp_path / "pool.csv"
    path.write_text(TABLE)
    settings = TableSettings(file=path, properties={"strength": "MPa"})
    outcome = evaluate(settings, at(colour="red", x=1.0000000001))
    (measurement,) = outcome.measurements
    assert measurement.value == 12.0
    assert measurement.deviation == pytest.approx(2.0)  # 2·√2 over √2
    assert measurement.method == "measured"
    assert outcome.details["rows"] == [2, 3]
    empty = evaluate(settings, at(x=3.0, colour="blue")).failure
    assert empty is not None
    assert empty.kind == "missing"


def test_one_replicate_is_drawn_by_the_seed_and_the_setting_alone(tmp_path: Path) -> None:
    path = tmp_path / "pool.csv"
    path.write_text(" x ,colour,strength\n" + "".join(f"{x},red,{y}\n" for x in range(20) for y in (1, 2, "")))
    made = [
        TableSettings(file=path, properties={"strength": "MPa"}, replicates="drawn", seed=seed) for seed in range(30)
    ]
    drawn = [[answers(evaluate(one, at(x=x, colour="red")))["strength"] for x in range(20)] for one in made]
    again = [answers(evaluate(made[3], at(colour="red", x=x)))["strength"] for x in reversed(range(20))]
    assert drawn[3] == again[::-1]
    assert {value for row in drawn for value in row} == {1.0, 2.0}
    assert 0.4 < sum(value == 1.0 for row in drawn for value in row) / 600 < 0.6
    outcome = evaluate(made[0], at(x=0, colour="red"))
    assert outcome.measurements[0].deviation is None
    assert len(outcome.details["rows"]) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x,colour\n1,red\n", "has no column strength; it has x, colour"),
        ("x,strength\n1,3\n2,strong\n", "line 3, column strength: 'strong' is not a finite number"),
        ("x,strength\n1,nan\n", "line 2"),
        (None, "cannot be read"),
    ],
)
def test_a_wrong_table_is_the_users_mistake(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "pool.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=words):
        build_oracle(TableSettings(file=path, properties={"strength": "MPa"}))


@pytest.mark.parametrize("function", ["no_such_module:f", "math:no_such_function", "math:pi"])
def test_a_wrong_function_is_the_users_mistake(function: str) -> None:
    with pytest.raises(UserError, match=function):
        build_oracle(FunctionSettings(function=function, properties={"height": "m"}))
