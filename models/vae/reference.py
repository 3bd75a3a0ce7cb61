"""A sample of the crystals that a latent model learnt from, as far as pictures need it, and how it is stored.

Knows arrays and tensors. Must not know networks, structures or files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float32]

_ROWS = ("spacegroup", "n_atoms", "volume_per_atom")
_PROPERTY = "properties."


@dataclass(frozen=True, eq=False)
class ReferenceSample:
    """Training crystals, drawn at random.

    Attributes:
        mean: Where the model finds them, `(n_crystals, n_latent)`.
        formula: Reduced formulas, `(n_crystals,)`.
        spacegroup: International numbers, `(n_crystals,)`.
        volume_per_atom: Å³, `(n_crystals,)`.
        n_atoms: In the primitive cell, `(n_crystals,)`.
        properties: Labels by property, in its unit, `(n_crystals,)`; nan where there is none.
    """

    mean: Array
    formula: tuple[str, ...]
    spacegroup: NDArray[np.int64]
    volume_per_atom: Array
    n_atoms: NDArray[np.int64]
    properties: Mapping[str, Array]

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together.

        Raises:
            ValueError: They are of different lengths, or there is no crystal.
        """
        lengths = {name: len(getattr(self, name)) for name in ("mean", "formula", *_ROWS)}
        lengths |= {name: len(values) for name, values in self.properties.items()}
        if self.mean.ndim != 2 or len(set(lengths.values())) != 1 or not len(self.mean):
            told = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"a reference sample needs one row for each crystal, and at least one crystal: {told}")


def pack_reference(sample: ReferenceSample) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """As tensors and as what is said about them, for a safetensors file; latent means in half precision."""
    tensors = {"mean": torch.from_numpy(sample.mean).half()}
    tensors |= {name: torch.from_numpy(getattr(sample, name)) for name in _ROWS}
    tensors |= {_PROPERTY + name: torch.from_numpy(values) for name, values in sample.properties.items()}
    return tensors, {"formula": list(sample.formula), "properties": list(sample.properties)}


def unpack_reference(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> ReferenceSample:
    """The sample of what `pack_reference` gave.

    Raises:
        ValueError: Parts are missing or do not belong together.
    """
    try:
        return ReferenceSample(
            mean=tensors["mean"].float().numpy(),
            formula=tuple(map(str, about["formula"])),
            spacegroup=tensors["spacegroup"].long().numpy(),
            volume_per_atom=tensors["volume_per_atom"].float().numpy(),
            n_atoms=tensors["n_atoms"].long().numpy(),
            properties={name: tensors[_PROPERTY + name].float().numpy() for name in about["properties"]},
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"parts of the reference sample are missing ({error}); all are needed") from error
