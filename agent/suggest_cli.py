"""The commands `athanor suggest`, `reject` and `observe`: what to try next, and what came of it, where people evaluate.

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
from .labels import counted, in_full
from .options import DEFAULT_HOME, AsJson, Home

if TYPE_CHECKING:
    from ..memory.ledger import Ledger
    from ..memory.people_events import HintGiven
    from ..memory.recall import Recall
    from ..memory.state import Trial
    from ..tools.space import Space
    from .campaign import Campaign

_WHICH = "Name of a campaign, or the file of a new one."
Author = Annotated[str | None, typer.Option(help="Who says so; without it, the user's name.")]


def suggest(
    campaign: Annotated[str, typer.Argument(help=_WHICH)],
    n: Annotated[int | None, typer.Option("-n", min=1, help="How many; without it, the file's batch.")] = None,
    fix: Annotated[
        list[str] | None,
        typer.Option(metavar="VARIABLE=VALUE", help="Keep a variable at a value in these suggestions; any number."),
    ] = None,
    again: Annotated[
        int | None, typer.Option(metavar="TRIAL", help="Measure this trial's setting once more, or -n times.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="What the surrogate has learnt, and what it expects of each suggestion.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Draw what the surrogate has learnt, as PNG files.")
    ] = None,
    author: Author = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Suggest what to try next, from all results so far; each suggestion is a trial that waits for its result."""
    from . import assemble
    from .explanation import as_record, explanation, lines
    from .stop import settled

    if fix and again is not None:
        raise UserError("--again repeats a whole setting; --fix goes with new ones")
    ledger, recall = assemble.open_home(home), assemble.open_index(home)
    with closing(recall):
        wired = _wired(campaign, ledger, recall)
        wish = _wish(fix, wired.file.space, author or getpass.getuser()) if fix else None
        many = n or (wired.file.batch if again is None else 1)
        new = wired.suggest(many, assemble.holder(), assemble.versions(), wish, again)
    explained = None
    if explain:
        lessons = assemble.lessons_of(wired.file, ledger)
        explained = explanation(wired.file.goal, wired.state, new, wired.file.space, lessons)
    drawn = _drawn(wired, plot) if plot else ()
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
        kept = " with these values fixed" if fix else ""
        console.print(f"nothing is left to suggest: every candidate of the space{kept} was tried", highlight=False)
    for trial in new:
        console.print(_line(trial, wired.file.space), markup=False, highlight=False, soft_wrap=True)
    if new:
        for line in lines(explained) if explained else ():
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        traces = getattr(wired.file.oracle, "traces", {})
        numbers = [f"{name}=VALUE±DEVIATION" for name in _properties(wired) if name not in traces][:1]
        answer = " ".join([*numbers, *(["--trace FILE"] if traces else [])])
        told = f"athanor observe {wired.file.name} {new[0].number} {answer}"
        console.print(f"Tell what came of each: {told}", markup=False, highlight=False, soft_wrap=True)
    for path in drawn:
        console.print(f"drawn: {path}", markup=False, highlight=False, soft_wrap=True)


