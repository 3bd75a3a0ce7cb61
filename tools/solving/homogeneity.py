"""Whether the terms of a residual have the same dimension: all must scale alike when a base unit is changed.

Knows residuals and units. Must not know values of this problem: every symbol gets random numbers of size one.

Source: the definition of a dimensionally homogeneous equation, G. I. Barenblatt, Scaling, Cambridge (2003), chapter 1,
doi:10.1017/CBO9780511814921.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...memory.errors import UserError
from ...models.pinn.posed import Residual, ResidualError
from .equations import EQUATIONS
from .problem import Problem, UnknownFunction
from .units import BASE, Unit, written

_N, _CHANGE = 40, 1.7
_TOLERANCE = 1e-8


@dataclass(frozen=True)
class _StandIn:
    """A function of random values and slopes."""

    value: torch.Tensor
    rising: torch.Tensor
    argument: str

    def __call__(self, argument: torch.Tensor) -> torch.Tensor:
        return self.value

    def slope(self, argument: torch.Tensor) -> torch.Tensor:
        return self.rising


def check_homogeneous(
    problem: Problem,
    coordinates: tuple[str, ...],
    coordinate_units: Mapping[str, Unit],
    field_unit: Unit,
    parameter_units: Mapping[str, Unit],
    residual: Residual,
    derivatives: tuple[str, ...],
    functions: frozenset[str],
) -> None:
    """Refuse units that do not fit the equation.

    Raises:
        UserError: The terms do not scale alike; names the units given and the equation.
        ResidualError: The residual cannot be called.
    """
    # A parameter that was left out is zero, which has every dimension.
    given = {name: unit for name, unit in parameter_units.items() if name in problem.parameters}
    absent = [name for name in parameter_units if name not in given]

    def value(base: int | None) -> np.ndarray[Any, np.dtype[np.float64]]:
        rng = np.random.default_rng(7)

        def draw(unit: Unit) -> torch.Tensor:
            by = 1.0 if base is None else _CHANGE ** unit.dimension[base]
            return torch.as_tensor(by * rng.uniform(0.3, 1.0, _N))

        u = draw(field_unit).requires_grad_()
        at = {name: draw(coordinate_units[name]) for name in coordinates}
        du = {}
        for one in derivatives:
            unit = field_unit
            for name in one:
                unit *= coordinate_units[name] ** -1
            du[one] = draw(unit)
        p: dict[str, Any] = {name: torch.zeros(_N, dtype=torch.float64) for name in absent}
        for name, unit in given.items():
            if name in functions:
                parameter = problem.parameters[name]
                argument = parameter.argument if isinstance(parameter, UnknownFunction) else "x"
                by = field_unit if argument == "u" else coordinate_units.get(argument, field_unit)
                p[name] = _StandIn(draw(unit), draw(unit * by**-1), argument)
            else:
                p[name] = draw(unit)
        try:
            found = residual(u, du, at, p)
        except (KeyError, AttributeError, TypeError, RuntimeError, ValueError) as error:
            raise ResidualError(f"the residual failed with {type(error).__name__}: {error}") from error
        if not isinstance(found, torch.Tensor) or found.shape != (_N,):
            shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise ResidualError(f"the residual returned {shape} for {_N} points; a tensor of shape ({_N},) is allowed")
        return found.detach().numpy()

    plain = value(None)
    if not np.isfinite(plain).all() or not plain.all():
        # Random numbers can lie outside a function's domain; this says nothing of the units.
        return
    for base, symbol in enumerate(BASE):
        ratio = value(base) / plain
        if np.ptp(ratio) > _TOLERANCE * np.abs(ratio).max():
            raise UserError(_told(problem, symbol, coordinate_units, field_unit, given))


def _told(
    problem: Problem, symbol: str, coordinates: Mapping[str, Unit], field: Unit, parameters: Mapping[str, Unit]
) -> str:
    formula = EQUATIONS[problem.equation].formula if problem.equation in EQUATIONS else problem.equation
    units = {"u": field, **coordinates, **parameters}
    listed = ", ".join(f"{name} in {written(unit.dimension)}" for name, unit in units.items())
    return f"units do not fit the equation {formula}: its terms differ in their power of {symbol}; given are {listed}"
