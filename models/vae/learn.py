"""Trains a VAE in one process or several, from the start or from its last checkpoint.

Knows torch, samples and the objective. Knows no files of crystals and no terminals.

Each process learns from its part of every batch; gradients are averaged before each step, so that all hold the same
weights. The first one looks at the validation data and writes checkpoints.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn

from ..checkpoint import read_checkpoint, resumed, write_checkpoint
from ..device import device_for
from ..target import Target
from ..threads import configure_torch
from .network import CrystalNetwork
from .objective import objective
from .samples import Samples, batches
from .settings import Bound, VaePass, VaeSettings
from .vae import Scale
from .watch import look, score

CLIP = 1.0
_RISE = 0.1
"""Share of the steps in which the learning rate rises."""
CHECKPOINT = "vae.checkpoint"
HISTORY = "passes.jsonl"


@dataclass(frozen=True)
class VaeTask:
    """What is learnt.

    Attributes:
        training: Crystals to learn from.
        validation: Crystals that decide which pass is kept, and when to stop.
        elements: Symbols in the order of their indices.
        targets: Columns of the labels.
        scales: Of the targets.
        start: Weights to begin with, by name, of a network of the same shape, elements and targets; none for random
            ones.
    """

    training: Samples
    validation: Samples
    elements: tuple[str, ...]
    targets: tuple[Target, ...]
    scales: tuple[Scale, ...]
    start: Mapping[str, Tensor] = field(default_factory=dict)


def train_passes(task: VaeTask, settings: VaeSettings, folder: Path, rank: int = 0) -> Iterator[VaePass]:
    """Train, a pass over the data for each item; a checkpoint stands in the folder after each.

    A training that was interrupted goes on after its last whole pass and ends with the weights it would have had.

    Args:
        folder: Holds the checkpoint.
        rank: Of this process among those of the settings; they must have joined a group of `torch.distributed`.

    Raises:
        ValueError: The checkpoint is damaged or belongs to something else, or training diverges.
    """
    configure_torch()
    run = _Run(task, settings, folder / CHECKPOINT, rank)
    if run.last is not None:
        yield run.last
    while run.last is None or not run.last.finished:
        yield run.one_pass()


def best_network(task: VaeTask, settings: VaeSettings, folder: Path) -> CrystalNetwork:
    """The network of the best pass.

    Raises:
        ValueError: There is no sound checkpoint.
    """
    network = CrystalNetwork(settings.shape, task.elements, len(task.targets))
    network.load_state_dict(read_checkpoint(folder / CHECKPOINT)["best"])
    return network.eval()


def run_rank(rank: int, task: VaeTask, settings: VaeSettings, folder: Path, meeting: Path) -> None:
    """What each of several processes does: join the others, train, and, the first one, write down each pass.

    Args:
        meeting: A file that does not exist yet, by which the processes find each other.
    """
    if settings.processes > 1:
        store = distributed.FileStore(str(meeting), settings.processes)  # type: ignore[attr-defined]
        distributed.init_process_group("gloo", store=store, rank=rank, world_size=settings.processes)
    try:
        for done in train_passes(task, settings, folder, rank):
            if rank == 0:
                with (folder / HISTORY).open("a", encoding="utf-8") as file:
                    # Whoever was killed may have left half a line.
                    file.write("\n" + json.dumps(asdict(done)) + "\n")
    finally:
        if settings.processes > 1:
            distributed.destroy_process_group()


def history(folder: Path) -> list[VaePass]:
    """Passes so far, by number; of a pass that was told twice, the later one."""
    try:
        lines = (folder / HISTORY).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    # The last line may be half written at this moment, or have been when its writer was killed.
    found = {row["epoch"]: pass_of(row) for row in (json.loads(line) for line in lines if line.endswith("}"))}
    return [found[epoch] for epoch in sorted(found)]


def pass_of(row: dict[str, Any]) -> VaePass:
    """A pass from its JSON."""
    return VaePass(**(row | {name: Bound(**row[name]) for name in ("training", "validation")}))


class _Run:
    """A training on its way: network, optimiser, and what it has reached."""

    def __init__(self, task: VaeTask, settings: VaeSettings, path: Path, rank: int) -> None:
        self.task, self.settings, self.path, self.rank = task, settings, path, rank
        torch.manual_seed(settings.seed)
        self.device = device_for(settings.processes)
        # Weights are drawn on the processor, so that a seed means the same wherever they go.
        self.network = CrystalNetwork(settings.shape, task.elements, len(task.targets)).to(self.device)
        if task.start:
            self.network.load_state_dict(task.start)
        self.parameters = list(self.network.parameters())
        matrices = [p for p in self.parameters if p.dim() > 1]
        others = [p for p in self.parameters if p.dim() <= 1]
        self.optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}],
            settings.learning_rate,
            betas=(0.9, 0.98),
        )
        self.steps = -(-len(task.training) // settings.batch)
        self.total = self.steps * settings.epochs
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            settings.learning_rate,
            total_steps=self.total + 1,
            # The schedule divides by a rise of one step.
            pct_start=max(_RISE, 2 / (self.total + 1)),
            div_factor=10.0,
            final_div_factor=100.0,
        )
        self.belongs_to = {
            "settings": asdict(settings),
            "targets": [asdict(target) for target in task.targets],
            "elements": list(task.elements),
            "data": [task.training.fingerprint(), task.validation.fingerprint()],
        }
        self.best: dict[str, Tensor] = {}
        self.highest, self.since = float("-inf"), 0
        self.last: VaePass | None = None
        if path.exists():
            self._resume()

    def one_pass(self) -> VaePass:
        """Learn from all training data once, look at the validation data, and write a checkpoint."""
        start, epoch = time.monotonic(), self.last.epoch + 1 if self.last else 1
        spent = self.last.seconds if self.last else 0.0
        training, beta = self._learn(epoch)
        seen = look(self.network, self.task.validation, self.task.targets, self.task.scales)
        worth = score(seen.bound, self.settings.beta)
        if worth != worth:
            raise ValueError(f"training diverged in pass {epoch}: the validation bound is not a number")
        self.since += 1
        if worth > self.highest:
            self.highest, self.since = worth, 0
            self.best = {name: value.clone() for name, value in self.network.state_dict().items()}
        # While beta still rises, the bound that decides is not the one that is trained.
        may_stop = epoch > self.settings.warm_up * self.settings.epochs
        finished = epoch >= self.settings.epochs or (may_stop and self.since >= self.settings.patience)
        self.last = VaePass(
            epoch=epoch,
            epochs=self.settings.epochs,
            beta=round(beta, 5),
            training=training,
            validation=seen.bound,
            accuracy=seen.accuracy,
            shuffled_accuracy=seen.shuffled_accuracy,
            active_units=seen.active_units,
            property_errors=seen.property_errors,
            seconds=round(spent + time.monotonic() - start, 2),
            finished=finished,
        )
        if self.rank == 0:
            self._save(self.last)
        return self.last

    def _learn(self, epoch: int) -> tuple[Bound, float]:
        settings, training = self.settings, self.task.training
        # Order and noise of a pass follow from seed and number alone, so that a resumed training sees the same.
        order = torch.Generator().manual_seed(1_000_003 * settings.seed + epoch)
        torch.manual_seed(1_000_003 * settings.seed + 1_009 * epoch + self.rank)
        sums, beta = torch.zeros(6, device=self.device), 0.0
        chunks = batches(training.tokens.length, settings.batch, order)
        self.network.train()
        for step, chunk in enumerate(chunks, start=(epoch - 1) * self.steps):
            beta = settings.beta * min(1.0, step / (settings.warm_up * self.total)) ** 2
            rows = chunk[self.rank :: settings.processes]
            # A last batch can be smaller than the number of processes.
            rows = rows if len(rows) else chunk[:1]
            given = training.part(rows, self.device).shaken(settings.jitter)
            loss, parts, cost = objective(
                self.network, given, self.task.targets, self.task.scales, beta, settings.free_bits
            )
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self._average()
            nn.utils.clip_grad_norm_(self.parameters, CLIP)
            self.optimiser.step()
            self.schedule.step()
            terms = (parts.group, parts.sites, parts.elements, parts.coordinates, parts.lattice, cost)
            sums += torch.stack([term.detach().mean() for term in terms])
        return Bound(*(round(float(value), 4) for value in sums / len(chunks))), beta

    def _average(self) -> None:
        """Give all processes the mean of their gradients."""
        if self.settings.processes == 1:
            return
        flat = torch.cat([_gradient(p).flatten() for p in self.parameters])
        distributed.all_reduce(flat)
        flat /= self.settings.processes
        for parameter, part in zip(self.parameters, flat.split([p.numel() for p in self.parameters]), strict=True):
            parameter.grad = part.view_as(parameter)

    def _save(self, last: VaePass) -> None:
        write_checkpoint(
            self.path,
            {
                "belongs_to": self.belongs_to,
                "network": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(),
                "best": self.best,
                "highest": self.highest,
                "since": self.since,
                "last": asdict(last),
            },
        )

    def _resume(self) -> None:
        content = resumed(self.path, self.belongs_to)
        self.network.load_state_dict(content["network"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.schedule.load_state_dict(content["schedule"])
        self.best, self.highest, self.since = content["best"], content["highest"], content["since"]
        self.last = pass_of(content["last"])


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
