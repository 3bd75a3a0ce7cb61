"""Trains one member of an ensemble, from the start or from its last checkpoint.

Knows torch, datasets and the loss. Must not know other members.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..checkpoint import read_checkpoint, resumed, write_checkpoint
from ..ensemble import ask
from ..gnn import CrystalNetwork
from ..graphs.batch import batch
from ..target import Target
from ..threads import configure_torch
from .baseline import Baseline
from .dataset import Dataset, fractions
from .loss import loss
from .settings import Progress, TrainingSettings

WEIGHT_DECAY = 1e-4
WARM_UP = 0.15
"""Share of the steps in which the learning rate rises."""
CLIP = 5.0


@dataclass(frozen=True)
class Task:
    """What all members of an ensemble have in common.

    Attributes:
        training: What is learned from.
        validation: What decides which pass is kept, and when to stop.
        targets: Columns of the labels.
        baseline: Linear part of the labels, and their scales.
    """

    training: Dataset
    validation: Dataset
    targets: tuple[Target, ...]
    baseline: Baseline


def train_member(task: Task, settings: TrainingSettings, member: int, folder: Path) -> Iterator[Progress]:
    """Train a member, a pass over the data for each item; a checkpoint stands in the folder after each.

    A member that was interrupted goes on after its last whole pass and ends with the weights it would have had.

    Args:
        member: From 1; its seed is the settings' plus member - 1.
        folder: Holds `member-1.checkpoint`.

    Raises:
        ValueError: The checkpoint is damaged, or belongs to other data or settings.
    """
    configure_torch()
    run = _Run(task, settings, member, folder / f"member-{member}.checkpoint")
    if run.last is not None:
        yield run.last
    while run.last is None or not run.last.finished:
        yield run.one_pass()


def best_weights(folder: Path, member: int) -> dict[str, Tensor]:
    """The weights of a member's best pass.

    Raises:
        ValueError: There is no sound checkpoint.
    """
    found: dict[str, Tensor] = read_checkpoint(folder / f"member-{member}.checkpoint")["best"]
    return found


class _Run:
    """A member on its way: network, optimiser, and what it has reached."""

    def __init__(self, task: Task, settings: TrainingSettings, member: int, path: Path) -> None:
        self.task, self.settings, self.member, self.path = task, settings, member, path
        self.seed = settings.seed + member - 1
        torch.manual_seed(self.seed)
        self.network = CrystalNetwork(len(task.targets), settings.shape)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=WEIGHT_DECAY, fused=False
        )
        self.steps = max(1, len(task.training) // settings.batch)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, settings.learning_rate, total_steps=self.steps * settings.epochs + 1, pct_start=WARM_UP
        )
        self.wanted = _standardised(task.training, task.baseline)
        self.zero = torch.from_numpy((task.training.labels == 0).astype(np.float32))
        self.is_gap = torch.tensor([float(t.kind == "gap") for t in task.targets])
        self.belongs_to = {
            "settings": asdict(settings) | {"members": 0},
            "targets": [asdict(t) for t in task.targets],
            "data": [task.training.fingerprint(), task.validation.fingerprint()],
        }
        self.best: dict[str, Tensor] = {}
        self.lowest, self.since = float("inf"), 0
        self.last: Progress | None = None
        if path.exists():
            self._resume()

    def one_pass(self) -> Progress:
        """Learn from all training data once, look at the validation data, and write a checkpoint."""
        start, epoch = time.process_time(), self.last.epoch + 1 if self.last else 1
        spent = self.last.cpu_seconds if self.last else 0.0
        training_loss = self._learn(epoch)
        errors = validation_errors(self.network, self.task)
        score = float(np.nanmean(errors / self.task.baseline.scales))
        if not np.isfinite(score):
            raise ValueError(f"member {self.member} diverged in pass {epoch}: its validation error is not a number")
        self.since += 1
        if score < self.lowest:
            self.lowest, self.since = score, 0
            self.best = {name: value.clone() for name, value in self.network.state_dict().items()}
        finished = epoch >= self.settings.epochs or self.since >= self.settings.patience
        self.last = Progress(
            member=self.member,
            epoch=epoch,
            epochs=self.settings.epochs,
            training_loss=round(training_loss, 6),
            errors=tuple(round(float(e), 6) for e in errors),
            cpu_seconds=round(spent + time.process_time() - start, 2),
            finished=finished,
        )
        self._save(self.last)
        return self.last

    def _learn(self, epoch: int) -> float:
        # The order of a pass follows from seed and number alone, so that a resumed member sees the same.
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.task.training))
        total = 0.0
        self.network.train()
        for step in range(self.steps):
            chosen = order[step * self.settings.batch : (step + 1) * self.settings.batch]
            said = self.network(batch(self.task.training.graphs, chosen))
            value = loss(said, self.wanted[chosen], self.zero[chosen], self.is_gap)
            self.optimiser.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
            self.optimiser.step()
            self.schedule.step()
            total += float(value.detach())
        return total / self.steps

    def _save(self, last: Progress) -> None:
        content = {
            "belongs_to": self.belongs_to,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "best": self.best,
            "lowest": self.lowest,
            "since": self.since,
            "last": asdict(last),
        }
        write_checkpoint(self.path, content)

    def _resume(self) -> None:
        content = resumed(self.path, self.belongs_to)
        self.network.load_state_dict(content["network"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.schedule.load_state_dict(content["schedule"])
        self.best, self.lowest, self.since = content["best"], content["lowest"], content["since"]
        last = content["last"]
        self.last = Progress(**(last | {"errors": tuple(last["errors"])}))


def validation_errors(network: CrystalNetwork, task: Task) -> NDArray[np.float64]:
    """Mean absolute error on the validation data, `(n_targets,)` in the targets' units; NaN without a label."""
    said = ask([network], task.validation.graphs, task.baseline, task.targets)
    error = np.abs(said.mean - task.validation.labels)
    known = np.isfinite(error)
    found: NDArray[np.float64] = np.where(known, error, 0.0).sum(0) / np.where(known.any(0), known.sum(0), np.nan)
    return found


def _standardised(dataset: Dataset, baseline: Baseline) -> Tensor:
    left = dataset.labels - baseline.of(fractions(dataset.graphs))
    return torch.from_numpy((left / baseline.scales).astype(np.float32))
