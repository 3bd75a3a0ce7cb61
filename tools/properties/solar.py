"""The Shockley-Queisser limit: what share of sunlight a solar cell of a given band gap can turn into power at most.

Knows the standard solar spectrum (ASTM G173-03, AM1.5 global tilt, from pvlib) and detailed balance. Knows no
crystals and no predictor.

Shockley and Queisser, J. Appl. Phys. 32, 510 (1961), doi:10.1063/1.1736034, with the measured spectrum and the
conventions of Rühle, Sol. Energy 130, 139 (2016), doi:10.1016/j.solener.2016.02.015: one sun, 298.15 K, every photon
above the gap makes one electron-hole pair, all recombination is radiative, and the flat cell emits through its front
alone (a perfect mirror lies behind), into the half space. With x = E_g/kT the photons of a black body above the gap
make the current

    J_0 = q 2π/(h³c²) ∫_Eg^∞ E² / (exp(E/kT) - 1) dE = q 2π(kT)³/(h³c²) Σ_n exp(-nx) (x²/n + 2x/n² + 2/n³),

and P = V (J_sc - J_0 (exp(qV/kT) - 1)) is largest at qV/kT = W(e (1 + J_sc/J_0)) - 1, with Lambert's W.

| symbol | variable |
|--------|----------|
| E_g, eV | `gap` |
| kT, eV | `THERMAL_ENERGY` |
| J_sc, current of the absorbed sunlight, A/m² | `sunlight` |
| J_0, current that radiative recombination takes away in the dark, A/m² | `dark` |
| qV/kT at the largest power | `voltage` |
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

TEMPERATURE = 298.15
"""K"""
CHARGE = 1.602176634e-19
"""C"""
PLANCK = 6.62607015e-34
"""J s"""
LIGHT = 299792458.0
"""m/s"""
BOLTZMANN = 1.380649e-23
"""J/K"""
THERMAL_ENERGY = BOLTZMANN * TEMPERATURE / CHARGE
"""eV"""
ELECTRONVOLT_NANOMETRES = PLANCK * LIGHT / CHARGE * 1e9
"""Energy of a photon times its wavelength."""
TERMS = 400
"""Of the series for the black body's photons; it ends within a millionth of its sum at any gap."""
STEP = 0.002
"""eV, between the gaps of the table; the limit changes by 0.11 percentage points at most from one to the next."""
POINTS = 64
"""Equally probable gaps that an expected limit is the mean over."""


def efficiency_limit(gap: ArrayLike) -> Array:
    """Largest efficiency of a single-junction cell, %, of the shape of `gap`; 0 for a metal, whose gap is 0.

    Args:
        gap: Band gap in eV, zero or above.
    """
    gaps, limits = _table()
    limit: Array = np.interp(np.asarray(gap, dtype=float), gaps, limits)
    return limit


def expected_limit(mean: ArrayLike, deviation: ArrayLike, metal_probability: ArrayLike) -> tuple[Array, Array]:
    """Mean and standard deviation of the limit where the gap is not known but predicted, each `(n_crystals,)` in %.

    A crystal is a metal with the probability stated, and its limit is 0; else its gap is normally distributed about
    the predicted mean, cut off at 0. The limit of an uncertain gap is expected to be lower than the limit at its mean
    wherever that lies near the optimum, because whichever way the gap errs the limit falls.

    Args:
        mean: Predicted band gaps in eV, `(n_crystals,)`.
        deviation: Their standard deviations in eV, `(n_crystals,)`.
        metal_probability: `(n_crystals,)`.
    """
    from scipy.special import ndtr, ndtri

    centre, width = np.atleast_1d(mean).astype(float)[:, None], np.atleast_1d(deviation).astype(float)[:, None]
    width = np.maximum(width, 1e-9)
    share = 1 - np.atleast_1d(metal_probability).astype(float)
    cut = ndtr(-centre / width)
    rank = (np.arange(POINTS) + 0.5) / POINTS
    limits = efficiency_limit(np.maximum(centre + width * ndtri(cut + (1 - cut) * rank), 0.0))
    expected = share * limits.mean(axis=1)
    variance = share * (limits**2).mean(axis=1) - expected**2
    return expected, np.sqrt(np.maximum(variance, 0.0))


@lru_cache(maxsize=1)
def _table() -> tuple[Array, Array]:
    """Gaps in eV from 0 to the most energetic light there is, and their limits in %."""
    from scipy.special import lambertw

    wavelengths, current, power = _spectrum()
    largest = ELECTRONVOLT_NANOMETRES / wavelengths[0]
    gap = np.append(np.arange(STEP, largest, STEP), largest)
    sunlight = np.interp(ELECTRONVOLT_NANOMETRES / gap, wavelengths, current)
    dark = _dark_current(gap)
    voltage = lambertw(np.e * (1 + sunlight / dark)).real - 1
    produced = THERMAL_ENERGY * voltage * (sunlight - dark * np.expm1(voltage))
    return np.append(0.0, gap), np.append(0.0, 100 * produced / power)


def _dark_current(gap: Array) -> Array:
    """J_0 in A/m² for gaps in eV."""
    x = gap[..., None] / THERMAL_ENERGY
    n = np.arange(1, TERMS + 1)
    series: Array = (np.exp(-n * x) * (x**2 / n + 2 * x / n**2 + 2 / n**3)).sum(axis=-1)
    return CHARGE * 2 * np.pi * (BOLTZMANN * TEMPERATURE) ** 3 / (PLANCK**3 * LIGHT**2) * series


@lru_cache(maxsize=1)
def _spectrum() -> tuple[Array, Array, float]:
    """Wavelengths in nm, the current in A/m² of all light up to each of them, and the power of all light in W/m²."""
    from pvlib.spectrum import get_reference_spectra

    table = get_reference_spectra(standard="ASTM G173-03")["global"]
    wavelengths, power = table.index.to_numpy(dtype=float), table.to_numpy(dtype=float)
    per_photon = power * wavelengths * 1e-9 * CHARGE / (PLANCK * LIGHT)
    steps = np.diff(wavelengths)
    current = np.concatenate([[0.0], np.cumsum(steps * (per_photon[1:] + per_photon[:-1]) / 2)])
    return wavelengths, current, float((steps * (power[1:] + power[:-1]) / 2).sum())
