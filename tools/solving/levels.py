"""Energies of a particle in a well, and what measured energies say of the well, with their deviations.

Knows problems, answers, units and the solver of stationary states. Must not know terminals, pictures or campaigns.

−(ħ²/2m) ψ'' + V ψ = E ψ, ψ = 0 at both ends of the domain. Energies are sought in units of ħ²/(2 m L²), places in units
of the domain's length L.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ...memory.errors import UserError
from ...models.pinn.eigenstates import States, eigenstates, finite_difference_energies
from .answer import Answer, Check, Inferred, Level
from .expression import parse_formula
from .problem import Known, Problem, UnknownNumber
from .units import Unit, parse_unit

Array = NDArray[np.float64]
SCHROEDINGER = "schroedinger"
"""The equation that is solved here."""
_REDUCED_PLANCK = 1.054571817e-34
"""J s. Source: CODATA 2018."""
_INTERVALS = 2000
_ENERGY = parse_unit("J")
_UNKNOWN = 1.0


@dataclass(frozen=True)
class Levels:
    """An answer with what is behind it, for pictures; places in m, energies in J.

    Attributes:
        potential: At the places of `states`, `(n_points,)`.
        measured: Numbers and energies that were measured, `(n_measured, 2)`.
    """

    problem: Problem
    answer: Answer
    states: States
    potential: Array
    measured: Array


@dataclass(frozen=True)
class _Well:
    """A well with all numbers known, in SI units."""

    problem: Problem
    low: float
    high: float
    values: Mapping[str, float]

    def potential(self, x: Array) -> Array:
        """In J at places in m, `(n_points,)`."""
        one = self.problem.parameters["potential"]
        assert isinstance(one, Known)  # noqa: S101 - checked when the problem was read
        formula = parse_formula(str(one.value), {"x", *self.values}, "parameters.potential")
        tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in self.values.items()}
        found = formula({**tensors, "x": torch.as_tensor(x)}) * parse_unit(one.unit).factor
        return np.array(found.expand(len(x)).numpy())

    @property
    def size(self) -> float:
        """ħ²/(2 m L²), J."""
        return _REDUCED_PLANCK**2 / (2 * self.values["mass"] * (self.high - self.low) ** 2)

    @property
    def jumps(self) -> list[float]:
        """Places between the ends at which the potential jumps, m."""
        tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in self.values.items()}
        found = [float(parse_formula(text, set(self.values), "jumps")(tensors)) for text in self.problem.jumps]
        return [place for place in found if self.low < place < self.high]

    def states(self, n: int) -> States:
        """The lowest states, energies in J, places in m."""
        length, size = self.high - self.low, self.size
        found = eigenstates(
            lambda z: self.potential(self.low + length * z) / size, 0.0, 1.0, 1.0,
            [(place - self.low) / length for place in self.jumps], n, seed=self.problem.seed,
        )  # fmt: skip
        return States(found.energies * size, self.low + length * found.places, found.waves / length**0.5, found.error)

    def checked(self, n_states: int, intervals: int) -> Array:
        """The same energies by finite differences, J."""
        length, size = self.high - self.low, self.size
        return size * finite_difference_energies(
            lambda z: self.potential(self.low + length * z) / size, 0.0, 1.0, 1.0, n_states, intervals
        )


def solve_levels(problem: Problem, check: bool = True) -> Levels:
    """Find the lowest levels of a well, and the unknown numbers of it where levels were measured.

    Measured levels are data with one column `n`, 1 for the lowest, and energies as values.

    Raises:
        UserError: The problem is wrong; says where and what is allowed.
    """
    _check(problem)
    start = time.process_time()
    units = {name: parse_unit(one.unit) for name, one in problem.parameters.items() if name != "potential"}
    unknown = {name: one for name, one in problem.parameters.items() if isinstance(one, UnknownNumber)}
    measured = _measured(problem, unknown)
    found, deviations, history = _fitted(problem, units, unknown, measured)
    well = _well(problem, units, found)
    n = max(problem.states, *(int(number) for number, *_ in measured), 1)
    states = well.states(n)
    energy = parse_unit(problem.field.unit).factor
    spent = time.process_time() - start
    checked = _checked(well, states) if check else None
    inferred = tuple(
        Inferred(
            name=name,
            value=found[name] / units[name].factor,
            deviation=deviations[name] / units[name].factor if math.isfinite(deviations[name]) else None,
            unit=one.unit,
        )
        for name, one in unknown.items()
    )
    warnings = [*_doubts(unknown, found, deviations, units), *_unbound(problem, well, states)]
    if len(measured) and (rms := history[-1]) > 1 + 5 * (2 / len(measured)) ** 0.5 and measured[:, 2].any():
        warnings.append(f"measured levels lie {rms**0.5:.1f} deviations (root mean square) off: the well does not fit")
    answer = Answer(
        problem=problem.name,
        equation="−(ħ²/2 mass) ψ'' + potential · ψ = E ψ",
        solver=f"Rayleigh-Ritz with tanh features{', Gauss-Newton on the unknowns' if unknown else ''}",
        why="each energy is a minimum of the Rayleigh quotient, so that it lies above the exact one",
        tried=(f"two draws of features: energies differ by {states.error:.1e}",),
        inferred=inferred,
        levels=tuple(
            Level(
                number=k,
                energy=float(e / energy),
                deviation=float(abs(e) / energy * states.error),
                unit=problem.field.unit,
            )
            for k, e in enumerate(states.energies, start=1)
        ),
        error_estimate=states.error,
        residual_rms=0.0,
        check=checked,
        warnings=tuple(warnings),
        cpu_seconds=spent,
    )
    return Levels(problem, answer, states, well.potential(states.places), measured[:, :2])


def _check(problem: Problem) -> None:
    if tuple(problem.domain) != ("x",):
        raise UserError(f"{problem.name}: a well has the coordinate x alone, not {', '.join(problem.domain)}")
    absent = [name for name in ("mass", "potential") if name not in problem.parameters]
    if absent:
        raise UserError(f"parameters: {', '.join(absent)} missing; a well needs mass and potential")
    if not isinstance(problem.parameters["potential"], Known):
        raise UserError("parameters.potential: a formula of x and other parameters is allowed, which may be unknown")
    wanted = {"parameters.potential": problem.parameters["potential"].unit, "field": problem.field.unit}
    for where, unit in wanted.items():
        if parse_unit(unit).dimension != _ENERGY.dimension:
            raise UserError(f"{where} is in {unit}; an energy is needed, eV or J")
    for where, unit, like in (
        ("parameters.mass", problem.parameters["mass"].unit, "m_e"),
        ("domain.x", problem.domain["x"].unit, "nm"),
    ):
        if parse_unit(unit).dimension != parse_unit(like).dimension:
            raise UserError(f"{where} is in {unit}; a unit of the kind of {like} is needed")
    stray = [name for name, one in problem.parameters.items() if name != "potential" and not _is_number(one)]
    if stray:
        raise UserError(f"parameters.{stray[0]}: a known or an unknown number is allowed in a well")


def _is_number(one: object) -> bool:
    return isinstance(one, UnknownNumber) or (isinstance(one, Known) and not isinstance(one.value, str))


def _measured(problem: Problem, unknown: Mapping[str, UnknownNumber]) -> Array:
    """Number, energy and deviation of measured levels in SI units, `(n_measured, 3)`."""
    if problem.data is None:
        if unknown:
            raise UserError(f"data: none given, but {', '.join(unknown)} is unknown")
        return np.zeros((0, 3))
    numbers = problem.data.columns.get("n")
    energy = parse_unit(problem.field.unit).factor
    values = np.array(problem.data.values) * energy
    if not isinstance(numbers, tuple):
        raise UserError("data: a column n, the numbers of the levels from 1, is needed")
    if any(one != int(one) or not 1 <= one <= 20 for one in numbers):
        raise UserError("data: a column n of whole numbers from 1 to 20 is allowed")
    if len(values) < len(unknown):
        raise UserError(f"data: {len(values)} levels for {len(unknown)} unknown numbers")
    deviation = problem.data.deviation
    given = np.zeros(len(values)) if deviation is None else np.broadcast_to(np.array(deviation), len(values)) * energy
    return np.column_stack([np.array(numbers), values, given])


def _well(problem: Problem, units: Mapping[str, Unit], found: Mapping[str, float]) -> _Well:
    factor = parse_unit(problem.domain["x"].unit).factor
    known = {
        name: float(one.value) * units[name].factor
        for name, one in problem.parameters.items()
        if isinstance(one, Known) and name != "potential"
    }
    return _Well(problem, problem.domain["x"].low * factor, problem.domain["x"].high * factor, {**known, **found})


def _fitted(
    problem: Problem, units: Mapping[str, Unit], unknown: Mapping[str, UnknownNumber], measured: Array
) -> tuple[dict[str, float], dict[str, float], list[float]]:
    """Unknown numbers and their deviations in SI units, and the data's mean square."""
    low = np.array([one.low for one in unknown.values()])
    high = np.array([one.high for one in unknown.values()])

    def well(share: Array) -> dict[str, float]:
        return {
            name: float(low[k] + share[k] * (high[k] - low[k])) * units[name].factor for k, name in enumerate(unknown)
        }

    # Without stated deviations all levels count alike, and their scatter about the fit is the deviation.
    is_stated = bool(measured[:, 2].all()) and len(measured) > 0
    size = measured[:, 2] if is_stated else np.full(len(measured), np.abs(measured[:, 1]).max(initial=1e-300))

    def residual(share: Array) -> Array:
        n = int(measured[:, 0].max())
        energies = _well(problem, units, well(share)).states(n).energies
        found: Array = (energies[measured[:, 0].astype(int) - 1] - measured[:, 1]) / size
        return found

    if not len(measured):
        return {}, {}, []
    if not unknown:
        return {}, {}, [float(np.mean(residual(np.zeros(0)) ** 2))]
    start = np.array([((one.low + one.high) / 2 if one.start is None else one.start) for one in unknown.values()])
    fit = least_squares(residual, (start - low) / (high - low), bounds=(0, 1), diff_step=1e-5, x_scale="jac")
    if not is_stated:
        freedom = len(measured) - len(unknown)
        scatter = float(2 * fit.cost / freedom) if freedom > 0 else math.inf
    else:
        scatter = 1.0
    information = fit.jac.T @ fit.jac
    spread = np.full(len(unknown), np.inf)
    if np.linalg.cond(information) < 1e12 and math.isfinite(scatter):
        spread = np.sqrt(scatter * np.diag(np.linalg.inv(information)))
    widths = {name: float(spread[k] * (high[k] - low[k])) * units[name].factor for k, name in enumerate(unknown)}
    return well(fit.x), widths, [float(2 * fit.cost / len(measured))]


