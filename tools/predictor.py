"""Which predictor answers: the one that comes with the package, or one a person trained.

Knows where the shipped weights lie and which file holds which kind of predictor. Must not know crystals.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from ..memory.errors import UserError

if TYPE_CHECKING:
    from ..models.prediction import Predictor

SHIPPED = Path(str(files("athanor") / "models" / "shipped" / "gnn.safetensors"))


def shipped_predictor() -> Predictor:
    """The predictor of formation energy and band gap that comes with the package, loaded once."""
    return load_predictor(SHIPPED)


@lru_cache(maxsize=4)
def load_predictor(path: Path) -> Predictor:
    """Load a predictor from its weights file, once per process.

    Raises:
        UserError: There is no such file, it is damaged, or it holds something else.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such weights file; `athanor train gnn` writes one")
    from ..models import tensor_file, weights
    from ..models.pretrained import storage

    try:
        if tensor_file.read_about(path)["format"] == storage.FORMAT:
            return storage.load_features(path)
        return weights.load_ensemble(path)
    except ValueError as error:
        raise UserError(str(error)) from error
