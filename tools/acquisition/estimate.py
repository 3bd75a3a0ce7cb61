"""The estimate tool: a fast look at a crystal before anything costly is paid for it.

Knows CHGNet, the table of known phases and a predictor. Everything it says is predicted; it never relaxes and never
raises for a bad candidate.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import GPa
from numpy.typing import NDArray

from ...memory.records import Candidate, Crystal, Measurement
from ..crystals.hull import known_phases, shipped_references
from ..crystals.structure import to_crystal, to_structure
from ..oracles.guards import check_elements, check_geometry
from ..oracles.potentials import load_potential
from ..properties.predicted import Chosen, predicted

if TYPE_CHECKING:
    from pymatgen.core import Structure

POTENTIAL = "chgnet"
STRAIN = 0.05
"""Distance of neighbouring volumes, in ln V."""
MAX_VOLUMES = 12
MAX_ATOMS = 60
ENERGY_RANGE = (-16.0, 2.0)
"""Energies per atom, eV, outside of which the potential is extrapolating: no known phase comes near."""
MAX_BULK_MODULUS = 700.0
"""GPa; diamond has 443."""


@dataclass(frozen=True)
class Estimate:
    """What the fast potential says of a crystal.

    Attributes:
        embedding: Mean of CHGNet's atom features at the estimated volume, `(64,)`, without unit; None if refused.
        measurements: Predicted properties; empty if refused.
        refusal: Why there is no estimate; None if there is one.
    """

    embedding: NDArray[np.float64] | None = None
    measurements: tuple[Measurement, ...] = ()
    refusal: str | None = None

    @property
    def values(self) -> dict[str, float]:
        """Predicted values by property."""
        return {m.property: m.value for m in self.measurements}


def estimate(candidate: Candidate, predictor: Chosen | None = None) -> Estimate:
    """Estimate energies, bulk modulus and density of a crystal; the same content is computed once per process.

    The atoms keep their fractional coordinates; only the volume is optimised.

    Args:
        candidate: A crystal.
        predictor: Looks at the crystal at the estimated volume, for what a potential cannot say; a crystal that it
            refuses has the other estimates all the same.
    """
    if not isinstance(candidate.content, Crystal):
        return Estimate(refusal="estimates are for crystals; a point has its own values")
    return _estimate(candidate.content, predictor)


@lru_cache(maxsize=20_000)
def _estimate(crystal: Crystal, predictor: Chosen | None) -> Estimate:
    try:
        structure = to_structure(crystal)
        failure = check_elements(structure, load_potential(POTENTIAL).elements) or check_geometry(structure)
        if failure:
            return Estimate(refusal=failure.message)
        if len(structure) > MAX_ATOMS:
            return Estimate(refusal=f"{len(structure)} atoms; up to {MAX_ATOMS} are estimated")
        return _look(structure, predictor)
    except Exception as error:  # noqa: BLE001 - a screen must outlive any candidate
        return Estimate(refusal=f"{POTENTIAL} failed: {type(error).__name__}: {error}"[:200])


def _look(structure: Structure, predictor: Chosen | None) -> Estimate:
    curve = _scan(structure)
    if isinstance(curve, str):
        return Estimate(refusal=curve)
    n_atoms = len(structure)
    energy = curve.energy / n_atoms
    if not ENERGY_RANGE[0] < energy < ENERGY_RANGE[1] or curve.bulk_modulus > MAX_BULK_MODULUS:
        return Estimate(refusal=f"absurd: {energy:.3g} eV/atom with a bulk modulus of {curve.bulk_modulus:.3g} GPa")
    source = load_potential(POTENTIAL).version
    density = float(structure.density) * float(structure.volume) / curve.volume
    found = [("density", density, "g/cm3"), ("bulk_modulus", curve.bulk_modulus, "GPa"), *_stability(structure, energy)]
    measurements = tuple(
        Measurement(property=name, value=value, unit=unit, method="predicted", source=source)
        for name, value, unit in found
    )
    if predictor is not None:
        relaxed = structure.copy().scale_lattice(curve.volume)
        measurements += predicted([to_crystal(relaxed)], predictor)[0].measurements
    return Estimate(curve.embedding, measurements)


@dataclass(frozen=True)
class _Curve:
    """Lowest point of energy against volume: Å³ and eV per cell, GPa, and the embedding there `(64,)`."""

    volume: float
    energy: float
    bulk_modulus: float
    embedding: NDArray[np.float64]


def _scan(structure: Structure) -> _Curve | str:
    """Walk down in volume, then fit a cubic in x = ln V through the five points around the lowest.

    At the lowest point dE/dx = 0, hence B = V d²E/dV² = (d²E/dx²) / V.
    """
    seen = _energies(structure, [-2, -1, 0, 1, 2])
    while (best := min(seen, key=lambda k: seen[k][0])) in (min(seen), max(seen)):
        if len(seen) >= MAX_VOLUMES:
            return f"no lowest energy within {len(seen)} volumes, {STRAIN:g} apart in ln V"
        step = 1 if best == max(seen) else -1
        seen |= _energies(structure, [best + step, best + 2 * step])
    seen |= _energies(structure, [k for k in range(best - 2, best + 3) if k not in seen])
    steps = np.arange(best - 2, best + 3)
    rows = np.array([seen[int(k)] for k in steps])
    if not np.isfinite(rows).all():
        return "an energy is not a number"
    coefficients = np.polynomial.polynomial.polyfit((steps - best) * STRAIN, rows, 3)
    _, c1, c2, c3 = coefficients[:, 0]
    discriminant = c2 * c2 - 3 * c1 * c3
    # The root with positive curvature; a curve without one, or with it outside the five points, is no well.
    x = -c1 / (c2 + np.sqrt(discriminant)) if discriminant > 0 and c2 + np.sqrt(discriminant) > 0 else np.inf
    curvature = 2 * c2 + 6 * c3 * x
    if abs(x) > 2 * STRAIN or curvature <= 0:
        return "energy against volume has no well"
    volume = float(structure.volume * np.exp(best * STRAIN + x))
    lowest: NDArray[np.float64] = np.asarray(np.polynomial.polynomial.polyval(x, coefficients))
    return _Curve(volume, float(lowest[0]), float(curvature / volume / GPa), lowest[1:] / len(structure))


def _energies(structure: Structure, steps: list[int]) -> dict[int, NDArray[np.float64]]:
    """Energy (eV per cell) and summed atom features at some volumes, `(1 + 64,)` by step."""
    import torch

    if not steps:
        return {}
    model: Any = load_potential(POTENTIAL).calculator.model  # type: ignore[attr-defined]
    scaled = [structure.copy().scale_lattice(structure.volume * float(np.exp(k * STRAIN))) for k in steps]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = model.predict_structure(scaled, task="e", return_crystal_feas=True)
    answers = answers if isinstance(answers, list) else [answers]
    return {
        k: np.concatenate([[float(a["e"]) * len(structure)], np.asarray(a["crystal_fea"], dtype=float)])
        for k, a in zip(steps, answers, strict=True)
    }


def _stability(structure: Structure, energy: float) -> list[tuple[str, float, str]]:
    """Formation energy and energy above the hull of the known phases, from an energy in eV/atom."""
    composition = structure.composition
    formation = shipped_references()[POTENTIAL].formation_energy(composition, energy * len(structure))
    above = known_phases().energy_above_hull(composition.reduced_formula, formation, POTENTIAL).energy
    return [("formation_energy", formation, "eV/atom"), ("energy_above_hull", above, "eV/atom")]
