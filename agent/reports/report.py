"""The report of a campaign: a folder with text, tables, plots and the structures of the hits.

Knows where a campaign stands and how to write it down; plots and structures are loaded only when drawn. Must not
know ledgers: what it writes follows from the state and people's notes, at every stage of a campaign.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...memory.errors import TerminalError
from ...memory.records import Crystal, Point
from ...memory.state import State, Trial
from ..labels import cell, crystal_of, label_of, space_group_of
from ..standing import Standing, standing_of
from ..views.summary import summarise
from .report_text import report_text
from .trace_files import write_traces

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...memory.people_events import NoteAdded
    from ...models.vae.latent_model import LatentModel


def write_report(
    state: State, folder: Path, notes: Sequence[NoteAdded] = (), latent_model: LatentModel | None = None
) -> Path:
    """Write report.md, summary.json, trials.csv, plots as PNG files, a CIF file for each hit, and raw traces.

    What an earlier report of the same campaign left in the folder is replaced.

    Args:
        state: The campaign.
        folder: Where to write.
        notes: What people have noted on the campaign.
        latent_model: The generative model that the campaign used; its latent map is drawn, too.

    Returns:
        Path of report.md.

    Raises:
        UserError: The campaign has never been opened.
        TerminalError: The folder cannot be written to.
    """
    standing = standing_of(state)
    try:
        return _write(state, standing, folder, notes, latent_model)
    except OSError as error:
        raise TerminalError(
            f"the report cannot be written to {folder}: {error.strerror or error}; the campaign itself is safe in the "
            f"ledger, and `athanor report {state.spec.get('name', 'NAME')}` writes the report anew"
        ) from error


def _write(
    state: State, standing: Standing, folder: Path, notes: Sequence[NoteAdded], latent_model: LatentModel | None
) -> Path:
    summary = summarise(state)
    folder.mkdir(parents=True, exist_ok=True)
    plots = write_plots(state, standing, folder)
    plots += _write_latent_map(standing, latent_model, folder)
    _write_hits(standing, folder / "hits")
    (folder / "summary.json").write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _write_trials(state, folder / "trials.csv")
    path = folder / "report.md"
    traced = write_traces(state, standing, folder)
    path.write_text(report_text(state, standing, summary, plots, notes, traced), encoding="utf-8")
    return path


def write_plots(state: State, standing: Standing, folder: Path) -> list[str]:
    """Draw what there is to draw, and delete what an earlier time has drawn; names of the files written."""
    from .learnt_plots import LEARNT, learnt_plots
    from .plots import PLOTS

    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, Figure | None] = {name: draw(standing) for name, draw in PLOTS.items()}
    drawn |= dict.fromkeys(LEARNT) | learnt_plots(state, standing)
    for name, figure in drawn.items():
        path = folder / f"{name}.png"
        path.unlink(missing_ok=True)
        if figure is not None:
            figure.savefig(path)
    return [f"{name}.png" for name, figure in drawn.items() if figure is not None]


def _write_latent_map(standing: Standing, model: LatentModel | None, folder: Path) -> list[str]:
    """Draw where the trials lie for a generative model; names of the files written."""
    for ending in ("png", "html"):
        (folder / f"latent_map.{ending}").unlink(missing_ok=True)
    if model is None:
        return []
    from .latent_plots import write_latent_map

    return [path.name for path in write_latent_map(standing, model, folder)]


def _write_hits(standing: Standing, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for trial in standing.hits:
        crystal = crystal_of(trial.candidate, trial.outcome)
        if crystal is not None:
            folder.mkdir(exist_ok=True)
            (folder / cif_name(trial)).write_text(_cif(crystal), encoding="utf-8")


def cif_name(trial: Trial) -> str:
    """File name of a hit's structure, as in `012_Al2O3.cif`."""
    return f"{trial.number:03d}_{label_of(trial.candidate)}.cif"


def _cif(crystal: Crystal) -> str:
    from pymatgen.io.cif import CifWriter

    from ...tools.crystals.structure import to_structure

    return str(CifWriter(to_structure(crystal)))


def _write_trials(state: State, path: Path) -> None:
    """One row a trial, at full precision, values with standard deviation and unit in columns of their own."""
    trials = list(state.trials.values())
    measured = list(dict.fromkeys(m.property for t in trials if t.outcome for m in t.outcome.measurements))
    predicted = list(dict.fromkeys(name for t in trials for name in t.predicted))
    header = [
        "trial", "batch", "oracle", "status", "id", "material", "space_group", "generator", "parents", "note",
        "hypothesis", "reason", "reused", "failure", "message", "cpu_seconds", "finished_at",
    ]  # fmt: skip
    settings = _settings(trials)
    header += [f"setting {name}" for name in settings]
    for name in measured:
        header += [name, f"{name} deviation", f"{name} unit", f"{name} method", f"{name} source"]
    for name in predicted:
        header += [f"{name} surrogate mean", f"{name} surrogate deviation"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([cell(name) for name in header])
        writer.writerows(_row(trial, settings, measured, predicted) for trial in trials)


def _settings(trials: Sequence[Trial]) -> list[str]:
    """The variables of all points, in their order."""
    points = [trial.candidate.content for trial in trials if isinstance(trial.candidate.content, Point)]
    return list(dict.fromkeys(name for point in points for name in point.values))


def _row(
    trial: Trial, settings: Sequence[str], measured: Sequence[str], predicted: Sequence[str]
) -> list[str | float | int]:
    origin, outcome = trial.candidate.provenance, trial.outcome
    crystal = crystal_of(trial.candidate, outcome)
    failure = outcome.failure if outcome else None
    row: list[str | float | int] = [
        trial.number,
        trial.batch,
        cell(trial.oracle),
        trial.status,
        trial.candidate.id,
        cell(label_of(trial.candidate)),
        cell(space_group_of(crystal)) if crystal else "",
        cell(origin.tool),
        cell(" ".join(origin.parents)),
        cell(origin.note),
        cell(trial.hypothesis or ""),
        cell(trial.reason),
        cell(f"{trial.reused.campaign} #{trial.reused.trial}") if trial.reused else "",
        failure.kind if failure else "",
        cell(failure.message) if failure else "",
        outcome.cpu_seconds if outcome else "",
        trial.finished_at.isoformat() if trial.finished_at else "",
    ]
    values = trial.candidate.content.values if isinstance(trial.candidate.content, Point) else {}
    row += [cell(value) if isinstance(value := values.get(name, ""), str) else value for name in settings]
    known = {m.property: m for m in outcome.measurements} if outcome else {}
    for name in measured:
        m = known.get(name)
        deviation = "" if m is None or m.deviation is None else m.deviation
        row += [m.value, deviation, cell(m.unit), m.method, cell(m.source)] if m else [""] * 5
    for name in predicted:
        row += trial.predicted.get(name, ("", ""))
    return row
