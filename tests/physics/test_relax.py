"""Relaxation keeps the symmetry, lowers the energy, keeps its limits; on metals of ASE's effective medium theory."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from athanor.tools.crystals.structure import from_atoms, to_structure
from athanor.tools.crystals.symmetry import symmetry_of
from athanor.tools.oracles.relax import OutOfTime, is_fixed_by_symmetry, prepare, relax

FAR = math.inf  # of processor time, of which the tests before have used any amount


def copper_gold(ratio: float = 1.0) -> Atoms:
    """L1₂ Cu₃Au, drawn out along one axis."""
    sites = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Atoms("AuCu3", scaled_positions=sites, cell=[3.9, 3.9, 3.9 * ratio], pbc=True)


@pytest.mark.parametrize(("start", "group"), [(copper_gold(), 221), (copper_gold(1.1), 123)])
def test_symmetry_is_kept_and_energy_falls(start: Atoms, group: int) -> None:
    atoms = prepare(start, EMT())
    before = atoms.get_potential_energy()
    relaxed = relax(atoms, fmax=0.01, max_steps=60, deadline=FAR)
    assert relaxed.converged
    assert relaxed.energy < before - 0.01
    assert symmetry_of(to_structure(from_atoms(start))).spacegroup == group
    assert symmetry_of(to_structure(from_atoms(relaxed.atoms)), symprec=1e-4).spacegroup >= group
    assert relaxed.force < 0.01


def test_an_ideal_cubic_crystal_moves_in_volume_alone() -> None:
    atoms = relax(prepare(copper_gold(), EMT()), fmax=0.01, max_steps=60, deadline=FAR).atoms
    assert np.allclose(atoms.cell.angles(), 90, atol=1e-8)
    assert np.ptp(atoms.cell.lengths()) < 1e-8
    assert is_fixed_by_symmetry(atoms)
    assert not is_fixed_by_symmetry(prepare(copper_gold(1.1), EMT()))


def test_volume_is_kept_when_asked() -> None:
    atoms = prepare(copper_gold(1.1), EMT())
    before = atoms.get_volume()
    relaxed = relax(atoms, fmax=0.01, max_steps=60, deadline=FAR, constant_volume=True)
    assert relaxed.converged
    assert relaxed.steps > 0
    assert relaxed.atoms.get_volume() == pytest.approx(before, rel=3e-3)


def test_too_few_steps_count_as_unconverged() -> None:
    relaxed = relax(prepare(copper_gold(1.1), EMT()), fmax=0.001, max_steps=1, deadline=FAR)
    assert (relaxed.converged, relaxed.steps) == (False, 1)


def test_the_deadline_stops_a_relaxation() -> None:
    with pytest.raises(OutOfTime):
        relax(prepare(copper_gold(1.1), EMT()), fmax=0.001, max_steps=60, deadline=time.process_time() - 1)


def test_a_supercell_relaxes_to_the_same_energy() -> None:
    small = relax(prepare(bulk("Ag", a=4.3), EMT()), fmax=0.005, max_steps=60, deadline=FAR)
    large = relax(prepare(bulk("Ag", a=4.3, cubic=True), EMT()), fmax=0.005, max_steps=60, deadline=FAR)
    assert large.energy / 4 == pytest.approx(small.energy, abs=1e-5)
