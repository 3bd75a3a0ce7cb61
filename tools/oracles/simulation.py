"""The simulation oracle: relaxes a crystal with an interatomic potential and computes what a campaign asks for.

Knows potentials, guards, relaxation, equation of state, the hull and what a predictor adds; puts them in order. Must
not know campaigns.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...memory.errors import TerminalError, UserError
from ...memory.records import Candidate, Crystal, Failure, FailureKind, Measurement, Outcome
from ..crystals.cell import primitive_crystal
from ..crystals.hull import References, known_phases, shipped_references
from ..crystals.structure import from_atoms, to_atoms, to_crystal, to_structure
from ..crystals.symmetry import symmetry_of
from ..properties.predicted import Chosen, predicted, predictor_of
from .corrections import corrected_energy
from .equation_of_state import energy_curve, fit_birch_murnaghan
from .guards import check_change, check_elements, check_geometry
from .oracle import SimulationSettings, answered_properties
from .potentials import load_potential
from .relax import OutOfTime, Relaxed, prepare, relax

if TYPE_CHECKING:
    from pymatgen.core import Structure


class _Refused(Exception):
    """Ends an evaluation with a failure."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(kind=kind, message=message)


@dataclass
class _Findings:
    """What one evaluation has found so far."""

    measurements: list[Measurement] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    crystal: Crystal | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.process_time()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.process_time() - start, 3)


