"""The live view of a campaign: one picture of a moment, drawn for a width.

Knows Rich and what the moment holds. Must not know when moments come or where they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ...memory.foreign import clean
from ...memory.records import Goal
from ...memory.state import State, Trial
from ..labels import counted, duration, label_of, marked, percent, spread, unit_of, wording
from ..standing import best_first, columns_of, measurement
from .summary import found
from .tables import named_rows, origins, results_table, verdict_text

# Below this many lines the view is drawn with fewer rows, or a terminal would cut its end off.
_TALL = 32


@dataclass(frozen=True)
class Moment:
    """What is shown at one moment.

    Attributes:
        made: Evaluations that count towards the budget and have an answer.
        failed: Those of them that failed.
        hits: Number of trials that keep all constraints.
        front: Hits that no other hit dominates.
        others: The like among all trials with values, as long as none keeps the constraints.
        last: The latest trials to finish, the latest first.
        running: Trials at work, number to the time of `time.monotonic` when they were first seen, s.
        waiting: Number of trials that wait for a free worker.
        cost: What the evaluations cost so far, and of how much, in words; empty where the space states no costs.
        at: Time of `time.monotonic` when the state's last entry was first seen, s.
    """

    state: State
    goal: Goal
    made: int = 0
    failed: int = 0
    hits: int = 0
    front: tuple[Trial, ...] = ()
    others: tuple[Trial, ...] = ()
    last: tuple[Trial, ...] = ()
    running: Mapping[int, float] = field(default_factory=dict)
    waiting: int = 0
    cost: str = ""
    at: float = 0.0


def draw(moment: Moment, width: int, height: int, now: float) -> RenderableType:
    """Draw a moment.

    Args:
        moment: What to draw.
        width: Characters in a line.
        height: Lines there are.
        now: Time of `time.monotonic`, s.
    """
    name = clean(str(moment.state.spec.get("name", "")), 64)
    n_best, n_last = (5, 4) if height >= _TALL else (3, 2)
    parts: list[RenderableType] = [Rule(Text(f"Athanor · {name}", style="bold"), align="left")]
    parts += [_spending(moment, width, now), Text(), *_best(moment, width, n_best)]
    hypothesis = _hypothesis(moment.state)
    thoughts: dict[str, RenderableType] = {"hypothesis": hypothesis} if hypothesis else {}
    if moment.running:
        thoughts["running"] = _running(moment, now)
    if moment.last:
        thoughts["last results"] = Group(*(_last(moment.goal, trial) for trial in moment.last[:n_last]))
    if moment.state.shares:
        latest = moment.state.shares[max(moment.state.shares)].generators
        told = ", ".join(f"{one.generator} {percent(one.share)}" for one in latest)
        thoughts["generators"] = Text(clean(told, width))
    if moment.state.reflections:
        batch = max(moment.state.reflections)
        thoughts["reflection"] = Text(clean(f"batch {batch}: {moment.state.reflections[batch]}", 2 * (width - 16)))
    return Group(*parts, Text(), named_rows(thoughts))


def result(goal: Goal, trial: Trial, with_names: bool = True) -> str:
    """What a finished trial gave, in words: values with units, how they came about, or the failure.

    Args:
        goal: Names the properties to show.
        trial: A trial at any stage.
        with_names: Whether to name the properties; without, they stand in the order of the goal.
    """
    outcome = trial.outcome
    if outcome is None:
        return "no answer yet"
    if outcome.failure:
        return f"failed, {outcome.failure.kind.replace('_', ' ')}: {clean(outcome.failure.message, 120)}"
    known = [m for name, _ in columns_of(goal) if (m := measurement(trial, name))]
    values = [
        marked(
            " ".join(
                part
                for part in (wording(m.property) if with_names else "", spread(m.value, m.deviation), unit_of(m.unit))
                if part
            ),
            m.method,
        )
        for m in known
    ]
    methods = ", ".join(dict.fromkeys(m.method for m in known if m.method != "predicted"))
    if not methods:
        return ", ".join(values)
    others = "" if all(m.method != "predicted" for m in known) else "others "
    how = f"{others}{methods}"
    return (
        f"{', '.join(values)} ({how} by {trial.oracle.removeprefix('by ')})"
        if with_names
        else f"{', '.join(values)}, {how}"
    )


def _spending(moment: Moment, width: int, now: float) -> Table:
    state, budget = moment.state, moment.goal.budget
    elapsed = state.spent + (0.0 if state.ended else max(0.0, now - moment.at))
    bar = Table.grid(padding=(0, 2, 0, 0))
    bar.add_row(
        ProgressBar(total=budget.evaluations, completed=moment.made, width=max(10, width - 62)),
        f"{moment.made} of {budget.evaluations}",
        f"batch {state.batches}",
        Text(f"{moment.failed} failed", style="red" if moment.failed else "dim"),
    )
    cost: dict[str, RenderableType] = {"cost": Text(moment.cost)} if moment.cost else {}
    return named_rows({"evaluations": bar, **cost, "time": Text(_time(moment, elapsed))})


def _time(moment: Moment, elapsed: float) -> str:
    budget, ended = moment.goal.budget, moment.state.ended
    text = duration(elapsed) + (f" of {duration(3600 * budget.hours)}" if budget.hours else "")
    if ended:
        return f"{text}; ended, {ended.reason}: {clean(ended.message, 160)}"
    if not moment.made or not elapsed:
        return text
    left = (budget.evaluations - moment.made) * elapsed / moment.made
    if budget.hours:
        left = min(left, max(0.0, 3600 * budget.hours - elapsed))
    return f"{text}, about {duration(left)} left, {3600 * moment.made / elapsed:.0f} an hour"


def _best(moment: Moment, width: int, n: int) -> list[RenderableType]:
    shown = moment.front or moment.others
    if not shown:
        return [Text("no values yet", style="dim")]
    title = (
        f"best so far: {counted(moment.hits, 'trial')} within all constraints, {len(moment.front)} in the Pareto set"
        if moment.front
        else "best so far: no trial keeps all constraints yet; the best of the others"
    )
    columns = columns_of(moment.goal)
    rows = [found(trial, bool(moment.front)) for trial in best_first(moment.goal, shown)[:n]]
    parts: list[RenderableType] = [Text(title, style="bold"), results_table(rows, columns, width)]
    if len(shown) > len(rows):
        parts.append(Text(f"and {len(shown) - len(rows)} more", style="dim"))
    return [*parts, Text("\n".join(origins(rows, columns, brief=True)), style="dim")]


def _hypothesis(state: State) -> Text | None:
    """The latest open hypothesis, or the latest of all."""
    verdicts = {name: judgement.verdict for name, judgement in state.judgements.items()}
    names = [name for name in state.hypotheses if verdicts.get(name, "open") == "open"] or list(state.hypotheses)
    if not names:
        return None
    name = names[-1]
    judgement = state.judgements.get(name)
    text = Text(f"{name} ") + verdict_text(verdicts.get(name, "open"))
    if judgement:
        counts = f"{len(judgement.passed)} pass, {len(judgement.failed)} fail"
        text += Text(f" ({counts}; {clean(judgement.statistic, 120)})")
    return text + Text(f"\n{clean(state.hypotheses[name].statement, 240)}")


def _running(moment: Moment, now: float) -> Text:
    trials = moment.state.trials
    parts = [
        f"{number} {label_of(trials[number].candidate)} {duration(now - since)}"
        for number, since in moment.running.items()
        if number in trials
    ]
    return Text(", ".join(parts) + (f"; {moment.waiting} waiting" if moment.waiting else ""))


def _last(goal: Goal, trial: Trial) -> Text:
    style = "red" if trial.status == "failed" else ""
    line = f"{trial.number} {label_of(trial.candidate)}: {result(goal, trial, with_names=False)}"
    return Text(line, style=style)
