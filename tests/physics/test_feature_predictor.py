"""Few labels: features that no choice of cell changes, processes against brute force, and a predictor that says what
it does not know."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure
from pymatgen.core.operations import SymmOp
from safetensors.torch import save_file

from athanor.models.prediction import Predictor
from athanor.models.pretrained.embedding import N_EMBEDDED, N_FEATURES, Features, features
from athanor.models.pretrained.feature_predictor import FeaturePredictor
from athanor.models.pretrained.gaussian_process import (
    GaussianProcess,
    Hyperparameters,
    Points,
    _most_probable,
    _squares,
    fit_process,
)
from athanor.models.pretrained.heads import GapHead, fit_gap
from athanor.models.pretrained.storage import load_features, save_features
from athanor.models.target import Target

VOLUME = Target("volume", "Å³/atom")
SPACE = Target("space", "Å³/atom", "gap")
"""What the volume is above that of many of the crystals: often exactly zero, as a gap is."""

CATIONS = ("Li", "Na", "K", "Mg", "Ca", "Sr", "Ti", "Zn", "Al", "Ga")
ANIONS = ("O", "S", "F", "Cl", "N")
RADII = dict(zip(CATIONS, (1.0, 1.3, 1.7, 1.0, 1.35, 1.5, 1.0, 0.95, 0.85, 0.9), strict=True)) | dict(
    zip(ANIONS, (1.2, 1.7, 1.2, 1.7, 1.3), strict=True)
)


def rock_salt(a: float, *names: str) -> Structure:
    return Structure(Lattice.from_parameters(*[a / 2**0.5] * 3, 60, 60, 60), names, [[0, 0, 0], [0.5, 0.5, 0.5]])


def blende(a: float, *names: str) -> Structure:
    return Structure(Lattice.from_parameters(*[a / 2**0.5] * 3, 60, 60, 60), names, [[0, 0, 0], [0.25, 0.25, 0.25]])


def caesium(a: float, *names: str) -> Structure:
    return Structure(Lattice.cubic(a), names, [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.fixture(scope="module")
def crystals() -> list[Structure]:
    """Made-up binary crystals, 150 in three prototypes, in a fixed order that mixes them."""
    made = []
    for cation, anion in itertools.product(CATIONS, ANIONS):
        bond = RADII[cation] + RADII[anion]
        made += [
            rock_salt(2.0 * bond, cation, anion),
            blende(2.2 * bond, cation, anion),
            caesium(1.17 * bond, cation, anion),
        ]
    return [made[k] for k in np.random.default_rng(0).permutation(len(made))]


@pytest.fixture(scope="module")
def found(crystals: list[Structure]) -> Features:
    return features(crystals)


@pytest.fixture(scope="module")
def labels(crystals: list[Structure]) -> NDArray[np.float64]:
    volume = np.array([c.volume / len(c) for c in crystals])
    return np.stack([volume, np.maximum(volume - np.median(volume), 0.0)], axis=1)


@pytest.fixture(scope="module")
def predictor(found: Features, labels: NDArray[np.float64]) -> FeaturePredictor:
    return FeaturePredictor.fit_features(found[:100], labels[:100], (VOLUME, SPACE))


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.apply_operation(SymmOp.from_axis_angle_and_translation([1, 2, 3], 40)),
        lambda s: s.make_supercell([2, 1, 2]),
        lambda s: s.translate_sites(list(range(len(s))), [0.3, 0.1, 0.7]),
        lambda s: s.sort(key=lambda site: -site.specie.Z),
    ],
    ids=["rotation", "supercell", "translation", "permutation"],
)
def test_features_do_not_depend_on_the_choice_of_cell(change: Callable[[Structure], object]) -> None:
    crystal = Structure(
        Lattice.cubic(3.9), ["Sr", "Ti", "O", "O", "O"], np.vstack([np.eye(3)[:2] * 0, 0.5 - np.eye(3) / 2])
    )
    crystal.replace(1, "Ti", [0.5, 0.5, 0.5])
    crystal.perturb(0.05)
    other = crystal.copy()
    change(other)
    before, after = features([crystal, other])
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_features_tell_two_forms_of_a_compound_apart_and_hold_the_composition() -> None:
    zincblende, salt = features([blende(5.4, "Zn", "S"), rock_salt(5.0, "Zn", "S")])
    assert zincblende.shape == (N_FEATURES,)
    assert np.abs(zincblende - salt)[:N_EMBEDDED].max() > 0.1
    composition = zincblende[N_EMBEDDED:]
    assert composition[[30 - 1, 16 - 1]] == pytest.approx([0.5, 0.5])
    assert composition.sum() == pytest.approx(1.0)


def test_features_are_the_same_in_any_company(crystals: list[Structure], found: Features) -> None:
    # A lonely atom has no bonds, and argon in a wide cell no angles: passes without them skip layers.
    lonely = Structure(Lattice.cubic(20.0), ["Ar"], [[0, 0, 0]])
    loose = Structure(Lattice.cubic(4.5), ["Ar"], [[0, 0, 0]])
    together = features([loose, crystals[0], lonely])
    for row, alone in zip(together, (loose, crystals[0], lonely), strict=True):
        # Single precision: sums in another order differ by some units in the last place of values of about ten.
        np.testing.assert_allclose(row, features([alone])[0], rtol=2e-6, atol=1e-5)
    np.testing.assert_allclose(together[1], found[0], atol=1e-5)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Structure(Lattice.cubic(3.3), ["Po"], [[0, 0, 0]]), "not trained on Po"),
        (Structure(Lattice.cubic(4.0), [], []), "0 atoms"),
        (Structure(Lattice.cubic(3.6), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]]), "partial occupancy"),
    ],
    ids=["element", "empty", "disordered"],
)
def test_what_cannot_be_embedded_is_refused(crystals: list[Structure], bad: Structure, reason: str) -> None:
    with pytest.raises(ValueError, match=f"crystal 1: .*{reason}"):
        features([crystals[0], bad])


@pytest.fixture
def points() -> Points:
    rng = np.random.default_rng(0)
    return tuple(torch.from_numpy(rng.normal(size=(30, n))) for n in (1, 2))


@pytest.fixture
def values(points: Points) -> NDArray[np.float64]:
    noise = 0.1 * np.random.default_rng(1).normal(size=30)
    return 5.0 + np.sin(points[0][:, 0].numpy()) + 0.5 * points[1].sum(1).numpy() + noise


def test_leaving_one_out_is_what_brute_force_gives(points: Points, values: NDArray[np.float64]) -> None:
    # The closed form keeps centre and scale of all values, so brute force is given values that keep them.
    values = (values - values.mean()) / values.std()
    h = Hyperparameters((0.8, 0.5), (1.1, 2.0), 0.02)
    mean, deviation = GaussianProcess(points, values, h).leave_one_out()

    def kernel(a: Points, b: Points) -> NDArray[np.float64]:
        total = np.zeros((len(a[0]), len(b[0])))
        for amplitude, length, left, right in zip(h.amplitudes, h.lengths, a, b, strict=True):
            r = 5**0.5 * np.linalg.norm(left.numpy()[:, None] - right.numpy()[None], axis=2) / length
            total += amplitude * (1 + r + r**2 / 3) * np.exp(-r)
        return total

    for k in range(30):
        rest = [j for j in range(30) if j != k]
        others, own = tuple(group[rest] for group in points), tuple(group[k : k + 1] for group in points)
        solved = np.linalg.solve(kernel(others, others) + 0.02 * np.eye(29), kernel(others, own))[:, 0]
        assert mean[k] == pytest.approx(solved @ values[rest], abs=1e-9)
        variance = sum(h.amplitudes) + 0.02 - solved @ kernel(others, own)[:, 0]
        assert deviation[k] == pytest.approx(variance**0.5, abs=1e-9)


def test_hyperparameters_are_a_maximum(points: Points, values: NDArray[np.float64]) -> None:
    standard = torch.from_numpy((values - values.mean()) / values.std())
    best = _most_probable(_squares(points, points), standard)

    def posterior(h: Hyperparameters) -> float:
        total = torch.zeros((30, 30), dtype=torch.float64)
        for amplitude, length, square in zip(h.amplitudes, h.lengths, _squares(points, points), strict=True):
            r = (5 * square).sqrt() / length
            total += amplitude * (1 + r + r**2 / 3) * (-r).exp()
        normal = torch.distributions.MultivariateNormal(
            torch.zeros(30, dtype=torch.float64), total + h.noise * torch.eye(30, dtype=torch.float64)
        )
        belief = [((np.log(x) + 1.0) / 1.5) ** 2 for x in h.amplitudes]
        belief += [np.log(x) ** 2 for x in h.lengths] + [((np.log(h.noise) + 3.0) / 1.5) ** 2]
        return float(normal.log_prob(standard)) - 0.5 * sum(belief)

    top = posterior(best)
    for factor in (0.8, 1.25):
        assert posterior(replace(best, noise=best.noise * factor)) < top
        for k in range(2):
            for name in ("amplitudes", "lengths"):
                moved = list(getattr(best, name))
                moved[k] *= factor
                assert posterior(replace(best, **{name: tuple(moved)})) < top


def test_a_process_far_from_all_points_says_the_mean_of_what_it_knows(
    points: Points, values: NDArray[np.float64]
) -> None:
    process = fit_process(points, values, 0)
    mean, deviation = process.predict(tuple(group[:1] + 1e6 for group in points))
    assert mean[0] == pytest.approx(values.mean(), abs=1e-6)
    _, near = process.predict(points)
    assert deviation[0] > 2 * near.max()


def test_a_mixture_that_is_surely_zero_says_zero_and_its_probability_is_right(points: Points) -> None:
    labels = np.maximum(points[0][:, 0].numpy(), 0.0)
    head = fit_gap(points, labels, 0)
    assert isinstance(head, GapHead)
    belief = head.leave_one_out()
    assert belief.zero_probability is not None
    assert np.mean((belief.zero_probability > 0.5) == (labels == 0)) > 0.85
    assert (belief.location >= 0).all()
    assert (belief.location[belief.zero_probability > 0.5] == 0).all()
    # Sums of stated probabilities and of zeros agree if the probabilities are calibrated.
    assert belief.zero_probability.mean() == pytest.approx((labels == 0).mean(), abs=0.05)


def test_more_labels_make_the_error_smaller(found: Features, labels: NDArray[np.float64]) -> None:
    errors = []
    for n in (20, 120):
        said = FeaturePredictor.fit_features(found[:n], labels[:n, :1], (VOLUME,)).predict_features(found[120:])
        errors.append(np.abs(said.properties["volume"].mean - labels[120:, 0]).mean())
    dummy = np.abs(labels[120:, 0] - np.median(labels[:120, 0])).mean()
    assert errors[1] < 0.5 * errors[0]
    assert errors[0] < 0.7 * dummy


def test_intervals_cover_what_they_say_and_deviations_tell_of_errors(
    predictor: FeaturePredictor, found: Features, labels: NDArray[np.float64]
) -> None:
    said = predictor.predict_features(found[100:])
    for k, name in enumerate(("volume", "space")):
        one, truth = said.properties[name], labels[100:, k]
        assert ((one.lower <= one.mean) & (one.mean <= one.upper)).all()
        assert 0.75 <= ((one.lower <= truth) & (truth <= one.upper)).mean() <= 1.0
        assert one.deviation.min() > 0
        assert one.deviation.mean() < labels[:, k].std()
    gap = said.properties["space"]
    assert gap.zero_probability is not None
    assert gap.lower.min() >= 0
    assert ((gap.zero_probability > 0.5) == (labels[100:, 1] == 0)).mean() > 0.8
    assert said.properties["volume"].zero_probability is None


def test_missing_labels_count_for_the_other_target_only(found: Features, labels: NDArray[np.float64]) -> None:
    some = labels[:60].copy()
    some[::3, 1] = np.nan
    both = FeaturePredictor.fit_features(found[:60], some, (VOLUME, SPACE)).predict_features(found[100:])
    whole = FeaturePredictor.fit_features(found[:60], labels[:60], (VOLUME, SPACE)).predict_features(found[100:])
    np.testing.assert_allclose(both.properties["volume"].mean, whole.properties["volume"].mean)
    assert np.isfinite(both.properties["space"].mean).all()
    assert not np.allclose(both.properties["space"].deviation, whole.properties["space"].deviation)


def test_a_crystal_unlike_all_others_is_flagged(predictor: FeaturePredictor, found: Features) -> None:
    weird = [caesium(3.6, "U", "Ir"), rock_salt(3.3, "H", "W"), Structure(Lattice.cubic(15.0), ["Xe"], [[0, 0, 0]])]
    said = predictor.predict(weird)
    assert (said.novelty > 1.0).all()
    assert (predictor.predict_features(found[100:]).novelty > 1.0).mean() < 0.15
    known = predictor.predict_features(found[:100]).properties["volume"].deviation
    assert said.properties["volume"].deviation.min() > 2 * np.median(known)


def test_it_is_a_predictor_of_structures_that_learns_from_later_labels(
    crystals: list[Structure], found: Features, labels: NDArray[np.float64]
) -> None:
    first = FeaturePredictor.fit(crystals[:25], labels[:25, :1], (VOLUME,))
    later = first.refit(crystals[25:40], labels[25:40, :1])
    asked: Predictor = later
    at_once = FeaturePredictor.fit_features(found[:40], labels[:40, :1], (VOLUME,)).predict_features(found[100:103])
    said = asked.predict(crystals[100:103])
    np.testing.assert_allclose(said.properties["volume"].mean, at_once.properties["volume"].mean, rtol=1e-4)
    np.testing.assert_allclose(said.novelty, at_once.novelty, rtol=1e-4)
    assert "40 crystals" in later.name
    assert "Po" not in later.elements
    assert asked.predict([]).novelty.shape == (0,)


def test_a_saved_predictor_says_the_same(predictor: FeaturePredictor, found: Features, tmp_path: Path) -> None:
    path = tmp_path / "few.safetensors"
    save_features(predictor, path, {"labels": "made up"})
    again = load_features(path)
    assert (again.name, again.targets, again.elements) == (predictor.name, predictor.targets, predictor.elements)
    before, after = predictor.predict_features(found[100:]), again.predict_features(found[100:])
    np.testing.assert_allclose(after.novelty, before.novelty, rtol=1e-12)
    for name, one in before.properties.items():
        np.testing.assert_allclose(after.properties[name].mean, one.mean, rtol=1e-9)
        np.testing.assert_allclose(after.properties[name].upper, one.upper, rtol=1e-9)
    np.testing.assert_array_equal(again.labels, predictor.labels)


def test_a_file_that_is_damaged_or_something_else_is_refused(predictor: FeaturePredictor, tmp_path: Path) -> None:
    path, bad = tmp_path / "few.safetensors", tmp_path / "bad.safetensors"
    save_features(predictor, path, {})
    whole = path.read_bytes()
    for length in (0, 5, 500, len(whole) // 2, len(whole) - 1):
        bad.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"bad\.safetensors: cannot be read"):
            load_features(bad)
    save_file({"x": torch.zeros(2)}, bad)
    with pytest.raises(ValueError, match="not Athanor's"):
        load_features(bad)
    save_file({"x": torch.zeros(2)}, bad, {"athanor": '{"format": "athanor-gnn-1"}'})
    with pytest.raises(ValueError, match="athanor-features-1 is read"):
        load_features(bad)
    save_file({"x": torch.zeros(2)}, bad, {"athanor": '{"format": "athanor-features-1", "targets": []}'})
    with pytest.raises(ValueError, match="parts of the predictor are missing"):
        load_features(bad)
    with pytest.raises(ValueError, match=r"absent\.safetensors: cannot be read"):
        load_features(tmp_path / "absent.safetensors")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda y: y[:, :1], "shape"),
        (lambda y: np.where(np.arange(30)[:, None] < 11, np.nan, y), "target volume: 19 labels; at least 20"),
        (lambda y: y - 100.0, "target space: a label is -100"),
        (lambda y: y * [1.0, 0.0], "target space: 0 labels above zero"),
        (lambda y: y / 0.0, "infinite"),
    ],
    ids=["shape", "few", "negative", "no positive", "infinite"],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_labels_that_cannot_be_learned_from_are_refused(
    found: Features,
    labels: NDArray[np.float64],
    change: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    reason: str,
) -> None:
    with pytest.raises(ValueError, match=reason):
        FeaturePredictor.fit_features(found[:30], change(labels[:30]), (VOLUME, SPACE))
