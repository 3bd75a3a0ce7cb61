"""What a campaign does right now, on a terminal: a live view, or plain lines where the output is a file.

Knows the state and Rich. Must not know ledgers or what runs the campaign, and never slows it down.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from ...memory.foreign import clean
from ...memory.records import Goal
from ...memory.state import State, Trial
from ...tools.acquisition import merit
from ..labels import counted, label_of
from ..spending import Prices, prices_in
from ..standing import goal_of
from .live import Moment, draw, result

_KEPT = 8


class Progress:
    """A context manager that shows a campaign's state whenever it is handed a new one.

    On a terminal a view is redrawn in place; elsewhere one line is written for each trial that finishes.
    """

    def __init__(self, console: Console | None) -> None:
        """Choose where to write; None for nowhere."""
        self._console = console
        self._live: Live | None = None
        self._moment: Moment | None = None
        self._seen: set[int] = set()
        self._verdicts: dict[str, str] = {}
        self._prices: Prices | None = None

    def __enter__(self) -> Progress:
        """Begin to show."""
        if self._console and self._console.is_terminal:
            self._live = Live(console=self._console, get_renderable=self._draw, refresh_per_second=2)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, and leave the last view standing."""
        if self._live:
            if self._moment:
                self._moment = replace(self._moment, running={})
            self._live.stop()

    def update(self, state: State, running: Sequence[int] = ()) -> None:
        """Show a new state; what the first one holds is taken for what was there before this run.

        Args:
            state: The campaign's state.
            running: Numbers of the trials that the executor has, in the order in which it got them.
        """
        if self._console is None:
            return
        now = time.monotonic()
        before = self._moment
        if before is None:
            self._prices = prices_in(state.spec)
        new = [trial for trial in state.trials.values() if trial.is_finished and trial.number not in self._seen]
        self._seen.update(trial.number for trial in new)
        since = before.running if before else {}
        # The executor takes trials in turn: those beyond the number of workers wait.
        at_work = running[: int(state.spec.get("workers", len(running)))]
        self._moment = replace(
            _advance(before or Moment(state, goal_of(state)), new, state),
            state=state,
            running={number: since.get(number, now) for number in at_work},
            waiting=len(running) - len(at_work),
            cost=self._cost(state),
            at=before.at if before and before.state.last == state.last else now,
        )
        if self._live is None:
            self._write_lines(self._moment, new, is_first=before is None)

    def _cost(self, state: State) -> str:
        if self._prices is None:
            return ""
        return self._prices.in_words(state.paid(_main_oracle(state)), goal_of(state).budget.cost)

    def _draw(self) -> RenderableType:
        if self._moment is None or self._console is None:
            return Text("starting …", style="dim")
        return draw(self._moment, *self._console.size, now=time.monotonic())

    def _write_lines(self, moment: Moment, new: Sequence[Trial], is_first: bool) -> None:
        state, budget = moment.state, moment.goal.budget.evaluations
        lines = self._news_of_hypotheses(state)
        reused = [trial for trial in new if trial.reused]
        new = [trial for trial in new if not trial.reused]
        made = moment.made - sum(trial.oracle == _main_oracle(state) for trial in new)
        if reused:
            lines.append(f"{counted(len(reused), 'answer')} of earlier campaigns reused")
        for trial in new:
            made += trial.oracle == _main_oracle(state)
            mark = ", a hit" if merit.is_feasible(moment.goal, trial) else ""
            head = f"[{made}/{budget}] trial {trial.number} {label_of(trial.candidate)}"
            lines.append(f"{head}: {result(moment.goal, trial)}{mark}")
        if state.ended:
            lines.append(f"ended, {state.ended.reason}: {clean(state.ended.message, 200)}")
        if is_first:
            name = clean(str(state.spec.get("name", "")), 64)
            known = f", {counted(len(reused), 'answer')} of earlier campaigns reused" if reused else ""
            lines = [f"campaign {name}: {moment.made} of {budget} evaluations made{known}"]
        for line in lines:
            if self._console:
                self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _news_of_hypotheses(self, state: State) -> list[str]:
        """A line for each hypothesis that is new or whose verdict is."""
        lines = []
        for name, hypothesis in state.hypotheses.items():
            judgement = state.judgements.get(name)
            verdict = judgement.verdict if judgement else "open"
            if self._verdicts.get(name) != verdict:
                self._verdicts[name] = verdict
                lines.append(f"hypothesis {name} {verdict}: {clean(hypothesis.statement, 160)}")
        return lines


def _main_oracle(state: State) -> str:
    return next((trial.oracle for trial in state.trials.values()), "")


def _advance(moment: Moment, new: Sequence[Trial], state: State) -> Moment:
    """Take new trials in; the Pareto set is kept up from these alone, as sorting all trials each time takes long."""
    last = (*(trial for trial in reversed(new) if not trial.reused), *moment.last)[:_KEPT]
    new = [trial for trial in new if trial.oracle == _main_oracle(state)]
    own = [trial for trial in new if not trial.reused]
    hits = merit.feasible(moment.goal, new)
    n_hits = moment.hits + len(hits)
    others: tuple[Trial, ...] = ()
    if not n_hits:
        others = _without_bounds(moment.goal, (*moment.others, *new))
    return replace(
        moment,
        made=moment.made + len(own),
        failed=moment.failed + sum(trial.status == "failed" for trial in own),
        hits=n_hits,
        front=merit.pareto(moment.goal, (*moment.front, *hits)) if hits else moment.front,
        others=others,
        last=last,
    )


def _without_bounds(goal: Goal, trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    return merit.pareto(goal.model_copy(update={"constraints": ()}), trials)
