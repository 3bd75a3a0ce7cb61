"""The made-up composite against the closed forms that its theory has as limits."""

from __future__ import annotations

import pytest

from athanor.tools.instruments.composite import (
    FILLER_CONDUCTIVITY,
    MATRIX_CONDUCTIVITY,
    RESISTANCE,
    press,
    through_plate,
)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("diameter", [1e-6, 50e-6])
def test_spheres_conduct_as_hasselman_and_johnson_say(fraction: float, diameter: float) -> None:
    # D. P. H. Hasselman, L. F. Johnson, J. Compos. Mater. 21, 508 (1987), their formula for spheres of radius a.
    a, h = diameter / 2, 1 / RESISTANCE
    ratio, surface = FILLER_CONDUCTIVITY / MATRIX_CONDUCTIVITY, FILLER_CONDUCTIVITY / (a * h)
    above = 2 * (ratio - surface - 1) * fraction + ratio + 2 * surface + 2
    below = (1 - ratio + surface) * fraction + ratio + 2 * surface + 2
    assert through_plate(fraction, 1.0, diameter, 1 / 3, RESISTANCE) == pytest.approx(
        MATRIX_CONDUCTIVITY * above / below
    )


def test_flat_layers_conduct_in_series() -> None:
    layered = 1 / (0.3 / FILLER_CONDUCTIVITY + 0.7 / MATRIX_CONDUCTIVITY)
    assert through_plate(0.3, 1e4, 10.0, 1.0, RESISTANCE) == pytest.approx(layered, rel=2e-3)


def test_pressing_closes_pores_lays_platelets_flat_and_has_an_optimum() -> None:
    plates = [press(0.5, 15.0, 20e-6, pressure) for pressure in (0.5, 2, 8, 60)]
    assert [one.porosity for one in plates] == sorted((one.porosity for one in plates), reverse=True)
    assert [one.alignment for one in plates] == sorted(one.alignment for one in plates)
    assert plates[0].alignment > 1 / 3
    best = [press(0.55, 40.0, 30e-6, pressure).diffusivity for pressure in (1, 10, 32, 100)]
    assert max(best) == best[2]
    assert 0.95e-6 < best[2] < 1e-6
