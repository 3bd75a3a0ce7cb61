"""Campaigns over process parameters: allowed points, none twice, the same ones after a kill, whoever plans."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from made_up_alloy import SPACE, UNITS, answer, content, measured

from athanor.agent import assemble
from athanor.agent.answers import Answer
from athanor.agent.campaign import Campaign
from athanor.agent.campaign_file import CampaignFile, parse_campaign, read_campaign_file
from athanor.agent.chat import talk
from athanor.agent.chat.commands import obey
from athanor.agent.chat.drafts import price_in_words
from athanor.agent.chat.limits import Limits
from athanor.agent.chat.screen import Screen
from athanor.agent.chat.session import ChatModel, opened
from athanor.agent.chat_model.connect import connect
from athanor.agent.chat_model.settings import ChatModelSettings
from athanor.agent.llm.bench import Bench
from athanor.agent.llm.briefing import briefing
from athanor.agent.llm.planner import LlmPlanner
from athanor.agent.llm.tools import tools_for
from athanor.agent.planner import Planner
from athanor.agent.planners.builtin import BuiltinPlanner
from athanor.agent.planners.random_planner import RandomPlanner
from athanor.agent.planners.settings import Lessons, acquired
from athanor.agent.reports.report import write_report
from athanor.agent.views.summary import summarise
from athanor.memory.errors import UserError
from athanor.memory.events import CampaignOpened, Entry, Event
from athanor.memory.people_events import HintGiven, TrialAbandoned
from athanor.memory.records import Measurement, Outcome, Point, content_hash
from athanor.memory.sql import open_ledger
from athanor.memory.state import State
from athanor.memory.volatile import VolatileLedger
from athanor.tools.parameters.parameter_space import ParameterSpace
from athanor.tools.parameters.repair import check
from athanor.tools.space import space_of

# Importing BoTorch compiles a few functions by torch.jit.script, which torch 2.13 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")

Wire = Callable[..., Campaign]


class Transactions(VolatileLedger):
    """A ledger that remembers where its transactions end: a kill may fall between them alone."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[int] = []

    def append(self, campaign: str, events: Sequence[Event]) -> tuple[Entry, ...]:
        """Add events, and remember how many there are."""
        new = super().append(campaign, events)
        self.ends += [new[-1].number] if new else []
        return new


def builtin(file: CampaignFile) -> Planner:
    return BuiltinPlanner(file.goal, file.space, file.seed)


def chance(file: CampaignFile) -> Planner:
    return RandomPlanner(file.goal, file.space, file.seed)


def obedient(file: CampaignFile) -> Planner:
    settings = ChatModelSettings(model="scripted:obedient")
    own = BuiltinPlanner(file.goal, file.space, file.seed)
    return LlmPlanner(file.goal, file.space, file.seed, own, settings, connect(settings))


def run(wire: Wire, file: CampaignFile, planner: Planner, ledger: VolatileLedger | None = None) -> State:
    return wire(file, ledger, planner, answer).run("test", {})


def points(state: State) -> list[Point]:
    return [trial.candidate.content for trial in state.trials.values() if isinstance(trial.candidate.content, Point)]


@pytest.mark.parametrize("make", [builtin, chance, obedient])
def test_every_planner_proposes_allowed_settings_and_none_twice(
    campaign: Wire, make: Callable[[CampaignFile], Planner]
) -> None:
    file = parse_campaign(content(), "test")
    state = run(campaign, file, make(file))
    assert isinstance(file.space, ParameterSpace)
    assert [check(file.space, point) for point in points(state)] == [()] * 8
    assert len({content_hash(point) for point in points(state)}) == 8
    assert state.ended is not None
    assert state.ended.reason == "evaluations"
    if make is obedient:
        assert not state.given_up


