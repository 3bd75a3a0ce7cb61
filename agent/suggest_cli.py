"""The commands `athanor suggest` and `athanor observe`: what to try next, and what came of it, where people evaluate.

Knows typer and Rich. Heavy parts are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ..memory.errors import UserError
from .options import DEFAULT_HOME, AsJson, Home

if TYPE_CHECKING:
    from ..memory.ledger import Ledger
    from ..memory.recall import Recall
    from ..memory.state import Trial
    from .campaign import Campaign

_WHICH = "Name of a campaign, or the file of a new one."
Author = Annotated[str | None, typer.Option(help="Who says so; without it, the user's name.")]


def suggest(
    campaign: Annotated[str, typer.Argument(help=_WHICH)],
    n: Annotated[int | None, typer.Option("-n", min=1, help="How many; without it, the file's batch.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="What the surrogate has learnt, and what it expects of each suggestion.")
    ] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Suggest what to try next, from all results so far; each suggestion is a trial that waits for its result."""
    from . import assemble
    from .explanation import as_record, explanation, lines
    from .stop import settled

    ledger, recall = assemble.open_home(home), assemble.open_index(home)
    with closing(recall):
        wired = _wired(campaign, ledger, recall)
        new = wired.suggest(n or wired.file.batch, assemble.holder(), assemble.versions())
    explained = explanation(wired.file.goal, wired.state, new) if explain else None
    if as_json:
        suggestions = [_record(trial) for trial in new]
        whole = {"suggestions": suggestions, "explanation": as_record(explained)} if explained else suggestions
        typer.echo(json.dumps(whole))
        return
    console = Console()
    end = settled(wired.state)
    if end:
        console.print(f"The search may end here. {end.message}", markup=False, highlight=False, soft_wrap=True)
    if not new:
        console.print("nothing is left to suggest: every candidate of the space was tried", highlight=False)
    for trial in new:
        console.print(_line(trial), markup=False, highlight=False, soft_wrap=True)
    if new:
        for line in lines(explained) if explained else ():
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        told = f"athanor observe {wired.file.name} {new[0].number} {next(iter(_properties(wired)))}=VALUE±DEVIATION"
        console.print(f"Tell what came of each: {told}", markup=False, highlight=False, soft_wrap=True)


def observe(
    campaign: Annotated[str, typer.Argument(help="Name of the campaign.")],
    trial: Annotated[int | None, typer.Argument(help="Number of the trial; none with --table.")] = None,
    told: Annotated[
        list[str] | None, typer.Argument(metavar="PROPERTY=VALUE…", help="strength=12.3 or 'strength=12.3±0.4 MPa'.")
    ] = None,
    failed: Annotated[
        str | None, typer.Option(metavar="KIND", help="infeasible (learned), fault (tried again), missing or timeout.")
    ] = None,
    why: Annotated[str, typer.Option(help="What happened, with --failed.")] = "",
    table: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV of results: a column `trial`, or the space's variables.")
    ] = None,
    author: Author = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say what came of trials, in any order; results of one's own come in by a table of settings."""
    from . import assemble
    from .answers import Answer, measured
    from .answers import failed as failure
    from .answers_table import read_answers
    from .views.summary import summarise

    who = author or getpass.getuser()
    ledger, recall = assemble.open_home(home), assemble.open_index(home)
    with closing(recall):
        wired = assemble.resumed_campaign(campaign, ledger, recall)
        if table is not None and trial is None and not told and failed is None:
            answers = read_answers(table, wired.file.space, _properties(wired), who)
        elif table is None and trial is not None and bool(told) != (failed is not None):
            outcome = failure(failed, why) if failed else measured(_pairs(told or []), _properties(wired), who)
            answers = (Answer(trial, outcome, who),)
        else:
            raise UserError("give a trial with PROPERTY=VALUE, a trial with --failed KIND, or --table FILE alone")
        state = wired.observe(answers, assemble.holder(), assemble.versions())
    summary = summarise(state)
    if as_json:
        typer.echo(json.dumps(summary))
        return
    waiting = ", ".join(f"#{one.number}" for one in state.pending) or "none"
    console = Console()
    console.print(
        f"{summary['completed'] + summary['failed']} of {summary['budget']} evaluations have their results, "
        f"hits: {len(summary['hits'])}; waiting: {waiting}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _wired(campaign: str, ledger: Ledger, recall: Recall) -> Campaign:
    """A campaign of the ledger, or a new one of a file."""
    from . import assemble

    if campaign in ledger.campaigns():
        return assemble.resumed_campaign(campaign, ledger, recall)
    if not Path(campaign).is_file():
        known = ", ".join(ledger.campaigns()) or "none yet"
        raise UserError(f"no campaign and no file {campaign!r}; campaigns are: {known}")
    return assemble.new_campaign(Path(campaign), ledger, recall)


def _properties(wired: Campaign) -> dict[str, str]:
    from ..tools.oracles.build import properties_of

    return dict(properties_of(wired.file.oracle))


def _pairs(told: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in told]
    for name, sign, _ in pairs:
        if not sign or not name:
            raise UserError(f"{name!r}: write PROPERTY=VALUE, as in strength=12.3±0.4")
    names = [name.strip() for name, _, _ in pairs]
    if len(set(names)) < len(names):
        raise UserError(f"a property is told twice: {', '.join(names)}")
    return {name.strip(): value for name, _, value in pairs}


def _record(trial: Trial) -> dict[str, object]:
    return {
        "trial": trial.number,
        "id": trial.candidate.id,
        "content": trial.candidate.content.model_dump(mode="json"),
        "reason": trial.reason,
        "predicted": {name: list(both) for name, both in trial.predicted.items()},
        "hypothesis": trial.hypothesis,
    }


def _line(trial: Trial) -> str:
    from .labels import label_of

    return f"#{trial.number} {label_of(trial.candidate)}: {trial.reason}"
