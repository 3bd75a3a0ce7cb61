"""The acquisition on measured pools, after the protocol of Liang et al. 2021, beside random choice and others.

usage: python benchmarks/pools.py --data FOLDER [--seeds 50] [--methods athanor gp_lcb baybe ax] [--pools NAME...]

FOLDER holds the CSV files of the protocol. Two points at random, then one at a time, until all of the best twentieth
are found or `MOST` points are known. Replicates are averaged. Random choice is exact: a share of i/N after i points.
BayBE and Ax take part where they are installed (pip install baybe ax-platform); both choose among the pool's points by
their defaults. The plain Gaussian process has a Matérn-5/2 kernel with a length scale for each input, by maximum
marginal likelihood, and takes the best mean ± 2 deviations. A run that is done is kept in --runs and not made again.

Source: Liang et al., npj Comput. Mater. 7, 188 (2021), doi:10.1038/s41524-021-00656-9.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record import write_result

Array = NDArray[np.float64]
Choose = Callable[[list[int]], int]
"""From the points that are known, in order, to the next one."""

MOST = 200
"""Points a run may look at."""
SHARE = 0.05
"""The best of the pool that are looked for."""
RESAMPLES = 1000


@dataclass(frozen=True)
class Pool:
    """A pool, turned so that the highest value is best.

    Attributes:
        inputs: `(n_points, n_inputs)`.
        values: `(n_points,)`.
    """

    name: str
    columns: tuple[str, ...]
    inputs: Array
    values: Array

    @property
    def best(self) -> set[int]:
        """The best twentieth."""
        return set(np.argsort(-self.values, kind="stable")[: math.ceil(SHARE * len(self.values))].tolist())


POOLS = {
    "Crossed_barrel": ("Crossed_barrel_dataset.csv", "toughness", 1.0),
    "P3HT": ("P3HT_dataset.csv", "Conductivity (measured) (S/cm)", 1.0),
    "Perovskite": ("Perovskite_dataset.csv", "Instability index", -1.0),
}


def read(folder: Path, name: str) -> Pool:
    """Read a pool; replicates are averaged."""
    file, objective, sign = POOLS[name]
    with (folder / file).open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    columns = tuple(column for column in rows[0] if column != objective)
    seen: dict[tuple[float, ...], list[float]] = {}
    for row in rows:
        seen.setdefault(tuple(float(row[c]) for c in columns), []).append(sign * float(row[objective]))
    values = np.array([np.mean(v) for v in seen.values()])
    return Pool(name, columns, np.array(list(seen)), values)


def athanor(pool: Pool, seed: int) -> Choose:
    """The acquire tool as a campaign uses it."""
    from athanor.memory.records import Budget, Candidate, Goal, Measurement, Objective, Outcome, Point, Provenance
    from athanor.memory.state import Trial
    from athanor.tools.acquisition.acquire import acquire

    candidates = [
        Candidate(
            content=Point(values=dict(zip(pool.columns, map(float, row), strict=True))),
            provenance=Provenance(tool="pool"),
        )
        for row in pool.inputs
    ]
    goal = Goal(
        statement="best",
        objectives=(Objective(property="y", direction="maximise", unit="1"),),
        budget=Budget(evaluations=len(candidates)),
    )

    def trial(number: int, index: int) -> Trial:
        one = Measurement(
            property="y", value=float(pool.values[index]), unit="1", method="measured", source="published table"
        )
        return Trial(number, number, "t", candidates[index], None, "", {}, "completed", Outcome(measurements=(one,)))

    def choose(known: list[int]) -> int:
        trials = [trial(number, index) for number, index in enumerate(known, start=1)]
        return acquire(goal, trials, candidates, 1, seed).picks[0].index

    return choose


def gp_lcb(pool: Pool, seed: int) -> Choose:
    """A plain Gaussian process with a length scale for each input, and its upper bound of two deviations."""
    import torch
    from botorch.exceptions.errors import ModelFittingError
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Standardize
    from gpytorch.kernels import MaternKernel, ScaleKernel
    from gpytorch.likelihoods import GaussianLikelihood
    from gpytorch.mlls import ExactMarginalLogLikelihood

    def choose(known: list[int]) -> int:
        torch.manual_seed(seed)
        rows = pool.inputs[known]
        mean, deviation = rows.mean(axis=0), rows.std(axis=0)
        deviation[deviation == 0] = 1.0
        scaled = torch.from_numpy((pool.inputs - mean) / deviation)
        values = torch.from_numpy(pool.values[known])[:, None]
        kernel = ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=scaled.shape[1]))
        noise, scale = GaussianLikelihood(), Standardize(1)
        model = SingleTaskGP(scaled[known], values, likelihood=noise, covar_module=kernel, outcome_transform=scale)
        # Where no start of the optimiser succeeds, the length scales stay where they began.
        with suppress(ModelFittingError):
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        with torch.no_grad():
            belief = model.posterior(scaled)
            bound = (belief.mean + 2 * belief.variance.sqrt())[:, 0].numpy()
        bound[known] = -np.inf
        return int(bound.argmax())

    return choose


def baybe(pool: Pool, seed: int) -> Choose:
    """BayBE's default campaign over the pool as a discrete space."""
    import pandas as pd
    from baybe import Campaign
    from baybe.objectives import SingleTargetObjective
    from baybe.parameters import NumericalDiscreteParameter
    from baybe.searchspace import SearchSpace
    from baybe.settings import Settings
    from baybe.targets import NumericalTarget

    Settings(random_seed=seed).activate()
    table = pd.DataFrame(pool.inputs, columns=list(pool.columns))
    parameters = [NumericalDiscreteParameter(c, sorted(set(table[c]))) for c in pool.columns]
    campaign = Campaign(
        SearchSpace.from_dataframe(table, parameters), SingleTargetObjective(NumericalTarget(name="objective"))
    )
    place = {tuple(row): index for index, row in enumerate(pool.inputs.tolist())}
    told: list[int] = []

    def choose(known: list[int]) -> int:
        new = table.iloc[known[len(told) :]].copy()
        new["objective"] = pool.values[known[len(told) :]]
        campaign.add_measurements(new)
        told.extend(known[len(told) :])
        row = campaign.recommend(1)[list(pool.columns)].iloc[0]
        return place[tuple(float(v) for v in row)]

    return choose


