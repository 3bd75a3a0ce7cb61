"""The command `athanor train vae`: a generative model from a person's own crystals, or a campaign's results.

Knows typer and Rich. Heavy parts are imported inside the command, so that `--help` answers at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ..memory.errors import UserError
from .labels import counted
from .options import DEFAULT_HOME, AsJson, Home
from .resumable import open_folder, stop

if TYPE_CHECKING:
    from ..models.vae.settings import VaeSettings
    from ..models.vae.vae import CrystalVae
    from ..tools.labelled.notes import Note
    from ..tools.vae_training.prepare import Prepared
    from ..tools.vae_training.sources import Source
    from ..tools.vae_training.teach_vae import TaughtVae
    from .views.vae_training import VaeTrainingView

SHIPPED = "shipped"
WORKERS = 2
"""Processes that read and describe crystals, and train where there is no graphics card."""


def vae(
    files: Annotated[
        list[Path] | None,
        typer.Option("--data", metavar="FILE…", help="CSV with a column cif or file, CIF, XYZ, JSON, or a folder."),
    ] = None,
    campaign: Annotated[
        str, typer.Option(metavar="NAME", help="Learn from this campaign's results, beside --data or alone.")
    ] = "",
    validation: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE…", help="Crystals to hold out; without any, a tenth, by composition."),
    ] = None,
    start: Annotated[
        str, typer.Option("--from", metavar="WEIGHTS", help="Learn on from these weights; shipped for those here.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where checkpoint and weights go; new, or with --resume.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the crystals, at most.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed, data and processes give the same weights.")] = 0,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Side by side, each with a part of a batch; 2, or 1 on a graphics card."),
    ] = None,
    beta: Annotated[float | None, typer.Option(min=0.0, help="Weight of the KL term.")] = None,
    latent: Annotated[int | None, typer.Option(min=2, max=1024, help="Latent dimensions.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was interrupted.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Train a generative model of crystals (VAE) on your own; Ctrl-C stops it, and it can be resumed."""
    from ..models.device import device_for, has_card
    from ..models.vae.settings import VaeSettings
    from ..tools.vae_training.lessons import settings_for, task_of
    from ..tools.vae_training.prepare import prepare
    from ..tools.vae_training.sources import TARGETS, read_source
    from ..tools.vae_training.teach_vae import holds_vae_training, teach_vae
    from .executors import end_workers, process_pool
    from .views.vae_training import VaeTrainingView

    if not files and not campaign:
        raise UserError("nothing to learn from: --data FILE…, --campaign NAME, or both are needed")
    if start and latent is not None:
        raise UserError("--latent: those weights have their number of latent dimensions; leave out --latent or --from")
    begin_with = _begin_with(start)
    folder = out or home / "models" / "vae"
    open_folder(folder, holds_vae_training, resume)
    workers = processes or WORKERS
    standard = VaeSettings(processes=processes or (1 if has_card() else WORKERS), seed=seed)
    asked = _settings(standard, epochs, beta, latent)
    executor: Executor = process_pool(workers)()
    try:
        shape = begin_with.network.shape if begin_with else asked.shape
        with VaeTrainingView(None if as_json else Console(), TARGETS, shape.latent) as view:
            sources = [read_source(path) for path in files or ()]
            sources += [_results(home, campaign)] if campaign else []
            held_out = [read_source(path) for path in validation or ()]
            prepared = prepare(sources, held_out, home / "graphs", workers, begin_with, view.counted)
            _tell(prepared, sources, bool(validation), view)
            task = task_of(prepared.training, prepared.validation, begin_with)
            settings = settings_for(len(task.training), asked, begin_with)
            about = {
                "data": [source.name for source in sources],
                "notes": [asdict(note) for note in prepared.notes],
                "validation_notes": [asdict(note) for note in prepared.held_out_notes],
                "began_with": begin_with.name if begin_with else None,
            }
            workforce = counted(settings.processes, "process", "processes")
            where = "a graphics card" if device_for(settings.processes).type == "cuda" else "the processor"
            view.say(
                f"{len(task.training)} crystals of {len(task.elements)} elements to learn from, {settings.epochs} "
                f"passes at most, batches of {settings.batch}, in {workforce} on {where}"
                + (f"; it begins with {begin_with.name}" if begin_with else "")
            )
            del prepared
            taught = teach_vae(task, settings, folder, executor, view.learned, about)
    except KeyboardInterrupt:
        stop(folder, holds_vae_training(folder))
    finally:
        end_workers()
        executor.shutdown(cancel_futures=True)
    _show(taught, _draw(taught, folder / "pictures"), as_json)


