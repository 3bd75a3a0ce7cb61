"""The equation of state: the fit gives back the curve it was made from, and soft layers stay soft."""

from __future__ import annotations

import time

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.eos import birchmurnaghan
from ase.units import GPa

from athanor.tools.oracles.equation_of_state import SCALES, energy_curve, fit_birch_murnaghan
from athanor.tools.oracles.relax import is_fixed_by_symmetry, prepare, relax

V0, E0, B0, SLOPE = 40.0, -25.0, 160.0, 4.3
VOLUMES = V0 * SCALES


def made_up(volumes: np.ndarray) -> np.ndarray:
    return birchmurnaghan(volumes, E0, B0 * GPa, SLOPE, V0)


def energies_of(batch: list[Atoms]) -> np.ndarray:
    values = []
    for atoms in batch:
        atoms.calc = EMT()
        values.append(atoms.get_potential_energy())
    return np.array(values)


def test_at_least_seven_volumes_within_six_percent() -> None:
    assert len(SCALES) >= 7
    assert np.abs(SCALES - 1).max() <= 0.06 + 1e-12


@pytest.mark.parametrize("shift", [0.0, 0.02, -0.03])
def test_fit_recovers_the_curve_it_was_made_from(shift: float) -> None:
    volumes = VOLUMES * (1 + shift)
    fit = fit_birch_murnaghan(volumes, made_up(volumes))
    assert fit is not None
    assert fit.modulus == pytest.approx(B0, rel=1e-6)
    assert fit.volume == pytest.approx(V0, rel=1e-6)
    assert fit.energy == pytest.approx(E0, abs=1e-8)
    assert fit.slope == pytest.approx(SLOPE, rel=1e-5)
    assert fit.r2 == pytest.approx(1.0, abs=1e-10)
    assert fit.inside
    assert fit.is_good


def test_the_stated_deviation_covers_the_scatter() -> None:
    random = np.random.default_rng(0)
    z = []
    for _ in range(200):
        fit = fit_birch_murnaghan(VOLUMES, made_up(VOLUMES) + random.normal(0, 2e-4, len(VOLUMES)))
        assert fit is not None
        z.append((fit.modulus - B0) / fit.deviation)
    # Nine points and four parameters: Student's t with five degrees of freedom, standard deviation 1.29.
    assert abs(np.mean(z)) < 0.3
    assert 1.0 < np.std(z) < 1.7


def test_scatter_as_large_as_the_curve_is_a_poor_fit() -> None:
    random = np.random.default_rng(1)
    noise = random.normal(0, np.ptp(made_up(VOLUMES)), len(VOLUMES))
    fit = fit_birch_murnaghan(VOLUMES, made_up(VOLUMES) + noise)
    assert fit is None or not fit.is_good


def test_a_minimum_outside_the_volumes_is_a_poor_fit() -> None:
    fit = fit_birch_murnaghan(VOLUMES * 1.15, made_up(VOLUMES * 1.15))
    assert fit is None or not fit.is_good


def test_energies_without_a_minimum_give_no_fit() -> None:
    assert fit_birch_murnaghan(VOLUMES, -((VOLUMES - V0) ** 2)) is None


def test_too_few_volumes_are_refused() -> None:
    with pytest.raises(ValueError, match="five at least"):
        fit_birch_murnaghan(VOLUMES[:4], made_up(VOLUMES[:4]))


def test_copper_by_emt_agrees_with_its_pressure() -> None:
    deadline = time.process_time() + 60
    atoms = relax(prepare(bulk("Cu", a=3.7), EMT()), fmax=0.01, max_steps=50, deadline=deadline).atoms
    assert is_fixed_by_symmetry(atoms)
    curve = energy_curve(atoms, energies_of, fmax=0.01, max_steps=50, deadline=deadline)
    fit = fit_birch_murnaghan(curve.volumes, curve.energies)
    assert fit is not None
    pressures = []
    for scale in (0.999, 1.001):
        copy = atoms.copy()
        copy.set_cell(atoms.cell * scale ** (1 / 3), scale_atoms=True)
        copy.calc = EMT()
        pressures.append(-copy.get_stress()[:3].mean())
    assert fit.modulus == pytest.approx((pressures[0] - pressures[1]) / 0.002 / GPa, rel=0.02)


def test_shape_is_relaxed_at_each_volume() -> None:
    """A tetragonal cell of two metals has a free c/a: relaxing it can only lower the energy, so B comes out lower."""
    deadline = time.process_time() + 60
    start = Atoms("CuAu", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=[2.8, 2.8, 3.7], pbc=True)
    atoms = relax(prepare(start, EMT()), fmax=0.005, max_steps=100, deadline=deadline).atoms
    assert not is_fixed_by_symmetry(atoms)
    curve = energy_curve(atoms, energies_of, fmax=0.005, max_steps=100, deadline=deadline)
    assert curve.steps > 0
    rigid = []
    for volume in curve.volumes:
        copy = atoms.copy()
        copy.set_cell(atoms.cell * (volume / atoms.get_volume()) ** (1 / 3), scale_atoms=True)
        rigid.append(copy)
    stiff = fit_birch_murnaghan(curve.volumes, energies_of(rigid))
    soft = fit_birch_murnaghan(curve.volumes, curve.energies)
    assert stiff is not None
    assert soft is not None
    assert soft.modulus <= stiff.modulus + 0.1
    assert np.allclose(np.array(curve.volumes) / atoms.get_volume(), SCALES, atol=2e-3)
