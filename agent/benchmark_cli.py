"""The command `athanor benchmark generate`: what generators are worth, in one table with their baselines.

Knows typer and Rich. Heavy parts are imported inside the command, so that `--help` answers at once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from .benchmark_results import Out, check_out, interruptible, write
from .options import DEFAULT_HOME, AsJson, Home

if TYPE_CHECKING:
    from ..tools.evaluation.benchmark import Measured


def generate(
    sources: Annotated[
        list[str] | None,
        typer.Option("--source", metavar="NAME…", help="vae, substitution, random; all where there is a reference."),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Crystals that each source is asked for.")] = 1000,
    relax: Annotated[int, typer.Option(min=0, help="How many of them are relaxed with CHGNet, the first ones.")] = 0,
    references: Annotated[
        list[Path] | None,
        typer.Option("--reference", metavar="FILE…", help="Known crystals; the first file is the training set."),
    ] = None,
    reconstruct: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Held-out crystals that the vae is to give back.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same crystals.")] = 0,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Weights of the vae; without this, those shipped.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes side by side.")] = 2,
    out: Out = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Measure generators over all their samples, failures counted: validity, novelty, symmetry, stability.

    The baselines draw from the training set. Relaxations are kept: after an interruption the same command goes on.
    """
    from ..tools.evaluation.benchmark import Benchmark, document, measure
    from .views.benchmark import BenchmarkView

    asked = Benchmark(
        tuple(sources or ()), samples, relax, tuple(references or ()), reconstruct, seed=seed, weights=weights
    )
    asked.check()
    check_out(out)
    with interruptible(workers, home / "relaxed") as executor, BenchmarkView(None if as_json else Console()) as view:
        measured = measure(asked, executor, home, view.tell)
    found = document(asked, measured)
    write(out, found)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _show(measured, out)


def _show(measured: Measured, out: Path | None) -> None:
    from .views.benchmark import LEGEND, benchmark_table, remarks

    console = Console()
    console.print(benchmark_table(measured.evaluations))
    lines = [line for one in measured.evaluations for line in remarks(one)]
    lines += [f"Figures: {out}"] if out is not None else []
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(LEGEND, style="dim", highlight=False)
