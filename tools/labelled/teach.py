"""Makes a predictor of labelled crystals: chooses how by their number, trains it, and keeps it with its figures.

Knows the ways to learn. Knows no terminals.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from ase.data import atomic_numbers

from ...memory.errors import TerminalError, UserError
from ...models.prediction import Predictions
from ...models.pretrained.embedding import ELEMENTS, N_FEATURES, Features, features
from ...models.pretrained.feature_predictor import FeaturePredictor
from ...models.pretrained.storage import save_features
from ...models.training.dataset import Dataset, halves
from ...models.training.quality import Quality, compare
from ...models.training.settings import Progress, TrainingSettings
from ...models.training.train import train_ensemble
from ...models.weights import save_ensemble
from .begun import begin
from .labelled import Labelled
from .notes import noted
from .parse import Tell

Mode = Literal["features", "network"]

FEW = 4500
"""Crystals below which Gaussian processes on a pretrained network's features are used.

At 3,000 labels they are still better than a network trained on them alone (`benchmarks/small_data.py`); more than
5,000, held-out crystals counted, are too many for an exact process.
"""
CHUNK = 32
"""Crystals whose features are computed between two words on how far it is."""
LEAST_JUDGING = 5
"""Held-out labels that figures are given of."""
LEAST_HELD_OUT = 20
"""Labels of each property in the half of the held-out crystals that calibrates its deviations."""
BEGUN, CHECKPOINTS, WEIGHTS, FIGURES = "training.json", "checkpoints", "weights.safetensors", "figures.json"


@dataclass(frozen=True)
class Taught:
    """A predictor on disk and what is known of it.

    Attributes:
        name: As written beside every number.
        mode: How it was made: Gaussian processes on a pretrained network's features, or networks of its own.
        weights: Its file.
        figures: By name of the target, on held-out crystals that decided nothing; none of a target with fewer than 5
            labels there.
        n_training: Crystals learned from.
        n_deciding: Held-out crystals that chose and calibrated.
        n_judging: Held-out crystals that the figures are of.
        cpu_seconds: Of the training.
        judging: Those held-out crystals.
        said: What is predicted of them.
    """

    name: str
    mode: Mode
    weights: Path
    figures: dict[str, Quality]
    n_training: int
    n_deciding: int
    n_judging: int
    cpu_seconds: float
    judging: Labelled
    said: Predictions


def mode_of(training: Labelled) -> Mode:
    """How so many crystals are best learned from."""
    return "features" if len(training) < FEW else "network"


def holds_training(folder: Path) -> bool:
    """Whether a training was begun in a folder."""
    return (folder / BEGUN).exists() or (folder / WEIGHTS).exists()


def teach_network(
    training: Labelled,
    validation: Labelled,
    settings: TrainingSettings,
    folder: Path,
    executor: Executor,
    tell: Callable[[Progress], None],
) -> Taught:
    """Train an ensemble of networks, or go on with one that was interrupted.

    Args:
        training: Crystals to learn from.
        validation: Crystals held out.
        settings: How to train.
        folder: Holds checkpoints, and in the end weights and figures.
        executor: Runs the members.
        tell: Called after each pass of each member.

    Raises:
        UserError: Too few labels are held out, or a checkpoint is damaged or belongs to something else.
        TerminalError: A process was killed.
    """
    learned, held_out = Dataset(training.graphs, training.labels), Dataset(validation.graphs, validation.labels)
    _check(validation)
    begin(
        folder / BEGUN,
        {
            "training": learned.fingerprint(),
            "validation": held_out.fingerprint(),
            "targets": [asdict(target) for target in training.targets],
            **{f"settings.{name}": value for name, value in asdict(settings).items()},
        },
    )
    try:
        trained = train_ensemble(
            learned, held_out, training.targets, settings, folder / CHECKPOINTS, executor, tell, "GNN"
        )
    except BrokenProcessPool as error:
        raise TerminalError("a process that trained was killed; --resume goes on from its last pass") from error
    except ValueError as error:
        raise UserError(str(error)) from error
    taught = Taught(
        name=trained.ensemble.name,
        mode="network",
        weights=folder / WEIGHTS,
        figures=trained.quality,
        n_training=trained.n_training,
        n_deciding=trained.n_deciding,
        n_judging=trained.n_judging,
        cpu_seconds=trained.cpu_seconds,
        judging=validation.take(halves(validation.graphs)[1]),
        said=trained.said,
    )
    card = document(taught) | {"settings": asdict(settings)}
    save_ensemble(trained.ensemble, taught.weights, card)
    _keep_figures(folder, card)
    return taught


def teach_features(
    training: Labelled, validation: Labelled, seed: int, folder: Path, *, keep_apart: bool, tell: Tell
) -> Taught:
    """Train Gaussian processes on a pretrained network's features.

    Args:
        training: Crystals to learn from.
        validation: Crystals held out, which give the figures.
        seed: Of the fit.
        folder: Holds weights and figures in the end.
        keep_apart: Whether the predictor that is kept must not learn from the held-out crystals either.
        tell: Is told how many of how many crystals have features.

    Raises:
        UserError: Labels are too few, or too much alike.
    """
    folder.mkdir(parents=True, exist_ok=True)
    start, total = time.process_time(), len(training) + len(validation)
    learned, held_out = _embeddable(training), _embeddable(validation)
    known = _features(learned, lambda done: tell(done, total))
    seen = _features(held_out, lambda done: tell(len(learned) + done, total))
    try:
        predictor = FeaturePredictor.fit_features(known, learned.labels, learned.targets, seed)
        said = predictor.predict_features(seen)
        if not keep_apart:
            labels = np.concatenate([learned.labels, held_out.labels])
            predictor = FeaturePredictor.fit_features(np.concatenate([known, seen]), labels, learned.targets, seed)
    except ValueError as error:
        raise UserError(str(error)) from error
    tell(total, total)
    figures = {
        target.name: compare(held_out.labels[:, k], said.properties[target.name])
        for k, target in enumerate(learned.targets)
        if np.isfinite(held_out.labels[:, k]).sum() >= LEAST_JUDGING
    }
    taught = Taught(
        name=predictor.name,
        mode="features",
        weights=folder / WEIGHTS,
        figures=figures,
        n_training=len(predictor.labels),
        n_deciding=0,
        n_judging=len(held_out),
        cpu_seconds=round(time.process_time() - start, 2),
        judging=held_out,
        said=said,
    )
    card = document(taught) | {"seed": seed, "figures_are_of": f"a predictor that learned from {len(learned)} crystals"}
    save_features(predictor, taught.weights, card)
    _keep_figures(folder, card)
    return taught


def _embeddable(labelled: Labelled) -> Labelled:
    """Crystals without elements that the pretrained network does not know."""
    known = np.isin(labelled.crystals.species, [atomic_numbers[symbol] for symbol in ELEMENTS])
    whole = np.logical_and.reduceat(known, labelled.crystals.bounds[:-1])
    left_out = [labelled.names[k] for k in np.flatnonzero(~whole)]
    notes = noted("crystals left out: CHGNet does not know an element", left_out)
    return replace(labelled.take(np.flatnonzero(whole)), notes=(*labelled.notes, *notes))


def _features(labelled: Labelled, tell: Callable[[int], None]) -> Features:
    found = [np.empty((0, N_FEATURES), np.float32)]
    for start in range(0, len(labelled), CHUNK):
        tell(start)
        crystals = range(start, min(start + CHUNK, len(labelled)))
        found.append(features([labelled.crystals.structure(k) for k in crystals]))
    return np.concatenate(found)


def _keep_figures(folder: Path, card: dict[str, object]) -> None:
    (folder / FIGURES).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def document(taught: Taught) -> dict[str, object]:
    """What is known of a predictor, as JSON holds it; figures that do not exist, for want of labels, are null."""
    figures = {
        name: {key: None if value is None or not np.isfinite(value) else value for key, value in asdict(one).items()}
        for name, one in taught.figures.items()
    }
    kept = ("name", "mode", "n_training", "n_deciding", "n_judging", "cpu_seconds")
    return {name: getattr(taught, name) for name in kept} | {"weights": taught.weights.name, "figures": figures}


def _check(validation: Labelled) -> None:
    deciding, judging = halves(validation.graphs)
    for k, target in enumerate(validation.targets):
        known = np.isfinite(validation.labels[:, k])
        if known[deciding].sum() < LEAST_HELD_OUT or not known[judging].any():
            raise UserError(
                f"{int(known.sum())} of the {len(validation)} held-out crystals have a label of {target.name}; one "
                f"half, chosen by composition, calibrates the deviations and needs {LEAST_HELD_OUT} or more (it has "
                f"{int(known[deciding].sum())}), the other gives the figures: name more by --validation FILE"
            )
