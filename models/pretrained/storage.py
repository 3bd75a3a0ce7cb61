"""A feature predictor in one file: safetensors, with everything that is no tensor as JSON in its metadata.

Knows feature predictors and the file format. Knows no place where such files lie.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..target import Target
from ..tensor_file import read_tensors, write_tensors
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
    write_tensors(path, tensors, about)


def load_features(path: Path) -> FeaturePredictor:
    """Read a predictor.

    Raises:
        ValueError: The file is damaged, or holds something else.
    """
    about, tensors = read_tensors(path, FORMAT)
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
