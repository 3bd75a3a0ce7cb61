"""Few labels: CHGNet's features with Gaussian processes, the own network from scratch, and a forest on composition.

50, 200 and 800 labels with five seeds each, and 3,000 with one, all of MP-20's training crystals; errors on 1,000 fixed
crystals of its validation part. The formation energy is easier for the features than it will be for a new property:
CHGNet was trained on energies of these materials. It never saw a band gap.
`python benchmarks/small_data.py --data FOLDER`
"""

from __future__ import annotations

import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import mp20
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pymatgen.core import Element, Structure
from record import write_result
from sklearn.ensemble import RandomForestRegressor

from athanor.models.graphs.batch import GraphStore, part, store
from athanor.models.graphs.crystal_graph import crystal_graph
from athanor.models.prediction import Distribution
from athanor.models.pretrained.embedding import ELEMENTS, MAX_ELEMENT, N_EMBEDDED, Features, features
from athanor.models.pretrained.feature_predictor import FeaturePredictor
from athanor.models.target import BAND_GAP, FORMATION_ENERGY
from athanor.models.training.baseline import fit_baseline
from athanor.models.training.dataset import Dataset, fractions
from athanor.models.training.member import Task, train_member
from athanor.models.training.quality import compare
from athanor.models.training.settings import TrainingSettings
from athanor.models.training.train import calibrated_ensemble
from athanor.models.uncertainty.calibration import calibrate

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
TARGETS = (FORMATION_ENERGY, BAND_GAP)
COLUMNS = ["formation_energy_per_atom", "band_gap"]
POOL, JUDGED = 3000, 1000
"""Training crystals that labels are drawn from, and crystals that errors are measured on."""
RUNS = {50: 5, 200: 5, 800: 5, 3000: 1}
"""Seeds by number of labels."""
PASSES = {50: 150, 200: 120, 800: 80, 3000: 60}
"""Of the network, at most, by number of labels."""
MEMBERS = 1
TREES = 200
PROPERTIES = [
    "X", "row", "group", "mendeleev_no", "atomic_mass", "atomic_radius", "average_ionic_radius", "ionization_energy",
    "electron_affinity", "melting_point", "boiling_point", "molar_volume", "thermal_conductivity", "Z",
]  # fmt: skip


@dataclass(frozen=True)
class Crystals:
    """Some crystals in the form that each predictor reads."""

    features: Features
    statistics: Array
    graphs: GraphStore
    labels: Array


def crystals(rows: pd.DataFrame, n: int) -> Crystals:
    """Draw `n` rows that hold nothing but elements which CHGNet knows."""
    drawn = np.random.default_rng(0).permutation(len(rows))
    found: list[Structure] = []
    labels = []
    for k in drawn:
        structure = mp20.structures(rows.iloc[[k]])[0]
        if {element.symbol for element in structure.elements} <= ELEMENTS:
            found.append(structure)
            labels.append(rows.iloc[k][COLUMNS].to_numpy(dtype=float))
        if len(found) == n:
            break
    embedded = features(found)
    graphs = store([crystal_graph(structure) for structure in found])
    return Crystals(embedded, statistics(embedded[:, N_EMBEDDED:]), graphs, np.array(labels))


def statistics(composition: NDArray[np.float32]) -> Array:
    """Fractions, and of each elemental property mean, mean deviation, extremes and the commonest element's."""
    values = np.array([[_number(Element.from_Z(z + 1), name) for name in PROPERTIES] for z in range(MAX_ELEMENT)])
    shells = np.array([[_outer(Element.from_Z(z + 1), shell) for shell in "spdf"] for z in range(MAX_ELEMENT)])
    values = np.hstack([np.where(np.isnan(values), np.nanmedian(values, axis=0), values), shells])
    found = []
    for shares in composition.astype(float):
        there = np.flatnonzero(shares)
        own, weights = values[there], shares[there]
        mean = weights @ own
        spread = weights @ np.abs(own - mean)
        commonest = own[weights.argmax()]
        found.append([len(there), *shares, *mean, *spread, *own.min(0), *own.max(0), *commonest])
    return np.array(found)


def _number(element: Element, name: str) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = getattr(element, name)
    return float("nan") if value is None else float(value)


def _outer(element: Element, shell: str) -> int:
    """Electrons in the outermost subshell of a letter, if it lies in the last period's shells."""
    structure = element.full_electronic_structure
    last = max(n for n, _, _ in structure)
    inner = {"s": 0, "p": 0, "d": 1, "f": 2}[shell]
    return sum(count for n, letter, count in structure if letter == shell and n == last - inner)


def from_features(pool: Crystals, rows: Rows, judged: Crystals, seed: int) -> dict[str, Distribution]:
    """The feature predictor."""
    predictor = FeaturePredictor.fit_features(pool.features[rows], pool.labels[rows], TARGETS, seed)
    return dict(predictor.predict_features(judged.features).properties)


