"""Checkpoints of trainings: written whole or not at all, and read without trusting them.

Knows torch's file format. Must not know what is trained.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def write_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint; whoever kills this process leaves the one before or this one, never half of one."""
    new = path.with_suffix(".new")
    torch.save(dict(content), new)
    new.replace(path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises:
        ValueError: It cannot be read.
    """
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: the checkpoint cannot be read ({reason}); delete it to train anew") from error
    return content


def resumed(path: Path, belongs_to: Mapping[str, Any]) -> dict[str, Any]:
    """Read the checkpoint of a training that is to go on.

    Args:
        path: Its file.
        belongs_to: What the training rests on, as its checkpoint holds it under `belongs_to`.

    Raises:
        ValueError: It cannot be read, or rests on something else.
    """
    content = read_checkpoint(path)
    if content["belongs_to"] != belongs_to:
        raise ValueError(
            f"{path}: this checkpoint belongs to other data, targets or settings; train into another folder, "
            "or go on with those it was begun with"
        )
    return content
