"""What people do with a campaign over process parameters: fix, reject, repeat, hand in their own, be told why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up_alloy import content, measured
from typer.testing import CliRunner, Result
from word_recall import WordRecall

from athanor.agent import assemble
from athanor.agent.cli import app
from athanor.memory.records import Point
from athanor.memory.state import State

# Importing BoTorch compiles a few functions by torch.jit.script, which torch 2.13 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")

OWN = ("Fe=60", "Cr=20 %", "Ni=20", "anneal=1100 K", "quench=water", "age=4 h")
Call = Callable[..., Result]


@pytest.fixture
def athanor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """The command line on a home of the test's own, with a campaign file `alloy.yaml`."""
    recall = WordRecall()
    monkeypatch.setattr(assemble, "open_index", lambda home: recall)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alloy.yaml").write_text(json.dumps(content()))

    def call(*arguments: Any) -> Result:
        return CliRunner().invoke(app, [*map(str, arguments), "--home", str(tmp_path / "home")])

    return call


def state(tmp_path: Path) -> State:
    return assemble.state_of("alloy", assemble.open_home(tmp_path / "home"))


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def suggested(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done(result))
    return found


def answer_all(athanor: Call, tmp_path: Path) -> None:
    for trial in state(tmp_path).pending:
        assert isinstance(trial.candidate.content, Point)
        told = [f"{name}={value:.6g}" for name, value in measured(trial.candidate.content).items()]
        done(athanor("observe", "alloy", trial.number, *told))


def test_a_setting_is_shown_whole_with_units_and_the_fallback_is_named(athanor: Call) -> None:
    told = done(athanor("suggest", "alloy.yaml", "-n", 1))
    first = told.splitlines()[0]
    assert first.startswith("#1 Fe ")
    assert " %, anneal " in first
    assert " K, quench " in first
    assert "no surrogate yet: 2 values of each property are needed" in told
    assert "space-filling" in told


def test_fixed_variables_hold_for_one_suggestion_alone(athanor: Call, tmp_path: Path) -> None:
    done(athanor("suggest", "alloy.yaml"))
    answer_all(athanor, tmp_path)
    wish = ("--fix", "quench=air", "--fix", "anneal=900 K", "--author", "Ada")
    for one in suggested(athanor("suggest", "alloy", "-n", 2, *wish, "--json")):
        values = one["content"]["values"]
        assert (values["quench"], values["anneal"]) == ("air", 900.0)
        assert "age" not in values
    (free,) = suggested(athanor("suggest", "alloy", "-n", 1, "--json"))
    assert "acquisition rank 1 by expected improvement; predicted by the surrogate: hardness" in free["reason"]
    assert free["content"]["values"]["anneal"] != 900.0
    (hint,) = state(tmp_path).hints.values()
    assert (hint.author, hint.since, hint.until) == ("Ada", 2, 2)


def test_a_rejection_is_kept_with_its_reason_and_costs_nothing(athanor: Call, tmp_path: Path) -> None:
    first = suggested(athanor("suggest", "alloy.yaml", "--json"))
    done(athanor("reject", "alloy", 2, "--why", "the furnace is booked", "--author", "Ada"))
    known = state(tmp_path).trials[2]
    assert known.abandoned is not None
    assert (known.abandoned.author, known.abandoned.reason) == ("Ada", "the furnace is booked")
    others = suggested(athanor("suggest", "alloy", "-n", 7, "--json"))
    assert len(others) == 7
    assert not {one["id"] for one in others} & {one["id"] for one in first}
    assert "all 8 evaluations" in athanor("suggest", "alloy").output


