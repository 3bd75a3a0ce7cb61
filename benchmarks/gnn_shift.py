"""Where the training data end: crystals of an element that was left out, and crystals that generators made.

For each of some elements, two networks learn from 10,000 crystals of MP-20 without it and predict validation crystals
with it; nothing is recalibrated. Then the shipped predictor is asked about crystals that the generators made and
CHGNet relaxed. `python benchmarks/gnn_shift.py --data FOLDER`
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import mp20
import numpy as np
from ase.data import atomic_numbers
from record import write_result

from athanor.models.graphs.batch import part, store
from athanor.models.graphs.crystal_graph import crystal_graph
from athanor.models.target import BAND_GAP, FORMATION_ENERGY
from athanor.models.training.dataset import Dataset, fractions
from athanor.models.training.quality import compare, quality_of
from athanor.models.training.settings import TrainingSettings
from athanor.models.training.train import train_ensemble
from athanor.tools.crystals.structure import to_structure
from athanor.tools.generators.generate import Wish, generate, generators_for
from athanor.tools.oracles.build import evaluate
from athanor.tools.oracles.oracle import SimulationSettings
from athanor.tools.predictor import shipped_predictor
from athanor.tools.space import CrystalSpace

LEFT_OUT = ("Ti", "Zn", "Se", "Br", "Mn")
TRAINING, MADE, SEED = 10_000, 150, 0
SETTINGS = TrainingSettings(members=2, epochs=15, patience=15, seed=SEED)
SPACE = CrystalSpace(
    elements=("Li", "Na", "K", "Mg", "Ca", "Sr", "Al", "Ga", "In", "Si", "Ge", "Sn", "Ti", "Zr", "V", "Cr", "Mn", "Fe",
              "Co", "Ni", "Cu", "Zn", "N", "P", "Sb", "O", "S", "Se", "F", "Cl", "Br"),
    n_elements=(2, 3),
    max_atoms=10,
)  # fmt: skip
ORACLE = SimulationSettings(calculator="chgnet", bulk_modulus=False)


def dataset(folder: Path, which: str) -> Dataset:
    """All crystals of a part of MP-20."""
    rows = mp20.table(folder, which)
    labels = rows[["formation_energy_per_atom", "band_gap"]].to_numpy(dtype=float)
    return Dataset(store([crystal_graph(crystal) for crystal in mp20.structures(rows)]), labels)


def some(known: Dataset, rows: np.ndarray) -> Dataset:
    """Some crystals of a set."""
    return Dataset(part(known.graphs, rows), known.labels[rows])


def left_out(training: Dataset, validation: Dataset, symbol: str, executor: ProcessPoolExecutor) -> dict[str, object]:
    """Train without an element, and predict what holds it."""
    number = atomic_numbers[symbol]
    without = np.flatnonzero(fractions(training.graphs)[:, number] == 0)
    chosen = np.random.default_rng(SEED).permutation(without)[:TRAINING]
    holds = fractions(validation.graphs)[:, number] > 0
    with tempfile.TemporaryDirectory() as folder:
        trained = train_ensemble(
            some(training, chosen),
            some(validation, np.flatnonzero(~holds)),
            (FORMATION_ENERGY, BAND_GAP),
            SETTINGS,
            Path(folder),
            executor,
            lambda _: None,
        )
    new = some(validation, np.flatnonzero(holds))
    return {
        "crystals": len(new),
        "inside": {name: asdict(q) for name, q in trained.quality.items()},
        "outside": {name: asdict(q) for name, q in quality_of(trained.ensemble, new).items()},
        "beyond_novelty_1": float((trained.ensemble.predict_graphs(new.graphs).novelty > 1).mean()),
        "cpu_seconds": trained.cpu_seconds,
    }


def generated(executor: ProcessPoolExecutor) -> dict[str, object]:
    """Crystals from the generators, relaxed by CHGNet: its formation energy against the network's."""
    made = generate(Wish(MADE, SEED, (), ()), generators_for(SPACE), SPACE).candidates
    outcomes = list(executor.map(evaluate, [ORACLE] * len(made), made))
    answered = [o for o in outcomes if o.failure is None and o.crystal is not None]
    truth = np.array([{m.property: m.value for m in o.measurements}["formation_energy"] for o in answered])
    said = shipped_predictor().predict([to_structure(o.crystal) for o in answered if o.crystal])
    near = said.novelty <= 1
    found = said.properties["formation_energy"]
    return {
        "made": len(made),
        "relaxed": len(answered),
        "all": asdict(compare(truth, found)),
        "within_novelty_1": asdict(compare(np.where(near, truth, np.nan), found)),
        "beyond_novelty_1": int((~near).sum()),
        "oracle_cpu_seconds": round(sum(o.cpu_seconds for o in outcomes), 1),
    }


def main() -> None:
    """Measure, print and write results/gnn_shift.json."""
    folder = mp20.data_folder(__doc__)
    training, validation = dataset(folder, "train"), dataset(folder, "val")
    start = time.time()
    figures: dict[str, object] = {"seed": SEED, "settings": asdict(SETTINGS), "training_crystals": TRAINING}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        figures["elements_left_out"] = {s: left_out(training, validation, s, executor) for s in LEFT_OUT}
        figures["generated"] = generated(executor)
    print(figures, f"{time.time() - start:.0f} s")
    print(write_result("gnn_shift", figures))


if __name__ == "__main__":
    main()
