"""Calibration, novelty and their figures on errors whose distribution is known."""

from __future__ import annotations

import numpy as np
import pytest

from athanor.models.uncertainty.calibration import calibrate, conformal_quantile
from athanor.models.uncertainty.metrics import coverage, miscalibration_area, observed_coverage, rank_correlation
from athanor.models.uncertainty.novelty import fit_novelty

N = 4000


def test_true_deviations_are_calibrated_and_wrong_ones_are_not() -> None:
    random = np.random.default_rng(0)
    deviation = random.uniform(0.5, 2.0, N)
    error = deviation * random.standard_normal(N)
    assert miscalibration_area(error, deviation) < 0.01
    assert miscalibration_area(error, 3 * deviation) > 0.15
    assert miscalibration_area(error, deviation / 3) > 0.15
    assert observed_coverage(error, deviation, np.array([0.6827]))[0] == pytest.approx(0.6827, abs=0.02)
    assert rank_correlation(error, deviation) > 0.2
    assert np.isnan(rank_correlation(error, np.ones(N)))


@pytest.mark.parametrize("shape", ["normal", "laplace", "student"])
def test_calibration_mends_scale_and_coverage_on_other_errors(shape: str) -> None:
    random = np.random.default_rng(1)
    expected, disagreement = random.uniform(0.1, 1.0, 2 * N), random.uniform(0.1, 1.0, 2 * N)
    novelty = np.ones(2 * N)
    drawn = {
        "normal": random.standard_normal(2 * N),
        "laplace": random.laplace(size=2 * N) / np.sqrt(2),
        "student": random.standard_t(5, 2 * N) / np.sqrt(5 / 3),
    }[shape]
    # The truth: deviations are a third of the geometric mean of the two.
    error = np.sqrt(expected * disagreement) / 3 * drawn
    learned, judged = slice(0, N), slice(N, None)
    found = calibrate(error[learned], expected[learned], disagreement[learned], novelty[learned], 1.0)
    deviation = found.deviation(expected[judged], disagreement[judged], novelty[judged])
    assert miscalibration_area(error[judged], deviation) < (0.012 if shape == "normal" else 0.045)
    assert coverage(error[judged], -found.width * deviation, found.width * deviation) == pytest.approx(0.9, abs=0.02)
    assert found.powers[:2] == pytest.approx((0.5, 0.5), abs=0.07)
    assert rank_correlation(error[judged], deviation) > 0.25


def test_conformal_quantile_by_hand() -> None:
    assert conformal_quantile(np.arange(1.0, 100.0)) == 90.0  # the 90th of 99: ⌈0.9 · 100⌉
    assert conformal_quantile(np.array([3.0, 1.0, 2.0])) == 3.0


def test_conformal_intervals_cover_as_stated_over_many_draws() -> None:
    random = np.random.default_rng(2)
    held = [conformal_quantile(np.abs(random.standard_t(3, 50))) for _ in range(400)]
    covered = np.mean([(np.abs(random.standard_t(3, 200)) <= q).mean() for q in held])
    assert 0.895 < covered < 0.93


def test_a_calibration_needs_labels() -> None:
    few = np.ones(19)
    with pytest.raises(ValueError, match="19 held-out labels"):
        calibrate(few, few, few, few, 1.0)


def test_novelty_is_one_for_the_hundredth_held_out_crystal_and_more_far_out() -> None:
    random = np.random.default_rng(3)
    directions = random.standard_normal((4, 30))
    training, held_out = random.standard_normal((3000, 4)) @ directions, random.standard_normal((1000, 4)) @ directions
    novelty = fit_novelty(training, held_out)
    assert novelty.axes.shape == (30, 4)
    assert (novelty.of(held_out) > 1).mean() == pytest.approx(0.01, abs=0.003)
    assert novelty.of(np.full((1, 4), 8.0) @ directions)[0] > 2
    nearest = np.sort(np.linalg.norm((held_out[:1] - training) @ novelty.axes, axis=1))[:5].mean()
    assert novelty.of(held_out[:1])[0] == pytest.approx(nearest / novelty.unit, rel=1e-5)


def test_no_deviation_runs_away_or_vanishes() -> None:
    random = np.random.default_rng(4)
    size = random.uniform(0.01, 0.1, N)
    found = calibrate(size * random.standard_normal(N), size, size, np.ones(N), 0.5)
    far = found.deviation(np.array([0.0, 1e6]), np.array([0.0, 1e6]), np.array([0.0, 1e3]))
    assert far[1] == pytest.approx(1.5)
    assert 0 < far[0] < 0.01