def test_a_budget_of_cost_ends_with_the_evaluation_that_uses_it_up(campaign: Wire, tmp_path: Path) -> None:
    price = {"unit": "EUR", "base": 5, "terms": {"anneal": 0.01}, "labels": {"quench": {"oil": 4}}}
    given = content(space=SPACE | {"cost": price})
    file = parse_campaign(given | {"goal": given["goal"] | {"budget": {"evaluations": 8, "cost": 50}}}, "test")
    state = run(campaign, file, builtin(file))
    assert isinstance(file.space, ParameterSpace)
    costs = [file.space.cost_of(point.values) for point in points(state)]
    assert sum(costs[:-1]) < 50 <= sum(costs)
    assert state.ended is not None
    assert (state.ended.reason, len(costs) < 8) == ("cost", True)
    assert state.ended.message == f"what the evaluations may cost is used: {sum(costs):.6g} of 50 EUR"
    shown = write_report(state, tmp_path).read_text()
    assert f"They cost {sum(costs):.6g} of 50 EUR." in shown
    assert f"The evaluations cost {sum(costs):.6g} of 50 EUR." in briefing(file.goal, file.space, state, 1, ())
    assert price_in_words(file) == "at most 8 evaluations by people, a cost of 50 EUR"
    wired = campaign(file, VolatileLedger(), builtin(file), answer)
    assert 50 <= sum(file.space.cost_of(p.values) for p in points(_suggested(wired))) < 70
    with pytest.raises(UserError, match="nothing more is suggested: what the evaluations may cost is used"):
        wired.suggest(1, "test", {})


def _suggested(wired: Campaign) -> State:
    wired.suggest(8, "test", {})
    return wired.state


def test_a_killed_campaign_proposes_what_it_would_have(campaign: Wire) -> None:
    file = parse_campaign(content(), "test")
    whole = Transactions()
    expected = points(run(campaign, file, builtin(file), whole))
    events = [entry.event for entry in whole.entries("alloy")]
    for share in (0.25, 0.5, 0.75):
        kept = whole.ends[int(share * len(whole.ends))]
        ledger = VolatileLedger()
        with ledger.writer("alloy", "killed"):
            ledger.append("alloy", events[:kept])
        assert points(run(campaign, file, builtin(file), ledger)) == expected


def test_results_in_another_order_give_the_same_suggestions(campaign: Wire) -> None:
    file = parse_campaign(content(batch=4), "test")
    found = []
    for order in ((1, 2, 3, 4), (3, 1, 4, 2)):
        wired = campaign(file, VolatileLedger(), builtin(file), answer)
        first = {trial.number: trial for trial in wired.suggest(4, "test", {})}
        for number in order:
            wired.observe([Answer(number, answer(first[number].candidate), "Ada")], "test", {})
        found.append([trial.candidate.id for trial in wired.suggest(2, "test", {})])
    assert found[0] == found[1]


def test_hints_fix_variables_until_they_are_withdrawn(campaign: Wire) -> None:
    file = parse_campaign(content(), "test")
    wired = campaign(file, VolatileLedger(), builtin(file), answer)
    wired.suggest(1, "test", {})
    wired.tell(HintGiven(author="Ada", text="only water today", fixed=(("quench", "water"),)))
    with pytest.raises(UserError, match="Cu: no such variable"):
        wired.tell(HintGiven(author="Ada", text="copper", fixed=(("Cu", 1.0),)))
    with pytest.raises(UserError, match="no point of the space has"):
        wired.tell(HintGiven(author="Ada", text="too hot", fixed=(("anneal", 2000.0),)))
    state = wired.run("test", {})
    assert {point.values["quench"] for point in points(state)[2:]} == {"water"}


@pytest.mark.parametrize("make", [builtin, chance])
def test_neither_a_rejected_setting_nor_its_like_comes_back(
    campaign: Wire, make: Callable[[CampaignFile], Planner]
) -> None:
    file = parse_campaign(content(), "test")
    wired = campaign(file, VolatileLedger(), make(file), answer)
    (first,) = wired.suggest(1, "test", {})
    wired.tell(TrialAbandoned(trial=1, author="Ada", reason="the furnace is booked"))
    others = points(wired.run("test", {}))[1:]
    assert len(others) == 8
    assert isinstance(file.space, ParameterSpace)
    from athanor.tools.parameters.suggest import is_like

    assert isinstance(first.candidate.content, Point)
    assert not any(is_like(file.space, point, [first.candidate.content]) for point in others)


