"""What generated crystals turn out to be: judged by networks and a potential that had no part in making them.

The latent model's own property heads are no judge: a search that is led by them finds their errors, too. Half of the
shipped predictor may judge inside a search; then the other half judges what came of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from athanor.memory.errors import AthanorError
from athanor.models.ensemble import GnnEnsemble
from athanor.tools.crystals.hull import shipped_references
from athanor.tools.crystals.structure import to_atoms, to_crystal
from athanor.tools.crystals.wyckoff import to_wyckoff
from athanor.tools.inverse.aims import Aim, met
from athanor.tools.oracles.guards import check_elements
from athanor.tools.oracles.potentials import load_potential
from athanor.tools.predict import predict
from athanor.tools.predictor import shipped_predictor

Array = NDArray[np.float64]

WHOLE, OTHER_HALF, CHGNET = "gnn", "gnn members 3 and 4", "chgnet, as generated"


@dataclass(frozen=True)
class Judged:
    """Crystals that were evaluated.

    Attributes:
        values: Judge to property to its values `(n,)`, eV or eV/atom; nan where a crystal cannot be judged.
        kinds: Reduced formula and space group of each.
        tried: Draws or decoded latent points that they were taken from.
        valid: Of these, those that were sound crystals.
        faults: Why the rest was not taken.
    """

    values: Mapping[str, Mapping[str, Array]]
    kinds: tuple[tuple[str, int], ...]
    tried: int
    valid: int
    faults: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.kinds)

    def first(self, n: int) -> Judged:
        """The first n of them."""
        values = {judge: {name: own[:n] for name, own in said.items()} for judge, said in self.values.items()}
        return replace(self, values=values, kinds=self.kinds[:n])

    def hits(self, aims: Sequence[Aim], judge: str) -> NDArray[np.bool_] | None:
        """Which meet all aims `(n,)`; None where the judge does not tell a property."""
        said = self.values[judge]
        if any(aim.target.name not in said for aim in aims):
            return None
        return met(aims, said, len(self))


@lru_cache(maxsize=1)
def halves() -> tuple[GnnEnsemble, GnnEnsemble]:
    """The shipped predictor's members by two."""
    whole = shipped_predictor()
    assert isinstance(whole, GnnEnsemble)
    middle = len(whole.members) // 2
    return replace(whole, members=whole.members[:middle]), replace(whole, members=whole.members[middle:])


def judged(structures: Sequence[Structure], tried: int, valid: int, faults: Mapping[str, int]) -> Judged:
    """Ask all judges about crystals as they were generated, unrelaxed."""
    values: dict[str, dict[str, Array]] = {}
    for judge, predictor in ((WHOLE, shipped_predictor()), (OTHER_HALF, halves()[1])):
        said = predict(structures, predictor).properties
        values[judge] = {name: np.asarray(one.mean) for name, one in said.items()}
    values[CHGNET] = {"formation_energy": np.array([formation_energy(one) for one in structures])}
    return Judged(values, tuple(kind(one) for one in structures), tried, valid, dict(faults))


def formation_energy(structure: Structure) -> float:
    """By CHGNet, of the crystal as it stands, in eV/atom; nan where it cannot tell."""
    potential = load_potential("chgnet")
    if check_elements(structure, potential.elements) is not None:
        return math.nan
    try:
        (energy,) = potential.energies([to_atoms(to_crystal(structure))])
        return shipped_references()["chgnet"].formation_energy(structure.composition, float(energy))
    except (AthanorError, ValueError):
        return math.nan


def kind(structure: Structure) -> tuple[str, int]:
    """Reduced formula and space group."""
    return structure.composition.reduced_formula, to_wyckoff(structure).spacegroup


def ratio(hits: NDArray[np.bool_], base: NDArray[np.bool_]) -> dict[str, float | list[float] | list[int] | None]:
    """How many times the other share a share of hits is, with its 95 % interval; None over a base without any hit.

    For the interval both counts have one half added, so that none is a ratio to nothing.

    Source: Pettigrew, Gart and Thomas, Biometrika 73, 425 (1986), doi:10.1093/biomet/73.2.425.
    """
    x, n, y, m = hits.sum() + 0.5, len(hits) + 0.5, base.sum() + 0.5, len(base) + 0.5
    middle, width = math.log(x / n * m / y), 1.96 * math.sqrt(1 / x - 1 / n + 1 / y - 1 / m)
    return {
        "ratio": round(float(hits.mean() / base.mean()), 2) if base.any() else None,
        "ratio_95": [round(math.exp(middle - width), 2), round(math.exp(middle + width), 2)],
        "hits": [int(hits.sum()), len(hits)],
        "hits_of_base": [int(base.sum()), len(base)],
    }
