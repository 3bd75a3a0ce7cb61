"""Many searches of one measured pool by several methods, kept as they come, and their figures as one document.

Knows searches, figures and a folder. Must not know terminals or drawing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, as_completed
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...memory.errors import UserError
from ...models.threads import configure_torch
from ..conditions import conditions
from ..whole_file import whole_file
from .figures import figures, random_figures
from .measured_pool import SHARE, MeasuredPool
from .search import Method, Search, search

RANDOM = "random"
"""The method that is not searched with: its figures are exact."""
_PROTOCOL = "protocol.json"
_PACKAGES = ("athanor", "botorch", "gpytorch", "numpy", "scipy", "torch")

Tell = Callable[[str, int, int], object]
"""Is told what is being done, and how many of how many are."""


@dataclass(frozen=True)
class Backtest:
    """How a pool is searched.

    Attributes:
        seeds: Searches of each method; those of one seed begin with the same points.
        initial: Points drawn at random first.
        most: Points that a search may look at.
    """

    seeds: int = 50
    initial: int = 2
    most: int = 200


def run(
    asked: Backtest,
    pool: MeasuredPool,
    methods: Mapping[str, Method],
    executor: Executor,
    tell: Tell,
    kept: Path | None = None,
    kept_as: Mapping[str, str] | None = None,
) -> dict[str, list[Search]]:
    """Search with each method and seed what is not kept yet.

    Args:
        methods: Name to what can be sent to another process.
        executor: Where searches run.
        kept: Folder of searches that are done; those there are not made again.
        kept_as: Name of a method to what its files are called by, where its name does not say all that decides it.

    Returns:
        Method to its searches, by seed.

    Raises:
        UserError: The folder cannot be used, or holds searches of another table or protocol.
    """
    if kept is not None:
        _claim(kept, _identity(asked, pool))
    files = {name: (kept_as or {}).get(name, name) for name in methods}
    found = {name: dict(_read(kept, files[name], asked.seeds)) for name in methods}
    wanted = [(seed, name) for seed in range(asked.seeds) for name in methods if seed not in found[name]]
    futures: dict[Future[Search], tuple[int, str]] = {
        executor.submit(_searched, pool, methods[name], seed, asked): (seed, name) for seed, name in wanted
    }
    total = asked.seeds * len(methods)
    for done, future in enumerate(as_completed(futures), start=total - len(wanted) + 1):
        seed, name = futures[future]
        found[name][seed] = future.result()
        if kept is not None:
            with whole_file(kept / f"{files[name]}-{seed}.json", "searches") as stream:
                stream.write(json.dumps(asdict(found[name][seed])).encode())
        tell("searches", done, total)
    return {name: [searches[seed] for seed in range(asked.seeds)] for name, searches in found.items()}


def document(asked: Backtest, pool: MeasuredPool, searches: Mapping[str, list[Search]]) -> dict[str, Any]:
    """What was asked, the pool, and the figures of random choice and each method."""
    objective = pool.objective
    best = pool.truths.max() if objective.direction == "maximise" else pool.truths.min()
    methods = {
        name: {**figures(pool, runs, asked.most), "instead": sum(one.instead for one in runs)}
        for name, runs in searches.items()
    }
    return {
        "table": {
            "file": pool.file.name,
            "objective": objective.property,
            "unit": objective.unit,
            "direction": objective.direction,
            "inputs": list(pool.inputs),
            "points": len(pool.points),
            "left_out_without_result": pool.left_out,
            "best_value": float(best),
            "best_points": len(pool.best),
        },
        "protocol": asdict(asked) | {"replicates": pool.replicates, "share_looked_for": SHARE},
        "methods": {RANDOM: random_figures(pool, asked.most), **methods},
        "conditions": conditions(_PACKAGES),
    }


def _searched(pool: MeasuredPool, method: Method, seed: int, asked: Backtest) -> Search:
    configure_torch()
    return search(pool, method, seed, asked.initial, asked.most)


def _identity(asked: Backtest, pool: MeasuredPool) -> dict[str, Any]:
    """What searches must share to stand side by side."""
    return {
        "table": hashlib.sha256(pool.file.read_bytes()).hexdigest()[:16],
        "objective": pool.objective.property,
        "direction": pool.objective.direction,
        "inputs": list(pool.inputs),
        "replicates": pool.replicates,
        "initial": asked.initial,
        "most": asked.most,
        "athanor": version("athanor"),
    }


def _claim(folder: Path, identity: Mapping[str, Any]) -> None:
    path = folder / _PROTOCOL
    try:
        known = json.loads(path.read_text("utf-8")) if path.exists() else None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error
    if known is None:
        with whole_file(path, "searches") as stream:
            stream.write(json.dumps(identity).encode())
        return
    unlike = [name for name, value in identity.items() if known.get(name) != value] if isinstance(known, dict) else []
    if unlike or not isinstance(known, dict):
        raise UserError(
            f"{folder}: holds searches that were made otherwise ({', '.join(unlike) or path.name}); "
            "another folder, or the same settings, are allowed"
        )


def _read(folder: Path | None, name: str, seeds: int) -> list[tuple[int, Search]]:
    paths = [(seed, folder / f"{name}-{seed}.json") for seed in range(seeds)] if folder is not None else []
    found = []
    for seed, path in paths:
        if path.exists():
            try:
                kept = json.loads(path.read_text("utf-8"))
                found.append((seed, Search(tuple(kept["order"]), float(kept["cpu_seconds"]), int(kept["instead"]))))
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise UserError(f"{path}: is no search: {error}; without it, it is made again") from error
    return found