def from_forest(pool: Crystals, rows: Rows, judged: Crystals, seed: int) -> dict[str, Distribution]:
    """A random forest, calibrated on what the trees say of crystals they were not grown on.

    It says the median of its trees where zeros are many, which has the smaller mean error, and else their mean.
    """
    found = {}
    for k, target in enumerate(TARGETS):
        truth = pool.labels[rows, k]
        forest = RandomForestRegressor(TREES, max_features=1 / 3, random_state=seed)
        forest.fit(pool.statistics[rows], truth)
        middle = np.nanmedian if target.kind == "gap" else np.nanmean
        inside = np.array([tree.predict(pool.statistics[rows]) for tree in forest.estimators_])
        for tree, grown_on in enumerate(forest.estimators_samples_):
            inside[tree, grown_on] = np.nan
        none = np.zeros(len(rows))
        learnt = calibrate(truth - middle(inside, axis=0), np.nanstd(inside, axis=0), none, none, float(truth.std()))
        said = np.array([tree.predict(judged.statistics) for tree in forest.estimators_])
        none = np.zeros(said.shape[1])
        deviation = learnt.deviation(said.std(0), none, none)
        mean = middle(said, axis=0)
        zero = (said < 1e-3).mean(0) if target.kind == "gap" else None
        found[target.name] = Distribution.about(mean, deviation, learnt.width, zero)
    return found


def network_from_scratch(pool: Crystals, rows: Rows, judged: Crystals, seed: int) -> dict[str, Distribution]:
    """The own network; a fifth of its labels, at least 20, choose the pass and calibrate, the others are learnt."""
    n_deciding = max(20, len(rows) // 5)
    known = Dataset(part(pool.graphs, rows), pool.labels[rows])
    deciding, learnt = (
        Dataset(part(known.graphs, some), known.labels[some])
        for some in np.split(np.random.default_rng(seed).permutation(len(rows)), [n_deciding])
    )
    task = Task(learnt, deciding, TARGETS, fit_baseline(fractions(learnt.graphs), learnt.labels, TARGETS))
    epochs = PASSES[len(rows)]
    settings = TrainingSettings(
        members=MEMBERS, epochs=epochs, patience=epochs, batch=16 if len(rows) < 800 else 32, seed=1000 * seed
    )
    with TemporaryDirectory() as folder:
        for number in range(1, MEMBERS + 1):
            for _ in train_member(task, settings, number, Path(folder)):
                pass
        ensemble = calibrated_ensemble(task, settings, Path(folder), "network")
    return dict(ensemble.predict_graphs(judged.graphs).properties)


PREDICTORS: dict[str, Callable[[Crystals, Rows, Crystals, int], dict[str, Distribution]]] = {
    "CHGNet features, Gaussian processes": from_features,
    "random forest on composition": from_forest,
    f"network from scratch ({MEMBERS} member)": network_from_scratch,
}


def main() -> None:
    """Measure, and write results/small_data.json after each number of labels."""
    folder = mp20.data_folder(__doc__)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=UserWarning)  # the CIF reader's, of rounded coordinates
    start = time.process_time()
    pool, judged = crystals(mp20.table(folder, "train"), POOL), crystals(mp20.table(folder, "val"), JUDGED)
    figures: dict[str, object] = {
        "labels_from": f"{POOL} crystals of MP-20 train, drawn with seed 0; then drawn anew for each seed",
        "judged_on": f"{JUDGED} crystals of MP-20 val, drawn with seed 0",
        "of_formation_energy": "CHGNet was trained on energies of these materials; it never saw a gap",
        "cpu_seconds_to_read_and_embed_all": round(time.process_time() - start, 1),
        "passes_of_the_network": PASSES,
    }
    for n_labels, n_seeds in RUNS.items():
        seen = defaultdict(list)
        for seed in range(n_seeds):
            rows = np.random.default_rng([seed, n_labels]).permutation(POOL)[:n_labels]
            for name, predict in PREDICTORS.items():
                start = time.process_time()
                said = predict(pool, rows, judged, seed)
                spent = time.process_time() - start
                for k, target in enumerate(TARGETS):
                    quality = asdict(compare(judged.labels[:, k], said[target.name])) | {"cpu_seconds": spent}
                    seen[name, target.name].append(quality)
        figures[f"{n_labels} labels, {n_seeds} seeds"] = summary(seen)
        print(n_labels, summary(seen), flush=True)
        write_result("small_data", figures)


def summary(seen: dict[tuple[str, str], list[dict[str, float]]]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Mean and standard deviation over the seeds of each figure, by predictor and target."""
    found: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(dict)
    for (name, target), qualities in seen.items():
        found[name][target] = {
            figure: [round(float(np.mean(values)), 4), round(float(np.std(values)), 4)]
            for figure in qualities[0]
            if None not in (values := [quality[figure] for quality in qualities]) and figure != "n"
        }
    return dict(found)


if __name__ == "__main__":
    main()
