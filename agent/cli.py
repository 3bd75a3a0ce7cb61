"""The command line: reads arguments, shows results, translates errors into exit codes. Decides nothing.

Knows typer and Rich. Heavy parts are imported inside the commands, so that `--help` answers at once.

Exit codes: 0 done, 1 failed, 2 wrong usage or file, 3 ended without meeting the goal, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from ..memory.errors import AthanorError, UserError
from . import (
    benchmark_cli,
    benchmark_edits_cli,
    benchmark_table_cli,
    chat_cli,
    explain_cli,
    generate_cli,
    predict_cli,
    recall_cli,
    solve_cli,
    suggest_cli,
    train_cli,
    train_vae_cli,
)
from .interrupt import remembered
from .options import DEFAULT_HOME, AsJson, Home

if TYPE_CHECKING:
    from ..memory.ledger import Ledger
    from ..memory.state import State
    from .campaign import Campaign
    from .views.summary import Summary

app = typer.Typer(
    help="An autonomous closed loop for discovering materials.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_WHICH = "Campaign file, or the name of a ready-made campaign: stiff, which runs without one, or solar."
FAILED, WRONG_USAGE, GOAL_NOT_MET, INTERRUPTED = 1, 2, 3, 130


@app.callback()
def _root() -> None:
    """An autonomous closed loop for discovering materials."""


@app.command()
def run(
    file: Annotated[Path | None, typer.Argument(help=_WHICH)] = None,
    resume: Annotated[str | None, typer.Option(help="Go on with this campaign.", metavar="NAME")] = None,
    replay: Annotated[
        str | None,
        typer.Option(help="Do again what this campaign did, with its chat model's recorded answers.", metavar="NAME"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name for the new campaign, instead of the file's.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Run a campaign until a budget is used up; Ctrl-C stops it, and it can be resumed."""
    from . import assemble

    if resume and (file or name or replay):
        raise typer.BadParameter("--resume takes the campaign from the ledger; give no file and no --name with it")
    if replay and file:
        raise typer.BadParameter("--replay takes the campaign from the ledger; give no file with it")
    with _errors_for_people(), remembered() as interruptions:
        ledger, recall = assemble.open_home(home), assemble.open_index(home)
        if resume:
            campaign = assemble.resumed_campaign(resume, ledger, recall)
        elif replay:
            campaign = assemble.replayed_campaign(replay, ledger, recall, name)
        else:
            campaign = assemble.started_campaign(file, ledger, recall, name)
        with closing(recall):
            interruptions.check()
            if campaign.file.oracle.kind == "manual":
                raise UserError(
                    f"people evaluate for {campaign.file.name}: athanor suggest says what to try, and athanor "
                    "observe takes what came of it"
                )
            _work(campaign, ledger, home, as_json)


@app.command()
def status(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """List the campaigns of a home folder and how far each has come."""
    from . import assemble
    from .labels import duration
    from .views.generators import parts_table
    from .views.summary import summarise

    with _errors_for_people():
        ledger = assemble.open_home(home)
        summaries = [summarise(assemble.state_of(name, ledger)) for name in ledger.campaigns()]
    if as_json:
        typer.echo(json.dumps(summaries))
        return
    table = Table("campaign", "ended", "evaluations", "failed", "hits", "time", box=None)
    for summary in summaries:
        finished = summary["completed"] + summary["failed"]
        table.add_row(
            summary["name"],
            summary["reason"],
            f"{finished} of {summary['budget']}",
            str(summary["failed"]),
            str(len(summary["hits"])),
            duration(summary["wall_seconds"]),
        )
    console = Console()
    console.print(table if summaries else "no campaigns here yet; `athanor run` starts one")
    for summary in summaries:
        if summary["generators"]:
            console.print(f"\nGenerators of {summary['name']}:", markup=False, highlight=False)
            console.print(parts_table(summary["generators"]))


@app.command()
def report(
    name: Annotated[str, typer.Argument(help="Campaign to report on.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Write a campaign's report anew: text, tables, plots and the structures of its hits."""
    from . import assemble

    with _errors_for_people():
        ledger = assemble.open_home(home)
        _show(assemble.state_of(name, ledger), ledger, assemble.campaign_folder(home, name), as_json)


def _work(campaign: Campaign, ledger: Ledger, home: Path, as_json: bool) -> NoReturn:
    """Run a wired campaign with a live view, then report."""
    from . import assemble
    from .views.progress import Progress

    name = campaign.file.name
    # An operator's `kill` or a service manager's stop is an interruption like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    errors = Console(stderr=True)
    try:
        with Progress(None if as_json else Console()) as progress:
            state = campaign.run(assemble.holder(), assemble.versions(), progress.update)
    except KeyboardInterrupt:
        errors.print(
            f"Interrupted; everything recorded is kept. Go on with: athanor run --resume {name}", soft_wrap=True
        )
        raise typer.Exit(INTERRUPTED) from None
    summary = _show(state, ledger, assemble.campaign_folder(home, name), as_json)
    raise typer.Exit(0 if summary["hits"] else GOAL_NOT_MET)


def _show(state: State, ledger: Ledger, folder: Path, as_json: bool) -> Summary:
    """Write the report, and print the summary and where the report lies."""
    from .assemble import latent_model_of
    from .recollection.notes import notes_on
    from .reports.report import write_report
    from .views.summary import render, summarise

    notes = notes_on(ledger, str(state.spec.get("name", "")))
    path = write_report(state, folder, notes, latent_model_of(state))
    summary = summarise(state)
    if as_json:
        typer.echo(json.dumps({**summary, "report": str(path)}))
    else:
        console = Console()
        render(summary, console)
        console.print(f"Report: {path}", soft_wrap=True)
    return summary


@contextmanager
def _errors_for_people() -> Iterator[None]:
    """Print the errors this package raises on purpose without a traceback, and exit by their kind."""
    try:
        yield
    except KeyboardInterrupt:
        Console(stderr=True).print("Interrupted.")
        raise typer.Exit(INTERRUPTED) from None
    except AthanorError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(WRONG_USAGE if isinstance(error, UserError) else FAILED) from error


for _command in (
    chat_cli.chat,
    suggest_cli.suggest,
    suggest_cli.reject,
    suggest_cli.observe,
    predict_cli.predict,
    explain_cli.explain,
    generate_cli.generate,
    solve_cli.solve,
    recall_cli.recall,
    recall_cli.note,
):
    app.command()(_errors_for_people()(_command))

train = typer.Typer(help="Train a predictor or a generative model on your own crystals.", no_args_is_help=True)
train.command(cls=train_cli.ListsOfValues)(_errors_for_people()(train_cli.gnn))
train.command(cls=train_cli.ListsOfValues)(_errors_for_people()(train_vae_cli.vae))
app.add_typer(train, name="train")

benchmark = typer.Typer(help="Measure what generators, searches and planners are worth.", no_args_is_help=True)
benchmark.command(cls=train_cli.ListsOfValues)(_errors_for_people()(benchmark_cli.generate))
benchmark.command()(_errors_for_people()(benchmark_table_cli.table))
benchmark.command(cls=train_cli.ListsOfValues)(_errors_for_people()(benchmark_edits_cli.edits))
app.add_typer(benchmark, name="benchmark")


def main() -> None:
    """Entry point of the `athanor` command."""
    # One thread a process, also in numpy's linear algebra; the processes of the pool inherit this.
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    # `module:factory` in a campaign file may name a module beside it; last, so that it hides nothing installed.
    sys.path.append(str(Path.cwd()))
    app()
