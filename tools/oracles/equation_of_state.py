"""Equation of state: energies over a range of volumes, and the bulk modulus by a Birch-Murnaghan fit.

Knows geometry, energies and the fit. Knows nothing of candidates or records.

| symbol | variable | meaning | unit |
|---|---|---|---|
| V, E | volumes, energies | of the cell | Å³, eV |
| V0, E0 | volume, energy | at the minimum | Å³, eV |
| B0 | modulus | bulk modulus at V0 | GPa |
| B0' | slope | its pressure derivative | 1 |

Source: Birch, Phys. Rev. 71, 809 (1947), doi:10.1103/PhysRev.71.809; in the form of Hebbache and Zemzemi,
Phys. Rev. B 70, 224107 (2004), Eq. (3), as ASE has it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase.eos import birchmurnaghan
from ase.units import GPa
from scipy.optimize import OptimizeWarning, curve_fit

from .relax import is_fixed_by_symmetry, relax

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

SCALES = np.linspace(0.94, 1.06, 9)
LEAST_R2 = 0.98
LARGEST_DEVIATION = 0.15  # of the modulus


@dataclass(frozen=True)
class Curve:
    """Energies over volume, the cell shape and the atoms relaxed at each volume.

    Attributes:
        volumes: `(n_volumes,)` in Å³ per cell, ascending.
        energies: `(n_volumes,)` in eV per cell.
        steps: Optimiser steps over all volumes.
    """

    volumes: tuple[float, ...]
    energies: tuple[float, ...]
    steps: int


@dataclass(frozen=True)
class Fit:
    """A Birch-Murnaghan fit.

    Attributes:
        volume: V0 in Å³ per cell.
        energy: E0 in eV per cell.
        modulus: B0 in GPa.
        slope: B0'.
        deviation: Standard deviation of B0 in GPa, from the scatter about the fit; the potential's own error is not
            in it.
        r2: Coefficient of determination.
        residual: Root mean square residual in eV per cell.
        inside: Whether V0 lies within the volumes.
    """

    volume: float
    energy: float
    modulus: float
    slope: float
    deviation: float
    r2: float
    residual: float
    inside: bool

    @property
    def is_good(self) -> bool:
        """Whether the modulus can be believed: a minimum inside the volumes, and points that lie on the curve."""
        certain = 0 <= self.deviation <= LARGEST_DEVIATION * self.modulus
        return self.inside and certain and self.r2 >= LEAST_R2


def energy_curve(
    atoms: Atoms,
    energies_of: Callable[[Sequence[Atoms]], NDArray[np.float64]],
    *,
    fmax: float,
    max_steps: int,
    deadline: float,
) -> Curve:
    """Energies at `SCALES` of the relaxed volume.

    Each volume starts where its neighbours' relaxed geometries point, from the middle outwards: in a layered crystal
    the layers would otherwise be squeezed as much as the gaps between them, and the modulus come out far too high.
    Where symmetry leaves nothing to relax, energies without forces suffice.

    Args:
        atoms: Relaxed, with calculator and symmetry constraint.
        energies_of: Energies of several structures without forces, in eV per cell.

    Raises:
        OutOfTime: The deadline has passed.
    """
    volume = atoms.get_volume()
    if is_fixed_by_symmetry(atoms):
        scaled = [at_volume(atoms, volume * scale) for scale in SCALES]
        energies = energies_of(scaled)
        return Curve(tuple(a.get_volume() for a in scaled), tuple(float(e) for e in energies), 0)
    middle = int(np.abs(SCALES - 1).argmin())
    points: dict[float, float] = {}
    steps = 0
    for branch in (SCALES[middle:], SCALES[:middle][::-1]):
        done = [atoms]
        for scale in branch:
            start = at_volume(continued(done), volume * scale)
            relaxed = relax(start, fmax=fmax, max_steps=max_steps, deadline=deadline, constant_volume=True)
            steps += relaxed.steps
            points[float(start.get_volume())] = relaxed.energy
            done.append(start)
    ordered = sorted(points)
    return Curve(tuple(ordered), tuple(points[v] for v in ordered), steps)


def continued(path: Sequence[Atoms]) -> Atoms:
    """The next geometry of a path, if its last two go on as they did: the same strain, the same shift of positions."""
    if len(path) < 2:
        return path[-1]
    before, last = path[-2], path[-1]
    shift = last.get_scaled_positions(wrap=False) - before.get_scaled_positions(wrap=False)
    copy: Atoms = last.copy()
    copy.calc = last.calc
    copy.set_constraint()
    copy.set_cell(last.cell.array @ np.linalg.solve(before.cell.array, last.cell.array), scale_atoms=True)
    copy.set_scaled_positions(last.get_scaled_positions(wrap=False) + shift - np.round(shift))
    copy.set_constraint(last.constraints)
    return copy


def at_volume(atoms: Atoms, volume: float) -> Atoms:
    """A copy scaled to a volume in Å³, calculator and constraint kept."""
    copy: Atoms = atoms.copy()
    copy.calc = atoms.calc
    copy.set_cell(atoms.cell * (volume / atoms.get_volume()) ** (1 / 3), scale_atoms=True)
    return copy


def fit_birch_murnaghan(volumes: Sequence[float], energies: Sequence[float]) -> Fit | None:
    """Fit the third-order Birch-Murnaghan equation.

    Args:
        volumes: `(n_volumes,)` in Å³ per cell, five at least.
        energies: `(n_volumes,)` in eV per cell.

    Returns:
        The fit, or None where the energies have no minimum to fit.

    Raises:
        ValueError: Fewer than five volumes.
    """
    if len(volumes) < 5:
        raise ValueError(f"{len(volumes)} volumes; five at least are needed for four parameters and their error")
    v, e = np.asarray(volumes, dtype=float), np.asarray(energies, dtype=float)
    curvature, gradient, _ = np.polyfit(v, e, 2)
    if curvature <= 0:
        return None
    v0 = -gradient / (2 * curvature)
    start = (e.min(), 2 * curvature * v0, 4.0, v0)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", OptimizeWarning)
            (energy, modulus, slope, volume), covariance = curve_fit(birchmurnaghan, v, e, start)
    except (RuntimeError, ValueError, OptimizeWarning):
        return None
    if not np.isfinite([energy, modulus, slope, volume, *covariance.ravel()]).all() or volume <= 0:
        return None
    scatter = e - birchmurnaghan(v, energy, modulus, slope, volume)
    return Fit(
        volume=float(volume),
        energy=float(energy),
        modulus=float(modulus / GPa),
        slope=float(slope),
        deviation=float(np.sqrt(covariance[1, 1]) / GPa),
        r2=float(1 - (scatter @ scatter) / ((e - e.mean()) @ (e - e.mean()))),
        residual=float(np.sqrt(np.mean(scatter**2))),
        inside=bool(v.min() < volume < v.max()),
    )