def ax(pool: Pool, seed: int) -> Choose:
    """Ax's default Gaussian process and acquisition, which is asked about each of the pool's points."""
    import torch
    from ax.adapter.registry import Generators
    from ax.core.observation import ObservationFeatures
    from ax.service.ax_client import AxClient, ObjectiveProperties

    names = [f"x{k}" for k in range(len(pool.columns))]
    low, high = pool.inputs.min(axis=0), pool.inputs.max(axis=0)
    client = AxClient(random_seed=seed, verbose_logging=False)
    client.create_experiment(
        parameters=[
            {"name": n, "type": "range", "bounds": [float(a), float(b)], "value_type": "float"}
            for n, a, b in zip(names, low, high, strict=True)
        ],
        objectives={"y": ObjectiveProperties(minimize=False)},
    )
    told: list[int] = []

    def features(index: int) -> dict[str, float]:
        return dict(zip(names, map(float, pool.inputs[index]), strict=True))

    def choose(known: list[int]) -> int:
        for index in known[len(told) :]:
            _, number = client.attach_trial(features(index))
            client.complete_trial(number, {"y": float(pool.values[index])})
        told.extend(known[len(told) :])
        torch.manual_seed(seed)
        adapter = Generators.BOTORCH_MODULAR(experiment=client.experiment, data=client.experiment.fetch_data())
        left = [i for i in range(len(pool.values)) if i not in set(known)]
        scores = adapter.evaluate_acquisition_function([[ObservationFeatures(features(i))] for i in left])
        return left[int(np.argmax(scores))]

    return choose


METHODS: dict[str, Callable[[Pool, int], Choose]] = {"athanor": athanor, "gp_lcb": gp_lcb, "baybe": baybe, "ax": ax}


def run(folder: Path, name: str, method: str, seed: int) -> dict[str, Any]:
    """Search a pool once; the indices in the order in which they were looked at."""
    import logging

    import torch

    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    pool = read(folder, name)
    known = np.random.default_rng(seed).choice(len(pool.values), size=2, replace=False).tolist()
    choose = METHODS[method](pool, seed)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while len(known) < min(MOST, len(pool.values)) and not pool.best <= set(known):
            known.append(choose(known))
    return {"pool": name, "method": method, "seed": seed, "order": known, "cpu_seconds": time.process_time() - start}


