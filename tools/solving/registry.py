"""The problems that come with the package: each a short function that returns a complete record.

Knows records. Must not know solvers. A problem file names one and says what differs.
"""

from __future__ import annotations

from collections.abc import Callable

from ...memory.errors import UserError
from .problem import Condition, FieldOf, Interval, Known, Points, Problem, UnknownFunction, UnknownNumber

PROBLEMS: dict[str, Callable[[], Problem]] = {}


def registered(make: Callable[[], Problem]) -> Callable[[], Problem]:
    """Register a function under the name of the problem it returns."""
    PROBLEMS[make.__name__] = make
    return make


def problem_named(name: str) -> Problem:
    """The registered problem of a name.

    Raises:
        UserError: There is none.
    """
    if name not in PROBLEMS:
        raise UserError(f"problem {name!r} is not registered; {', '.join(PROBLEMS)} are allowed")
    return PROBLEMS[name]()


def _x_and_t(length: float, duration: float, x: str = "1", t: str = "1") -> dict[str, Interval]:
    return {"x": Interval(low=0, high=length, unit=x), "t": Interval(low=0, high=duration, unit=t)}


@registered
def heat() -> Problem:
    """A cooling sine between cold walls; exact: exp(−π² a t) sin(π x)."""
    return Problem(
        name="heat",
        equation="heat",
        field=FieldOf(name="temperature"),
        domain=_x_and_t(1, 1),
        parameters={"diffusivity": Known(value=0.4)},
        conditions=(
            Condition(face="x=low", value=0.0),
            Condition(face="x=high", value=0.0),
            Condition(face="t=low", value="sin(pi*x)"),
        ),
    )


@registered
def diffusivity() -> Problem:
    """The same with an unknown diffusivity, for measured temperatures anywhere."""
    return heat().model_copy(
        update={"name": "diffusivity", "parameters": {"diffusivity": UnknownNumber(low=1e-3, high=1e3)}}
    )


@registered
def steady() -> Problem:
    """Conduction with a source and k = 1 + x where only data hold the field; exact: sin(π x) + x/2."""
    return Problem(
        name="steady",
        equation="conduction",
        field=FieldOf(name="temperature"),
        domain={"x": Interval(low=0, high=1)},
        parameters={
            "conductivity": Known(value="1 + x"),
            "source": Known(value="-(pi*cos(pi*x) + 0.5 - (1 + x)*pi**2*sin(pi*x))"),
        },
        data=Points(
            columns={"x": (0.0, 0.25, 0.5, 0.75, 1.0)},
            values=(0.0, 0.5**0.5 + 0.125, 1.25, 0.5**0.5 + 0.375, 0.5),
            deviation=0.0,
        ),
    )


@registered
def poisson() -> Problem:
    """A square with cold edges; exact: sin(π x) sin(π y)."""
    edges = ("x=low", "x=high", "y=low", "y=high")
    return Problem(
        name="poisson",
        equation="poisson",
        field=FieldOf(name="u"),
        domain={"x": Interval(low=0, high=1), "y": Interval(low=0, high=1)},
        parameters={"source": Known(value="2*pi**2*sin(pi*x)*sin(pi*y)")},
        conditions=tuple(Condition(face=edge, value=0.0) for edge in edges),
    )


