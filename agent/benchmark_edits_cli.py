"""The command `athanor benchmark edits`: planners beside one another on the tasks of LLMatDesign.

Knows typer and Rich. Heavy parts are imported inside the command, so that `--help` answers at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from .benchmark_chat_model import (
    BaseUrl,
    Model,
    Names,
    Planners,
    Prices,
    Reflect,
    ToolCalls,
    chat_model_of,
    planners_of,
)
from .benchmark_results import Out, check_out, interruptible, write
from .options import DEFAULT_HOME, AsJson, Home

if TYPE_CHECKING:
    from .campaign_file import PlannerName
    from .protocols.edit_figures import EditRun
    from .protocols.edit_task import EditTask

_PACKAGES = ("athanor", "chgnet", "langchain", "numpy", "pymatgen", "torch")
_UNITS = {"final gap": "eV", "mean": "eV/atom", "minimum": "eV/atom"}
EDITS = 50


def edits(
    task: Annotated[str, typer.Option(help="gap: a band gap of 1.4 eV within 10 %; formation: a low energy.")] = "gap",
    planners: Planners = None,
    start: Annotated[list[str] | None, typer.Option(metavar="FORMULA…", help="Some of the ten starts.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs from each start, each with its own seed.")] = 30,
    most: Annotated[int, typer.Option("--edits", min=1, help="Most edits in a run.")] = EDITS,
    relax: Annotated[
        bool, typer.Option("--relax", help="Relax each crystal with CHGNet first, as published; slow.")
    ] = False,
    model: Model = "",
    base_url: BaseUrl = None,
    prices: Prices = "",
    tool_calls: ToolCalls = True,
    reflect: Reflect = True,
    names: Names = "told",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes side by side.")] = 2,
    out: Out = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Edit ten crystals, one element at a time: random, builtin and, where one is named, a chat model that plans.

    The tasks are LLMatDesign's (arXiv:2406.13163). The predictor that comes with the package answers; no planner sees
    its answers but by an edit. Runs are kept in the home: after an interruption the same command goes on.
    """
    from ..tools.conditions import conditions
    from .protocols.edit_runs import run_all
    from .protocols.edit_task import EditTask, chosen, task_name
    from .views.bars import BarsView

    asked = EditTask(task_name(task), most, relax)
    chat_model = chat_model_of(model, base_url, prices, tool_calls, reflect, names)
    who, begin = planners_of(planners, chat_model), list(chosen(start))
    check_out(out)
    keys = [(planner, one, seed) for seed in range(repeats) for planner in who for one in begin]
    kept = home / "benchmark-edits"
    with interruptible(workers, kept) as executor, BarsView(None if as_json else Console()) as bars:
        found = run_all(asked, keys, chat_model, kept, executor, lambda n: bars.show("runs", n, len(keys)))
    settings = {"task": asdict(asked), "starts": begin, "repeats": repeats}
    if "llm" in who and chat_model is not None:
        settings["chat_model"] = chat_model.model_dump(mode="json")
    document = {
        "conditions": conditions(_PACKAGES),
        "settings": settings,
        "planners": {planner: _document(asked, runs) for planner, runs in found.items()},
    }
    write(out, document)
    if as_json:
        typer.echo(json.dumps(document))
    else:
        _show(asked, found, out)


def _document(task: EditTask, runs: Sequence[EditRun]) -> dict[str, Any]:
    from .protocols.edit_figures import interval, scores

    by_start = {
        start: {
            name: interval(values)[0] for name, values in scores(task, [r for r in runs if r.start == start]).items()
        }
        for start in dict.fromkeys(run.start for run in runs)
    }
    return {
        "scores": {name: interval(values) for name, values in scores(task, runs).items()},
        "by_start": by_start,
        "runs": [asdict(run) for run in runs],
    }


def _show(task: EditTask, found: Mapping[PlannerName, Sequence[EditRun]], out: Path | None) -> None:
    from .protocols.edit_figures import interval, scores
    from .views.tables import plain_table

    console, table = Console(), plain_table()
    columns = list(scores(task, ()))
    for title in ("planner", "runs", *(f"{name} ({_UNITS[name]})" if name in _UNITS else name for name in columns)):
        table.add_column(title)
    for planner, runs in found.items():
        cells = []
        for values in scores(task, runs).values():
            mean, low, high = interval(values)
            cells.append(f"{mean:.3g} ({low:.3g}, {high:.3g})" if values else "none")
        table.add_row(planner, str(len(runs)), *cells)
    console.print(table)
    lines = ["Means with 95 % bootstrap intervals. A run that never met the target counts all its edits."]
    instead = sum(run.instead for run in found.get("llm", ()))
    lines += [f"{instead} edits of llm were the builtin planner's: no usable answer."] if instead else []
    lines += [f"Figures: {out}"] if out is not None else []
    for line in lines:
        console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)