def curves(pool: Pool, runs: Sequence[dict[str, Any]]) -> tuple[Array, Array]:
    """Share of the best found, and simple regret as a share of the range, after 1, 2, … points, `(n_runs, MOST)`."""
    length = min(MOST, len(pool.values))
    shares, regrets = np.ones((len(runs), length)), np.zeros((len(runs), length))
    span = float(np.ptp(pool.values))
    for row, one in enumerate(runs):
        order = one["order"]
        found = np.cumsum([index in pool.best for index in order]) / len(pool.best)
        best = (pool.values.max() - np.maximum.accumulate(pool.values[order])) / span
        shares[row, : len(order)], regrets[row, : len(order)] = found, best
    return shares, regrets


def figures(pool: Pool, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Acceleration and enhancement against random choice, with bootstrap intervals over the seeds."""
    shares, regrets = curves(pool, runs)
    random = np.random.default_rng(0)
    chosen = [random.integers(len(runs), size=len(runs)) for _ in range(RESAMPLES)]
    rows: dict[str, Any] = {"seeds": len(runs), "cpu_seconds_a_run": float(np.median([r["cpu_seconds"] for r in runs]))}
    for level in (0.5, 0.8):
        single = [_acceleration(one[None], level, len(pool.values)) for one in shares]
        again = [_acceleration(shares[c], level, len(pool.values)) for c in chosen]
        rows[f"AF({level})"] = {
            "of_the_mean_curve": _acceleration(shares, level, len(pool.values)),
            "95": np.nanquantile(again, [0.025, 0.975]).tolist(),
            "median_of_the_seeds": float(np.median(single)),
        }
    enhancement = shares.mean(axis=0) / (np.arange(1, shares.shape[1] + 1) / len(pool.values))
    rows["EFmax"] = {
        "value": float(enhancement.max()),
        "95": np.quantile([_enhancement(shares[c], len(pool.values)) for c in chosen], [0.025, 0.975]).tolist(),
        "at": int(enhancement.argmax()) + 1,
    }
    least = 5 * len(pool.columns)
    rows["lowest_EF_from_5d_on"] = float(enhancement[least - 1 :].min())
    rows["simple_regret_share_of_range"] = {str(n): float(regrets[:, n - 1].mean()) for n in (5, 10, 20, 40)}
    return rows


def _acceleration(shares: Array, level: float, size: int) -> float:
    """Points that random choice needs for a share of the best, over those that the mean curve needs."""
    mean = shares.mean(axis=0)
    if mean[-1] < level:
        return math.nan
    at = int(np.argmax(mean >= level))
    before = mean[at - 1] if at else 0.0
    steps = at + (level - before) / (mean[at] - before)
    return level * size / steps


def _enhancement(shares: Array, size: int) -> float:
    return float((shares.mean(axis=0) / (np.arange(1, shares.shape[1] + 1) / size)).max())


def main() -> None:
    """Run what is not there yet, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--methods", nargs="+", default=[m for m in METHODS if _is_there(m)], choices=list(METHODS))
    parser.add_argument("--pools", nargs="+", default=list(POOLS), choices=list(POOLS))
    parser.add_argument("--runs", type=Path, default=Path("pool-runs"), help="where runs are kept, one file each")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    asked.runs.mkdir(parents=True, exist_ok=True)
    wanted = [(p, m, s) for s in range(asked.seeds) for p in asked.pools for m in asked.methods]
    missing = [key for key in wanted if not _path(asked.runs, key).exists()]
    with ProcessPoolExecutor(asked.workers) as executor:
        futures = {executor.submit(run, asked.data, *key): key for key in missing}
        for future, key in futures.items():
            _path(asked.runs, key).write_text(json.dumps(future.result()))
    table: dict[str, Any] = {"protocol": __doc__.splitlines()[0], "most_points": MOST, "pools": {}}
    for name in asked.pools:
        pool = read(asked.data, name)
        table["pools"][name] = {"points": len(pool.values), "best": len(pool.best)}
        for method in asked.methods:
            runs = [json.loads(_path(asked.runs, (name, method, s)).read_text()) for s in range(asked.seeds)]
            table["pools"][name][method] = figures(pool, runs)
    print(json.dumps(table, indent=1))
    write_result("pools", table)


def _path(folder: Path, key: tuple[str, str, int]) -> Path:
    return folder / f"{'-'.join(map(str, key))}.json"


def _is_there(method: str) -> bool:
    return method not in ("baybe", "ax") or find_spec(method) is not None


if __name__ == "__main__":
    main()