@registered
def laser_flash() -> Problem:
    """A slab flashed on its front, its rear face watched: thickness and pulse are known, the diffusivity is inferred.

    The detector is taken for linear only: its level before the flash and the rise without losses are inferred. The
    search starts at the diffusivity that half the rise tells (Parker et al., J. Appl. Phys. 32, 1679, 1961).
    """
    flash = "rise*thickness/diffusivity * t/pulse**2*exp(-t/pulse)"
    return Problem(
        name="laser_flash",
        equation="heat",
        field=FieldOf(name="temperature", unit="K"),
        domain=_x_and_t(1.0, 0.2, "mm", "s"),
        ends={"x": "thickness"},
        parameters={
            "diffusivity": UnknownNumber(low=0.01, high=2000, start="0.1388*thickness**2/half_time", unit="mm2/s"),
            "loss": UnknownNumber(low=1e-4, high=5, start=0.1, unit="1/mm"),
            "rise": UnknownNumber(low=0, high=100, start="height", unit="K"),
            "ambient": UnknownNumber(low=-100, high=100, start="level", unit="K"),
            "thickness": Known(value=1.0, unit="mm"),
            "pulse": Known(value=0.001, unit="s"),
        },
        conditions=(
            Condition(face="t=low", value="ambient"),
            Condition(face="x=low", law=f"u_x + {flash} - loss*(u - ambient)"),
            Condition(face="x=high", law="u_x + loss*(u - ambient)"),
        ),
        sensor={"x": "high"},
        tolerance=1e-3,
        shortest_time="pulse",
    )


@registered
def angstrom() -> Problem:
    """A rod heated periodically at one end, insulated at the other, watched for one period; its loss is unknown."""
    return Problem(
        name="angstrom",
        equation="fin",
        field=FieldOf(name="temperature", unit="K", scale=1.0),
        domain=_x_and_t(30, 60, "mm", "s"),
        ends={"t": "period"},
        parameters={
            "diffusivity": UnknownNumber(low=0.1, high=1000, start=10, unit="mm2/s"),
            "loss": UnknownNumber(low=1e-5, high=1, start=1e-3, unit="1/s"),
            "amplitude": Known(value=1.0, unit="K"),
            "period": Known(value=60.0, unit="s"),
        },
        conditions=(
            Condition(face="x=low", law="u - amplitude*cos(2*pi*t/period)"),
            Condition(face="x=high", law="u_x"),
            Condition(face="t", periodic=True),
        ),
        tolerance=1e-4,
    )


@registered
def burgers() -> Problem:
    """A wave that steepens into a shock of width 0.01; known by the Cole-Hopf transform."""
    return Problem(
        name="burgers",
        equation="burgers",
        field=FieldOf(name="u"),
        domain={"x": Interval(low=-1, high=1), "t": Interval(low=0, high=1)},
        parameters={"viscosity": Known(value=0.01 / 3.141592653589793)},
        conditions=(
            Condition(face="x=low", value=0.0),
            Condition(face="x=high", value=0.0),
            Condition(face="t=low", value="-sin(pi*x)"),
        ),
        tolerance=1e-4,
    )


@registered
def allen_cahn() -> Problem:
    """Phases that separate, with periodic ends; a spectral series is the reference."""
    return Problem(
        name="allen_cahn",
        equation="allen_cahn",
        field=FieldOf(name="phase"),
        domain={"x": Interval(low=-1, high=1), "t": Interval(low=0, high=1)},
        parameters={"diffusivity": Known(value=1e-4), "rate": Known(value=5.0)},
        conditions=(Condition(face="x", periodic=True), Condition(face="t=low", value="x**2*cos(pi*x)")),
        tolerance=1e-3,
    )


@registered
def fisher() -> Problem:
    """The front of a growing population; exact: (1 + exp((x − 5t/√6)/√6))⁻²."""
    front = "(1 + exp((x - 5*t/sqrt(6))/sqrt(6)))**(-2)"
    return Problem(
        name="fisher",
        equation="fisher",
        field=FieldOf(name="share"),
        domain={"x": Interval(low=-5, high=10), "t": Interval(low=0, high=2)},
        parameters={"diffusivity": Known(value=1.0), "rate": Known(value=1.0)},
        conditions=tuple(Condition(face=face, value=front) for face in ("x=low", "x=high", "t=low")),
    )


