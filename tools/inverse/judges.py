"""Who says what a decoded crystal is like: a predictor, or anything else that gives values.

Knows the predict tool and what was made. Must not know latent space.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..crystals.structure import to_structure

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ...models.prediction import Predictor
    from .generated import Made

Array = NDArray[np.float64]
Says = Callable[[Sequence["Structure"]], Mapping[str, Array]]


@dataclass(frozen=True)
class Judge:
    """Who judges decoded crystals.

    Attributes:
        name: As it stands beside the values.
        says: Property to its values in the property's unit, `(n_crystals,)`; nan where a crystal cannot be judged.
    """

    name: str
    says: Says


def predictor_judge(predictor: Predictor) -> Judge:
    """Judge by a predictor's expected values; a crystal that it refuses gets none."""
    from ..predict import predict

    def says(structures: Sequence[Structure]) -> Mapping[str, Array]:
        said = predict(structures, predictor)
        return {name: np.asarray(one.mean) for name, one in said.properties.items()}

    return Judge(predictor.name, says)


def judged_values(judge: Judge | None, made: Sequence[Made], names: Sequence[str]) -> Mapping[str, Array]:
    """Values of some properties, `(n_made,)`: the judge's, or the latent model's where there is no judge for them."""
    given = judge.says([to_structure(one.cell) for one in made]) if judge and made else {}
    return {
        name: given[name] if name in given else np.array([one.values[name] for one in made], dtype=float)
        for name in names
    }
