"""An ensemble in one file: safetensors, with everything that is no tensor as JSON in its metadata.

Knows ensembles and the file format. Knows no place where such files lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .ensemble import GnnEnsemble
from .gnn import CrystalNetwork, Shape
from .target import Target
from .tensor_file import read_tensors, write_tensors
from .training.baseline import Baseline
from .uncertainty.calibration import calibration_of
from .uncertainty.novelty import Novelty

FORMAT = "athanor-gnn-1"


def save_ensemble(ensemble: GnnEnsemble, path: Path, card: Mapping[str, Any]) -> None:
    """Write an ensemble.

    Args:
        path: The file to write.
        card: Facts to keep with it: data, settings, figures.
    """
    novelty, baseline = ensemble.novelty, ensemble.baseline
    tensors: dict[str, Tensor] = {
        "baseline.weights": torch.from_numpy(baseline.weights),
        "baseline.scales": torch.from_numpy(baseline.scales),
        "novelty.centre": torch.from_numpy(novelty.centre),
        "novelty.axes": torch.from_numpy(novelty.axes),
        "novelty.points": torch.from_numpy(novelty.points).float(),
    }
    for number, member in enumerate(ensemble.members, start=1):
        tensors |= {f"member.{number}.{name}": value for name, value in member.state_dict().items()}
    about = {
        "format": FORMAT,
        "name": ensemble.name,
        "targets": [asdict(target) for target in ensemble.targets],
        "elements": sorted(ensemble.elements),
        "shape": asdict(ensemble.members[0].shape),
        "members": len(ensemble.members),
        "calibrations": [asdict(calibration) for calibration in ensemble.calibrations],
        "novelty_unit": novelty.unit,
        "card": dict(card),
    }
    write_tensors(path, tensors, about)


def load_ensemble(path: Path) -> GnnEnsemble:
    """Read an ensemble.

    Raises:
        ValueError: The file is damaged, or holds something else.
    """
    about, tensors = read_tensors(path, FORMAT)
    try:
        shape = Shape(**about["shape"])
        targets = tuple(Target(**target) for target in about["targets"])
        members = tuple(_member(number + 1, len(targets), shape, tensors) for number in range(about["members"]))
        return GnnEnsemble(
            name=about["name"],
            targets=targets,
            elements=frozenset(about["elements"]),
            members=members,
            baseline=Baseline(tensors["baseline.weights"].numpy(), tensors["baseline.scales"].numpy()),
            calibrations=tuple(calibration_of(entry) for entry in about["calibrations"]),
            novelty=Novelty(
                tensors["novelty.centre"].numpy(),
                tensors["novelty.axes"].numpy(),
                tensors["novelty.points"].double().numpy(),
                about["novelty_unit"],
            ),
        )
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{path}: parts of the weights are missing or of another shape ({error})") from error


def _member(number: int, n_targets: int, shape: Shape, tensors: Mapping[str, Tensor]) -> CrystalNetwork:
    network = CrystalNetwork(n_targets, shape)
    prefix = f"member.{number}."
    network.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
    return network.eval()