@registered
def heat_2d() -> Problem:
    """A cooling plate with cold edges; exact: exp(−2π² a t) sin(π x) sin(π y)."""
    edges = ("x=low", "x=high", "y=low", "y=high")
    return Problem(
        name="heat_2d",
        equation="heat",
        field=FieldOf(name="temperature"),
        domain={name: Interval(low=0, high=1) for name in "xyt"},
        parameters={"diffusivity": Known(value=0.1)},
        conditions=(
            *(Condition(face=edge, value=0.0) for edge in edges),
            Condition(face="t=low", value="sin(pi*x)*sin(pi*y)"),
        ),
        tolerance=1e-4,
    )


@registered
def diffusion() -> Problem:
    """Fick's law between closed ends, the diffusion coefficient unknown, for concentrations measured anywhere."""
    return Problem(
        name="diffusion",
        equation="diffusion",
        field=FieldOf(name="concentration", unit="mol/m3"),
        domain=_x_and_t(100, 10, "um", "h"),
        parameters={"diffusivity": UnknownNumber(low=1e-3, high=1e3, start=1, unit="um2/s")},
        conditions=(
            Condition(face="x=low", law="u_x"),
            Condition(face="x=high", law="u_x"),
            Condition(face="t=low", value="1 + cos(pi*x/1e-4)"),
        ),
        tolerance=1e-4,
    )


@registered
def sorption() -> Problem:
    """An empty sheet whose faces are exposed at once; the jump in the corner is kept by two error functions."""
    width = "(2*sqrt(diffusivity*t + 1e-12*thickness**2))"
    return Problem(
        name="sorption",
        equation="diffusion",
        field=FieldOf(name="concentration"),
        domain={"x": Interval(low=0, high=1), "t": Interval(low=0, high=0.5)},
        ends={"x": "thickness"},
        parameters={"diffusivity": Known(value=1.0), "thickness": Known(value=1.0)},
        conditions=(
            Condition(face="x=low", value=1.0),
            Condition(face="x=high", value=1.0),
            Condition(face="t=low", value=0.0),
        ),
        lift=f"erfc(x/{width}) + erfc((thickness - x)/{width})",
        tolerance=1e-4,
    )


@registered
def depth_profile() -> Problem:
    """A profile over depth after some time at a constant surface; exact where nothing has come through: erfc."""
    return Problem(
        name="depth_profile",
        equation="diffusion",
        field=FieldOf(name="concentration", unit="mol/m3"),
        domain=_x_and_t(100, 1, "um", "h"),
        ends={"x": "depth", "t": "duration"},
        parameters={
            "diffusivity": UnknownNumber(low=1e-6, high=1e3, start="depth**2/(100*duration)", unit="um2/s"),
            "surface": UnknownNumber(low=0, high=1e5, start=1, unit="mol/m3"),
            "depth": Known(value=100, unit="um"),
            "duration": Known(value=1, unit="h"),
        },
        conditions=(
            Condition(face="x=low", value="surface"),
            Condition(face="x=high", law="u_x"),
            Condition(face="t=low", value=0.0),
        ),
        sensor={"t": "high"},
        lift="surface*erfc(x/(2*sqrt(diffusivity*t + 1e-12*depth**2)))",
        tolerance=1e-3,
    )


@registered
def junction() -> Problem:
    """An abrupt p-n junction of silicon at 300 K in equilibrium; its ends are neutral: φ = V_T asinh(doping/2 n_i)."""
    return Problem(
        name="junction",
        equation="junction",
        field=FieldOf(name="potential", unit="V"),
        domain={"x": Interval(low=-1, high=1, unit="um")},
        parameters={
            "permittivity": Known(value=1.0359e-10, unit="F/m"),
            "charge": Known(value=1.602176634e-19, unit="C"),
            "intrinsic_density": Known(value=1e16, unit="1/m3"),
            "thermal_voltage": Known(value=0.025852, unit="V"),
            "doping": Known(value="1e22*tanh(x/2e-8)", unit="1/m3"),
        },
        conditions=(Condition(face="x=low", value=-0.35716), Condition(face="x=high", value=0.35716)),
        lift="0.35716*tanh(x/1e-7)",
        tolerance=3e-4,
    )


