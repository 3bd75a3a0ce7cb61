"""The Shockley-Queisser limit against published values and a search without shortcuts."""

from __future__ import annotations

import numpy as np
import pytest
from pvlib.spectrum import get_reference_spectra
from scipy.constants import c, e, h

from athanor.tools.properties.solar import efficiency_limit, expected_limit

KT = 8.617333262e-5 * 298.15  # eV


def searched_limit(gap: float) -> float:
    """The limit in %, by integrating both spectra over photon energy and trying every voltage."""
    table = get_reference_spectra()["global"]
    wavelengths, power = table.index.to_numpy(dtype=float), table.to_numpy(dtype=float)
    energies = 1239.841984 / wavelengths  # eV
    fine = np.linspace(gap, energies.max(), 200_001)
    photons = np.interp(fine, energies[::-1], (power * wavelengths**2 / 1239.841984 / energies)[::-1])
    sunlight = np.trapezoid(photons, fine)  # A/m²
    hot = np.linspace(gap, gap + 3, 200_001)
    dark = 2 * np.pi * e**4 / (h**3 * c**2) * np.trapezoid(hot**2 / np.expm1(hot / KT), hot)
    voltages = np.linspace(0, gap, 200_001)
    produced = (voltages * (sunlight - dark * np.expm1(voltages / KT))).max()
    return float(100 * produced / np.trapezoid(power, wavelengths))


def test_the_largest_limit_is_the_published_one() -> None:
    # Rühle, doi:10.1016/j.solener.2016.02.015: 33.7 % at 1.34 eV.
    gaps = np.arange(0.5, 3.0, 0.001)
    limits = efficiency_limit(gaps)
    assert gaps[limits.argmax()] == pytest.approx(1.34, abs=0.01)
    assert limits.max() == pytest.approx(33.7, abs=0.1)


@pytest.mark.parametrize(("gap", "limit"), [(1.337, 33.7), (1.42, 33.2)], ids=["best", "gallium arsenide"])
def test_published_limits(gap: float, limit: float) -> None:
    assert float(efficiency_limit(gap)) == pytest.approx(limit, abs=0.1)


@pytest.mark.parametrize("gap", [0.67, 1.12, 1.34, 1.8, 2.5])
def test_a_search_without_shortcuts_finds_the_same(gap: float) -> None:
    assert float(efficiency_limit(gap)) == pytest.approx(searched_limit(gap), abs=0.03)


def test_metals_and_what_no_sunlight_excites_give_nothing() -> None:
    np.testing.assert_allclose(efficiency_limit([0.0, 4.43, 9.0]), 0.0, atol=1e-6)


def test_a_window_about_the_best_gap_stays_above_thirty_percent() -> None:
    assert efficiency_limit(np.linspace(1.09, 1.59, 100)).min() > 30


def test_a_gap_known_for_sure_has_its_limit_and_no_deviation() -> None:
    mean, deviation = expected_limit([1.34, 2.0], [0.0, 0.0], [0.0, 0.0])
    np.testing.assert_allclose(mean, efficiency_limit([1.34, 2.0]), atol=1e-6)
    np.testing.assert_allclose(deviation, 0.0, atol=1e-4)


def test_a_coin_between_metal_and_absorber() -> None:
    mean, deviation = expected_limit([1.34, 1.34], [0.0, 0.3], [0.5, 1.0])
    half = float(efficiency_limit(1.34)) / 2
    assert (mean[0], deviation[0]) == (pytest.approx(half), pytest.approx(half))
    assert (mean[1], deviation[1]) == (0.0, 0.0)


@pytest.mark.parametrize(("gap", "width", "metal"), [(1.34, 0.4, 0.1), (0.2, 0.5, 0.4), (2.8, 0.6, 0.0)])
def test_an_uncertain_gap_against_random_draws(gap: float, width: float, metal: float) -> None:
    random = np.random.default_rng(0)
    draws = gap + width * random.normal(size=400_000)
    limits = efficiency_limit(draws[draws > 0])
    limits = limits * (random.random(len(limits)) >= metal)
    (mean,), (deviation,) = expected_limit([gap], [width], [metal])
    assert mean == pytest.approx(limits.mean(), abs=0.1)
    assert deviation == pytest.approx(limits.std(), rel=0.02)
