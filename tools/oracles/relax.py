"""Symmetry-kept relaxation of a periodic cell, in full or at constant volume.

Knows ASE's optimisers, any ASE calculator and the guard on volume. Knows nothing of candidates or what comes after.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from ase.constraints import FixSymmetry
from ase.filters import FrechetCellFilter
from ase.optimize.cellawarebfgs import CellAwareBFGS
from ase.optimize.optimize import Dynamics
from ase.stress import voigt_6_to_full_3x3_stress

from .guards import check_change

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

SYMPREC = 0.01  # Å; tight, so that a polar distortion (0.1 Å in BaTiO3) is not taken for noise
STRESS = 0.002  # eV/Å³ (0.3 GPa): 1 % of the volume in a soft solid of 30 GPa, 0.1 % in a hard one
CURVATURE = 30.0  # eV/Å², the first guess for an atom
LARGEST_STEP = 0.1  # Å for atoms, strain for the cell; FixSymmetry needs small strains


class OutOfTime(Exception):
    """The processor time allowed for an evaluation is used up."""


@dataclass(frozen=True)
class Relaxed:
    """Where a relaxation ended.

    Attributes:
        atoms: The last geometry, its calculator and symmetry constraint attached.
        energy: Potential energy in eV per cell.
        steps: Optimiser steps taken.
        converged: Whether forces and stress fell below the limits.
        force: Largest force left, eV/Å.
        stress: Largest stress component left (deviatoric at constant volume), eV/Å³.
    """

    atoms: Atoms
    energy: float
    steps: int
    converged: bool
    force: float
    stress: float


def prepare(atoms: Atoms, calculator: Calculator) -> Atoms:
    """Copy atoms, refine their symmetry and hold it; the calculator is attached."""
    copy: Atoms = atoms.copy()
    copy.calc = calculator
    copy.set_constraint(FixSymmetry(copy, symprec=SYMPREC))
    return copy


def relax(atoms: Atoms, *, fmax: float, max_steps: int, deadline: float, constant_volume: bool = False) -> Relaxed:
    """Relax positions and cell in place, the symmetry kept.

    Args:
        atoms: As `prepare` gives them.
        fmax: Largest force left, eV/Å.
        max_steps: Steps after which to stop unconverged.
        deadline: Value of `time.process_time()` at which to give up. A cell that blows up or collapses is given up
            at once.
        constant_volume: Relax shape and positions only.

    Raises:
        OutOfTime: The deadline has passed.
    """
    cell_filter: Any = FrechetCellFilter(atoms, exp_cell_factor=1.0, constant_volume=constant_volume)
    optimiser: Any = CellAwareBFGS(cell_filter, logfile=cast("Any", None), maxstep=LARGEST_STEP, alpha=CURVATURE)
    # The optimiser's own test takes the pressure for a residual stress, also at constant volume.
    optimiser.fmax = optimiser.smax = 0.0
    volume = atoms.get_volume()
    force, stress = np.inf, np.inf
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="FixSymmetry adjust_cell may be ill behaved")
        warnings.filterwarnings("ignore", message="logm result may be inaccurate")
        for _ in Dynamics.irun(optimiser, steps=max_steps):
            force, stress = residuals(atoms, constant_volume)
            if not np.isfinite(force + stress) or (force < fmax and stress < STRESS):
                break
            if check_change(volume, atoms.get_volume()) is not None:
                break
            if time.process_time() > deadline:
                raise OutOfTime(f"relaxation stopped after {optimiser.nsteps} steps")
    converged = bool(force < fmax and stress < STRESS)
    return Relaxed(atoms, float(atoms.get_potential_energy()), optimiser.nsteps, converged, force, stress)


def residuals(atoms: Atoms, constant_volume: bool) -> tuple[float, float]:
    """Largest force (eV/Å) and largest component of the stress (eV/Å³), of its deviator at constant volume."""
    stress = voigt_6_to_full_3x3_stress(atoms.get_stress())
    if constant_volume:
        stress = stress - np.eye(3) * np.trace(stress) / 3
    return float(np.linalg.norm(atoms.get_forces(), axis=1).max()), float(np.abs(stress).max())


def is_fixed_by_symmetry(atoms: Atoms) -> bool:
    """Whether symmetry leaves nothing to relax at constant volume: no force and no deviatoric stress may exist."""
    constraint = atoms.constraints[0]
    random = np.random.default_rng(0)
    forces = random.normal(size=(len(atoms), 3))
    forces -= forces.mean(axis=0)
    stress = random.normal(size=6)
    constraint.adjust_forces(atoms, forces)
    constraint.adjust_stress(atoms, stress)
    full = voigt_6_to_full_3x3_stress(stress)
    deviator = full - np.eye(3) * np.trace(full) / 3
    return bool(np.abs(forces).max() < 1e-6 and np.abs(deviator).max() < 1e-6)