def test_own_settings_partial_results_and_repeats_are_taken_in(athanor: Call, tmp_path: Path) -> None:
    done(athanor("suggest", "alloy.yaml"))
    done(athanor("observe", "alloy", *OWN, "hardness=280±5 HV"))
    rounded = ("Fe=66.7", "Cr=20", "Ni=13.2", "anneal=1000", "quench=air", "hardness=120", "cost=30")
    assert "alloy summed to 99.9 and was scaled to 100" in done(athanor("observe", "alloy", *rounded))
    done(athanor("observe", "alloy", *OWN, "--failed", "infeasible", "--why", "it cracked"))
    known = state(tmp_path).trials
    assert [known[n].batch for n in (3, 4, 5)] == [0, 0, 0]
    assert known[3].values == {"hardness": 280.0}
    again = suggested(athanor("suggest", "alloy", "--again", 3, "-n", 2, "--json"))
    assert [one["id"] for one in again] == [known[3].candidate.id] * 2
    assert all(one["reason"].startswith("#3 once more") for one in again)
    done(athanor("observe", "alloy", 6, "hardness=276", "cost=38"))
    done(athanor("observe", "alloy", 7, "hardness=283", "cost=38"))
    (tmp_path / "old.csv").write_text(
        "Fe,Cr,Ni,anneal,quench,age,hardness,cost\n50,30,20,900,air,,100,30\n40,30,30,900,oil,8,150,\n"
    )
    done(athanor("observe", "alloy", "--table", tmp_path / "old.csv"))
    done(athanor("suggest", "alloy", "-n", 1))


def test_explanations_and_pictures(athanor: Call, tmp_path: Path) -> None:
    done(athanor("suggest", "alloy.yaml", "-n", 5))
    answer_all(athanor, tmp_path)
    told = json.loads(done(athanor("suggest", "alloy", "-n", 2, "--explain", "--plot", "pics", "--json")))
    learnt = {one["property"]: one for one in told["explanation"]["learnt"]}
    assert set(learnt) == {"hardness", "cost"}
    assert set(learnt["hardness"]["weights"]) == {"Fe", "Cr", "Ni", "anneal", "quench", "age"}
    assert len(learnt["hardness"]["left_out"]) == 5
    assert {one["trial"] for one in told["explanation"]["choices"]} == {6, 7}
    assert {path.name for path in (tmp_path / "pics").iterdir()} == {"best_so_far.png", "left_out.png", "slices.png"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["suggest", "alloy", "--fix", "anneal=900 °C"], "anneal is set in 'K' and told in '°C'"),
        (["suggest", "alloy", "--fix", "anneal=5000"], "5000 is outside 700 to 1400 K"),
        (["suggest", "alloy", "--fix", "anneal=nan"], "'nan' is not a finite number"),
        (["suggest", "alloy", "--fix", "age=3"], "3 is none of 1, 2, 4, 8"),
        (["suggest", "alloy", "--fix", "quench=brine"], "'brine' is none of oil, water, air"),
        (["suggest", "alloy", "--fix", "Cu=1"], "Cu: no such variable"),
        (["suggest", "alloy", "--fix", "Cr=60", "--fix", "Ni=20"], "no point of the space has Cr = 60.0, Ni = 20.0"),
        (["suggest", "alloy", "--fix", "anneal"], "write PROPERTY=VALUE"),
        (["suggest", "alloy", "--fix", "age=1", "--again", 1], "--fix goes with new ones"),
        (["suggest", "alloy", "--again", 99], "there is no trial #99 to repeat"),
        (["reject", "alloy", 99], "there is no trial #99"),
        (["reject", "nothing", 1], "no campaign named 'nothing'"),
        (["observe", "alloy", *OWN[:-3], "anneal=1e999", *OWN[-2:], "hardness=1"], "'1e999' is not a finite number"),
        (["observe", "alloy", *OWN[:-1], "hardness=1"], "age: missing"),
        (["observe", "alloy", *OWN[1:], "hardness=1"], "Fe: missing"),
        (["observe", "alloy", "Fe=90", *OWN[1:], "hardness=1"], "the parts sum to 130, not 100 %"),
        (["observe", "alloy", *OWN, "hardness=inf"], "is no number"),
        (["observe", "alloy", *OWN], "give a trial or a setting with PROPERTY=VALUE"),
        (["observe", "alloy", "hardness=3"], "give a trial or a setting with PROPERTY=VALUE"),
    ],
)
def test_what_cannot_be_is_said(athanor: Call, arguments: list[Any], said: str) -> None:
    done(athanor("suggest", "alloy.yaml", "-n", 1))
    refused = athanor(*arguments)
    assert refused.exit_code != 0
    assert said in refused.output.replace("\n", " ") or said in str(refused.exception)
