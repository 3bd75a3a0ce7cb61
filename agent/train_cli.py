"""The command `athanor train gnn`: a predictor from a person's own labelled crystals.

Knows typer and Rich. Heavy parts are imported inside the command, so that `--help` answers at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from .options import DEFAULT_HOME, AsJson, Home
from .resumable import open_folder, stop

if TYPE_CHECKING:
    from ..tools.labelled.columns import Labels
    from ..tools.labelled.labelled import Labelled
    from ..tools.labelled.notes import Note
    from ..tools.labelled.teach import Taught
    from .views.training import TrainingView

_MODES = {
    "features": "{n} crystals to learn from, fewer than {few}: Gaussian processes on the features of a pretrained "
    "network (CHGNet) predict better from so few than networks of their own; --members and --epochs do not matter.",
    "network": "{n} crystals to learn from, {few} or more: {members} networks of their own are trained, {epochs} "
    "passes over the data at most.",
}


class ListsOfValues(TyperCommand):
    """A command whose repeatable options also take several values behind one another: `--data a.csv b.csv`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each further value."""
        repeatable = {name for option in self.params if getattr(option, "multiple", False) for name in option.opts}
        spread: list[str] = []
        current, values = "", 0
        for argument in args:
            if argument.startswith("-") and argument != "-":
                current, values = argument, 0
            elif current in repeatable:
                spread += [current] if values else []
                values += 1
            spread.append(argument)
        return super().parse_args(ctx, spread)


def gnn(
    files: Annotated[
        list[Path],
        typer.Option("--data", metavar="FILE…", help="CSV with a column cif or file, extended XYZ, JSON, or a folder."),
    ],
    columns: Annotated[
        list[str],
        typer.Option("--target", metavar="COLUMN…", help="What to learn; COLUMN=NAME:UNIT[:gap] if not known by name."),
    ],
    validation: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE…", help="Crystals to hold out; without any, a tenth of --data, by composition."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where checkpoints and weights go; new, or with --resume.")
    ] = None,
    members: Annotated[int, typer.Option(min=2, max=64, help="Networks; their disagreement tells of errors.")] = 4,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data, at most.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="The same seed and data give the same networks.")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes side by side.")] = 2,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was interrupted.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Train a predictor on your own labelled crystals; Ctrl-C stops it, and it can be resumed."""
    from ..models.training.settings import TrainingSettings
    from ..tools.labelled.columns import parse_columns
    from ..tools.labelled.teach import FEW, holds_training, mode_of, teach_features, teach_network
    from .executors import end_workers, process_pool
    from .views.training import TrainingView

    folder = out or home / "models" / "gnn"
    asked = parse_columns(columns)
    open_folder(folder, holds_training, resume)
    settings = TrainingSettings(members=members, epochs=epochs, seed=seed)
    executor: Executor = process_pool(workers)()
    try:
        with TrainingView(None if as_json else Console(), [labels.target for labels in asked]) as view:
            training, held_out = _crystals(files, validation or [], asked, home / "graphs", workers, view)
            mode = mode_of(training)
            view.say(_MODES[mode].format(n=len(training), few=FEW, members=members, epochs=epochs))
            if mode == "features":
                taught = teach_features(
                    training, held_out, seed, folder, keep_apart=bool(validation), tell=view.embedded
                )
            else:
                taught = teach_network(training, held_out, settings, folder, executor, view.learned)
    except KeyboardInterrupt:
        stop(folder, holds_training(folder))
    finally:
        end_workers()
        executor.shutdown(cancel_futures=True)
    pictures = _draw(taught, folder / "pictures")
    _show(taught, training, held_out, pictures, as_json)


def _crystals(
    files: list[Path], validation: list[Path], asked: tuple[Labels, ...], cache: Path, workers: int, view: TrainingView
) -> tuple[Labelled, Labelled]:
    """Crystals to learn from and crystals held out, with all that is left out told."""
    from ..tools.labelled.labelled import apart, check_enough
    from ..tools.labelled.read_labelled import read_labelled
    from ..tools.labelled.split import split

    crystals = read_labelled(files, asked, cache, workers, view.read)
    _tell("--data", crystals, crystals.notes, view)
    if not validation:
        training, held_out = split(crystals)
        check_enough(training, "crystals that are not held out")
        view.say(
            f"{len(held_out)} of {len(crystals)} crystals are held out, chosen by composition: no compound stands on "
            "both sides."
        )
        return training, held_out
    held_out = read_labelled(validation, asked, cache, workers, view.read)
    _tell("--validation", held_out, held_out.notes, view)
    training = apart(crystals, held_out)
    check_enough(training, "crystals of --data that are not held out")
    _tell("learned from", training, training.notes[len(crystals.notes) :], view)
    return training, held_out


def _tell(name: str, crystals: Labelled, notes: Sequence[Note], view: TrainingView) -> None:
    from .labels import counted
    from .views.training import amounts

    view.say(f"{name}: {counted(len(crystals), 'crystal')}, {amounts(crystals.targets, crystals.counts())}")
    for note in notes:
        view.say(f"  {note}")


def _draw(taught: Taught, folder: Path) -> list[Path]:
    """Draw the predictions of the judging crystals against their labels; the pages that hold all pictures."""
    from .pictures.quality import Judged, quality_pictures

    judging, pages = taught.judging, []
    for k, target in enumerate(judging.targets):
        if target.name in taught.figures:
            said = taught.said.properties[target.name]
            symbols = judging.crystals.symbols()
            judged = Judged(judging.labels[:, k], said.mean, said.deviation, None, symbols, judging.names)
            pages.append(quality_pictures(target, judged, taught.name, folder)[-1])
    return pages


def _show(taught: Taught, training: Labelled, held_out: Labelled, pictures: Sequence[Path], as_json: bool) -> None:
    from ..tools.labelled.teach import FIGURES, document
    from .labels import duration
    from .views.training import figures_table

    if as_json:
        notes = {"data": list(map(asdict, training.notes)), "validation": list(map(asdict, held_out.notes))}
        places = {"weights": str(taught.weights), "pictures": [str(page) for page in pictures]}
        typer.echo(json.dumps(document(taught) | places | {"notes": notes}))
        return
    console, figures = Console(), taught.weights.with_name(FIGURES)
    n_learned = len(training)
    how = {
        "network": f"{taught.n_deciding} held-out crystals chose the best pass and calibrated the deviations; "
        f"{taught.n_judging} others decided nothing and give these figures",
        "features": f"{taught.n_judging} held-out crystals give these figures"
        + (f", of a predictor that learned from {n_learned}" if taught.n_training > n_learned else ""),
    }[taught.mode]
    told = f"{taught.name}, trained in {duration(taught.cpu_seconds)} of CPU time. {how}; they stand in {figures}, too."
    console.print(told, markup=False, highlight=False, soft_wrap=True)
    console.print(figures_table(training.targets, taught.figures))
    for page in pictures:
        console.print(f"Pictures: {page}, and as PNG beside it", markup=False, highlight=False, soft_wrap=True)
    told = f"Use it with: athanor predict FILE --model {taught.weights}"
    console.print(told, markup=False, highlight=False, soft_wrap=True)
