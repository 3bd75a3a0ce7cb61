"""A feature predictor in one file: safetensors, with everything that is no tensor as JSON in its metadata.

Knows feature predictors and the file format. Knows no place where such files lie.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..target import Target
from ..uncertainty.calibration import calibration_of
from .embedding import ELEMENTS, N_FEATURES
from .feature_predictor import FeaturePredictor, Scaling
from .gaussian_process import GaussianProcess, Hyperparameters, Points
from .heads import GapHead, Head, RealHead

FORMAT = "athanor-features-1"


def save_features(predictor: FeaturePredictor, path: Path, card: Mapping[str, Any]) -> None:
    """Write a predictor.

    Args:
        path: The file to write.
        card: Facts to keep with it: data, figures.
    """
    tensors = {
        "features": torch.from_numpy(predictor.features),
        "labels": torch.from_numpy(predictor.labels),
        "scaling.centre": torch.from_numpy(predictor.scaling.centre),
        "scaling.scale": torch.from_numpy(predictor.scaling.scale),
    }
    about = {
        "format": FORMAT,
        "kind": "features",
        "name": predictor.name,
        "seed": predictor.seed,
        "targets": [asdict(target) for target in predictor.targets],
        "heads": [_described(head) for head in predictor.heads],
        "calibrations": [asdict(calibration) for calibration in predictor.calibrations],
        "unit": predictor.unit,
        "card": dict(card),
    }
    new = path.with_suffix(".new")
    save_file({name: value.contiguous() for name, value in tensors.items()}, new, {"athanor": json.dumps(about)})
    new.replace(path)


def load_features(path: Path) -> FeaturePredictor:
    """Read a predictor.

    Raises:
        ValueError: The file is damaged, or holds something else.
    """
    about, tensors = _read(path)
    try:
        targets = tuple(Target(**target) for target in about["targets"])
        found, labels = tensors["features"].numpy(), tensors["labels"].numpy()
        if found.shape[1:] != (N_FEATURES,) or labels.shape != (len(found), len(targets)):
            raise ValueError(f"features of shape {found.shape} and labels of shape {labels.shape}")
        scaling = Scaling(tensors["scaling.centre"].numpy(), tensors["scaling.scale"].numpy())
        return FeaturePredictor(
            name=about["name"],
            targets=targets,
            elements=ELEMENTS,
            features=found,
            labels=labels,
            seed=about["seed"],
            scaling=scaling,
            heads=tuple(_heads(about["heads"], targets, scaling.points(found), labels)),
            calibrations=tuple(calibration_of(entry) for entry in about["calibrations"]),
            unit=about["unit"],
        )
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError) as error:
        raise ValueError(f"{path}: parts of the predictor are missing or of another shape ({error})") from error


def _described(head: Head) -> dict[str, Any]:
    link = {"link": head.link} if isinstance(head, GapHead) else {}
    return {"processes": [asdict(process.hyperparameters) for process in head.processes], **link}


def _heads(described: list[dict[str, Any]], targets: tuple[Target, ...], points: Points, labels: Any) -> Iterator[Head]:
    """Condition the processes on the labels again; only what was fitted is in the file."""
    for k, (target, head) in enumerate(zip(targets, described, strict=True)):
        known = np.isfinite(labels[:, k])
        where, values = tuple(group[known] for group in points), labels[known, k]
        fitted = [Hyperparameters(tuple(h["amplitudes"]), tuple(h["lengths"]), h["noise"]) for h in head["processes"]]
        if target.kind == "real":
            (hyperparameters,) = fitted
            yield RealHead(GaussianProcess(where, values, hyperparameters))
        else:
            positive, (sign, size) = values > 0, fitted
            slope, offset = head["link"]
            yield GapHead(
                GaussianProcess(where, np.where(positive, 1.0, -1.0), sign),
                GaussianProcess(tuple(group[positive] for group in where), values[positive], size),
                positive,
                where,
                (slope, offset),
            )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path}: cannot be read as a predictor ({error}); a whole safetensors file is needed"
        ) from error
    try:
        about: dict[str, Any] = json.loads(metadata["athanor"])
        found = about["format"]
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: this file is not Athanor's; a feature predictor that was saved is read") from error
    if found != FORMAT:
        raise ValueError(f"{path}: format {found!r}; {FORMAT} is read")
    return about, tensors
