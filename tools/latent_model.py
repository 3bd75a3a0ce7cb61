"""Which generative model answers: the one that comes with the package, or one a person trained.

Knows where the shipped weights lie. Must not know crystals.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from ..memory.errors import UserError

if TYPE_CHECKING:
    from ..models.vae.latent_model import LatentModel

SHIPPED = Path(str(files("athanor") / "models" / "shipped" / "vae.safetensors"))


def shipped_latent_model() -> LatentModel:
    """The crystal VAE that comes with the package, loaded once."""
    return load_latent_model(None)


@lru_cache(maxsize=4)
def load_latent_model(path: Path | None) -> LatentModel:
    """Load a crystal VAE from its weights file, the shipped one if none is named, once per process.

    Raises:
        UserError: There is no such file, it is damaged, of another version, or holds something else.
    """
    chosen = path or SHIPPED
    if not chosen.is_file():
        raise UserError(f"{chosen}: no such weights file; `athanor train vae` writes one")
    from ..models.threads import configure_torch
    from ..models.vae.weights import load_vae

    configure_torch()
    try:
        return load_vae(chosen)
    except ValueError as error:
        raise UserError(str(error)) from error
