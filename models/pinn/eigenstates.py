"""Stationary states of a particle in a well: Rayleigh-Ritz with tanh features.

Knows numpy. Must not know units: masses and energies come in one coherent system.

−(ħ²/2m) ψ'' + V ψ = E ψ on [low, high], ψ zero at both ends. With features φ that vanish there, the energies are the
least values of the Rayleigh quotient: K c = E M c, K = ∫ (ħ²/2m φ'φ' + V φφ), M = ∫ φφ, by Gauss-Legendre quadrature
between the potential's jumps. So each energy lies above the exact one.
Source: J. K. L. MacDonald, Phys. Rev. 43, 830 (1933), doi:10.1103/PhysRev.43.830.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from .features import draw_tanh

Array = NDArray[np.float64]
_NODES = 80
_CUT = 1e-11
_STEEPNESS = 6.0


@dataclass(frozen=True)
class States:
    """The lowest states.

    Attributes:
        energies: Rising, `(n_states,)`.
        places: Quadrature points, `(n_points,)`.
        waves: Normalised wave functions there, `(n_states, n_points)`; each starts upwards.
        error: Greatest relative difference of an energy between two draws of features.
    """

    energies: Array
    places: Array
    waves: Array
    error: float


def eigenstates(
    potential: Callable[[Array], Array],
    low: float,
    high: float,
    kinetic: float,
    jumps: Sequence[float],
    n_states: int,
    n_features: int = 80,
    seed: int = 0,
) -> States:
    """Find the lowest states.

    Args:
        potential: V at places `(n_points,)`.
        low: Where the wave function ends.
        high: The other end.
        kinetic: ħ²/2m.
        jumps: Places between the ends at which the potential jumps: features bend there, too.
        n_states: How many.
        n_features: Tanh functions for each piece between jumps.
        seed: Of the features.
    """
    first, second = (_ritz(potential, low, high, kinetic, jumps, n_states, n_features, 2 * seed + k) for k in range(2))
    error = float(np.abs(first[0] / second[0] - 1).max())
    energies, places, waves = min(first, second, key=lambda found: float(found[0].sum()))
    rising = np.sign(waves[:, 1] * (places[1] > low))
    return States(energies, places, waves * rising[:, None], error)


def _ritz(
    potential: Callable[[Array], Array],
    low: float,
    high: float,
    kinetic: float,
    jumps: Sequence[float],
    n_states: int,
    n_features: int,
    seed: int,
) -> tuple[Array, Array, Array]:
    ends = (np.array([low, *sorted(jumps), high]) - low) / (high - low)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    z = np.concatenate([a + (b - a) * (nodes + 1) / 2 for a, b in pairwise(ends)])
    w = np.concatenate([(b - a) / 2 * weights for a, b in pairwise(ends)])
    plain, slopes = draw_tanh(1, n_features, _STEEPNESS, seed).jets(z[:, None], [(0,), (1,)])
    parts, rising = [plain], [slopes]
    for a in ends[1:-1]:
        # The second derivative jumps with the potential: features times the square of the distance beyond do the same.
        beyond = np.maximum(z - a, 0.0)[:, None]
        parts.append(beyond**2 * plain)
        rising.append(2 * beyond * plain + beyond**2 * slopes)
    values, derivatives = np.hstack(parts), np.hstack(rising)
    mask, tilt = (z * (1 - z))[:, None], (1 - 2 * z)[:, None]
    derivatives = tilt * values + mask * derivatives
    values = mask * values
    # Orthonormal combinations of the features, those that are numerically nothing left out.
    root = np.sqrt(w)[:, None]
    size = np.linalg.norm(root * values, axis=0)
    q, s, turned = np.linalg.svd(root * values / size, full_matrices=False)
    keep = s > _CUT * s[0]
    mixing = (turned[keep].T / s[keep]) / size[:, None]
    length = high - low
    rates = root * (derivatives @ mixing) / length
    own = q[:, keep]
    hamiltonian = kinetic * rates.T @ rates + own.T @ (potential(low + length * z)[:, None] * own)
    energies, vectors = np.linalg.eigh((hamiltonian + hamiltonian.T) / 2)
    waves = ((own @ vectors[:, :n_states]) / root / np.sqrt(length)).T
    return energies[:n_states], low + length * z, waves


def finite_difference_energies(
    potential: Callable[[Array], Array], low: float, high: float, kinetic: float, n_states: int, n: int = 2000
) -> Array:
    """The same energies by central differences on `n` intervals, `(n_states,)`: an error of order 1/n²."""
    x = np.linspace(low, high, n + 1)[1:-1]
    h = (high - low) / n
    diagonal = 2 * kinetic / h**2 + potential(x)
    found: Array = eigh_tridiagonal(
        diagonal, np.full(len(x) - 1, -kinetic / h**2), eigvals_only=True, select="i", select_range=(0, n_states - 1)
    )
    return found
