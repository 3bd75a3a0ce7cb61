"""The command `athanor predict`: properties of the crystals in files, each with its deviation and its doubts.

Knows typer and Rich. Heavy parts are imported inside the command, so that `--help` answers at once.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from .labels import counted
from .options import AsJson

if TYPE_CHECKING:
    from rich.progress import Progress

    from ..models.prediction import Predictor
    from ..models.target import Target
    from ..tools.predict import Row

_REFUSED = 1
_ROWS_OF_A_TABLE = 256


def predict(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="CIF, POSCAR, extended XYZ, JSON, CSV, or a folder.")
    ],
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="Weights; without this, those shipped.")] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a CSV table at full precision instead of text.")] = False,
) -> None:
    """Predict properties of crystals, with deviation, 90 % interval and doubts; ends with 1 if any was refused.

    A file may hold many crystals, a CSV file in a column `cif`. Of a folder all files but tables are read.
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv: one of them is allowed")
    from ..tools.crystals.stream import files_of, stream
    from ..tools.predict import predict_stream
    from ..tools.predictor import load_predictor, shipped_predictor

    chosen = files_of(files)
    predictor = shipped_predictor() if model is None else load_predictor(model)
    counts: Counter[str] = Counter()
    with _bar(is_text=not (as_json or as_csv)) as bar:
        task = bar.add_task("", total=len(chosen))
        given = stream(chosen, lambda share: bar.update(task, completed=share))
        rows = _counting(predict_stream(given, predictor), counts, bar)
        if as_json:
            _print_json(rows, predictor, counts)
        elif as_csv:
            _print_csv(rows, predictor.targets)
        else:
            _print_tables(rows, predictor.targets, bar)
    if not (as_json or as_csv):
        _print_end(predictor.name, counts)
    if counts["refused"]:
        raise typer.Exit(_REFUSED)


def _bar(is_text: bool) -> Progress:
    """A bar on standard error, unless rows would run through it on the same terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f} %  {task.description}"), TimeElapsedColumn())
    hidden = not console.is_terminal or (sys.stdout.isatty() and not is_text)
    # What goes to standard output must not be turned to the bar's console.
    return Progress(*columns, console=console, transient=True, disable=hidden, redirect_stdout=False)


def _counting(rows: Iterable[Row], counts: Counter[str], bar: Progress) -> Iterator[Row]:
    for row in rows:
        counts["refused" if row.refusal else "predicted"] += 1
        counts["flagged"] += bool(row.flags and not row.refusal)
        bar.update(bar.task_ids[0], description=counted(counts.total() - counts["flagged"], "crystal"))
        yield row


def _print_json(rows: Iterable[Row], predictor: Predictor, counts: Counter[str]) -> None:
    """One document with a line for each crystal, written as they come: none is kept."""
    targets = [{"name": target.name, "unit": target.unit, "kind": target.kind} for target in predictor.targets]
    head = json.dumps({"predictor": predictor.name, "method": "predicted", "targets": targets})
    typer.echo(f'{head[:-1]}, "crystals": [', nl=False)
    separator = "\n"
    for row in rows:
        typer.echo(separator + json.dumps(row.model_dump()), nl=False)
        separator = ",\n"
    ends = {name: counts[name] for name in ("predicted", "flagged", "refused")}
    typer.echo(f"\n], {json.dumps(ends)[1:]}")


def _print_csv(rows: Iterable[Row], targets: Sequence[Target]) -> None:
    from .views.predictions import csv_header, csv_row

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(csv_header(targets))
    writer.writerows(csv_row(row, targets) for row in rows)


def _print_tables(rows: Iterator[Row], targets: Sequence[Target], bar: Progress) -> None:
    from .views.predictions import predictions_table, remarks

    console = Console()
    while some := list(islice(rows, _ROWS_OF_A_TABLE)):
        # The bar would stand in the middle of the table where both are on one terminal.
        bar.stop()
        console.print(predictions_table(some, targets, console.width))
        for line in remarks(some):
            console.print(line, highlight=False, soft_wrap=True)
        bar.start()


def _print_end(name: str, counts: Counter[str]) -> None:
    from ..memory.foreign import clean

    console = Console()
    total = counted(counts["predicted"] + counts["refused"], "crystal")
    parts = f"{counts['predicted']} predicted, {counts['flagged']} of them flagged, {counts['refused']} refused"
    console.print(f"{total}: {parts}.", markup=False, highlight=False, soft_wrap=True)
    told = f"Predicted by {clean(name, 100)}: mean ± standard deviation, under it the 90 % interval."
    console.print(told, markup=False, highlight=False, soft_wrap=True)
