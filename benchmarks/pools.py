"""The acquisition on measured pools, after the protocol of Liang et al. 2021, beside random choice and others.

usage: python benchmarks/pools.py --data FOLDER [--seeds athanor=50 P3HT/ax=20 …] [--pools NAME...] [--methods NAME...]
       [--replicates drawn] [--runs FOLDER]

FOLDER holds the CSV files of the protocol. Two points at random, then one at a time, until all of the best twentieth
are found or the pool's number of points is reached, which leaves room down to an acceleration of 2.4, 1.6 and 1.07.
Replicates are averaged, or a search is told one of them, drawn by its seed, and is judged by their mean (written to
`pools_drawn`). Random choice is exact. BayBE and Ax take part where they are installed
(pip install -r benchmarks/requirements.txt); both choose among the pool's points by their defaults. The plain Gaussian
process has a Matérn-5/2 kernel with a length scale for each input, by maximum marginal likelihood on scaled inputs, and
takes the best mean ± 2 deviations. A search that is done is kept in --runs and not made again: delete those of a method
that has changed.

Source: Liang et al., npj Comput. Mater. 7, 188 (2021), doi:10.1038/s41524-021-00656-9.
"""

from __future__ import annotations

import argparse
import json
import logging
import warnings
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record import write_result

from athanor.memory.records import Objective
from athanor.tools.backtest.backtest import Backtest, run
from athanor.tools.backtest.figures import (
    RESAMPLES,
    SETTLED,
    accelerations,
    curves,
    figures,
    random_figures,
)
from athanor.tools.backtest.measured_pool import MeasuredPool, read_measured_pool
from athanor.tools.backtest.search import Choose, Known, Method, Search, builtin

Array = NDArray[np.float64]

LEVEL = 0.8
SEEDS = 50
ATHANOR = "athanor"
CURVES = ("Top%", "EF", "best_so_far", "best_so_far_5_to_95")


@dataclass(frozen=True)
class Given:
    """A pool of the protocol: its file, what is looked for, and how many points a search may look at."""

    file: str
    objective: str
    direction: str
    most: int


POOLS = {
    "Crossed_barrel": Given("Crossed_barrel_dataset.csv", "toughness", "maximise", 200),
    "P3HT": Given("P3HT_dataset.csv", "Conductivity (measured) (S/cm)", "maximise", 90),
    "Perovskite": Given("Perovskite_dataset.csv", "Instability index", "minimise", 70),
}


def numbers(pool: MeasuredPool) -> Array:
    """The settings, `(n_points, n_inputs)`; all of them are numbers."""
    return np.array([[float(point.values[name]) for name in pool.inputs] for point in pool.points])


