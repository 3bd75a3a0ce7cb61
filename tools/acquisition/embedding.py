"""A crystal as numbers in which alike crystals lie near each other: what materials are remembered by.

Knows the estimate tool, whose embedding this is. Must not know indexes.
"""

from __future__ import annotations

from ...memory.records import Candidate, Crystal, Provenance
from ..oracles.potentials import load_potential
from .estimate import POTENTIAL, estimate


def embed(crystal: Crystal) -> tuple[str, tuple[float, ...]] | None:
    """Embed a crystal by CHGNet at the volume where CHGNet's energy is lowest.

    Two files of one phase thus meet, whatever lattice constants they state.

    Returns:
        Name of the model, and its mean atom features, `(64,)` without unit to six digits; None where CHGNet
        cannot look at the crystal.
    """
    seen = estimate(Candidate(content=crystal, provenance=Provenance(tool="embed"))).embedding
    if seen is None:
        return None
    return load_potential(POTENTIAL).version, tuple(float(f"{value:.6g}") for value in seen)
