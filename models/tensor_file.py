"""Tensors in one file with everything about them: safetensors, and JSON in its metadata.

Knows the file format. Must not know what the tensors are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write a file, whole or not at all; `about` names its `format`."""
    new = path.with_suffix(".new")
    save_file({name: value.contiguous() for name, value in tensors.items()}, new, {"athanor": json.dumps(about)})
    new.replace(path)


def read_tensors(path: Path, wanted: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a file of a format: what is said about the tensors, and the tensors.

    Raises:
        ValueError: The file is damaged, or holds something else.
    """
    about = read_about(path)
    if about["format"] != wanted:
        raise ValueError(f"{path}: format {about['format']!r}; {wanted} is read")
    with safe_open(path, framework="pt") as file:
        return about, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping


def read_about(path: Path) -> dict[str, Any]:
    """What is said about the tensors of a file, its `format` among it; no tensor is read.

    Raises:
        ValueError: The file is damaged, or none of this project.
    """
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
