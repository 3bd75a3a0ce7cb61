"""Trains an ensemble: its members side by side, then what its deviations are worth, and its figures.

Knows members, calibration and ensembles; puts them in order. Knows no structure files and no terminals.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Executor, wait
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols

from ..ensemble import GnnEnsemble, Opinions, ask
from ..gnn import CrystalNetwork
from ..prediction import Predictions
from ..target import Target
from ..uncertainty.calibration import Calibration, calibrate
from ..uncertainty.novelty import Novelty, fit_novelty
from .baseline import fit_baseline
from .dataset import Dataset, fractions, halves
from .member import Task, best_weights, train_member
from .quality import Quality, quality_of
from .settings import Progress, TrainingSettings

POLL = 0.5
"""Seconds between two looks at how far the members are."""


@dataclass(frozen=True)
class Trained:
    """An ensemble and what is known of it.

    Attributes:
        ensemble: The predictor.
        quality: Figures by name of the target, on held-out crystals that decided nothing.
        said: What is predicted of those.
        n_training: Crystals learned from.
        n_deciding: Held-out crystals that chose the passes and calibrated the deviations.
        n_judging: Held-out crystals that the figures are of.
        cpu_seconds: Of all members.
    """

    ensemble: GnnEnsemble
    quality: dict[str, Quality]
    said: Predictions
    n_training: int
    n_deciding: int
    n_judging: int
    cpu_seconds: float


def train_ensemble(
    training: Dataset,
    validation: Dataset,
    targets: tuple[Target, ...],
    settings: TrainingSettings,
    folder: Path,
    executor: Executor,
    tell: Callable[[Progress], None],
    name: str = "Athanor GNN",
) -> Trained:
    """Train an ensemble, or go on with one that was interrupted.

    The validation crystals are split in two by composition: one half chooses each member's best pass and calibrates
    the deviations, the other has no part in anything and gives the figures.

    Args:
        training: What is learned from.
        validation: Held out, labelled alike.
        targets: Columns of the labels.
        settings: How to train.
        folder: Holds checkpoints, one a member; those that are there already are gone on with.
        executor: Runs the members; it must see the folder.
        tell: Called after each pass of each member.
        name: Of the predictor, to be written beside every number.

    Raises:
        ValueError: A checkpoint is damaged or belongs to something else, labels are too few, or a member diverges.
    """
    folder.mkdir(parents=True, exist_ok=True)
    deciding, judging = (validation.part(rows) for rows in halves(validation.graphs))
    task = Task(training, deciding, targets, fit_baseline(fractions(training.graphs), training.labels, targets))
    cpu_seconds = _train_members(task, settings, folder, executor, tell)
    ensemble = calibrated_ensemble(task, settings, folder, name)
    said = ensemble.predict_graphs(judging.graphs)
    quality = quality_of(targets, judging.labels, said)
    return Trained(ensemble, quality, said, len(training), len(deciding), len(judging), cpu_seconds)


def calibrated_ensemble(task: Task, settings: TrainingSettings, folder: Path, name: str) -> GnnEnsemble:
    """Make one predictor of trained members: their best passes, with deviations learned on the validation data.

    Raises:
        ValueError: A checkpoint is missing or damaged, or labels are too few.
    """
    members = tuple(_member(len(task.targets), settings, folder, k + 1) for k in range(settings.members))
    opinions = ask(members, task.validation.graphs, task.baseline, task.targets)
    seen = ask(members[:1], task.training.graphs, task.baseline, task.targets).latent
    novelty = fit_novelty(seen, opinions.latent)
    return GnnEnsemble(
        name=f"{name} ({settings.members} networks, {len(task.training):,} crystals)",
        targets=task.targets,
        elements=frozenset(chemical_symbols[z] for z in np.unique(task.training.graphs.elements)),
        members=members,
        baseline=task.baseline,
        calibrations=_calibrations(task, opinions, novelty),
        novelty=novelty,
    )


def _train_members(
    task: Task, settings: TrainingSettings, folder: Path, executor: Executor, tell: Callable[[Progress], None]
) -> float:
    """Run all members to their end, telling of each pass once; CPU seconds of all together."""
    numbers = range(1, settings.members + 1)
    told: dict[int, Progress] = {}

    def look() -> None:
        for number in numbers:
            for progress in history(folder, number):
                if number not in told or progress.epoch > told[number].epoch:
                    told[number] = progress
                    tell(progress)

    running = [executor.submit(_run_member, task, settings, number, folder) for number in numbers]
    try:
        while wait(running, timeout=POLL, return_when="FIRST_EXCEPTION").not_done:
            look()
            for future in running:
                if future.done():
                    future.result()
        for future in running:
            future.result()
    finally:
        for future in running:
            future.cancel()
    look()
    return sum(progress.cpu_seconds for progress in told.values())


def history(folder: Path, member: int) -> list[Progress]:
    """Passes of a member so far, by number; of a pass that was told twice, the later one."""
    try:
        lines = _history_file(folder, member).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    # The last line may be half written at this moment, or have been when its writer was killed.
    rows = [json.loads(line) for line in lines if line.endswith("}")]
    found = {row["epoch"]: Progress(**(row | {"errors": tuple(row["errors"])})) for row in rows}
    return [found[epoch] for epoch in sorted(found)]


def _history_file(folder: Path, member: int) -> Path:
    return folder / f"member-{member}.jsonl"


def _run_member(task: Task, settings: TrainingSettings, member: int, folder: Path) -> None:
    """What a worker does: train, and write down each pass."""
    with _history_file(folder, member).open("a", encoding="utf-8") as file:
        file.write("\n")
        for progress in train_member(task, settings, member, folder):
            file.write(json.dumps(asdict(progress)) + "\n")
            file.flush()


def _member(n_targets: int, settings: TrainingSettings, folder: Path, number: int) -> CrystalNetwork:
    network = CrystalNetwork(n_targets, settings.shape)
    network.load_state_dict(best_weights(folder, number))
    return network.eval()


def _calibrations(task: Task, opinions: Opinions, novelty: Novelty) -> tuple[Calibration, ...]:
    far = novelty.of(opinions.latent)
    found = []
    for k in range(len(task.targets)):
        truth = task.validation.labels[:, k]
        known = np.isfinite(truth)
        found.append(
            calibrate(
                (truth - opinions.mean[:, k])[known],
                opinions.expected_error[known, k],
                opinions.disagreement[known, k],
                far[known],
                float(task.baseline.scales[k]),
            )
        )
    return tuple(found)
