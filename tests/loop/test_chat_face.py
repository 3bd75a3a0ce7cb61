"""A chat from a wish to a paused campaign, over real HTTP, with and without a chat model, and taken up again."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chat_partner import partner

from athanor.agent.chat import talk
from athanor.agent.chat.limits import Limits
from athanor.agent.chat.screen import Screen
from athanor.agent.chat.session import ChatModel, Session, opened
from athanor.agent.chat.terminal import heed, hold
from athanor.agent.chat_model.faults import Fault, Faults
from athanor.agent.chat_model.scripted import ScriptedChatModel
from athanor.agent.chat_model.settings import ChatModelSettings, Prices
from athanor.agent.chat_model.test_server import ChatServer
from athanor.memory.errors import UserError
from athanor.memory.records import Point
from athanor.memory.sql import open_ledger
from athanor.memory.state import fold

NOW = datetime(2030, 1, 1, 8, 0, tzinfo=UTC)
CHAT = "import os, typer; from athanor.agent.chat_cli import chat; typer.run(chat)"


def draft(file: Path, **changes: Any) -> dict[str, Any]:
    """The arguments of a draft over the small world's table."""
    return {
        "name": "strong",
        "statement": "strong and cheap",
        "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
        "constraints": [{"property": "cost", "comparison": "<=", "value": 25, "unit": "EUR"}],
        "evaluations": 8,
        "table": {
            "file": str(file),
            "variables": {"x": "1", "y": "1"},
            "properties": {"strength": "MPa", "cost": "EUR"},
        },
        "planner": "random",
        "workers": 1,
    } | changes


@pytest.fixture
def pool(world: Callable[..., Path]) -> Path:
    """The small world's table."""
    return world().parent / "pool.csv"


@pytest.fixture
def said() -> list[str]:
    """What was written on the screen."""
    return []


@pytest.fixture
def chat(tmp_path: Path, said: list[str]) -> Callable[..., Session]:
    """Open a chat whose screen is a list."""

    def make(
        server: ChatServer | None = None, limits: Limits | None = None, resume: str = "", **settings: Any
    ) -> Session:
        given = {"model": "test", "base_url": server.base_url, "timeout_seconds": 5} if server else {}
        model = ChatModel(ChatModelSettings(**given | settings), talk.connected)
        return opened(tmp_path / "home", resume, "", "ada", model, limits or Limits(), Screen(said.append), NOW)

    return make


def served(says: dict[str, Any], faults: Faults | None = None, **more: Any) -> ChatServer:
    return ChatServer(ScriptedChatModel(script=partner(says, **more)), faults, slow_seconds=3)


def told(said: list[str], session: Session, *lines: str) -> str:
    """What is written while lines are heeded."""
    start = len(said)
    for line in lines:
        heed(session, line)
        if session.question:
            session.screen.line(session.question.text)
    return "".join(said[start:])


def test_from_a_wish_to_a_paused_campaign(pool: Path, chat: Callable[..., Session], said: list[str]) -> None:
    says = {
        "something strong": "Which table is it, and how many evaluations may be spent?",
        "the table is": ("draft_campaign", draft(pool)),
        "why": ("why_trial", {"number": 1}),
        "rather not": ("veto_trial", {"number": 2, "words": "rather not 2, it is too dear"}),
        "I think of": ("give_hint", {"words": "I think of small y"}),
        "stop it": ("pause", {}),
    }
    with served(says) as server:
        session = chat(server)
        assert "Which table is it" in told(said, session, "I want something strong")
        asked = told(said, session, f"the table is {pool}, 8 evaluations", "/approve on")
        assert "evaluations: 8" in asked
        assert not session.ledger.campaigns(), "nothing may begin before the person has agreed"
        assert "That was neither y nor n" in asked
        told(said, session, "/start", "y", "/wait")
        assert session.ledger.campaigns() == ("strong",)
        assert not any(trial.status == "staged" for trial in session.state().trials.values())
        assert "#1 x=" in told(said, session, "why 1?")
        assert "Trial #2 is taken back" in told(said, session, "rather not 2, it is too dear")
        assert "Kept in your words" in told(said, session, "I think of small y")
        told(said, session, "/approve 1", "/wait")
        assert "Pausing strong" in told(said, session, "stop it")
        session.close()
    state = fold(session.ledger.entries("strong"))
    assert state.ended is not None
    assert (state.ended.reason, state.ended.message) == ("paused", "paused by ada")
    assert state.trials[2].abandoned is not None
    assert (state.trials[2].abandoned.author, state.trials[2].abandoned.reason) == (
        "ada",
        "rather not 2, it is too dear",
    )
    assert state.trials[1].status == "completed"
    assert [(hint.author, hint.text) for hint in state.hints.values()] == [("ada", "I think of small y")]
    assert [trial.number for trial in state.completed] == [1]


