"""The live view shows whole numbers at every width, and a file gets plain lines."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator

import made_up_campaign as made_up
import pytest
from rich.console import Console

from athanor.agent.labels import duration, figure, spread
from athanor.agent.standing import standing_of
from athanor.agent.views.live import Moment, draw
from athanor.agent.views.progress import Progress
from athanor.agent.views.summary import render, summarise
from athanor.memory.events import TrialProposed
from athanor.memory.records import Objective, Origin
from athanor.memory.state import State, fold


def written(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def terminal(width: int, height: int = 50) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None)


def plain_file() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=80)


def states(told: list[tuple[float, made_up.Event]]) -> Iterator[State]:
    state = None
    for entry in made_up.entries(told):
        state = fold([entry], state)
        yield state


def view(state: State, width: int, running: tuple[int, ...] = (), height: int = 50) -> str:
    """What a terminal shows after one update."""
    progress = Progress(terminal(width, height))
    progress.update(state, running)
    canvas = terminal(width, height)
    canvas.print(progress._draw())
    return written(canvas)


@pytest.mark.parametrize("width", [80, 120])
def test_the_view_shows_the_best_with_whole_numbers(width: int) -> None:
    state = made_up.state(22, running=2, ended=False)
    text = view(state, width, running=(23, 24))
    assert max(map(len, text.splitlines())) <= width
    best = standing_of(state).front[:5]
    assert len(best) >= 3
    for trial in best:
        assert trial.outcome
        row = next(line for line in text.splitlines() if re.match(rf" *{trial.number}  ", line))
        for m in trial.outcome.measurements:
            if m.property != "formation_energy":
                assert spread(m.value, m.deviation) in row
    assert "22 of 60" in text
    assert "simulated by 7net-0" in text
    assert "23 " in text
    assert "24 " in text
    assert "h2 open" in text
    assert "carbides came out stiffest" in text
    assert "…" not in text


def test_the_view_fits_a_small_terminal() -> None:
    text = view(made_up.state(22, running=2, ended=False), 80, running=(23, 24), height=24)
    assert len(text.splitlines()) <= 24


@pytest.mark.parametrize("width", [80, 120])
def test_columns_that_do_not_fit_are_named_not_cut(width: int) -> None:
    wanted = made_up.goal()
    many = tuple(Objective(property=f"property_{i:02d}", direction="maximise", unit="GPa") for i in range(20))
    goal = wanted.model_copy(update={"objectives": wanted.objectives + many})
    state = made_up.state(10)
    canvas = terminal(width)
    canvas.print(draw(Moment(state, goal, made=10, front=state.completed[:3]), width, 50, 0.0))
    text = written(canvas)
    assert "too narrow for:" in text
    assert spread(state.completed[0].values["density"], None) in text


def test_without_a_hit_the_view_says_so() -> None:
    state = made_up.state(3, failing=0.0, ended=False)
    unmet = [t for t in state.completed if t.values["energy_above_hull"] > 0.1]
    assert unmet
    alone = State(spec=state.spec, trials={t.number: t for t in unmet}, spent=10.0)
    assert "no trial keeps all constraints yet" in view(alone, 80)


def test_an_interrupted_campaign_says_why_it_ended() -> None:
    assert "all 60 evaluations of the budget are used" in view(made_up.state(60), 120)


def test_a_file_gets_one_plain_line_for_each_finished_trial() -> None:
    console = plain_file()
    with Progress(console) as progress:
        for state in states(made_up.events(14, confirming=(3,))):
            progress.update(state)
    text = written(console)
    assert "\x1b" not in text
    lines = [line for line in text.splitlines() if re.match(r"\[\d+/60\] trial", line)]
    assert len(lines) == 15
    assert [line.split()[0] for line in lines[:14]] == [f"[{n}/60]" for n in range(1, 15)]
    completed = next(iter(made_up.state(14).completed))
    assert figure(completed.values["density"]) in text
    assert "(simulated by sevennet)" in text
    assert text.count("hypothesis h1 refuted") == 1
    assert text.splitlines()[-1].startswith("ended, evaluations: ")


def test_a_resumed_campaign_does_not_tell_its_past_again() -> None:
    console = plain_file()
    with Progress(console) as progress:
        progress.update(made_up.state(20, ended=False))
    assert written(console).splitlines() == ["campaign stiff: 20 of 60 evaluations made"]


def test_nothing_is_written_without_a_console() -> None:
    with Progress(None) as progress:
        progress.update(made_up.state(3))


def test_foreign_text_cannot_steer_the_terminal() -> None:
    text = "[red]x[/red] [/nonsense] \x1b[2J\x07 \u202e"
    state = made_up.state(12, failing=0.5, foreign_text=text)
    for shown in (view(state, 100), _summary_text(state, 100)):
        assert "[red]x[/red] [/nonsense]" in shown
        assert "\x1b[2J" not in shown
        assert "\u202e" not in shown
    console = plain_file()
    with Progress(console) as progress:
        for step in states(made_up.events(12, failing=0.5, foreign_text=text)):
            progress.update(step)
    assert "[red]x[/red] [/nonsense]" in written(console)
    assert "\x1b" not in written(console)


def test_time_goes_on_between_two_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("athanor.agent.views.progress.time.monotonic", lambda: clock[0])
    state = made_up.state(4, running=5, ended=False)
    progress = Progress(terminal(100))
    for _ in range(5):
        progress.update(state, (5, 6, 7, 8, 9))
        clock[0] += 60.0
    canvas = terminal(100)
    canvas.print(progress._draw())
    text = written(canvas)
    assert f"time          {duration(state.spent + 300)} of 1 h 00 min" in text
    assert re.search(r"running +5 \w+ 5 min 00 s, 6 \w+ 5 min 00 s; 3 waiting", text)


def test_live_view_on_a_terminal_ends_with_the_last_state() -> None:
    console = terminal(100)
    with Progress(console) as progress:
        progress.update(made_up.state(8, ended=False))
        progress.update(made_up.state(12, ended=False), (13,))
    assert "12 of 60" in written(console)


def test_an_update_costs_little_at_a_thousand_trials() -> None:
    told = made_up.events(1000, budget=1000, ended=False)
    sequence = _tail(told, 40)
    for console in (plain_file(), terminal(100)):
        progress = Progress(console)
        progress.update(sequence[0])
        times = []
        for state in sequence[1:]:
            start = time.process_time()
            progress.update(state)
            times.append(time.process_time() - start)
        assert sorted(times)[len(times) // 2] < 0.005


def _tail(told: list[tuple[float, made_up.Event]], n: int) -> list[State]:
    """The states after each of the last `n` events."""
    entries = made_up.entries(told)
    sequence = [fold(entries[:-n])]
    for entry in entries[-n:]:
        sequence.append(fold([entry], sequence[-1]))
    return sequence


def _summary_text(state: State, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    render(summarise(state), console)
    return written(console)


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_summary_fits_and_shows_whole_numbers(width: int) -> None:
    state = made_up.state(40, confirming=(6, 17))
    text = _summary_text(state, width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= min(100, width)
    for trial in standing_of(state).front[:10]:
        for name in ("bulk_modulus", "density"):
            m = next(m for m in trial.outcome.measurements if m.property == name)  # type: ignore[union-attr]
            assert spread(m.value, m.deviation) in text


@pytest.mark.parametrize(
    "state",
    [made_up.state(0, ended=False), made_up.state(5, failing=2), made_up.pool_state(), made_up.state(9, running=2)],
)
def test_the_summary_can_be_shown_at_every_stage(state: State) -> None:
    assert "Campaign stiff" in _summary_text(state, 100)
    assert "stiff" in view(state, 80)


def test_the_first_line_says_what_was_reused() -> None:
    told = made_up.events(6, ended=False)
    reused = [
        (when, e.model_copy(update={"reused": Origin(campaign="other", trial=e.trial)}))
        if isinstance(e, TrialProposed) and e.trial <= 4
        else (when, e)
        for when, e in told
    ]
    screen = Console(file=io.StringIO(), width=200)
    with Progress(screen) as progress:
        progress.update(fold(made_up.entries(reused)))
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert text.startswith("campaign stiff: 2 of 60 evaluations made, 4 answers of earlier campaigns reused")
