"""An ensemble in one file: safetensors, with everything that is no tensor as JSON in its metadata.

Knows ensembles and the file format. Knows no place where such files lie.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .ensemble import GnnEnsemble
from .gnn import CrystalNetwork, Shape
from .target import Target
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
    new = path.with_suffix(".new")
    save_file({name: value.contiguous() for name, value in tensors.items()}, new, {"athanor": json.dumps(about)})
    new.replace(path)


def load_ensemble(path: Path) -> GnnEnsemble:
    """Read an ensemble.

    Raises:
        ValueError: The file is damaged, or holds something else.
    """
    about, tensors = _read(path)
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


def format_of(path: Path) -> str:
    """Name of the format that a weights file says it has.

    Raises:
        ValueError: The file is damaged, or no weights file of this project.
    """
    return str(_about(path)["format"])


def _member(number: int, n_targets: int, shape: Shape, tensors: Mapping[str, Tensor]) -> CrystalNetwork:
    network = CrystalNetwork(n_targets, shape)
    prefix = f"member.{number}."
    network.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
    return network.eval()


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    about = _about(path)
    if about["format"] != FORMAT:
        raise ValueError(f"{path}: format {about['format']!r}; {FORMAT} is read")
    with safe_open(path, framework="pt") as file:
        return about, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping


def _about(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: cannot be read as weights ({error}); a whole safetensors file is needed") from error
    try:
        about: dict[str, Any] = json.loads(metadata["athanor"])
        about["format"]
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: these weights are not Athanor's; `athanor train` writes such files") from error
    return about
