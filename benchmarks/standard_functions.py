"""Standard functions through the proposals of parameter spaces, beside Ax's and BayBE's defaults at the same budget.

usage: python benchmarks/standard_functions.py [--seeds 20] [--fewer FUNCTION/METHOD=N...] [--budget 30]
       [--methods NAME...] [--functions NAME...]

Hartmann6, a constrained Hartmann6 (BayBE has no outcome constraints and is left out), AckleyMixed with five binary and
three continuous variables and a new optimum for each seed, Branin-Currin and DTLZ2 with four variables and two
objectives; all of BoTorch, without noise. Each search begins with the same random points of its seed. One objective:
regret, where the constraint is kept. Two: hypervolume short of the largest. A search that is done is kept in --runs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from botorch.test_functions import DTLZ2, BraninCurrin, Hartmann
from botorch.test_functions.base import BaseTestProblem
from botorch.test_functions.synthetic import AckleyMixed, ConstrainedHartmann
from record import write_result
from suggesters import SUGGESTERS, installed

from athanor.memory.records import Budget, Constraint, Goal, Objective, Point
from athanor.models.threads import configure_torch
from athanor.tools.acquisition.merit import dominated_volume
from athanor.tools.parameters.parameter_space import ParameterSpace
from athanor.tools.parameters.sample import sample

AT = (10, 20, 30)


@dataclass(frozen=True)
class Function:
    """A test problem, to be minimised."""

    problem: BaseTestProblem
    n_integers: int = 0

    @property
    def space(self) -> ParameterSpace:
        """Its variables; the first ones are whole numbers where it is mixed."""
        variables: list[dict[str, Any]] = []
        for k, (low, high) in enumerate(self.problem.bounds.T.tolist()):
            kind = "integer" if k < self.n_integers else "continuous"
            variables.append({"kind": kind, "name": f"x{k}", "unit": "1", "low": low, "high": high})
        return ParameterSpace.model_validate({"variables": variables})

    @property
    def goal(self) -> Goal:
        """All objectives low, the slack of a constraint not below zero."""
        names = [f"y{k}" for k in range(self.problem.num_objectives)]
        slack = Constraint(property="slack", comparison=">=", value=0.0, unit="1")
        return Goal(
            statement="",
            objectives=tuple(Objective(property=n, direction="minimise", unit="1") for n in names),
            constraints=(slack,) if hasattr(self.problem, "num_constraints") else (),
            budget=Budget(evaluations=1000),
        )

    def values(self, point: Point) -> dict[str, float]:
        """Values of the objectives, and the slack."""
        row = torch.tensor([[float(point.values[f"x{k}"]) for k in range(self.problem.dim)]], dtype=torch.float64)
        found = {f"y{k}": float(v) for k, v in enumerate(self.problem.evaluate_true(row).reshape(-1))}
        if hasattr(self.problem, "num_constraints"):
            found["slack"] = float(self.problem.evaluate_slack_true(row)[0, 0])
        return found

    def short(self, known: list[dict[str, float]]) -> list[float]:
        """Regret or missing hypervolume after each evaluation; infinite before the constraint is kept."""
        if self.problem.num_objectives == 1:
            best = [v["y0"] - self.problem.optimal_value if v.get("slack", 0.0) >= 0 else np.inf for v in known]
            return np.minimum.accumulate(best).tolist()
        reference = self.problem.ref_point.tolist()
        gains = np.array([[r - v[f"y{k}"] for k, r in enumerate(reference)] for v in known])
        return [float(self.problem.max_hv - dominated_volume(gains[: n + 1])) for n in range(len(gains))]


def _mixed(seed: int) -> Function:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Function(AckleyMixed(dim=8, randomize_optimum=True), n_integers=5)


FUNCTIONS: dict[str, Callable[[int], Function]] = {
    "Hartmann6": lambda seed: Function(Hartmann(dim=6)),
    "ConstrainedHartmann6": lambda seed: Function(ConstrainedHartmann(dim=6)),
    "AckleyMixed": _mixed,
    "BraninCurrin": lambda seed: Function(BraninCurrin()),
    "DTLZ2": lambda seed: Function(DTLZ2(dim=4, num_objectives=2)),
}


def run(name: str, method: str, seed: int, budget: int) -> dict[str, Any]:
    """One search: what it fell short by after each evaluation."""
    function = FUNCTIONS[name](seed)
    space = function.space
    known = [(p, function.values(p)) for p in sample(space, function.problem.dim + 1, seed)]
    start = time.process_time()
    suggest = SUGGESTERS[method](space, function.goal, seed)
    while len(known) < budget:
        (point,) = suggest(known, 1)
        known.append((point, function.values(point)))
    return {"short": function.short([v for _, v in known]), "cpu_seconds": time.process_time() - start}


def figures(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Median and mean over the seeds, with 95 % bootstrap intervals."""
    table = np.array([one["short"] for one in runs])
    drawn = np.random.default_rng(0).integers(len(runs), size=(2000, len(runs)))
    found: dict[str, Any] = {"seeds": len(runs), "cpu_seconds": float(np.median([r["cpu_seconds"] for r in runs]))}
    for at in AT:
        if at <= table.shape[1]:
            column = table[:, at - 1]
            low, high = np.quantile(np.median(column[drawn], axis=1), [0.025, 0.975])
            found[f"after {at}"] = {"median": float(np.median(column)), "95": [float(low), float(high)]}
    return found


def main() -> None:
    """Run what is not there yet, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--fewer", nargs="+", default=[], metavar="FUNCTION/METHOD=N", help="seeds of slow searches")
    parser.add_argument("--budget", type=int, default=30)
    parser.add_argument("--methods", nargs="+", default=installed(), choices=list(SUGGESTERS))
    parser.add_argument("--functions", nargs="+", default=list(FUNCTIONS), choices=list(FUNCTIONS))
    parser.add_argument("--runs", type=Path, default=Path("function-runs"), help="where searches are kept")
    asked = parser.parse_args()
    asked.runs.mkdir(parents=True, exist_ok=True)
    configure_torch()
    fewer = {name: int(n) for name, _, n in (one.partition("=") for one in asked.fewer)}
    table: dict[str, Any] = {name: {} for name in asked.functions}
    for seed in range(asked.seeds):
        for name in asked.functions:
            for method in asked.methods:
                if seed >= fewer.get(f"{name}/{method}", asked.seeds):
                    continue
                path = asked.runs / f"{name}-{method}-{seed}-{asked.budget}.json"
                if not path.exists() and not (method == "baybe" and FUNCTIONS[name](seed).goal.constraints):
                    path.write_text(json.dumps(run(name, method, seed, asked.budget)))
                    print(path.name, flush=True)
                if path.exists():
                    table[name].setdefault(method, []).append(json.loads(path.read_text()))
    found = {name: {method: figures(runs) for method, runs in rows.items()} for name, rows in table.items()}
    others = {p: version(p) for p, m in (("ax-platform", "ax"), ("baybe", "baybe")) if m in installed()}
    print(json.dumps(found, indent=1))
    write_result("standard_functions", {"budget": asked.budget, "others": others, "functions": found})


if __name__ == "__main__":
    main()
