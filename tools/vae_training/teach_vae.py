"""Teaches a VAE and keeps it with its figures: weights, how the training went, and whether it can be relied on.

Knows how VAEs are trained and stored. Knows no terminals.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...memory.errors import TerminalError, UserError
from ...models.device import device_for
from ...models.vae.learn import CHECKPOINT, HISTORY, VaeTask, history
from ...models.vae.settings import VaePass, VaeSettings
from ...models.vae.train import train_vae
from ...models.vae.vae import CrystalVae
from ...models.vae.watch import score
from ...models.vae.weights import save_vae
from ..conditions import conditions
from ..labelled.begun import begin

BEGUN, WEIGHTS, FIGURES = "training.json", "weights.safetensors", "figures.json"
LEAST_ACTIVE = 0.25
"""Of the latent dimensions; with fewer in use the decoder has learnt to do without."""
LEAST_GAIN = 0.02
"""In accuracy, of a crystal's own latent point over that of another."""
LEAST_LABELS = 20
"""Of a property, for what is read off latent points to mean anything."""
_PACKAGES = ("athanor", "torch", "numpy", "moyopy", "pymatgen")


@dataclass(frozen=True)
class TaughtVae:
    """A VAE on disk and what is known of it.

    Attributes:
        vae: Itself.
        weights: Its file.
        passes: How the training went.
        best: The pass that was kept.
        warnings: Why it should not be relied on, in words; none if all is well.
        figures: All of this as JSON holds it, and as it stands in `figures.json`.
    """

    vae: CrystalVae
    weights: Path
    passes: tuple[VaePass, ...]
    best: VaePass
    warnings: tuple[str, ...]
    figures: Mapping[str, Any]


def holds_vae_training(folder: Path) -> bool:
    """Whether the training of a VAE was begun in a folder."""
    return any((folder / name).exists() for name in (BEGUN, CHECKPOINT, HISTORY, WEIGHTS))


def teach_vae(
    task: VaeTask,
    settings: VaeSettings,
    folder: Path,
    executor: Executor,
    tell: Callable[[VaePass], None],
    about: Mapping[str, Any] | None = None,
    name: str = "Athanor VAE",
) -> TaughtVae:
    """Teach a VAE, or go on with a training that was interrupted.

    Args:
        task: What it learns.
        settings: How.
        folder: Holds the checkpoint, and in the end weights and figures.
        executor: Runs as many processes as the settings say, at the same time.
        tell: Called after each pass.
        about: Facts to keep with weights and figures: which data, what was left out.
        name: Of the model.

    Raises:
        UserError: The folder holds another training, the checkpoint is damaged, or training diverges.
        TerminalError: A process was killed.
    """
    # The processes meet at a file that torch wants named in full.
    folder = folder.resolve()
    begin(folder / BEGUN, _rests_on(task, settings))
    try:
        vae = train_vae(task, settings, folder, executor, tell, name)
    except BrokenProcessPool as error:
        raise TerminalError("a process that trained was killed; --resume goes on from its last pass") from error
    except ValueError as error:
        raise UserError(str(error)) from error
    passes = tuple(history(folder))
    best = max(passes, key=lambda done: score(done.validation, settings.beta))
    warnings = _warnings(task, settings, best)
    figures = {
        "name": vae.name,
        "weights": WEIGHTS,
        "n_training": len(task.training),
        "n_validation": len(task.validation),
        "labels": {t.name: int(task.training.labels[:, k].isfinite().sum()) for k, t in enumerate(task.targets)},
        "elements": len(task.elements),
        "figures_are_of": "the validation crystals, which chose the pass that was kept",
        "best": asdict(best) | {"latent": settings.shape.latent},
        "passes": len(passes),
        "seconds": passes[-1].seconds,
        "device": device_for(settings.processes).type,
        "warnings": list(warnings),
        "settings": asdict(settings),
        **conditions(_PACKAGES),
        **(about or {}),
    }
    save_vae(vae, folder / WEIGHTS, figures)
    (folder / FIGURES).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return TaughtVae(vae, folder / WEIGHTS, passes, best, warnings, figures)


def _rests_on(task: VaeTask, settings: VaeSettings) -> dict[str, Any]:
    given = asdict(settings)
    shape = given.pop("shape")
    return {
        "training": task.training.fingerprint(),
        "validation": task.validation.fingerprint(),
        "elements": " ".join(task.elements),
        "targets": [asdict(target) for target in task.targets],
        "weights to begin with": _fingerprint(task) if task.start else "none",
        **{f"settings.{name}": value for name, value in given.items()},
        **{f"settings.shape.{name}": value for name, value in shape.items()},
    }


def _fingerprint(task: VaeTask) -> str:
    digest = sha256()
    for name in sorted(task.start):
        digest.update(name.encode())
        digest.update(task.start[name].contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _warnings(task: VaeTask, settings: VaeSettings, best: VaePass) -> tuple[str, ...]:
    """What a person must know before this VAE is used."""
    found, latent = [], settings.shape.latent
    if best.active_units < LEAST_ACTIVE * latent:
        found.append(
            f"posterior collapse: {best.active_units} of {latent} latent dimensions are in use, fewer than "
            f"{100 * LEAST_ACTIVE:.0f} %; the latent space says little about crystals. Train longer, with a smaller "
            "--beta, or with fewer --latent"
        )
    if best.accuracy - best.shuffled_accuracy <= LEAST_GAIN:
        found.append(
            f"posterior collapse: the decoder is right in {best.accuracy:.3f} of its choices with a crystal's own "
            f"latent point and in {best.shuffled_accuracy:.3f} with that of another; it does without latent points. "
            "Train longer, or with a smaller --beta"
        )
    for k, target in enumerate(task.targets):
        n = int(task.training.labels[:, k].isfinite().sum())
        if n < LEAST_LABELS and not task.start:
            found.append(
                f"{target.name}: {n} labels to learn from, fewer than {LEAST_LABELS}; what this VAE says of it means "
                "nothing, and crystals cannot be generated towards it"
            )
    return tuple(found)
