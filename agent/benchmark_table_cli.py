"""The command `athanor benchmark table`: what a search would have been worth on results that are there already.

Knows typer and Rich. Heavy parts are imported inside the command, so that `--help` answers at once.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from ..memory.errors import UserError
from .benchmark_chat_model import BaseUrl, Model, Names, Prices, Reflect, ToolCalls, chat_model_of
from .benchmark_results import Out, check_out, interruptible, write
from .options import AsJson

if TYPE_CHECKING:
    from ..tools.backtest.search import Method

LLM = "llm"


class Direction(StrEnum):
    """Where the objective is wanted."""

    MAXIMISE = "maximise"
    MINIMISE = "minimise"


class Replicates(StrEnum):
    """What a search is told of a setting that was measured more than once."""

    AVERAGED = "averaged"
    DRAWN = "drawn"


def table(
    file: Annotated[Path, typer.Argument(help="CSV file with a header; one row is one result.")],
    objective: Annotated[str, typer.Option(metavar="COLUMN", help="What is looked for.")],
    direction: Annotated[Direction, typer.Option(help="Whether it is wanted high or low.")] = Direction.MAXIMISE,
    inputs: Annotated[
        str, typer.Option(metavar="A,B,…", help="Columns that vary, numbers or text; without this, all others.")
    ] = "",
    unit: Annotated[str, typer.Option(help="Of the objective, to be shown.")] = "1",
    replicates: Annotated[
        Replicates, typer.Option(help="Equal settings are told as their mean, or as one of them by the seed.")
    ] = Replicates.AVERAGED,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Searches.")] = 50,
    initial: Annotated[int, typer.Option(min=0, help="Points drawn at random first.")] = 2,
    most: Annotated[int, typer.Option("--evaluations", min=1, help="Points that a search may look at.")] = 200,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes side by side.")] = 2,
    runs: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep each search there; those there are not made again.")
    ] = None,
    model: Model = "",
    base_url: BaseUrl = None,
    prices: Prices = "",
    tool_calls: ToolCalls = True,
    reflect: Reflect = True,
    names: Names = "told",
    out: Out = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Where to draw the curves.")] = None,
    as_json: AsJson = False,
) -> None:
    """Search a table of results as a campaign would, many times, and compare with random choice.

    Where a chat model is named, it plans searches of its own beside those of the builtin planner.
    The table stands for the experiment: a search sees the results of the settings that it has chosen, and no other.
    """
    from ..memory.records import Objective
    from ..tools.backtest.backtest import Backtest, document, run
    from ..tools.backtest.measured_pool import read_measured_pool
    from ..tools.backtest.search import builtin
    from .protocols.table_search import ChatModelSearch
    from .views.benchmark import BenchmarkView

    check_out(out)
    _check_plot(plot)
    wanted = Objective(property=objective, direction=direction.value, unit=unit)
    columns = [name.strip() for name in inputs.split(",") if name.strip()]
    pool = read_measured_pool(file, wanted, columns, replicates.value)
    asked = Backtest(seeds, initial, most)
    methods: dict[str, Method] = {"builtin": builtin}
    kept_as: dict[str, str] = {}
    chat_model = chat_model_of(model, base_url, prices, tool_calls, reflect, names)
    if chat_model is not None:
        methods[LLM] = partial(ChatModelSearch, chat_model)
        # A chat model that is another, or is asked otherwise, is another method: its searches lie beside.
        told = hashlib.sha256((chat_model.name + chat_model.model_dump_json()).encode()).hexdigest()
        kept_as[LLM] = f"{LLM}-{told[:8]}"
    with interruptible(workers, runs) as executor, BenchmarkView(None if as_json else Console()) as view:
        searches = run(asked, pool, methods, executor, view.tell, runs, kept_as)
    found = document(asked, pool, searches)
    write(out, found)
    if plot is not None:
        _draw(found, plot)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _show(found, out, plot)


def _check_plot(plot: Path | None) -> None:
    if plot is not None and plot.suffix != ".png":
        raise UserError(f"--plot {plot}: a name that ends in .png is allowed")
    if plot is not None and not plot.parent.is_dir():
        raise UserError(f"--plot {plot}: no such folder; a folder that is there is needed")


def _draw(found: dict[str, Any], plot: Path) -> None:
    from .pictures.backtest_curves import backtest_curves

    try:
        backtest_curves(found).savefig(plot)
    except OSError as error:
        raise UserError(f"{plot}: cannot be written: {error}") from error


def _show(found: dict[str, Any], out: Path | None, plot: Path | None) -> None:
    from .views.backtest import LEGEND, backtest_table, heading, remarks

    console = Console()
    console.print(heading(found), markup=False, highlight=False, soft_wrap=True)
    console.print(backtest_table(found))
    for line in remarks(found):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for what, path in (("Figures", out), ("Curves", plot)):
        if path is not None:
            console.print(f"{what}: {path}", markup=False, highlight=False, soft_wrap=True)
    console.print(LEGEND, style="dim", highlight=False)
