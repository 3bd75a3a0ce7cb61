"""An ensemble of crystal networks as one predictor with calibrated deviations.

Knows networks, the baseline, calibration and novelty. Knows no files and no training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from .gnn import CrystalNetwork
from .graphs.batch import GraphStore, batch, store
from .graphs.crystal_graph import crystal_graph
from .prediction import Array, Distribution, Predictions
from .target import Target
from .training.baseline import Baseline
from .training.dataset import fractions
from .uncertainty.calibration import Calibration
from .uncertainty.novelty import Novelty

if TYPE_CHECKING:
    from pymatgen.core import Structure

BATCH = 48
"""Crystals at a time: what is computed of more no longer fits a processor's cache, and takes half as long again."""


@dataclass(frozen=True)
class Opinions:
    """What the members say of some crystals, in the targets' units, before calibration.

    Attributes:
        location: `(n_members, n_crystals, n_targets)`.
        scale: Laplace scale of the error each expects of itself, `(n_members, n_crystals, n_targets)`.
        zero_probability: `(n_crystals, n_targets)`, mean over the members.
        latent: Of the first member, `(n_crystals, n_features)`.
        is_gap: Which targets are of kind `gap`, `(n_targets,)`.
    """

    location: Array
    scale: Array
    zero_probability: Array
    latent: Array
    is_gap: NDArray[np.bool_]

    @property
    def mean(self) -> Array:
        """Mean over the members, `(n_crystals, n_targets)`; of a gap, its absolute value.

        What the networks say of metals scatters about zero by a few meV. Cutting off what is negative would leave
        half of it at exactly zero, where no deviation can be right.
        """
        mean: Array = self.location.mean(0)
        return np.where(self.is_gap, np.abs(mean), mean)

    @property
    def disagreement(self) -> Array:
        """Standard deviation between the members, `(n_crystals, n_targets)`."""
        spread: Array = self.location.std(0)
        return spread

    @property
    def expected_error(self) -> Array:
        """Standard deviation that the members expect of themselves, `(n_crystals, n_targets)`.

        That of a Laplace distribution is √2 times its scale.
        """
        expected: Array = np.sqrt(2.0 * (self.scale**2).mean(0))
        return expected


def ask(
    members: Sequence[CrystalNetwork], graphs: GraphStore, baseline: Baseline, targets: Sequence[Target]
) -> Opinions:
    """Ask every member about every graph."""
    linear = baseline.of(fractions(graphs))
    is_gap = np.array([target.kind == "gap" for target in targets])
    location, scale, zero, latent = [], [], [], []
    for number, member in enumerate(members):
        member.eval()
        with torch.no_grad():
            said = [member(batch(graphs, rows)) for rows in _batches(len(graphs))]
        value = linear + torch.cat([s.location for s in said]).double().numpy() * baseline.scales
        location.append(value)
        scale.append(torch.cat([s.log_scale for s in said]).double().exp().numpy() * baseline.scales)
        zero.append(torch.sigmoid(torch.cat([s.zero_logit for s in said])).double().numpy())
        if number == 0:
            latent = [s.latent.double().numpy() for s in said]
    return Opinions(np.stack(location), np.stack(scale), np.mean(zero, axis=0), np.concatenate(latent), is_gap)


@dataclass(frozen=True)
class GnnEnsemble:
    """Networks that were trained on the same data from different seeds; a `Predictor`.

    Attributes:
        name: As written beside every number.
        targets: What it predicts.
        elements: Chemical symbols that its training data held.
        members: The networks.
        baseline: Linear part of the targets, and their scales.
        calibrations: One for each target.
        novelty: Distance from the training data.
    """

    name: str
    targets: tuple[Target, ...]
    elements: frozenset[str]
    members: tuple[CrystalNetwork, ...]
    baseline: Baseline
    calibrations: tuple[Calibration, ...]
    novelty: Novelty

    def predict(self, structures: Sequence[Structure]) -> Predictions:
        """Predict ordered crystals of known elements.

        Raises:
            ValueError: A structure has no atoms or a site with partial occupancy.
        """
        return self.predict_graphs(store([crystal_graph(structure) for structure in structures]))

    def predict_graphs(self, graphs: GraphStore) -> Predictions:
        """Predict crystals whose graphs were made before; elements are not looked at."""
        if len(graphs) == 0:
            nothing = np.empty(0)
            empty = {
                t.name: Distribution(nothing, nothing, nothing, nothing, nothing if t.kind == "gap" else None)
                for t in self.targets
            }
            return Predictions(empty, nothing)
        opinions = ask(self.members, graphs, self.baseline, self.targets)
        novelty = self.novelty.of(opinions.latent)
        found = {
            target.name: _distribution(target, k, opinions, novelty, self.calibrations[k])
            for k, target in enumerate(self.targets)
        }
        return Predictions(found, novelty)


def _batches(n: int) -> Iterator[NDArray[np.int64]]:
    for first in range(0, n, BATCH):
        yield np.arange(first, min(first + BATCH, n))


def _distribution(
    target: Target, k: int, opinions: Opinions, novelty: NDArray[np.float64], calibration: Calibration
) -> Distribution:
    mean = opinions.mean[:, k]
    deviation = calibration.deviation(opinions.expected_error[:, k], opinions.disagreement[:, k], novelty)
    zero = opinions.zero_probability[:, k] if target.kind == "gap" else None
    return Distribution.about(mean, deviation, calibration.width, zero)