def gp_lcb(pool: MeasuredPool, seed: int) -> Choose:
    """A plain Gaussian process with a length scale for each input, and its upper bound of two deviations."""
    import torch
    from botorch.exceptions.errors import ModelFittingError
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Standardize
    from gpytorch.kernels import MaternKernel, ScaleKernel
    from gpytorch.likelihoods import GaussianLikelihood
    from gpytorch.mlls import ExactMarginalLogLikelihood

    inputs, sign = numbers(pool), 1.0 if pool.objective.direction == "maximise" else -1.0

    def choose(known: Known) -> int:
        torch.manual_seed(seed)
        places = [place for place, _ in known]
        mean, deviation = inputs[places].mean(axis=0), inputs[places].std(axis=0)
        deviation[deviation == 0] = 1.0
        scaled = torch.from_numpy((inputs - mean) / deviation)
        values = torch.tensor([[sign * value] for _, value in known], dtype=torch.float64)
        kernel = ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=scaled.shape[1]))
        noise, scale = GaussianLikelihood(), Standardize(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = SingleTaskGP(scaled[places], values, likelihood=noise, covar_module=kernel, outcome_transform=scale)
            # Where no start of the optimiser succeeds, the length scales stay where they began.
            with suppress(ModelFittingError):
                fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            with torch.no_grad():
                belief = model.posterior(scaled)
                bound = (belief.mean + 2 * belief.variance.sqrt())[:, 0].numpy()
        bound[places] = -np.inf
        return int(bound.argmax())

    return choose


def baybe(pool: MeasuredPool, seed: int) -> Choose:
    """BayBE's default campaign over the pool as a discrete space."""
    import pandas as pd
    from baybe import Campaign
    from baybe.objectives import SingleTargetObjective
    from baybe.parameters import NumericalDiscreteParameter
    from baybe.searchspace import SearchSpace
    from baybe.settings import Settings
    from baybe.targets import NumericalTarget

    Settings(random_seed=seed).activate()
    table = pd.DataFrame(numbers(pool), columns=list(pool.inputs))
    parameters = [NumericalDiscreteParameter(c, sorted(set(table[c]))) for c in pool.inputs]
    sign = 1.0 if pool.objective.direction == "maximise" else -1.0
    # It would offer the points that were drawn at random once more, which is a look wasted.
    campaign = Campaign(
        SearchSpace.from_dataframe(table, parameters),
        SingleTargetObjective(NumericalTarget(name="objective")),
        allow_recommending_already_measured=False,
    )
    place = {tuple(row): index for index, row in enumerate(numbers(pool).tolist())}
    told: list[int] = []

    def choose(known: Known) -> int:
        new = known[len(told) :]
        rows = table.iloc[[index for index, _ in new]].copy()
        rows["objective"] = [sign * value for _, value in new]
        told.extend(index for index, _ in new)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            campaign.add_measurements(rows)
            row = campaign.recommend(1)[list(pool.inputs)].iloc[0]
        return place[tuple(float(v) for v in row)]

    return choose


def ax(pool: MeasuredPool, seed: int) -> Choose:
    """Ax's default Gaussian process and acquisition, which is asked about each of the pool's points."""
    import torch
    from ax.adapter.registry import Generators
    from ax.core.observation import ObservationFeatures
    from ax.service.ax_client import AxClient, ObjectiveProperties

    logging.disable(logging.WARNING)
    inputs = numbers(pool)
    names = [f"x{k}" for k in range(len(pool.inputs))]
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    client = AxClient(random_seed=seed, verbose_logging=False)
    client.create_experiment(
        parameters=[
            {"name": n, "type": "range", "bounds": [float(a), float(b)], "value_type": "float"}
            for n, a, b in zip(names, low, high, strict=True)
        ],
        objectives={"y": ObjectiveProperties(minimize=pool.objective.direction == "minimise")},
    )
    told: list[int] = []

    def features(index: int) -> dict[str, float]:
        return dict(zip(names, map(float, inputs[index]), strict=True))

    def choose(known: Known) -> int:
        for index, value in known[len(told) :]:
            _, number = client.attach_trial(features(index))
            client.complete_trial(number, {"y": value})
            told.append(index)
        torch.manual_seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapter = Generators.BOTORCH_MODULAR(experiment=client.experiment, data=client.experiment.lookup_data())
            left = [i for i in range(len(inputs)) if i not in set(told)]
            scores = adapter.evaluate_acquisition_function([[ObservationFeatures(features(i))] for i in left])
        return left[int(np.argmax(scores))]

    return choose


METHODS: dict[str, Method] = {ATHANOR: builtin, "gp_lcb": gp_lcb, "baybe": baybe, "ax": ax}


def paired(pool: MeasuredPool, most: int, ours: list[Search], others: list[Search]) -> dict[str, Any]:
    """Athanor less another method on the seeds that both have, with 95 % bootstrap intervals over the seeds."""
    n = min(len(ours), len(others))
    shares = [curves(pool, runs[:n], most).shares for runs in (ours, others)]
    singles = [accelerations(rows, LEVEL, len(pool.points)) for rows in shares]
    random = np.arange(SETTLED, shares[0].shape[1] + 1) / len(pool.points)
    drawn = np.random.default_rng(0).integers(n, size=(RESAMPLES, n))

    def enhancement(rows: Array) -> float:
        return float((rows.mean(axis=0)[SETTLED - 1 :] / random).max())

    def difference(rows: Array | slice) -> tuple[float, float]:
        medians = [float(np.median(one[rows])) for one in singles]
        largest = [enhancement(one[rows]) for one in shares]
        return medians[0] - medians[1], largest[0] - largest[1]

    low, high = np.quantile([difference(rows) for rows in drawn], [0.025, 0.975], axis=0).tolist()
    found = difference(slice(None))
    told = (f"median AF({LEVEL})", "EFmax")
    return {"seeds": n} | {name: {"difference": found[k], "95": [low[k], high[k]]} for k, name in enumerate(told)}


def without_curves(found: dict[str, Any]) -> dict[str, Any]:
    """Figures without what is one number for each point."""
    return {name: value for name, value in found.items() if name not in CURVES}


def main() -> None:
    """Run what is not there yet, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", nargs="+", default=[], metavar="[POOL/]METHOD=N")
    parser.add_argument("--pools", nargs="+", default=list(POOLS), choices=list(POOLS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--replicates", default="averaged", choices=("averaged", "drawn"))
    parser.add_argument("--runs", type=Path, default=Path("pool-runs"), help="where searches are kept")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    fewer = {name: int(n) for name, _, n in (one.partition("=") for one in asked.seeds)}
    methods = [m for m in asked.methods if _is_there(m)]
    table: dict[str, Any] = {
        "protocol": __doc__.splitlines()[0],
        "others": {name: version(name) for name in ("baybe", "ax-platform") if _is_there(name.partition("-")[0])},
        "pools": {},
    }
    with ProcessPoolExecutor(asked.workers) as executor:
        for name in asked.pools:
            given = POOLS[name]
            wanted = Objective(property=given.objective, direction=given.direction, unit="1")
            pool = read_measured_pool(asked.data / given.file, wanted, (), asked.replicates)
            searches = {}
            for method in methods:
                backtest = Backtest(fewer.get(f"{name}/{method}", fewer.get(method, SEEDS)), 2, given.most)
                only = {method: METHODS[method]}
                searches |= run(backtest, pool, only, executor, lambda *_: None, asked.runs / name)
            rows: dict[str, Any] = {"points": len(pool.points), "best": len(pool.best), "most": given.most}
            rows["random"] = without_curves(random_figures(pool, given.most))
            rows |= {m: without_curves(figures(pool, runs, given.most)) for m, runs in searches.items()}
            rows["athanor less"] = {
                m: paired(pool, given.most, searches[ATHANOR], runs)
                for m, runs in searches.items()
                if m != ATHANOR and ATHANOR in searches
            }
            table["pools"][name] = rows
    print(json.dumps(table, indent=1))
    write_result("pools" if asked.replicates == "averaged" else "pools_drawn", table)


def _is_there(method: str) -> bool:
    return method not in ("baybe", "ax") or find_spec(method) is not None


if __name__ == "__main__":
    main()