class SimulationOracle:
    """Relaxation, formation energy, hull distance, density and bulk modulus with one potential.

    What a predictor adds is said of the relaxed crystal, and is marked as predicted.
    """

    def __init__(self, settings: SimulationSettings) -> None:
        """Load the potential, its reference energies and the predictor.

        Raises:
            UserError: The calculator, the file of references or the predictor cannot be used.
        """
        self.name = settings.calculator
        self.properties: Mapping[str, str] = answered_properties(settings)
        self._settings = settings
        self._potential = load_potential(settings.calculator)
        self._references = _references(settings)
        if settings.predictor is not None:
            predictor_of(settings.predictor)
        self._column = "chgnet" if settings.calculator == "chgnet" else "sevennet"

    def evaluate(self, candidate: Candidate) -> Outcome:
        """Answer a crystal. A crystal that cannot be answered gives a failure of a named kind."""
        found = _Findings()
        deadline = time.process_time() + self._settings.max_cpu_seconds
        try:
            self._simulate(candidate, found, deadline)
        except _Refused as refused:
            return self._outcome(found, refused.failure)
        except OutOfTime as late:
            limit = f"{self._settings.max_cpu_seconds:g} CPU seconds are used up: {late}"
            return self._outcome(found, Failure(kind="timeout", message=limit))
        return self._outcome(found, None)

    def _outcome(self, found: _Findings, failure: Failure | None) -> Outcome:
        details = found.details | {"cpu_seconds": found.seconds}
        if failure is not None:
            return Outcome(failure=failure, crystal=found.crystal, details=details)
        return Outcome(measurements=tuple(found.measurements), crystal=found.crystal, details=details)

    def _simulate(self, candidate: Candidate, found: _Findings, deadline: float) -> None:
        if not isinstance(candidate.content, Crystal):
            raise _Refused("missing", f"{self.name} needs a crystal, not a point")
        with found.stage("guards"):
            structure = to_structure(candidate.content)
            _refuse(check_elements(structure, self._potential.elements) or check_geometry(structure))
        with found.stage("symmetry"):
            primitive = to_structure(primitive_crystal(candidate.content))
        with found.stage("relaxation"):
            relaxed = self._relax(primitive, found, deadline)
        crystal = from_atoms(relaxed.atoms)
        final = to_structure(crystal)
        with found.stage("guards"):
            _refuse(check_geometry(final))
        found.crystal = crystal
        self._measure(found, "density", float(final.density), "of the relaxed cell")
        self._measure(found, "volume_per_atom", final.volume / len(final), "of the relaxed cell")
        with found.stage("hull"):
            self._energies(final, relaxed.energy, found)
        if self._settings.bulk_modulus:
            with found.stage("equation_of_state"):
                self._modulus(relaxed, found, deadline)
        if self._settings.predictor is not None:
            with found.stage("predictor"):
                self._predict(crystal, self._settings.predictor, found)

    def _relax(self, structure: Structure, found: _Findings, deadline: float) -> Relaxed:
        settings = self._settings
        atoms = prepare(to_atoms(to_crystal(structure)), self._potential.calculator)
        relaxed = relax(atoms, fmax=settings.fmax, max_steps=settings.max_steps, deadline=deadline)
        if not np.isfinite([relaxed.energy, relaxed.force, relaxed.stress]).all():
            raise _Refused("not_a_number", f"{self.name} gave a number that is not finite, step {relaxed.steps}")
        found.details |= {
            "steps": relaxed.steps,
            "force": round(relaxed.force, 4),
            "stress": round(relaxed.stress, 5),
            "energy": round(relaxed.energy, 6),
        }
        _refuse(check_change(structure.volume, relaxed.atoms.get_volume()))
        if not relaxed.converged:
            raise _Refused(
                "unconverged",
                f"after {relaxed.steps} steps a force of {relaxed.force:.3g} eV/Å and a stress of "
                f"{relaxed.stress:.3g} eV/Å³ are left",
            )
        return relaxed

    def _energies(self, structure: Structure, energy: float, found: _Findings) -> None:
        formula = structure.composition.reduced_formula
        symmetry = symmetry_of(structure)
        known = known_phases().known_as(formula, symmetry)
        found.details |= {"spacegroup": symmetry.spacegroup, "wyckoff": symmetry.wyckoff, "known_as": known}
        if self._references is None:
            return
        try:
            corrected = corrected_energy(structure, energy, self._potential.corrections)
            formation = self._references.formation_energy(structure.composition, corrected)
        except TerminalError as error:
            raise _Refused("unsupported_element", str(error)) from error
        distance = known_phases().energy_above_hull(formula, formation, self._column)
        found.details["hull"] = {"of": f"known phases by {self._column}", "phases": dict(distance.decomposition)}
        self._measure(found, "formation_energy", formation, self._references.source)
        self._measure(found, "energy_above_hull", distance.energy, f"known phases by {self._column}")

    def _modulus(self, relaxed: Relaxed, found: _Findings, deadline: float) -> None:
        curve = energy_curve(
            relaxed.atoms,
            self._potential.energies,
            fmax=self._settings.fmax,
            max_steps=self._settings.max_steps,
            deadline=deadline,
        )
        n_atoms = len(relaxed.atoms)
        fit = fit_birch_murnaghan(curve.volumes, curve.energies) if np.isfinite(curve.energies).all() else None
        quality: dict[str, Any] = {
            "volumes": [round(v, 4) for v in curve.volumes],
            "energies": [round(e, 6) for e in curve.energies],
            "steps": curve.steps,
            "good": fit is not None and fit.is_good,
        }
        if fit is not None:
            quality |= {
                "r2": round(fit.r2, 7),
                "residual_mev_per_atom": round(fit.residual / n_atoms * 1e3, 4),
                "slope": round(fit.slope, 3),
                "minimum_inside": fit.inside,
            }
        found.details["equation_of_state"] = quality
        # A poor fit costs the modulus alone: energy and hull distance are sound, and the record keeps them.
        if fit is not None and fit.is_good:
            n = len(curve.volumes)
            self._measure(found, "bulk_modulus", fit.modulus, f"Birch-Murnaghan, {n} volumes", fit.deviation)

    def _predict(self, crystal: Crystal, chosen: Chosen, found: _Findings) -> None:
        """Add what a predictor says, and keep its formation energy beside the simulated one, to be compared."""
        (outlook,) = predicted([crystal], chosen)
        found.measurements += outlook.measurements
        said: dict[str, Any] = {"name": predictor_of(chosen).name}
        # A refusal costs what is predicted alone, as a poor fit costs the modulus.
        if outlook.refusal:
            said["refusal"] = outlook.refusal
        else:
            said |= {"novelty": outlook.novelty, "flags": list(outlook.flags)}
        if "formation_energy" in outlook.ranges:
            said["formation_energy"] = asdict(outlook.ranges["formation_energy"])
        found.details["predictor"] = said

    def _measure(self, found: _Findings, name: str, value: float, how: str, deviation: float | None = None) -> None:
        measurement = Measurement(
            property=name,
            value=value,
            deviation=deviation,
            unit=self.properties[name],
            method="simulated",
            source=f"{self._potential.version}; {how}",
        )
        found.measurements.append(measurement)


def _refuse(failure: Failure | None) -> None:
    if failure is not None:
        raise _Refused(failure.kind, failure.message)


def _references(settings: SimulationSettings) -> References | None:
    if settings.references is not None:
        return _read_references(settings.references)
    return shipped_references().get(settings.calculator)


def _read_references(path: Path) -> References:
    try:
        content = json.loads(path.read_text("utf-8"))
        return References({str(s): float(e) for s, e in content.items()}, f"references of {path.name}")
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"references {path}: {error}; a JSON object of symbol to eV/atom is needed") from error