def _settings(standard: VaeSettings, epochs: int | None, beta: float | None, latent: int | None) -> VaeSettings:
    """Settings with what a person named."""
    found = standard if epochs is None else replace(standard, epochs=epochs)
    found = found if beta is None else replace(found, beta=beta)
    return found if latent is None else replace(found, shape=replace(found.shape, latent=latent))


def _begin_with(start: str) -> CrystalVae | None:
    """The VAE that a person named.

    Raises:
        UserError: There is no such file, or it cannot be read.
    """
    if not start:
        return None
    from ..models.vae.vae import CrystalVae
    from ..tools.latent_model import load_latent_model

    found = load_latent_model(None if start == SHIPPED else Path(start))
    if not isinstance(found, CrystalVae):
        raise UserError(f"--from {start}: holds no VAE that can learn on")
    return found


def _results(home: Path, campaign: str) -> Source:
    """Completed trials of a campaign.

    Raises:
        UserError: There is no such campaign, or it has no crystal.
    """
    from ..memory.state import fold
    from ..tools.vae_training.sources import campaign_source
    from . import assemble
    from .recollection.notes import check_campaigns

    ledger = assemble.open_home(home)
    check_campaigns(ledger, (campaign,))
    return campaign_source(campaign, fold(ledger.entries(campaign)).completed)


def _tell(prepared: Prepared, sources: Sequence[Source], is_named: bool, view: VaeTrainingView) -> None:
    """Say what was found in the sources, what is left out, and what is held out."""
    from .labels import counted
    from .views.training import amounts

    for source in sources:
        labels = ", ".join(f"{target.name} in column {column}" for target, column in source.columns.items())
        view.say(f"{source.name}: {counted(len(source.rows), 'crystal')}, {labels or 'no labels'}")
    training, held_out = prepared.training.labelled, prepared.validation.labelled
    view.say(f"to learn from: {counted(len(training), 'crystal')}, {amounts(training.targets, training.counts())}")
    _notes(prepared.notes, view)
    how = "from --validation" if is_named else "chosen by composition: no compound stands on both sides"
    view.say(f"held out: {counted(len(held_out), 'crystal')}, {how}")
    _notes(prepared.held_out_notes, view)


def _notes(notes: Sequence[Note], view: VaeTrainingView) -> None:
    for note in notes:
        view.say(f"  {note}")


def _draw(taught: TaughtVae, folder: Path) -> Path:
    """Draw how the training went; the page that holds the moving picture."""
    from .pictures.elbo_curve import elbo_curve
    from .pictures.style import write_pictures

    picture = elbo_curve("training", taught.vae.name, taught.passes, taught.vae.targets)
    return write_pictures([picture], folder, "training", taught.vae.name)[-1]


def _show(taught: TaughtVae, page: Path, as_json: bool) -> None:
    from ..tools.vae_training.teach_vae import FIGURES
    from .labels import counted, duration
    from .views.vae_training import vae_table

    if as_json:
        typer.echo(json.dumps({**taught.figures, "weights": str(taught.weights), "pictures": [str(page)]}))
        return
    console, best = Console(), taught.best
    told = (
        f"{taught.vae.name}, trained in {duration(taught.passes[-1].seconds)}. "
        f"{counted(taught.figures['n_validation'], 'held-out crystal')} chose pass {best.epoch} of "
        f"{len(taught.passes)}; figures are of them and stand in {taught.weights.with_name(FIGURES)}, too."
    )
    console.print(told, markup=False, highlight=False, soft_wrap=True)
    console.print(vae_table(best, taught.vae.targets, taught.vae.n_latent))
    for warning in taught.warnings:
        console.print(f"Warning: {warning}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Pictures: {page}, and as PNG beside it", markup=False, highlight=False, soft_wrap=True)
    told = f"Use it with: athanor generate --weights {taught.weights}"
    console.print(told, markup=False, highlight=False, soft_wrap=True)
