"""A VAE in one file: safetensors, with everything that is no tensor as JSON in its metadata.

Knows the VAE and the file format. Knows no place where such files lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..target import Target
from ..tensor_file import read_tensors, write_tensors
from .mixture import Mixture
from .network import CrystalNetwork, Shape
from .reference import pack_reference, unpack_reference
from .vae import CrystalVae, Scale

FORMAT = "athanor-vae-2"
_NETWORK, _PRIOR, _REFERENCE = "network.", "prior.", "reference."


def save_vae(vae: CrystalVae, path: Path, card: Mapping[str, Any]) -> None:
    """Write a VAE, its networks in half precision, which is an eighth of a per mille of each weight.

    Args:
        path: The file to write.
        card: Facts to keep with it: data, settings, figures.
    """
    tensors = {_NETWORK + name: value.half() for name, value in vae.network.state_dict().items()}
    tensors |= {_PRIOR + name: torch.from_numpy(value).float() for name, value in asdict(vae.prior).items()}
    sample, told = pack_reference(vae.reference) if vae.reference else ({}, None)
    tensors |= {_REFERENCE + name: value for name, value in sample.items()}
    about = {
        "format": FORMAT,
        "name": vae.name,
        "shape": asdict(vae.network.shape),
        "elements": list(vae.elements),
        "targets": [asdict(target) for target in vae.targets],
        "scales": [asdict(scale) for scale in vae.scales],
        "reference": told,
        "card": dict(card),
    }
    write_tensors(path, tensors, about)


def load_vae(path: Path) -> CrystalVae:
    """Read a VAE.

    Raises:
        ValueError: The file is damaged, of another version, or holds something else.
    """
    about, tensors = read_tensors(path, FORMAT)
    try:
        targets = tuple(Target(**target) for target in about["targets"])
        network = CrystalNetwork(Shape(**about["shape"]), tuple(about["elements"]), len(targets))
        network.load_state_dict({name: value.float() for name, value in _under(_NETWORK, tensors).items()})
        prior = Mixture(**{name: tensors[_PRIOR + name].double().numpy() for name in ("shares", "means", "factors")})
        scales = tuple(Scale(**scale) for scale in about["scales"])
        told = about["reference"]
        reference = unpack_reference(_under(_REFERENCE, tensors), told) if told else None
        return CrystalVae(about["name"], network.eval(), prior, targets, scales, reference)
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path}: parts of the weights are missing or of another shape ({error})") from error


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
