"""Trains a VAE from crystals to a model that can be asked: passes in several processes, then the prior.

Knows learning, the prior and the VAE; puts them in order. Knows no files of crystals and no terminals.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from pathlib import Path

import numpy as np
import torch

from .learn import VaeTask, best_network, history, run_rank
from .mixture import fit_mixture
from .network import CrystalNetwork
from .samples import Samples
from .settings import VaePass, VaeSettings
from .take_reference import take_reference
from .vae import CrystalVae

POLL = 0.5
"""Seconds between two looks at how far it is."""
COMPONENTS = 30
"""Of the fitted prior."""
_BATCH = 512


def train_vae(
    task: VaeTask,
    settings: VaeSettings,
    folder: Path,
    executor: Executor,
    tell: Callable[[VaePass], None],
    name: str = "Athanor VAE",
) -> CrystalVae:
    """Train a VAE, or go on with one that was interrupted.

    Args:
        task: What is learnt.
        settings: How.
        folder: Holds the checkpoint and the history of passes.
        executor: Runs the processes of the settings, all at the same time; they must see the folder.
        tell: Called after each pass.
        name: Of the model, to be written beside everything it makes.

    Raises:
        ValueError: The checkpoint is damaged or belongs to something else, or training diverges.
    """
    folder.mkdir(parents=True, exist_ok=True)
    meeting = folder / f"meeting-{uuid.uuid4().hex}"
    told = 0
    running: list[Future[None]] = [
        executor.submit(run_rank, rank, task, settings, folder, meeting) for rank in range(settings.processes)
    ]
    try:
        waiting = True
        while waiting:
            waiting = bool(wait(running, timeout=POLL, return_when="FIRST_EXCEPTION").not_done)
            for done in history(folder)[told:]:
                told = done.epoch
                tell(done)
            for future in running:
                if future.done():
                    future.result()
    finally:
        for future in running:
            future.cancel()
        meeting.unlink(missing_ok=True)
    return finished_vae(
        best_network(task, settings, folder), task, settings.seed, f"{name} ({len(task.training):,} crystals)"
    )


def finished_vae(network: CrystalNetwork, task: VaeTask, seed: int, name: str) -> CrystalVae:
    """Fit the prior to where the training crystals lie, draw some of these, and put the model together."""
    prior = fit_mixture(_posterior_points(network, task.training, seed), COMPONENTS, seed)
    reference = take_reference(network, task.training, task.targets, seed)
    return CrystalVae(name, network.eval(), prior, task.targets, task.scales, reference)


@torch.no_grad()
def _posterior_points(network: CrystalNetwork, samples: Samples, seed: int) -> np.ndarray:
    """One point drawn from q(z | x) for each crystal, `(n_crystals, n_latent)`."""
    network.eval()
    draws = torch.Generator().manual_seed(seed)
    points = []
    for rows in torch.arange(len(samples)).split(_BATCH):
        mean, log_variance = network.encode(samples.tokens.part(rows))
        points.append(mean + (0.5 * log_variance).exp() * torch.randn(mean.shape, generator=draws))
    found: np.ndarray = torch.cat(points).double().numpy()
    return found
