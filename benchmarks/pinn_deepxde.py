"""DeepXDE on the problems of `pinn.py`: 3 x 20 tanh units, Adam and then L-BFGS, double precision, one thread.

Each run has a budget of CPU seconds, two fifths of it Adam's, and tells its error at ten times. Conditions are kept by
an output transform (hard) wherever one is at hand; heat is run with soft ones too, as in DeepXDE's own demonstration.
Written after each run, so that it can be stopped and started. `python benchmarks/pinn_deepxde.py`
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

os.environ.setdefault("DDE_BACKEND", "pytorch")

import numpy as np
import torch
from numpy.typing import NDArray
from pinn import AIRY, exact, points_for, relative
from record import RESULTS, write_result

try:
    import deepxde as dde
except ModuleNotFoundError:  # pragma: no cover - benchmarks only
    dde = None

Array = NDArray[np.float64]
SEEDS = 5
SECONDS = {
    "heat, soft": 100,
    "heat, hard": 100,
    "burgers, hard": 90,
    "allen_cahn, hard": 100,
    "poisson, hard": 40,
    "steady, soft": 40,
    "well, hard": 20,
    "diffusivity, soft": 60,
}
ADAM = 0.4
Law = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Task:
    """A model and how far off it is.

    Attributes:
        model: DeepXDE's.
        error: Of the model as it is.
        unknowns: Trained beside the network.
    """

    model: Any
    error: Callable[[], float]
    unknowns: tuple[Any, ...] = ()


def by(y: torch.Tensor, x: torch.Tensor, *axes: int) -> torch.Tensor:
    """A first or second derivative of the network."""
    if len(axes) == 1:
        return dde.grad.jacobian(y, x, i=0, j=axes[0])
    return dde.grad.hessian(y, x, i=axes[0], j=axes[1])


def network(n_inputs: int, transform: Law | None = None) -> Any:
    """The network of DeepXDE's own demonstrations for heat and Burgers."""
    found = dde.nn.FNN([n_inputs, 20, 20, 20, 1], "tanh", "Glorot normal")
    if transform is not None:
        found.apply_output_transform(transform)
    return found


def field_task(name: str, data: Any, net: Any, low: list[float], high: list[float], *unknowns: Any) -> Task:
    """Judge the field at the points of `pinn.py`."""
    points = points_for(name, np.array(low), np.array(high) - np.array(low))
    truth = exact()[name](points)
    model = dde.Model(data, net)
    return Task(model, lambda: relative(model.predict(points).ravel(), truth), unknowns)


def evolution(
    name: str,
    law: Law,
    low: float,
    start: Callable[[Any], Any],
    hard: Law | None,
    n: int,
    *more: Any,
    periodic: bool = False,
) -> Task:
    """A problem of place and time from `low` to 1, zero or periodic at its ends."""
    space = dde.geometry.GeometryXTime(dde.geometry.Interval(low, 1), dde.geometry.TimeDomain(0, 1))
    conditions: list[Any] = list(more)
    if periodic:
        conditions += [dde.icbc.PeriodicBC(space, 0, lambda _x, on: on, derivative_order=k) for k in (0, 1)]
    if hard is None:
        conditions.append(dde.icbc.DirichletBC(space, lambda _x: 0, lambda _x, on: on))
        conditions.append(dde.icbc.IC(space, start, lambda _x, on: on))
    data = dde.data.TimePDE(space, law, conditions, num_domain=n, num_boundary=80, num_initial=160)
    return field_task(name, data, network(2, hard), [low, 0.0], [1.0, 1.0])


