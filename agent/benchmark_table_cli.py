"""The command `athanor benchmark table`: what a search would have been worth on results that are there already.

Knows typer and Rich. Heavy parts are imported inside the command, so that `--help` answers at once.
"""

from __future__ import annotations

import json
import signal
from concurrent.futures import Executor
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..memory.errors import UserError
from .options import AsJson

_INTERRUPTED = 130


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
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write the figures as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Where to draw the curves.")] = None,
    as_json: AsJson = False,
) -> None:
    """Search a table of results as a campaign would, many times, and compare with random choice.

    The table stands for the experiment: a search sees the results of the settings that it has chosen, and no other.
    """
    from ..memory.records import Objective
    from ..tools.backtest.backtest import Backtest, document, run
    from ..tools.backtest.measured_pool import read_measured_pool
    from ..tools.backtest.search import builtin
    from .executors import end_workers, process_pool
    from .views.benchmark import BenchmarkView

    _check(out, plot)
    wanted = Objective(property=objective, direction=direction.value, unit=unit)
    names = [name.strip() for name in inputs.split(",") if name.strip()]
    pool = read_measured_pool(file, wanted, names, replicates.value)
    asked = Backtest(seeds, initial, most)
    # An operator's `kill` or a service manager's stop is an interruption like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    executor: Executor = process_pool(workers)()
    try:
        with BenchmarkView(None if as_json else Console()) as view:
            searches = run(asked, pool, {"builtin": builtin}, executor, view.tell, runs)
    except KeyboardInterrupt:
        told = f"searches that were done are kept in {runs}: the same command goes on" if runs else "nothing is kept"
        Console(stderr=True).print(f"Interrupted; {told}.", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(_INTERRUPTED) from None
    finally:
        end_workers()
        executor.shutdown(cancel_futures=True)
    found = document(asked, pool, searches)
    _write(found, out, plot)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _show(found, out, plot)


def _check(out: Path | None, plot: Path | None) -> None:
    if plot is not None and plot.suffix != ".png":
        raise UserError(f"--plot {plot}: a name that ends in .png is allowed")
    for option, path in (("--out", out), ("--plot", plot)):
        if path is not None and not path.parent.is_dir():
            raise UserError(f"{option} {path}: no such folder; a folder that is there is needed")


def _write(found: dict[str, Any], out: Path | None, plot: Path | None) -> None:
    from .pictures.backtest_curves import backtest_curves

    try:
        if out is not None:
            out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
        if plot is not None:
            backtest_curves(found).savefig(plot)
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be written: {error}") from error


def _show(found: dict[str, Any], out: Path | None, plot: Path | None) -> None:
    from .views.backtest import LEGEND, backtest_table, heading

    console = Console()
    console.print(heading(found), markup=False, highlight=False, soft_wrap=True)
    console.print(backtest_table(found))
    for what, path in (("Figures", out), ("Curves", plot)):
        if path is not None:
            console.print(f"{what}: {path}", markup=False, highlight=False, soft_wrap=True)
    console.print(LEGEND, style="dim", highlight=False)
