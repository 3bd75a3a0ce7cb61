"""A made-up predictor, which says what a test tells it to say, and crystals to ask it about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from athanor.memory.records import Candidate, Provenance
from athanor.models.prediction import Distribution, Predictions
from athanor.models.target import BAND_GAP, FORMATION_ENERGY, Target
from athanor.tools.crystals.structure import to_crystal

NAME = "made-up predictor 1"


@dataclass(frozen=True)
class Said:
    """What is said of one crystal: eV, its deviation, the probability of a metal, the distance, eV/atom."""

    gap: float = 1.34
    deviation: float = 0.2
    metal: float = 0.02
    novelty: float = 0.5
    energy: float = -1.0
    energy_deviation: float = 0.05


class MadeUpPredictor:
    """Says of each crystal what a function of its reduced formula gives; of copper compounds it has never heard."""

    name = NAME
    targets: tuple[Target, ...] = (FORMATION_ENERGY, BAND_GAP)

    def __init__(self, say: Callable[[str], Said] = lambda formula: Said()) -> None:
        self.say = say
        self.asked: list[str] = []
        symbols = "Li Na K Mg Ca Al Ga Ag Au Zn Si Ge N P O S Se Te F Cl Br I Ti Zr"
        self.elements = frozenset(symbols.split(" "))

    def predict(self, structures: Sequence[Structure]) -> Predictions:
        """Answer, and remember what was asked."""
        formulas = [structure.composition.reduced_formula for structure in structures]
        self.asked += formulas
        said = [self.say(formula) for formula in formulas]
        gap, deviation, metal, novelty, energy, sure = (
            np.array([getattr(one, name) for one in said], dtype=float)
            for name in ("gap", "deviation", "metal", "novelty", "energy", "energy_deviation")
        )
        return Predictions(
            {
                "formation_energy": Distribution(energy, sure, energy - 2 * sure, energy + 2 * sure),
                "band_gap": Distribution(gap, deviation, (gap - 2 * deviation).clip(0), gap + 2 * deviation, metal),
            },
            novelty,
        )


def install(monkeypatch: pytest.MonkeyPatch, say: Callable[[str], Said] = lambda formula: Said()) -> MadeUpPredictor:
    """Put a made-up predictor in the place of the one that comes with the package."""
    from athanor.tools import predictor
    from athanor.tools.acquisition import estimate

    made_up = MadeUpPredictor(say)
    monkeypatch.setattr(predictor, "shipped_predictor", lambda: made_up)
    estimate._estimate.cache_clear()
    return made_up


def rocksalt(first: str, second: str, length: float = 5.0) -> Candidate:
    """A binary compound."""
    edge = length / np.sqrt(2)
    cell = Lattice.from_parameters(edge, edge, edge, 60, 60, 60)
    structure = Structure(cell, [first, second], [[0, 0, 0], [0.5, 0.5, 0.5]])
    return Candidate(content=to_crystal(structure), provenance=Provenance(tool="test"))