def test_a_table_answers_its_own_rows(tmp_path: Path, campaign: Wire) -> None:
    rows = [f"{cr},{100 - cr},{900 + 10 * cr},{200 + cr},{cr}" for cr in range(0, 50, 5)]
    (tmp_path / "old.csv").write_text("\n".join(["Cr,Fe,anneal,hardness,cost", *rows]) + "\n")
    space = {
        "kind": "parameters",
        "variables": [
            {"kind": "composition", "name": "alloy", "unit": "%", "parts": ["Fe", "Cr"], "total": 100},
            {"kind": "continuous", "name": "anneal", "unit": "K", "low": 700, "high": 1400},
        ],
        "constraints": [{"terms": {"Cr": 1}, "comparison": "<=", "bound": 40}],
        "pool": "old.csv",
        "cost": {"unit": "h", "base": 2},
    }
    oracle = {"kind": "table", "file": "old.csv", "properties": {"hardness": "HV", "cost": "EUR/kg"}}
    path = tmp_path / "c.yaml"
    goal = content()["goal"] | {"budget": {"evaluations": 12}}
    path.write_text(json.dumps(content(space=space, oracle=oracle, goal=goal)))
    file = read_campaign_file(path)
    from athanor.tools.oracles.build import evaluate

    wired = campaign(file, VolatileLedger(), builtin(file), lambda c: evaluate(file.oracle, c))
    state = wired.run("test", {})
    assert sorted(point.values["Cr"] for point in points(state)) == list(range(0, 45, 5))
    assert len(state.completed) == 9
    assert state.ended is not None
    assert state.ended.reason == "exhausted"
    path.write_text(json.dumps(content(space={k: v for k, v in space.items() if k != "pool"}, oracle=oracle)))
    with pytest.raises(UserError, match=r"give the space the key pool: old\.csv"):
        read_campaign_file(path)
    # What is known stays to be read when the table has gone.
    (tmp_path / "old.csv").unlink()
    assert summarise(state)["cost"] == "18 h"


def test_the_spec_in_the_ledger_is_the_space_again(campaign: Wire) -> None:
    file = parse_campaign(content(), "test")
    spec = json.loads(file.model_dump_json())
    assert space_of(spec) == file.space
    assert parse_campaign(spec, "again") == file


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"variables": []}, "space.variables"),
        (
            {"variables": [{"kind": "continuous", "name": "x", "unit": "K", "low": 5, "high": 1}]},
            "low < high is allowed",
        ),
        (
            {"variables": [{"kind": "continuous", "name": "x", "unit": "K", "lo": 5, "high": 1}]},
            "space.variables.0.lo: ",
        ),
        ({"variables": [{"kind": "continuos", "name": "x"}]}, "'continuous'"),
        (
            {"constraints": [{"terms": {"Cr": 1}, "comparison": ">=", "bound": 80}, *SPACE["constraints"]]},
            "'Cr >= 80' and 'Cr + Ni <= 70' cannot all hold",
        ),
        ({"constraints": [{"terms": {"Cu": 1}, "comparison": ">=", "bound": 1}]}, "Cu is no numeric variable"),
        ({"constraints": [{"terms": {"Cr": 1}, "comparison": "<", "bound": 1}]}, "space.constraints.0.comparison"),
        ({"pool": "nowhere.csv"}, "cannot be read"),
    ],
)
def test_a_wrong_space_is_refused_with_its_place(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_campaign(content(space=SPACE | change), "test")
    assert said in str(caught.value)


def test_only_what_is_wrong_with_a_list_is_said() -> None:
    wrong = [SPACE["variables"][0] | {"at_mots": 2}]
    with pytest.raises(UserError) as caught:
        parse_campaign(content(space=SPACE | {"variables": wrong}), "test")
    assert str(caught.value).splitlines()[1:] == [
        "  space.variables.0.at_mots: unknown key; allowed here: name, unit, when, kind, parts, total, minimum, at_most"
    ]


def test_a_variable_and_a_result_may_not_bear_one_name() -> None:
    variables = [{"kind": "continuous", "name": "cost", "unit": "K", "low": 0, "high": 1}]
    with pytest.raises(UserError, match="cost: both a variable"):
        parse_campaign(content(space={"kind": "parameters", "variables": variables}), "test")


def test_the_report_shows_what_was_learnt_and_every_setting(campaign: Wire, tmp_path: Path) -> None:
    file = parse_campaign(content(), "test")
    state = run(campaign, file, chance(file))
    text = write_report(state, tmp_path).read_text()
    assert "(left_out.png)" in text
    assert "(slices.png)" in text
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("left_out.png", "slices.png"))
    header = (tmp_path / "trials.csv").read_text().splitlines()[0]
    assert "setting Cr,setting Ni,setting anneal,setting quench" in header


