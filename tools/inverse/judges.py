"""Who says what a crystal is like when it is optimised: a predictor, or anything else that gives values.

Knows the predict tool. Must not know latent space.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ...models.prediction import Predictor

Array = NDArray[np.float64]

Judge = Callable[[Sequence["Structure"]], Mapping[str, Array]]
"""Property to its values in the property's unit, `(n_crystals,)`; nan where a crystal cannot be judged."""


def predictor_judge(predictor: Predictor) -> Judge:
    """Judge by a predictor's expected values; a crystal that it refuses gets none."""
    from ..predict import predict

    def judge(structures: Sequence[Structure]) -> Mapping[str, Array]:
        said = predict(structures, predictor)
        return {name: np.asarray(one.mean) for name, one in said.properties.items()}

    return judge