def _checked(well: _Well, states: States) -> Check:
    start = time.process_time()
    n = len(states.energies)
    fine, coarse = well.checked(n, _INTERVALS), well.checked(n, _INTERVALS // 2)
    return Check(
        intervals=_INTERVALS,
        difference=float(np.abs(fine / states.energies - 1).max()),
        # At a jump of the potential the scheme is of first order: halving the steps halves the error.
        own_error=float(np.abs(fine - coarse).max() / np.abs(fine).max()) / (1 if well.jumps else 3),
        cpu_seconds=time.process_time() - start,
    )


def _doubts(
    unknown: Mapping[str, UnknownNumber],
    found: Mapping[str, float],
    deviations: Mapping[str, float],
    units: Mapping[str, Unit],
) -> list[str]:
    doubts = []
    for name, one in unknown.items():
        if not deviations[name] < _UNKNOWN * abs(found[name]):
            doubts.append(f"{name} cannot be identified from these levels")
        value = found[name] / units[name].factor
        if min(value - one.low, one.high - value) < 1e-3 * (one.high - one.low):
            doubts.append(f"{name} ended at a bound of its range; its deviation does not hold there")
    return doubts


def _unbound(problem: Problem, well: _Well, states: States) -> list[str]:
    """Levels that only an end of the domain holds, where no condition says that it is a wall."""
    faces = {one.face for one in problem.conditions}
    ends = well.potential(np.array([well.low, well.high]))
    open_ends = [float(v) for face, v in zip(("x=low", "x=high"), ends, strict=True) if face not in faces]
    if not open_ends:
        return []
    loose = [str(k) for k, e in enumerate(states.energies, start=1) if e >= min(open_ends)]
    if not loose:
        return []
    return [f"level {', '.join(loose)} is not bound by the potential: only the end of the domain holds it"]