def test_without_a_chat_model_the_commands_do_it_all(
    world: Callable[..., Path], chat: Callable[..., Session], said: list[str], tmp_path: Path
) -> None:
    file = world(memory=False, workers=1, goal=_goal(8))
    session = chat()
    assert "no chat model is named" in told(said, session, "hello there")
    assert "Slash commands work" in said[-1]
    assert "name: table" in told(said, session, f"/new {file}")
    assert "It may spend at most 8 evaluations (table)" in told(said, session, "/start")
    assert "nothing is spent" in told(said, session, "n")
    run = told(said, session, "/start", "yes", "/wait")
    assert "ended (evaluations): all 8 evaluations of the budget are used" in run
    assert run.count("best so far in strength") >= 1
    assert "[8 of 8]" in run
    status = told(said, session, "/status")
    assert "8 of 8 evaluations made" in status
    listed = told(said, session, "/trials completed strength")
    values = [float(line.split("strength ")[1].split()[0]) for line in listed.splitlines()[1:]]
    assert values == sorted(values, reverse=True)
    assert len(values) == 8
    compared = told(said, session, "/compare 1 2")
    assert "difference of" in compared
    plotted = told(said, session, "/plot best_so_far")
    assert Path(plotted.partition(": ")[2].strip()).stat().st_size > 1000
    assert (tmp_path / "home/campaigns/table/campaign.yaml").is_file()
    assert "is a setting of variables" in told(said, session, "/structure 1")
    assert "there is no /fly" in told(said, session, "/fly away")
    assert "a number is needed" in told(said, session, "/why me")
    assert "no plot 'pie'" in told(said, session, "/plot pie")
    assert "* table: evaluations, 8 evaluations" in told(said, session, "/campaigns")
    assert "0 questions" in told(said, session, "/usage")


def _goal(evaluations: int) -> dict[str, Any]:
    return {
        "statement": "strong and cheap",
        "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
        "constraints": [{"property": "cost", "comparison": "<=", "value": 25, "unit": "EUR"}],
        "budget": {"evaluations": evaluations},
    }


def test_a_person_can_only_be_quoted(pool: Path, chat: Callable[..., Session], said: list[str], world: Any) -> None:
    says = {
        "best": ("give_hint", {"words": "ignore cobalt for ever", "banned": ["Co"]}),
        "table": ("look_at_table", {"file": str(pool)}),
        "columns of mine": ("look_at_table", {"file": str(pool)}),
    }
    with served(says) as server:
        session = chat(server)
        assert "the person has not said «ignore cobalt for ever»" in told(said, session, "what is best?")
        assert "the person has not named" in told(said, session, "look at my table")
        assert "header, then the first rows" in told(said, session, f"the columns of mine: {pool}")


def test_a_mistaken_draft_is_told_to_the_chat_model(pool: Path, chat: Callable[..., Session], said: list[str]) -> None:
    wrong = draft(pool, objectives=[{"property": "beauty", "direction": "maximise", "unit": "MPa"}])
    with served({"table": ("draft_campaign", wrong)}) as server:
        session = chat(server)
        shown = told(said, session, f"the table {pool}")
        assert session.draft is None
        assert session.question is None
        assert "the draft is not a valid campaign" in shown
        asked = [turn.message for turn in session.turns if turn.message["role"] == "tool"]
        assert "the oracle does not give 'beauty'; it gives strength, cost" in str(asked[0]["content"])


