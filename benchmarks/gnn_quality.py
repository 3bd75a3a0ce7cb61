"""The shipped predictor on MP-20's validation crystals: errors, calibration, and errors by chemistry.

The half of them that chose the passes and calibrated the deviations is told apart from the half that had no part in
anything. `python benchmarks/gnn_quality.py --data FOLDER`
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import mp20
import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray
from record import RESULTS, write_result

from athanor.agent.pictures.learning_curve import Curve
from athanor.agent.pictures.quality import Judged, quality_pictures
from athanor.models.ensemble import ask
from athanor.models.graphs.batch import GraphStore, part, store
from athanor.models.graphs.crystal_graph import crystal_graph
from athanor.models.training.dataset import Dataset, fractions, halves
from athanor.models.training.quality import compare, quality_of
from athanor.models.uncertainty.metrics import miscalibration_area, rank_correlation
from athanor.tools.predictor import shipped_predictor

TRAINING = 21_416
"""Crystals that the shipped predictor learned from."""
CLASSES = {
    "oxides": {8},
    "chalcogenides (S, Se, Te)": {16, 34, 52},
    "halides": {9, 17, 35, 53},
    "pnictides (N, P, As, Sb, Bi)": {7, 15, 33, 51, 83},
}


def classes(composition: NDArray[np.float64]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Rows of each class of compounds; what is in none of them is intermetallic or elemental."""
    rest = np.ones(len(composition), dtype=bool)
    for name, members in CLASSES.items():
        inside = composition[:, sorted(members)].any(axis=1)
        rest &= ~inside
        yield name, inside
    yield "without any of these", rest


def symbols(graphs: GraphStore) -> list[list[str]]:
    """Elements of each crystal."""
    return [[chemical_symbols[z] for z in np.flatnonzero(row)] for row in fractions(graphs)]


def curves(name: str, error: NDArray[np.float64]) -> list[Curve]:
    """Errors by number of labels: those of results/small_data.json, and the shipped predictor's last."""
    few = json.loads((RESULTS / "small_data.json").read_text("utf-8"))["figures"]
    sizes = [key for key in few if key.endswith("seeds")]
    found = []
    for way in few[sizes[0]]:
        values = [few[size][way][name]["mean_absolute_error"] for size in sizes]
        counts = [float(size.split()[0]) for size in sizes]
        if way.startswith("network"):
            counts, values = [*counts, float(TRAINING)], [*values, [float(np.abs(error).mean()), 0.0]]
            way = "network; last: shipped"
        found.append(Curve(way, np.array(counts), np.array(values)[:, 0], np.array(values)[:, 1]))
    return found


def main() -> None:
    """Measure, print and write results/gnn_quality.json."""
    folder = mp20.data_folder(__doc__)
    rows = mp20.table(folder, "val")
    labels = rows[["formation_energy_per_atom", "band_gap"]].to_numpy(dtype=float)
    known = Dataset(store([crystal_graph(crystal) for crystal in mp20.structures(rows)]), labels)
    ensemble = shipped_predictor()
    deciding, judging = halves(known.graphs)
    judged = Dataset(part(known.graphs, judging), labels[judging])
    predicted = ensemble.predict_graphs(judged.graphs)
    opinions = ask(ensemble.members, judged.graphs, ensemble.baseline, ensemble.targets)
    figures: dict[str, object] = {
        "predictor": ensemble.name,
        "judging_half": {name: asdict(q) for name, q in quality_of(ensemble, judged).items()},
        "all_of_val": {name: asdict(q) for name, q in quality_of(ensemble, known).items()},
        "crystals": {"deciding": len(deciding), "judging": len(judging)},
    }
    for k, target in enumerate(ensemble.targets):
        said, truth = predicted.properties[target.name], judged.labels[:, k]
        raw = np.hypot(opinions.expected_error[:, k], opinions.disagreement[:, k])
        error = truth - said.mean
        near = predicted.novelty <= 1
        figures[target.name] = {
            "one_member_mae": [round(float(np.abs(truth - m[:, k]).mean()), 5) for m in opinions.location],
            "before_calibration": {
                "miscalibration_area": miscalibration_area(error, raw),
                "coverage_of_90": float((np.abs(error) <= 1.6449 * raw).mean()),
                "rank_correlation": rank_correlation(error, raw),
            },
            "beyond_novelty_1": {
                "n": int((~near).sum()),
                "mae": float(np.abs(error[~near]).mean()),
                "mae_of_the_others": float(np.abs(error[near]).mean()),
            },
            "by_chemistry": {
                name: asdict(compare(np.where(inside, truth, np.nan), said))
                for name, inside in classes(fractions(judged.graphs))
            },
        }
        drawn = Judged(truth, said.mean, said.deviation, raw, symbols(judged.graphs))
        quality_pictures(target, drawn, ensemble.name, RESULTS / "pictures", curves(target.name, error))
    print(figures)
    print(write_result("gnn_quality", figures))


if __name__ == "__main__":
    main()
