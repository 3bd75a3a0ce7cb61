"""Training of the network: it learns, it resumes to the same weights, and bad input is said."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure

from athanor.models.gnn import Shape
from athanor.models.graphs.batch import part, store
from athanor.models.graphs.crystal_graph import crystal_graph
from athanor.models.target import Target
from athanor.models.training.baseline import fit_baseline
from athanor.models.training.dataset import Dataset, fractions, halves
from athanor.models.training.member import Task, best_weights, train_member
from athanor.models.training.settings import Progress, TrainingSettings
from athanor.models.training.train import Trained, history, train_ensemble
from athanor.models.weights import load_ensemble, save_ensemble

TARGETS = (Target("energy", "eV/atom"), Target("gap", "eV", "gap"))
SMALL = TrainingSettings(
    members=2, epochs=3, patience=3, batch=16, learning_rate=5e-3, shape=Shape(width=16, layers=2, gaussians=12)
)
METALS, ANIONS = ("Li", "Na", "K", "Rb"), ("F", "Cl", "Br")


def made_up(n: int, seed: int) -> Dataset:
    """Rock salts whose labels follow from their lattice constant; a tenth has no gap label."""
    random = np.random.default_rng(seed)
    structures, labels = [], []
    for _ in range(n):
        length = random.uniform(4, 7)
        metal, anion = METALS[random.integers(4)], ANIONS[random.integers(3)]
        edge = length / np.sqrt(2)
        cell = Lattice.from_parameters(edge, edge, edge, 60, 60, 60)
        structures.append(Structure(cell, [metal, anion], [[0, 0, 0], [0.5, 0.5, 0.5]]))
        energy = -2.0 + 0.3 * METALS.index(metal) + 0.5 * (length - 5.5) ** 2
        gap = max(0.0, 6.0 - length)
        labels.append((energy, np.nan if random.uniform() < 0.1 else gap))
    return Dataset(store([crystal_graph(s) for s in structures]), np.array(labels))


@pytest.fixture(scope="module")
def data() -> tuple[Dataset, Dataset]:
    return made_up(160, 0), made_up(120, 1)


@pytest.fixture(scope="module")
def trained(data: tuple[Dataset, Dataset], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    told: list[Progress] = []
    settings = replace(SMALL, epochs=25, patience=25)
    with ThreadPoolExecutor(1) as executor:
        found = train_ensemble(*data, TARGETS, settings, tmp_path_factory.mktemp("run"), executor, told.append)
    assert [(p.member, p.epoch) for p in told] == [(m, e) for m in (1, 2) for e in range(1, 26)]
    assert told[-1].finished
    assert found.cpu_seconds == pytest.approx(sum(p.cpu_seconds for p in told if p.finished))
    return found


def test_it_learns_and_says_how_well(trained: Trained, data: tuple[Dataset, Dataset]) -> None:
    spread = np.nanstd(data[1].labels, axis=0)
    assert trained.quality["energy"].mean_absolute_error < 0.35 * spread[0]
    assert trained.quality["gap"].mean_absolute_error < 0.35 * spread[1]
    assert 0.75 < trained.quality["energy"].coverage <= 1
    assert trained.quality["energy"].zero_accuracy is None
    assert (trained.quality["gap"].zero_accuracy or 0) > 0.7
    assert trained.n_deciding + trained.n_judging == len(data[1])
    assert trained.ensemble.elements == {*METALS, *ANIONS}


def test_weights_survive_the_file(trained: Trained, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_ensemble(trained.ensemble, path, {"data": "made up"})
    graphs = made_up(9, 2).graphs
    before, after = trained.ensemble.predict_graphs(graphs), load_ensemble(path).predict_graphs(graphs)
    for name, said in before.properties.items():
        assert np.allclose(said.mean, after.properties[name].mean, rtol=1e-9)
        assert np.allclose(said.upper, after.properties[name].upper, rtol=1e-6)
    assert np.allclose(before.novelty, after.novelty, rtol=1e-6)


@pytest.mark.parametrize("damage", ["truncated", "empty", "foreign"])
def test_damaged_weights_are_an_error(trained: Trained, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "w.safetensors"
    save_ensemble(trained.ensemble, path, {})
    whole = path.read_bytes()
    path.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "foreign": b"PK\x03\x04 zip"}[damage])
    with pytest.raises(ValueError, match=r"w\.safetensors: cannot be read as weights"):
        load_ensemble(path)


def test_nothing_in_nothing_out(trained: Trained) -> None:
    said = trained.ensemble.predict([])
    assert said.novelty.shape == said.properties["gap"].mean.shape == (0,)


def test_gaps_are_never_negative(trained: Trained) -> None:
    said = trained.ensemble.predict_graphs(made_up(60, 3).graphs).properties["gap"]
    assert said.mean.min() >= 0
    assert said.lower.min() >= 0
    assert said.zero_probability is not None
    assert np.all((said.zero_probability >= 0) & (said.zero_probability <= 1))


def task_of(data: tuple[Dataset, Dataset]) -> Task:
    training = data[0]
    return Task(training, data[1], TARGETS, fit_baseline(fractions(training.graphs), training.labels, TARGETS))


def test_a_resumed_member_ends_with_the_same_weights(data: tuple[Dataset, Dataset], tmp_path: Path) -> None:
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    straight.mkdir()
    broken.mkdir()
    whole = [p.errors for p in train_member(task_of(data), SMALL, 1, straight)]
    run = train_member(task_of(data), SMALL, 1, broken)
    next(run)  # one pass, then the run is dropped
    again = [p.errors for p in train_member(task_of(data), SMALL, 1, broken)]
    assert again == whole
    first, second = best_weights(straight, 1), best_weights(broken, 1)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [p.errors for p in train_member(task_of(data), SMALL, 1, broken)] == whole[-1:]


def test_members_differ(data: tuple[Dataset, Dataset], tmp_path: Path) -> None:
    one = [p.errors for p in train_member(task_of(data), SMALL, 1, tmp_path)]
    two = [p.errors for p in train_member(task_of(data), SMALL, 2, tmp_path)]
    assert one != two


def test_a_checkpoint_of_something_else_is_an_error(data: tuple[Dataset, Dataset], tmp_path: Path) -> None:
    next(train_member(task_of(data), SMALL, 1, tmp_path))
    with pytest.raises(ValueError, match="belongs to other data, targets or settings"):
        next(train_member(task_of(data), replace(SMALL, batch=8), 1, tmp_path))
    path = tmp_path / "member-1.checkpoint"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match="checkpoint cannot be read"):
        next(train_member(task_of(data), SMALL, 1, tmp_path))


def test_it_stops_early_and_keeps_the_best_pass(data: tuple[Dataset, Dataset], tmp_path: Path) -> None:
    noise = np.random.default_rng(5).standard_normal(data[0].labels.shape)
    task = task_of((Dataset(data[0].graphs, noise), data[1]))
    passes = list(train_member(task, replace(SMALL, epochs=40, patience=2), 1, tmp_path))
    assert len(passes) < 40
    assert passes[-1].finished


def test_a_half_written_history_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    line = '{"member":1,"epoch":%d,"epochs":3,"training_loss":1.0,"errors":[0.5],"cpu_seconds":1.0,"finished":false}'
    (tmp_path / "member-1.jsonl").write_text(f"\n{line % 1}\n{line % 2}\n{line % 2}\n" + '{"member": 1, "ep')
    assert [p.epoch for p in history(tmp_path, 1)] == [1, 2]


def test_missing_labels_do_not_count(data: tuple[Dataset, Dataset]) -> None:
    training = data[0]
    known = np.isfinite(training.labels[:, 1])
    composition = fractions(training.graphs)
    both = fit_baseline(composition, training.labels, TARGETS)
    only = fit_baseline(composition[known], training.labels[known], TARGETS)
    assert both.scales[1] == only.scales[1]
    assert both.weights[:, 1].tolist() == [0.0] * composition.shape[1]


def test_halves_keep_a_composition_together(data: tuple[Dataset, Dataset]) -> None:
    first, second = halves(data[0].graphs)
    assert sorted([*first, *second]) == list(range(len(data[0])))
    keys = [{row.tobytes() for row in fractions(part(data[0].graphs, half)).round(4)} for half in (first, second)]
    assert not keys[0] & keys[1]
    assert all(keys)


def test_rows_must_match() -> None:
    with pytest.raises(ValueError, match="a row each"):
        Dataset(made_up(3, 0).graphs, np.zeros((2, 1)))