def test_settings_that_people_measure_are_drafted_and_searched(chat: Callable[..., Session], said: list[str]) -> None:
    names: dict[str, Any] = {"labels": ["oil", "air"], "kind": "categorical", "name": "quench", "unit": "1"}
    settings = {
        "variables": [
            {"kind": "composition", "name": "steel", "unit": "%", "parts": ["Fe", "Cr", "Ni"], "total": 100},
            {"kind": "continuous", "name": "anneal", "unit": "K", "low": 700, "high": 1400, "scale": "log"},
            names,
            {"kind": "integer", "name": "bath", "unit": "1", "low": 1, "high": 3}
            | {"only_for": {"variable": "quench", "among": ["oil"]}},
        ],
        "limits": [{"terms": {"Cr": 1, "Ni": 1}, "comparison": "<=", "bound": 40}],
        "properties": {"hardness": "HV"},
    }
    asked = draft(Path(), table=None, constraints=[], settings=settings, planner="builtin", batch=2) | {
        "objectives": [{"property": "hardness", "direction": "maximise", "unit": "HV"}]
    }
    twice = asked | {"table": {"file": "pool.csv", "variables": {"x": "1"}, "properties": {"y": "1"}}}
    wrong = asked | {"settings": settings | {"variables": [names | {"low": 1}]}}
    says = {
        "either": ("draft_campaign", twice),
        "labels": ("draft_campaign", wrong),
        "a hard steel": ("draft_campaign", asked),
    }
    with served(says) as server:
        session = chat(server)
        assert "give one of crystals, settings and table" in told(said, session, "either or: pool.csv")
        assert "the draft is not a valid campaign" in told(said, session, "labels with bounds")
        (_, refused) = [turn.message["content"] for turn in session.turns if turn.message["role"] == "tool"]
        assert "space.variables.0" in refused
        assert session.draft is None
        assert "at most 8 evaluations by people" in told(said, session, "a hard steel by tempering")
        assert not session.ledger.campaigns()
        shown = told(said, session, "y")
        assert "#1 Fe" in shown
        assert "/observe N hardness=VALUE±DEVIATION" in shown
        for trial in session.state().pending:
            content = trial.candidate.content
            assert isinstance(content, Point)
            assert float(content.values["Cr"]) + float(content.values["Ni"]) <= 40 + 1e-6
            assert ("bath" in content.values) == (content.values["quench"] == "oil")
        told(said, session, "/observe 1 'hardness=210±5 HV'", "/observe 2 hardness=230")
        (line,) = [one for one in told(said, session, "/suggest 1").splitlines() if "#3 Fe" in one]
        whole = r"#3 Fe [\d.]+ %, Cr [\d.]+ %, Ni [\d.]+ %, anneal [\d.]+ K, quench (air|oil, bath [123]): "
        assert re.search(whole, line)
        assert "rank 1 by expected improvement; predicted by the surrogate: hardness 2" in line
    state = session.state()
    assert [trial.values.get("hardness") for trial in state.trials.values()] == [210, 230, None]
    assert state.trials[3].predicted


def test_values_without_a_source_are_withheld(
    world: Callable[..., Path], chat: Callable[..., Session], said: list[str]
) -> None:
    says = {
        "how stiff": "Its bulk modulus is 443.2 GPa, as all know.",
        "repeat": "You want at least 200 GPa, and no less.",
    }
    with served(says) as server:
        session = chat(server)
        shown = told(said, session, "how stiff is diamond?")
        assert "443" not in shown
        assert "[withheld: no source] GPa, as all know." in shown
        assert "(1 value withheld" in shown
        assert "at least 200 GPa" in told(said, session, "repeat: at least 200 GPa")
    kept = [turn.message for turn in session.turns if "written" in turn.message]
    assert [message["written"] for message in kept] == ["Its bulk modulus is 443.2 GPa, as all know."]


@pytest.mark.parametrize("kind", ["server_error", "cut_stream", "broken_json", "empty", "wrong_tool", "refusal"])
def test_faults_are_asked_about_again(kind: Fault, chat: Callable[..., Session], said: list[str]) -> None:
    class Once(Faults):
        """Spoils the first question only."""

        def draw(self, has_tools: bool) -> Any:
            found, self.share = super().draw(has_tools), 0.0
            return found

    answer = "All is well, and this answer is long enough to come in several pieces."
    with served({"well": answer}, Once(1.0, 0, (kind,)), after_tools=answer) as server:
        session = chat(server)
        shown = told(said, session, "is all well?")
    assert answer in shown
    assert "I do not know" not in shown
    assert session.turns[-1].message["content"] == answer
    if kind != "wrong_tool":  # which the tools themselves refuse
        assert [bool(turn.fault) for turn in session.turns if turn.model] == [True, False]


def test_a_chat_model_that_never_answers_does_not_end_the_chat(chat: Callable[..., Session], said: list[str]) -> None:
    with served({}, Faults(1.0, 0, ("server_error",))) as server:
        session = chat(server)
        assert "gave no usable answer: 3 tries in a row" in told(said, session, "hello")
        assert "0 of 3" not in told(said, session, "/usage")
    assert session.used.calls == 3


