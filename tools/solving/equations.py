"""The equations that are registered: each a residual of the field, its derivatives, coordinates and parameters.

Knows arithmetic of tensors, so that it need not load torch. Must not know domains, data or solvers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Residual = Callable[[Any, Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Equation:
    """One equation.

    Attributes:
        name: As problem files call it.
        formula: As it is written, with the parameters' names.
        residual: Zero where the equation holds.
        space: Space coordinates that it can have, by number.
        is_transient: Whether the time is among its coordinates.
        first: Whether first derivatives by space are read.
        third: Whether third derivatives are.
        parameters: What each stands for.
        functions: Parameters that are functions of a coordinate or of the field.
        defaults: Values of parameters that may be left out.
    """

    name: str
    formula: str
    residual: Residual
    space: tuple[int, ...]
    is_transient: bool
    first: bool
    parameters: Mapping[str, str]
    functions: frozenset[str] = frozenset()
    defaults: Mapping[str, float] = field(default_factory=dict)
    third: bool = False

    def derivatives(self, coordinates: tuple[str, ...]) -> tuple[str, ...]:
        """Those that the residual reads, for these coordinates."""
        space = [name for name in coordinates if name != "t"]
        return (
            *(["t"] if self.is_transient else []),
            *(space if self.first else []),
            *(2 * name for name in space),
            *(3 * name for name in space if self.third),
        )


EQUATIONS: dict[str, Equation] = {}


def _register(equation: Equation) -> None:
    EQUATIONS[equation.name] = equation


def _laplacian(du: Mapping[str, Any]) -> Any:
    return sum(value for name, value in du.items() if len(name) == 2 and name[0] == name[1])


def _heat(_u: Any, du: Mapping[str, Any], _at: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    return du["t"] - p["diffusivity"] * _laplacian(du) - p["source"]


def _fin(u: Any, du: Mapping[str, Any], _at: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    return du["t"] - p["diffusivity"] * _laplacian(du) + p["loss"] * (u - p["ambient"])


def _spread(u: Any, du: Mapping[str, Any], at: Mapping[str, Any], curve: Any) -> Any:
    """(k u_x)_x = k u_xx + k' s_x u_x, where k depends on s: on the place, or on the field itself."""
    if curve.argument == "u":
        return curve(u) * du["xx"] + curve.slope(u) * du["x"] ** 2
    return curve(at[curve.argument]) * du["xx"] + curve.slope(at[curve.argument]) * du["x"]


def _conduction(u: Any, du: Mapping[str, Any], at: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    return -_spread(u, du, at, p["conductivity"]) - p["source"]


def _diffusion(u: Any, du: Mapping[str, Any], at: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    return du["t"] - _spread(u, du, at, p["diffusivity"])


def _poisson(_u: Any, du: Mapping[str, Any], _at: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    return -_laplacian(du) - p["source"]


def _burgers(u: Any, du: Mapping[str, Any], _at: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    return du["t"] + u * du["x"] - p["viscosity"] * du["xx"]


def _allen_cahn(u: Any, du: Mapping[str, Any], _at: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    return du["t"] - p["diffusivity"] * _laplacian(du) - p["rate"] * (u - u**3)


def _fisher(u: Any, du: Mapping[str, Any], _at: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    return du["t"] - p["diffusivity"] * _laplacian(du) - p["rate"] * u * (1 - u)


def _junction(u: Any, du: Mapping[str, Any], _at: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    """Both carriers in equilibrium: n, p = n_i exp(±φ/V_T), so that p − n = −2 n_i sinh(φ/V_T)."""
    carriers = 2 * p["intrinsic_density"] * (u / p["thermal_voltage"]).sinh()
    return p["permittivity"] * du["xx"] - p["charge"] * (carriers - p["doping"])


def _unipolar(_u: Any, du: Mapping[str, Any], _at: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    """Drift and diffusion of electrons, their density from Poisson's equation: n = donors + (ε/e) φ''."""
    per_charge = p["permittivity"] / p["charge"]
    density = p["donors"] + per_charge * du["xx"]
    flow = density * du["x"] - p["thermal_voltage"] * per_charge * du["xxx"]
    return p["charge"] * p["mobility"] * flow - p["current"]


_register(
    Equation(
        "heat", "u_t = diffusivity · Δu + source", _heat, (1, 2), True, False,
        {"diffusivity": "thermal diffusivity", "source": "heating rate"}, defaults={"source": 0.0},
    )
)  # fmt: skip
_register(
    Equation(
        "fin", "u_t = diffusivity · Δu − loss · (u − ambient)", _fin, (1, 2), True, False,
        {"diffusivity": "thermal diffusivity", "loss": "rate of loss to the surroundings", "ambient": "their value"},
        defaults={"ambient": 0.0},
    )
)  # fmt: skip
_register(
    Equation(
        "conduction", "−(conductivity · u_x)_x = source", _conduction, (1,), False, True,
        {"conductivity": "of x or u", "source": "power per volume"}, frozenset({"conductivity"}), {"source": 0.0},
    )
)  # fmt: skip
_register(
    Equation(
        "diffusion", "u_t = (diffusivity · u_x)_x", _diffusion, (1,), True, True,
        {"diffusivity": "of x or u"}, frozenset({"diffusivity"}),
    )
)  # fmt: skip
_register(Equation("poisson", "−Δu = source", _poisson, (1, 2), False, False, {"source": "right-hand side"}))
_register(
    Equation(
        "burgers", "u_t + u u_x = viscosity · u_xx", _burgers, (1,), True, True, {"viscosity": "kinematic viscosity"}
    )
)
_register(
    Equation(
        "allen_cahn", "u_t = diffusivity · Δu + rate · (u − u³)", _allen_cahn, (1, 2), True, False,
        {"diffusivity": "mobility times the square of the interface's width", "rate": "of phase separation"},
    )
)  # fmt: skip
_register(
    Equation(
        "fisher", "u_t = diffusivity · Δu + rate · u (1 − u)", _fisher, (1, 2), True, False,
        {"diffusivity": "of spreading", "rate": "of growth"},
    )
)  # fmt: skip
_register(
    Equation(
        "junction", "permittivity · u_xx = charge · (2 n_i sinh(u/V_T) − doping)", _junction, (1,), False, False,
        {
            "permittivity": "of the semiconductor", "charge": "elementary charge", "intrinsic_density": "n_i",
            "thermal_voltage": "V_T = k T / e", "doping": "donors less acceptors, a formula of x",
        },
    )
)  # fmt: skip
_register(
    Equation(
        "unipolar", "charge · mobility · (n u_x − V_T n_x) = current, n = donors + permittivity/charge · u_xx",
        _unipolar, (1,), False, True,
        {
            "mobility": "of electrons", "current": "density, against x", "permittivity": "of the semiconductor",
            "charge": "elementary charge", "thermal_voltage": "V_T = k T / e", "donors": "fixed positive charges",
        },
        defaults={"donors": 0.0}, third=True,
    )
)  # fmt: skip