@registered
def unipolar() -> Problem:
    """A film that carries electrons only, between two ohmic contacts: drift, diffusion and their own space charge.

    The current is given and the potential is solved for; a voltage measured at `x=high` tells the mobility. The first
    guess is the potential of a space-charge-limited current (N. F. Mott, R. W. Gurney, Oxford, 1940), begun inside the
    contact.
    """
    start = "(2/3)*sqrt(2*current/(permittivity*mobility))"
    return Problem(
        name="unipolar",
        equation="unipolar",
        field=FieldOf(name="potential", unit="V", scale=1.0),
        domain={"x": Interval(low=0, high=100, unit="nm")},
        ends={"x": "thickness"},
        parameters={
            "mobility": Known(value=1e-4, unit="cm2/(V s)"),
            "current": Known(value=10.0, unit="A/m2"),
            "permittivity": Known(value=2.65626e-11, unit="F/m"),
            "charge": Known(value=1.602176634e-19, unit="C"),
            "thermal_voltage": Known(value=0.025852, unit="V"),
            "contact_density": Known(value=1e22, unit="1/m3"),
            "thickness": Known(value=100, unit="nm"),
        },
        conditions=(
            Condition(face="x=low", value=0.0),
            Condition(face="x=low", law="u_xx - charge/permittivity*contact_density"),
            Condition(face="x=high", law="u_xx - charge/permittivity*contact_density"),
        ),
        lift=f"{start}*((x + thickness/10)**1.5 - (thickness/10)**1.5)",
    )


def _well(name: str, low: float, high: float, potential: str, hard: str, jumps: tuple[str, ...] = ()) -> Problem:
    """A well for electrons of GaAs's effective mass; nanometres, electron volts."""
    return Problem(
        name=name,
        equation="schroedinger",
        field=FieldOf(name="energy", unit="eV"),
        domain={"x": Interval(low=low, high=high, unit="nm")},
        parameters={
            "mass": Known(value=0.067, unit="m_e"),
            "potential": Known(value=potential, unit="J"),
        },
        conditions=tuple(Condition(face=f"x={side}", value=0.0) for side in hard.split()),
        jumps=jumps,
    )


@registered
def infinite_well() -> Problem:
    """A particle between hard walls: E_n = n² π² ħ²/(2 m L²)."""
    return _well("infinite_well", 0, 10, "0", "low high")


@registered
def finite_well() -> Problem:
    """A layer between two barriers; its levels are the roots of k tan(k L/2) = κ and −k cot(k L/2) = κ."""
    problem = _well("finite_well", -25, 25, "depth*step(abs(x) - width/2)", "", ("-width/2", "width/2"))
    own = {"depth": Known(value=0.3, unit="eV"), "width": Known(value=10.0, unit="nm")}
    return problem.model_copy(update={"parameters": problem.parameters | own})


@registered
def triangular_well() -> Problem:
    """A particle that a field holds at a hard wall: levels at the zeros of the Airy function."""
    problem = _well("triangular_well", 0, 80, "charge*field*x", "low")
    own = {"charge": Known(value=1.602176634e-19, unit="C"), "field": Known(value=10.0, unit="MV/m")}
    return problem.model_copy(update={"parameters": problem.parameters | own})


@registered
def graded_conductivity() -> Problem:
    """A sample whose conductivity varies with depth, inferred as a function from temperatures along it."""
    return Problem(
        name="graded_conductivity",
        equation="conduction",
        field=FieldOf(name="temperature", unit="K"),
        domain={"x": Interval(low=0, high=10, unit="mm")},
        parameters={
            "conductivity": UnknownFunction(argument="x", unit="W/(m K)", start=1.0, spread=0.7, terms=8),
            "source": Known(value=2e6, unit="W/m3"),
        },
        conditions=(Condition(face="x=low", value=0.0), Condition(face="x=high", value=0.0)),
        tolerance=1e-4,
    )