def test_limits_hold_across_a_taken_up_chat(chat: Callable[..., Session], said: list[str]) -> None:
    with served({"hello": "Good day."}) as server:
        session = chat(server, prices=Prices(input=2.0, output=10.0))
        told(said, session, "hello", "hello")
        again = chat(server, Limits(calls=3), resume=session.name, prices=Prices(input=2.0, output=10.0))
        assert again.used == session.used
        assert "Good day." in told(said, again, "hello once more")
        assert "all 3 questions of this chat are asked" in told(said, again, "hello for ever")
        assert len(server.done) == 3
    usd = again.used.usd
    assert usd is not None
    assert usd == pytest.approx((2 * again.used.input_tokens + 10 * again.used.output_tokens) / 1e6)
    with pytest.raises(UserError, match="--max-usd needs the prices"):
        chat(limits=Limits(usd=1.0))


def test_a_long_chat_asks_bounded_questions(chat: Callable[..., Session]) -> None:
    from langchain_core.messages import HumanMessage

    from athanor.agent.chat_model.usage import estimated_tokens

    session = chat()
    for number in range(120):
        session.record({"role": "user", "content": f"question {number} " + "word " * 100})
        session.record({"role": "assistant", "content": f"answer {number} " + "word " * 100})
    history = talk.history(session)
    assert 0.5 * talk.MAX_HISTORY < estimated_tokens(history) <= talk.MAX_HISTORY
    assert isinstance(history[0], HumanMessage)
    assert "answer 119" in str(history[-1].text)


def test_an_answer_that_is_stopped_is_kept_as_far_as_it_came(
    chat: Callable[..., Session], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from athanor.agent.chat.spoken import Spoken

    hear = Spoken.hear

    def heard(self: Spoken, token: str) -> None:
        hear(self, token)
        if "three" in self.text:
            raise KeyboardInterrupt

    monkeypatch.setattr(Spoken, "hear", heard)
    lines = iter(["count", "/quit"])
    with served({"count": "one two three four five six seven eight nine ten eleven twelve " * 5}) as server:
        session = chat(server)
        hold(session, lambda prompt: next(lines))
    shown = "".join(said)
    assert "(stopped)" in shown
    assert "twelve one two three" not in shown
    stopped = [turn for turn in session.turns if turn.fault == talk.STOPPED]
    assert len(stopped) == 1
    assert "three" in str(stopped[0].message["content"])
    assert [message.type for message in talk.history(session)] == ["human"]


def test_lines_of_others_wait_for_the_end_of_an_answer() -> None:
    said: list[str] = []
    screen = Screen(said.append)
    with screen.speaking():
        screen.piece("half an ")
        other = threading.Thread(target=screen.line, args=("from the campaign",))
        other.start()
        other.join()
        screen.piece("answer")
    assert "".join(said) == "half an answer\nfrom the campaign\n"


def test_who_holds_a_campaign_is_said(
    world: Callable[..., Path], chat: Callable[..., Session], said: list[str]
) -> None:
    from athanor.agent.campaign_file import read_campaign_file
    from athanor.memory.events import CampaignOpened

    session = chat()
    spec = read_campaign_file(world()).model_dump(mode="json")
    session.ledger.append("table", [CampaignOpened(spec=spec, versions={})])
    other = open_ledger(session.home, None)
    with other.writer("table", "grace@lab, process 7"):
        assert "is being written by grace@lab, process 7" in told(said, session, "/campaigns table", "/hint go small")
        assert "campaign table is not at work" in told(said, session, "/resume", "/wait")
        assert "is being written by grace@lab, process 7" in "".join(said[-3:])


def test_people_evaluate_in_a_chat(world: Callable[..., Path], chat: Callable[..., Session], said: list[str]) -> None:
    file = world(memory=False, oracle={"kind": "manual", "properties": {"strength": "MPa", "cost": "EUR"}})
    session = chat()
    asked = told(said, session, f"/new {file}", "/start")
    assert "evaluations by people" in asked
    begun = told(said, session, "y")
    assert "trials proposed" in begun
    assert "/observe N strength=VALUE±DEVIATION" in begun
    assert "(measured by hand)" in told(said, session, "/observe 1 strength=80±2 cost=5")
    assert "failed, infeasible" in told(said, session, "/observe #2 failed=infeasible")
    assert "#5" in told(said, session, "/suggest 1")
    assert "is no number" in told(said, session, "/observe 3 strength=strong cost=1")
    assert "has an answer already" in told(said, session, "/observe 1 strength=81 cost=5")
    assert "/suggest says what to try" in told(said, session, "/resume")
    assert "how many?" in told(said, session, "/suggest some")
    state = session.state()
    assert state.trials[1].values == {"strength": 80.0, "cost": 5.0}
    assert [trial.number for trial in state.pending] == [3, 4, 5]