def test_a_chat_model_offers_a_setting_which_is_mended_and_not_offered_twice(campaign: Wire) -> None:
    file = parse_campaign(content(), "test")
    assert isinstance(file.space, ParameterSpace)
    hint = HintGiven(author="ada", text="water", fixed=(("quench", "water"),), number=1, since=1)
    bench = Bench(file.goal, file.space, State(hints={1: hint}), 2, 1)
    offer = next(tool for tool in tools_for(bench, lambda batch: None) if tool.name == "offer_setting")
    wish = [{"variable": "Fe", "value": 10}, {"variable": "Cr", "value": 90}, {"variable": "quench", "value": "air"}]
    told = str(offer.invoke({"values": wish}))
    assert told.startswith("offered now, the nearest allowed setting: ")
    (made,) = bench.offered.values()
    assert isinstance(made.content, Point)
    assert check(file.space, made.content) == ()
    assert made.content.values["quench"] == "water"
    assert "tried or offered already" in str(offer.invoke({"values": wish}))
    assert "no variable Cu" in str(offer.invoke({"values": [{"variable": "Cu", "value": 1}]}))
    text = briefing(file.goal, file.space, bench.state, 2, tuple(bench.features))
    assert "Fe, Cr, Ni, which sum to 100 %" in text
    assert "Cr + Ni <= 70" in text


def test_a_chat_fixes_variables_and_takes_that_back(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "home", None)
    spec = json.loads(parse_campaign(content(), "test").model_dump_json())
    with ledger.writer("alloy", "test"):
        ledger.append("alloy", [CampaignOpened(spec=spec, versions={})])
    model = ChatModel(ChatModelSettings(), talk.connected)
    lines: list[str] = []
    now = datetime(2030, 1, 1, tzinfo=UTC)
    session = opened(tmp_path / "home", "", "alloy", "ada", model, Limits(), Screen(lines.append), now)
    assert "quench is water" in obey(session, "/fix quench=water, anneal=900 K")
    (hint,) = session.state().hints.values()
    assert hint.fixed == (("quench", "water"), ("anneal", 900.0))
    with pytest.raises(UserError, match="convert it"):
        obey(session, "/fix anneal=900 °C")
    with pytest.raises(UserError, match="VARIABLE=VALUE"):
        obey(session, "/fix quench")
    assert "does not count any more" in obey(session, "/drop 1")


def test_earlier_campaigns_teach_as_they_were_when_this_one_began(tmp_path: Path) -> None:
    ledger = VolatileLedger()
    first = assemble.wire(parse_campaign(content("first", batch=4), "test"), ledger)
    for trial in first.suggest(4, "test", {}):
        first.observe([Answer(trial.number, answer(trial.candidate), "Ada")], "test", {})
    file = parse_campaign(content("second", learning={"earlier": ["first"]}), "test")
    second = assemble.wire(file, ledger)
    second.suggest(1, "test", {})
    assert assemble.lessons_of(file, ledger).earlier["first"][3].is_finished
    for trial in first.suggest(4, "test", {}):
        first.observe([Answer(trial.number, answer(trial.candidate), "Ada")], "test", {})
    assert len(assemble.lessons_of(file, ledger).earlier["first"]) == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning": {"earlier": ["alloy"]}}, "which is this campaign"),
        ({"learning": {"outlier": True}}, "learning.outlier: unknown key; allowed here: outliers, earlier"),
        (
            {"learning": {"outliers": True}, "space": {"kind": "crystal", "elements": ["C"]}},
            "learning goes with a space of kind parameters only",
        ),
    ],
)
def test_learning_that_cannot_be_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_campaign(content(**change), "test")
    assert said in str(caught.value)


def test_an_earlier_campaign_that_is_not_there_is_named() -> None:
    file = parse_campaign(content(learning={"earlier": ["nobody"]}), "test")
    with pytest.raises(UserError, match="no campaign 'nobody' to learn from"):
        assemble.wire(file, VolatileLedger())


def test_an_outlier_teaches_nothing_where_that_is_wished(campaign: Wire) -> None:
    """One result far off the others moves what is believed without the wish, and not with it."""
    file = parse_campaign(content(goal=content()["goal"] | {"budget": {"evaluations": 40}}), "test")
    assert isinstance(file.space, ParameterSpace)
    wired = campaign(file, VolatileLedger(), chance(file), answer)
    for trial in wired.suggest(16, "test", {}):
        assert isinstance(trial.candidate.content, Point)
        found = measured(trial.candidate.content) | ({"hardness": 5000.0} if trial.number == 5 else {})
        values = tuple(
            Measurement(property=name, value=value, unit=UNITS[name], method="measured", source="made up")
            for name, value in found.items()
        )
        wired.observe([Answer(trial.number, Outcome(measurements=values), "Ada")], "test", {})
    plain, robust = (
        acquired(file.goal, file.space, wired.state, 1, 0, lessons=Lessons(robust=one)) for one in (False, True)
    )
    assert any("5000" in note for note in robust.notes)
    assert not any("5000" in note for note in plain.notes)
