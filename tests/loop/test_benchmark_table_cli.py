"""`athanor benchmark table`: its document, its table, what it keeps, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from typer.testing import CliRunner, Result

from athanor.agent import executors
from athanor.agent.chat_model import obedient as obedient_script
from athanor.agent.cli import app
from athanor.agent.executors import InlineExecutor
from athanor.tools.backtest import search as searches

ROWS = [(x, solvent, 10 - (x - 6) ** 2 + 3 * (solvent == "water")) for x in range(10) for solvent in ("water", "oil")]
TABLE = "\ufeffx,solvent,yield\n" + "".join(f"{x},{solvent},{y}\n" for x, solvent, y in ROWS) + "11,oil,\n"
QUICK = ("--seeds", "2", "--evaluations", "8")


@pytest.fixture
def athanor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call the command in this process, in a folder that holds `made.csv`."""
    monkeypatch.setattr(executors, "process_pool", lambda workers: InlineExecutor)
    monkeypatch.chdir(tmp_path)
    Path("made.csv").write_text(TABLE, encoding="utf-8")
    return lambda *arguments: CliRunner().invoke(app, ["benchmark", "table", *arguments], env={"COLUMNS": "120"})


def found(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_a_table_with_categories_and_a_mark_at_its_start_is_searched(athanor: Callable[..., Result]) -> None:
    document = found(
        athanor("made.csv", "--objective", "yield", *QUICK, "--out", "a.json", "--plot", "a.png", "--json")
    )
    assert document["table"]["inputs"] == ["x", "solvent"]
    assert document["table"]["points"] == 20
    assert document["table"]["left_out_without_result"] == 1
    assert document["table"]["best_value"] == 13.0
    assert set(document["methods"]) == {"random", "builtin"}
    builtin = document["methods"]["builtin"]
    assert builtin["searches"] == 2
    assert len(builtin["Top%"]) == 8
    assert set(document["methods"]["random"]["simple_regret"]) == {"1", "3", "5", "8"}
    assert document["conditions"]["packages"]["botorch"]
    assert json.loads(Path("a.json").read_text()) == document
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")


def test_a_person_sees_what_was_searched_and_the_figures(athanor: Callable[..., Result]) -> None:
    result = athanor("made.csv", "--objective", "yield", "--direction", "minimise", "--inputs", "x,solvent", *QUICK)
    assert result.exit_code == 0, result.output
    for words in ("20 points of x, solvent, 1 settings without a result", "minimise yield", "largest EF", "AF at 80%"):
        assert words in result.output
    assert "best / maximum" not in result.output


def test_kept_searches_are_not_made_again(athanor: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    call = ("made.csv", "--objective", "yield", *QUICK, "--runs", "kept", "--json")
    first = found(athanor(*call))
    Path("kept/builtin-1.json").unlink()
    asked = []
    search = searches.search

    def counted(*arguments: Any) -> searches.Search:
        asked.append(arguments[2])
        return search(*arguments)

    monkeypatch.setattr("athanor.tools.backtest.backtest.search", counted)
    again = found(athanor(*call))
    assert asked == [1]
    for document in (first, again):
        document["methods"]["builtin"].pop("cpu_seconds_a_search")
    assert again == first


def test_searches_of_another_protocol_are_not_mixed(athanor: Callable[..., Result]) -> None:
    call = ("made.csv", "--objective", "yield", *QUICK, "--runs", "kept")
    assert athanor(*call).exit_code == 0
    other = athanor(*call, "--initial", "3")
    assert other.exit_code == 2
    assert "made otherwise (initial)" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.csv", "--objective", "yield"], "none.csv"),
        (["made.csv", "--objective", "price"], "has no column price"),
        (["made.csv", "--objective", "solvent"], "'water' is not a finite number"),
        (["made.csv", "--objective", "yield", "--inputs", "x,x"], "twice"),
        (["made.csv", "--objective", "yield", "--inputs", "x,yield"], "one of the two"),
        (["made.csv", "--objective", "yield", "--inputs", "x,colour"], "no column 'colour'"),
        (["made.csv", "--objective", "yield", "--plot", "a.pdf"], "ends in .png"),
        (["made.csv", "--objective", "yield", "--out", "none/a.json"], "no such folder"),
        (["flat.csv", "--objective", "yield"], "all settings have the same yield"),
        (["short.csv", "--objective", "yield"], "1 settings with a value"),
    ],
)
def test_bad_input_is_refused_with_what_is_allowed(
    athanor: Callable[..., Result], arguments: list[str], words: str
) -> None:
    Path("flat.csv").write_text("x,yield\n" + "".join(f"{x},1\n" for x in range(9)))
    Path("short.csv").write_text("x,yield\n1,2\n2,\n")
    result = athanor(*arguments)
    assert result.exit_code == 2, result.output
    assert words in result.stderr


def test_a_chat_model_that_is_named_searches_too(
    athanor: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("made.csv", "--objective", "yield", "--seeds", "1", "--initial", "1", "--evaluations", "4", "--model")
    document = found(athanor(*arguments, "scripted:obedient", "--json"))
    assert list(document["methods"]) == ["random", "builtin", "llm"]
    assert document["methods"]["llm"]["instead"] == 0
    monkeypatch.setattr(obedient_script, "obedient", lambda messages, tools: AIMessage(""))
    silent = athanor(*arguments, "scripted:obedient")
    assert silent.exit_code == 0, silent.output
    assert "3 choices of llm were the builtin planner's" in silent.output
    assert silent.output.count("(") == silent.output.count(")")


def test_searches_of_a_chat_model_that_is_asked_otherwise_are_others(athanor: Callable[..., Result]) -> None:
    call = ("made.csv", "--objective", "yield", "--seeds", "1", "--evaluations", "3", "--runs", "kept", "--json")
    model = ("--model", "scripted:obedient")
    found(athanor(*call))
    for names, n_kept in (("told", 1), ("hidden", 2), ("told", 2)):
        assert "llm" in found(athanor(*call, *model, "--names", names))["methods"]
        assert len(list(Path("kept").glob("llm-*-0.json"))) == n_kept
    assert len(list(Path("kept").glob("builtin-*.json"))) == 1