def heat(variant: str, _seed: int) -> Task:
    """u_t = 0.4 u_xx."""

    def start(x: Any) -> Any:
        return np.sin(np.pi * x[:, :1])

    def hard(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.sin(np.pi * x[:, :1]) + x[:, :1] * (1 - x[:, :1]) * x[:, 1:] * y

    def law(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return by(y, x, 1) - 0.4 * by(y, x, 0, 0)

    return evolution("heat", law, 0.0, start, hard if variant == "hard" else None, 2540)


def burgers(variant: str, _seed: int) -> Task:
    """u_t + u u_x = (0.01/π) u_xx."""

    def hard(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -torch.sin(np.pi * x[:, :1]) + (1 - x[:, :1] ** 2) * x[:, 1:] * y

    def law(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return by(y, x, 1) + y * by(y, x, 0) - 0.01 / np.pi * by(y, x, 0, 0)

    return evolution(
        "burgers", law, -1.0, lambda x: -np.sin(np.pi * x[:, :1]), hard if variant == "hard" else None, 2540
    )


def allen_cahn(_variant: str, _seed: int) -> Task:
    """u_t = 1e-4 u_xx + 5 (u − u³), periodic; the start kept by the output transform."""

    def hard(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x[:, :1] ** 2 * torch.cos(np.pi * x[:, :1]) + x[:, 1:] * y

    def law(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return by(y, x, 1) - 1e-4 * by(y, x, 0, 0) - 5 * (y - y**3)

    return evolution(
        "allen_cahn", law, -1.0, lambda x: x[:, :1] ** 2 * np.cos(np.pi * x[:, :1]), hard, 5000, periodic=True
    )


def steady(_variant: str, _seed: int) -> Task:
    """−((1 + x) u')' = f, five exact data."""

    def law(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        source = -(np.pi * torch.cos(np.pi * x) + 0.5 - (1 + x) * np.pi**2 * torch.sin(np.pi * x))
        return -(by(y, x, 0) + (1 + x) * by(y, x, 0, 0)) - source

    places = np.linspace(0, 1, 5)[:, None]
    known = dde.icbc.PointSetBC(places, np.sin(np.pi * places) + places / 2)
    data = dde.data.PDE(dde.geometry.Interval(0, 1), law, [known], num_domain=64, num_boundary=2)
    return field_task("steady", data, network(1), [0.0], [1.0])


def poisson(variant: str, _seed: int) -> Task:
    """−Δu = 2π² sin πx sin πy, cold edges."""

    def law(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        source = 2 * np.pi**2 * torch.sin(np.pi * x[:, :1]) * torch.sin(np.pi * x[:, 1:])
        return by(y, x, 0, 0) + by(y, x, 1, 1) + source

    def hard(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (x * (1 - x)).prod(1, keepdim=True) * y

    square = dde.geometry.Rectangle([0, 0], [1, 1])
    edges = [] if variant == "hard" else [dde.icbc.DirichletBC(square, lambda _x: 0, lambda _x, on: on)]
    data = dde.data.PDE(square, law, edges, num_domain=1200, num_boundary=120)
    return field_task("poisson", data, network(2, hard if variant == "hard" else None), [0.0, 0.0], [1.0, 1.0])


def well(_variant: str, _seed: int) -> Task:
    """−ψ'' + x ψ = E ψ on [0, 16], zero at both ends, one at x = 1; E starts at 2, near the ground state's 2.338."""
    energy = dde.Variable(2.0)

    def law(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -by(y, z, 0, 0) / 64 + (8 * (z + 1) - energy) * y

    one = dde.icbc.PointSetBC(np.array([[-0.875]]), np.array([[1.0]]))
    data = dde.data.PDE(dde.geometry.Interval(-1, 1), law, [one], num_domain=400, num_boundary=2)
    model = dde.Model(data, network(1, lambda z, y: (1 - z**2) * y))
    return Task(model, lambda: abs(float(energy.detach()) / AIRY - 1), (energy,))


def diffusivity(_variant: str, seed: int) -> Task:
    """Heat with an unknown diffusivity, the very 50 points of `pinn.py` with 1 % noise; judged by the diffusivity."""
    a = dde.Variable(1.0)
    rng = np.random.default_rng(seed)
    x, t = rng.uniform(0, 1, (2, 50))
    values = np.exp(-(np.pi**2) * 0.4 * t) * np.sin(np.pi * x) + 0.01 * rng.standard_normal(50)
    measured = dde.icbc.PointSetBC(np.column_stack([x, t]), values[:, None])

    def law(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return by(y, z, 1) - a * by(y, z, 0, 0)

    model = evolution("heat", law, 0.0, lambda z: np.sin(np.pi * z[:, :1]), None, 2540, measured).model
    return Task(model, lambda: abs(float(a.detach()) / 0.4 - 1), (a,))


TASKS: dict[str, Callable[[str, int], Task]] = {
    "heat": heat,
    "steady": steady,
    "poisson": poisson,
    "burgers": burgers,
    "allen_cahn": allen_cahn,
    "well": well,
    "diffusivity": diffusivity,
}


def run(label: str, seed: int) -> dict[str, Any]:
    """Train once, within the budget."""
    dde.config.set_default_float("float64")
    dde.config.set_random_seed(seed)
    # Short steps of L-BFGS, so that the budget is kept; the history is carried from one to the next.
    dde.optimizers.set_LBFGS_options(maxiter=10**6)
    dde.optimizers.LBFGS_options.update(iter_per_step=100, fun_per_step=125)
    name, variant = label.split(", ")
    task = TASKS[name](variant, seed)
    began, budget = time.process_time(), SECONDS[label]
    trail: list[tuple[float, float]] = []

    class Budget(dde.callbacks.Callback):  # type: ignore[name-defined,misc]
        until = budget * ADAM

        def on_epoch_end(self) -> None:
            spent = time.process_time() - began
            if spent >= (len(trail) + 1) * budget / 10:
                trail.append((round(spent, 1), task.error()))
            self.model.stop_training = spent > self.until

    stop = Budget()
    task.model.compile("adam", lr=1e-3, external_trainable_variables=list(task.unknowns) or None)
    task.model.train(iterations=10**7, display_every=10**7, callbacks=[stop], verbose=0)
    stop.until = budget
    task.model.compile("L-BFGS", external_trainable_variables=list(task.unknowns) or None)
    task.model.train(display_every=10**7, callbacks=[stop], verbose=0)
    spent = round(time.process_time() - began, 1)
    return {"seed": seed, "error": task.error(), "cpu_seconds": spent, "error_at_cpu_seconds": trail}


def main() -> None:
    """Run what is not there yet, one seed of all problems after the other."""
    if dde is None:
        print("DeepXDE is not installed: see benchmarks/requirements.txt")
        return
    torch.set_num_threads(1)
    path = RESULTS / "pinn_deepxde.json"
    runs: dict[str, list[dict[str, Any]]] = (
        json.loads(path.read_text("utf-8"))["figures"]["runs"] if path.exists() else {}
    )
    for seed in range(SEEDS):
        for label in SECONDS:
            done = runs.setdefault(label, [])
            if any(one["seed"] == seed for one in done):
                continue
            done.append(run(label, seed))
            print(label, done[-1], flush=True)
            medians = {
                key: {
                    "median_error": median(one["error"] for one in rows),
                    "median_cpu_seconds": median(one["cpu_seconds"] for one in rows),
                    "seeds": len(rows),
                }
                for key, rows in runs.items()
                if rows
            }
            write_result(
                "pinn_deepxde", {"deepxde": dde.__version__, "adam_share": ADAM, "medians": medians, "runs": runs}
            )


if __name__ == "__main__":
    main()
