"""Known answers: closed forms and fast series for problems that are registered, for checks and simulated instruments.

Knows numpy. Must not know solvers.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial.hermite import hermgauss
from numpy.typing import NDArray
from scipy.optimize import brentq

Array = NDArray[np.float64]


def laser_flash(t: Array, diffusivity: float, thickness: float, biot: float, pulse: float, rise: float = 1.0) -> Array:
    """Temperature rise of a slab's rear face after a flash on its front, `(n_times,)`.

    T(L, t) = ΔT Σ X_n(1)/N_n · p_n(t) with λ_n = μ_n² a/L², the roots of (μ² − B²) sin μ = 2 B μ cos μ, eigenfunctions
    X(ξ) = cos μξ + (B/μ) sin μξ of norm N = (μ² + B² + 2B)/(2μ²), and the convolution of exp(−λ t) with the pulse
    t/τ² exp(−t/τ), p = (exp(−λt) − exp(−t/τ)(1 + b t))/(b τ)² where b = 1/τ − λ.

    | symbol | variable |
    |---|---|
    | a | `diffusivity`, m²/s |
    | L | `thickness`, m |
    | B | `biot` = heat loss · thickness, both faces |
    | τ | `pulse`, s: time of the flash's greatest power |
    | ΔT | `rise`, without losses |

    Sources: W. J. Parker et al., J. Appl. Phys. 32, 1679 (1961), doi:10.1063/1.1728417; heat loss R. D. Cowan,
    J. Appl. Phys. 34, 926 (1963), doi:10.1063/1.1729564; pulse K. B. Larson, K. Koyama, J. Appl. Phys. 38, 465 (1967),
    doi:10.1063/1.1709360.
    """
    found = np.zeros_like(t)
    for n in range(200):
        mu = _root(n, biot)
        rate = mu**2 * diffusivity / thickness**2
        if mu > 0:
            last = np.cos(mu) + biot / mu * np.sin(mu)
            norm = (mu**2 + biot**2 + 2 * biot) / (2 * mu**2)
        else:
            last, norm = 1.0, 1.0
        slower = 1 / pulse - rate
        if abs(slower * pulse) < 1e-7:
            slower = 1e-7 / pulse
        found += last / norm * (np.exp(-rate * t) - np.exp(-t / pulse) * (1 + slower * t)) / (slower * pulse) ** 2
    return rise * found


def _root(n: int, biot: float) -> float:
    """The n-th root of (μ² − B²) sin μ − 2 B μ cos μ, counted from the one that B = 0 puts at nπ."""
    if biot == 0:
        return n * np.pi
    found: float = brentq(
        lambda mu: (mu**2 - biot**2) * np.sin(mu) - 2 * biot * mu * np.cos(mu), n * np.pi + 1e-9, (n + 1) * np.pi - 1e-9
    )
    return found


def angstrom(
    x: Array, t: Array, diffusivity: float, loss: float, length: float, frequency: float, amplitude: float = 1.0
) -> Array:
    """Temperature of a rod whose end x = 0 oscillates and whose other end is insulated, `(n_points,)`.

    T = Re[A cosh(q (L − x))/cosh(q L) · exp(i ω t)], q = √((i ω + m)/a): a `diffusivity`, m `loss`, L `length`,
    ω = 2π `frequency`, A `amplitude`.
    Source: H. S. Carslaw, J. C. Jaeger, Conduction of Heat in Solids, Oxford (1959), section 4.9.
    """
    omega = 2 * np.pi * frequency
    q = np.sqrt((1j * omega + loss) / diffusivity)
    found: Array = np.real(amplitude * np.cosh(q * (length - x)) / np.cosh(q * length) * np.exp(1j * omega * t))
    return found


def burgers(x: Array, t: Array, viscosity: float) -> Array:
    """Burgers' equation from −sin(π x), t > 0, by the Cole-Hopf transform and 200 Gauss-Hermite points, `(n_points,)`.

    Source: C. Basdevant et al., Comput. Fluids 14, 23 (1986), doi:10.1016/0045-7930(86)90036-8.
    """
    nodes, weights = hermgauss(200)
    y = x[:, None] - np.sqrt(4 * viscosity * t)[:, None] * nodes
    exponent = -np.cos(np.pi * y) / (2 * np.pi * viscosity)
    shares = weights * np.exp(exponent - exponent.max(axis=1, keepdims=True))
    found: Array = -(shares * np.sin(np.pi * y)).sum(axis=1) / shares.sum(axis=1)
    return found


def fisher(x: Array, t: Array) -> Array:
    """The front of u_t = u_xx + u (1 − u) that runs with speed 5/√6: (1 + exp((x − 5t/√6)/√6))⁻².

    Source: M. J. Ablowitz, A. Zeppetella, Bull. Math. Biol. 41, 835 (1979), doi:10.1007/BF02462380.
    """
    found: Array = (1 + np.exp((x - 5 * t / np.sqrt(6)) / np.sqrt(6))) ** -2
    return found


def sorption(x: Array, t: Array, diffusivity: float, thickness: float) -> Array:
    """Concentration in an empty sheet whose two faces are at 1 from t = 0: 1 − (4/π) Σ sin((2n+1)πx/L) e^…/(2n+1).

    Source: J. Crank, The Mathematics of Diffusion, Oxford (1975), equation 4.17.
    """
    found = np.ones_like(x)
    for n in range(400):
        k = (2 * n + 1) * np.pi / thickness
        found -= 4 / ((2 * n + 1) * np.pi) * np.sin(k * x) * np.exp(-diffusivity * k**2 * t)
    return found


def allen_cahn(
    times: Array, diffusivity: float = 1e-4, rate: float = 5.0, n_points: int = 1024, steps: int = 2000
) -> tuple[Array, Array]:
    """The periodic Allen-Cahn equation on [−1, 1] from x² cos(πx): places `(n_points,)`, field `(n_times, n_points)`.

    Fourier series in space and exponential time differencing of fourth order; times are rounded to the steps, the last
    of which ends at t = 1.
    Source: A.-K. Kassam, L. N. Trefethen, SIAM J. Sci. Comput. 26, 1214 (2005), doi:10.1137/S1064827502410633.
    """
    h = 1 / steps
    x = -1 + 2 * np.arange(n_points) / n_points
    k = np.fft.rfftfreq(n_points, 1 / n_points) * np.pi
    linear = rate - diffusivity * k**2
    # Mean over a circle around each value: the formulas themselves cancel badly near zero.
    circle = h * linear[:, None] + np.exp(1j * np.pi * (np.arange(32) + 0.5) / 32)
    whole, half = np.exp(h * linear), np.exp(h * linear / 2)
    e = np.exp(circle)
    q = h * np.real(((np.exp(circle / 2) - 1) / circle).mean(1))
    f1 = h * np.real(((-4 - circle + e * (4 - 3 * circle + circle**2)) / circle**3).mean(1))
    f2 = h * np.real(((2 + circle + e * (circle - 2)) / circle**3).mean(1))
    f3 = h * np.real(((-4 - 3 * circle - circle**2 + e * (4 - circle)) / circle**3).mean(1))

    def cubic(v: NDArray[np.complex128]) -> NDArray[np.complex128]:
        found: NDArray[np.complex128] = -rate * np.fft.rfft(np.fft.irfft(v, n_points) ** 3)
        return found

    wanted = np.round(times * steps).astype(int)
    v = np.fft.rfft(x**2 * np.cos(np.pi * x))
    rows = {0: np.fft.irfft(v, n_points)}
    for step in range(1, int(wanted.max()) + 1):
        nv = cubic(v)
        a = half * v + q * nv
        na = cubic(a)
        b = half * v + q * na
        nb = cubic(b)
        c = half * a + q * (2 * nb - nv)
        v = whole * v + nv * f1 + 2 * (na + nb) * f2 + cubic(c) * f3
        if step in wanted:
            rows[step] = np.fft.irfft(v, n_points)
    return x, np.stack([rows[step] for step in wanted])
