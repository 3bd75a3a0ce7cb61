"""The commands `athanor recall` and `athanor note`: ask what all campaigns have learned, and add to it.

Knows typer and Rich. Heavy parts are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import getpass
import json
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from .options import DEFAULT_HOME, AsJson, Home

if TYPE_CHECKING:
    from ..memory.ledger import Ledger
    from ..memory.recall import Recall
    from ..memory.records import Crystal
    from .recollection.rebuild import Rebuilt

_SLOW = 2.0
"""Seconds after which a person is told what they have waited for."""
_MATERIALS, _NOTES = "with --like", "with a question"
Names = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only from this campaign; may be repeated.")]
Elements = Annotated[list[str] | None, typer.Option(metavar="Mn", help="Only about this element; may be repeated.")]
Kinds = Annotated[
    list[str] | None,
    typer.Option(help=f"hypothesis, reflection, note, failure or summary; may be repeated ({_NOTES})."),
]
Bounds = Annotated[
    list[str] | None,
    typer.Option(
        "--property", metavar="'bulk_modulus>=200'", help=f"A bound, <= or >=; may be repeated ({_MATERIALS})."
    ),
]


def recall(
    question: Annotated[str | None, typer.Argument(help="What to look for, in words.")] = None,
    like: Annotated[Path | None, typer.Option(metavar="FILE", help="Evaluated materials like this crystal.")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the index anew from the ledger.")] = False,
    campaign: Names = None,
    element: Elements = None,
    kind: Kinds = None,
    verdict: Annotated[str, typer.Option(help=f"open, supported, refuted or inconclusive ({_NOTES}).")] = "",
    bounds: Bounds = None,
    since: Annotated[str, typer.Option(metavar="DATE", help="Not older, UTC.")] = "",
    until: Annotated[str, typer.Option(metavar="DATE", help="Not newer, UTC; a date alone includes that day.")] = "",
    n: Annotated[int, typer.Option("-n", min=1, max=100, help="How many to show.")] = 8,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Ask what all campaigns and people have learned: by a question, or by a crystal."""
    from . import assemble
    from .recollection.filters import where
    from .recollection.notes import check_campaigns
    from .recollection.recollections import Found, alike, as_json_document, ask

    if (question is not None and like is not None) or (question is None and like is None and not rebuild):
        raise typer.BadParameter("one of a question, --like FILE and --rebuild is needed")
    if question is not None and not question.split():
        raise typer.BadParameter("the question is empty")
    if bounds and like is None:
        raise typer.BadParameter(f"--property asks about materials, {_MATERIALS}")
    if (kind or verdict) and question is None:
        raise typer.BadParameter(f"--kind and --verdict ask about notes, {_NOTES}")
    asked = where(campaign or (), element or (), kind or (), verdict, bounds or (), since, until)
    crystal = _crystal(like) if like is not None else None
    ledger, index = assemble.open_home(home), assemble.open_index(home)
    check_campaigns(ledger, asked.campaigns)
    if not (rebuild or as_json) and _is_empty(ledger):
        typer.echo("Nothing to recall here yet: `athanor run` starts a campaign, and `athanor note` leaves a note.")
        return
    found: list[Found] = []
    with closing(index):
        if rebuild:
            found.append(_rebuilt(ledger, index))
        else:
            _catch_up(ledger, index)
        if question is not None:
            found.append(ask(index, ledger, question, n, asked))
        if like is not None and crystal is not None:
            found.append(alike(index, ledger, like.name, crystal, assemble.embed, n, asked))
    if as_json:
        typer.echo(json.dumps(as_json_document(found)))
        return
    from .recollection.recollections_text import show

    show(found, Console())


def note(
    text: Annotated[str, typer.Argument(help="What is worth knowing later; - reads it from standard input.")],
    campaign: Annotated[str, typer.Option(metavar="NAME", help="What it is about; without this, the whole home.")] = "",
    author: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who says so; without this, who is logged in.")
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Leave a note for later campaigns and other people, also while a campaign runs."""
    from ..memory.ledger import HOME
    from ..memory.recall import RecallError
    from . import assemble
    from .recollection.notes import add_note
    from .recollection.remember import catch_up

    if text == "-":
        text = typer.get_binary_stream("stdin").read().decode("utf-8", "replace")
    ledger, index = assemble.open_home(home), assemble.open_index(home)
    entry = add_note(ledger, text, getpass.getuser() if author is None else author, campaign)
    trouble = ""
    with closing(index):
        try:
            catch_up(ledger, index, (HOME,))
        except RecallError as error:
            trouble = str(error)
    kept = entry.event.model_dump(include={"author", "campaign"})
    if as_json:
        typer.echo(json.dumps({"number": entry.number, "time": entry.time.isoformat(), **kept, "not_indexed": trouble}))
        return
    about = f"campaign {campaign}" if campaign else "the whole home"
    console = Console()
    console.print(f"Note {entry.number} on {about} is kept.", markup=False, highlight=False)
    if trouble:
        told = f"It is safe in the ledger and will be found once the index can be used again: {trouble}"
        console.print(told, style="yellow", markup=False, highlight=False, soft_wrap=True)


def _crystal(path: Path) -> Crystal:
    """The one crystal of a file."""
    from ..memory.errors import UserError
    from ..tools.crystals.read import read_crystals

    if path.is_dir():
        raise UserError(f"--like {path}: a folder; a file with one crystal is needed")
    crystals = read_crystals(path)
    if len(crystals) != 1:
        raise UserError(f"--like {path}: holds {len(crystals)} crystals; a file with one is needed")
    return crystals[0].crystal


def _is_empty(ledger: Ledger) -> bool:
    from .recollection.remember import everything

    return not any(next(ledger.entries(name), None) for name in everything(ledger))


def _catch_up(ledger: Ledger, index: Recall) -> None:
    """Take up what the index lacks, and say so where that takes long."""
    from .recollection.remember import catch_up, everything

    errors = Console(stderr=True)
    start, behind = time.monotonic(), list[str]()
    with errors.status("looking for what is new") as status:

        def told(name: str) -> None:
            behind.append(name)
            status.update(f"indexing {name}")

        catch_up(ledger, index, everything(ledger), told)
    seconds = time.monotonic() - start
    if behind and seconds > _SLOW:
        told_text = f"Indexed what was new in {', '.join(behind)} ({seconds:.0f} s)."
        errors.print(told_text, style="dim", markup=False, highlight=False, soft_wrap=True)


def _rebuilt(ledger: Ledger, index: Recall) -> Rebuilt:
    from rich.progress import Progress

    from . import assemble
    from .recollection.rebuild import rebuild

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        def step(doing: str, done: int, total: int) -> None:
            progress.update(task, description=doing, completed=done, total=total)

        return rebuild(ledger, index, assemble.embed, assemble.holder(), step)