def reject(
    campaign: Annotated[str, typer.Argument(help="Name of the campaign.")],
    trials: Annotated[list[int], typer.Argument(metavar="TRIAL…", help="Numbers of suggestions that wait.")],
    why: Annotated[str, typer.Option(help="The reason; it is kept with the trial.")] = "",
    author: Author = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take suggestions back: neither they nor settings like them are suggested again, and they cost no budget."""
    from ..memory.people_events import TrialAbandoned
    from . import assemble
    from .guidance import tell_offline

    ledger = assemble.open_home(home)
    assemble.state_of(campaign, ledger)
    who = author or getpass.getuser()
    tell_offline(ledger, campaign, *(TrialAbandoned(trial=number, author=who, reason=why) for number in trials))
    if as_json:
        typer.echo(json.dumps({"rejected": trials}))
        return
    named = ", ".join(f"#{number}" for number in trials)
    Console().print(f"rejected: {named}; athanor suggest {campaign} gives others", markup=False, highlight=False)


def observe(
    campaign: Annotated[str, typer.Argument(help="Name of the campaign.")],
    told: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TRIAL] NAME=VALUE…",
            help="Number of the trial, or the variables of a setting of your own; then what came of it: strength=12.3 "
            "or 'strength=12.3±0.4 MPa'.",
        ),
    ] = None,
    failed: Annotated[
        str | None, typer.Option(metavar="KIND", help="infeasible (learned), fault (tried again), missing or timeout.")
    ] = None,
    why: Annotated[str, typer.Option(help="What happened, with --failed.")] = "",
    table: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV of results: a column `trial`, or the space's variables.")
    ] = None,
    trace: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="CSV of a raw trace that the property is inferred from; PROPERTY=FILE of several."
        ),
    ] = None,
    known: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Known of the sample, with --trace: 'thickness=1.02 mm'."),
    ] = None,
    author: Author = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say what came of trials, in any order; results of one's own come in by a table of settings."""
    from ..memory.records import Candidate
    from . import assemble
    from .answers_table import read_answers
    from .answers_told import FORMS, Beside, answer_told
    from .views.summary import summarise

    who = author or getpass.getuser()
    ledger, recall = assemble.open_home(home), assemble.open_index(home)
    with closing(recall):
        wired = assemble.resumed_campaign(campaign, ledger, recall)
        if table is not None and not (told or failed or trace or known):
            answers = read_answers(table, wired.file.space, _properties(wired), who)
        elif table is None and told:
            answers = (answer_told(told, Beside(failed, why, tuple(trace or ()), tuple(known or ())), wired.file, who),)
        else:
            raise UserError(f"{FORMS}, or --table FILE alone")
        state = wired.observe(answers, assemble.holder(), assemble.versions())
    summary = summarise(state)
    if as_json:
        typer.echo(json.dumps(summary))
        return
    waiting = ", ".join(f"#{one.number}" for one in state.pending) or "none"
    console = Console()
    for answer in answers:
        if isinstance(answer.about, Candidate) and answer.about.provenance.note:
            console.print(answer.about.provenance.note, markup=False, highlight=False, soft_wrap=True)
    own = f"and {counted(summary['told'], 'result')} of your own cost none of them, " if summary["told"] else ""
    console.print(
        f"{summary['completed'] + summary['failed']} of {summary['budget']} evaluations have their results, {own}"
        f"hits: {len(summary['hits'])}; waiting: {waiting}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _drawn(wired: Campaign, folder: Path) -> list[Path]:
    """Draw what there is to draw of a campaign."""
    from .reports.report import write_plots
    from .standing import standing_of

    return [folder / name for name in write_plots(wired.state, standing_of(wired.state), folder)]


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


def _wish(fix: Sequence[str], space: Space, who: str) -> HintGiven:
    """What a person wants fixed, as a hint for one batch."""
    from ..memory.people_events import HintGiven
    from ..tools.parameters.parameter_space import ParameterSpace
    from ..tools.parameters.words import read_values

    if not isinstance(space, ParameterSpace):
        raise UserError("variables can be fixed in a space of parameters only")
    from .answers_told import pairs_of

    told = pairs_of(fix)
    values = tuple(read_values(space, told).items())
    return HintGiven(author=who, text=f"with {', '.join(fix)}", fixed=values)


def _record(trial: Trial) -> dict[str, object]:
    return {
        "trial": trial.number,
        "id": trial.candidate.id,
        "content": trial.candidate.content.model_dump(mode="json"),
        "reason": trial.reason,
        "predicted": {name: list(both) for name, both in trial.predicted.items()},
        "hypothesis": trial.hypothesis,
    }


def _line(trial: Trial, space: Space) -> str:
    from ..tools.space import units_of

    return f"#{trial.number} {in_full(trial.candidate, units_of(space))}\n    {trial.reason}"
