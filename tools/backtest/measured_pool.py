"""A finite pool whose answers are all known: what a search can be tried on before anything is made.

Knows CSV files through the pool's reader and the table oracle. Must not know how a search chooses.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...memory.errors import UserError
from ...memory.records import Candidate, Measurement, Objective, Outcome, Point, Provenance
from ..generators.pool import read_pool
from ..oracles.oracle import Replicates, TableSettings
from ..oracles.table import TableOracle

Array = NDArray[np.float64]

SHARE = 0.05
"""The best of a pool, which a search is to find."""
LEAST_POINTS = 3


@dataclass(frozen=True)
class MeasuredPool:
    """Points with their answers.

    Attributes:
        file: Where they come from.
        objective: What is wanted high or low.
        inputs: Names of the variables.
        points: Each different setting once, in the order of the file.
        truths: Mean of a setting's replicates, `(n_points,)`, in the objective's unit.
        left_out: Settings without a result.
        replicates: What a search is told: the truths, or one replicate of each setting.
    """

    file: Path
    objective: Objective
    inputs: tuple[str, ...]
    points: tuple[Point, ...]
    truths: Array
    left_out: int
    replicates: Replicates

    @cached_property
    def gains(self) -> Array:
        """The truths, turned so that the highest is best, `(n_points,)`."""
        return self.truths if self.objective.direction == "maximise" else -self.truths

    @cached_property
    def best(self) -> frozenset[int]:
        """Places of the best twentieth, at least one; of equals the earlier."""
        order = np.argsort(-self.gains, kind="stable")
        return frozenset(order[: math.ceil(SHARE * len(self.points))].tolist())

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The points as candidates."""
        provenance = Provenance(tool="backtest", parents=(self.file.name,))
        return tuple(Candidate(content=point, provenance=provenance) for point in self.points)

    def outcome(self, value: float) -> Outcome:
        """A value as the table's measurement."""
        objective, source = self.objective, f"table {self.file.name}"
        found = Measurement(
            property=objective.property, value=value, unit=objective.unit, method="measured", source=source
        )
        return Outcome(measurements=(found,))

    def answers(self, seed: int) -> Array:
        """What a search is told of each point, `(n_points,)`, in the objective's unit.

        Args:
            seed: Decides which replicates are drawn.
        """
        if self.replicates == "averaged":
            return self.truths
        return np.array(_answers(_oracle(self.file, self.objective, "drawn", seed), self.points), dtype=float)


def read_measured_pool(
    file: Path, objective: Objective, inputs: Sequence[str] = (), replicates: Replicates = "averaged"
) -> MeasuredPool:
    """Read a CSV file.

    Args:
        objective: A column to maximise or minimise.
        inputs: Columns that vary, numbers or text; all others but the objective's where none is named.

    Raises:
        UserError: The file cannot be read, lacks a column, or tells too little; says what is allowed.
    """
    names = tuple(inputs) or tuple(name for name in _header(file) if name != objective.property)
    if objective.property in names:
        raise UserError(f"{file}: {objective.property} is the objective and an input; one of the two is allowed")
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"{file}: the inputs name {twice[0]} twice; each once is allowed")
    oracle = _oracle(file, objective, "averaged", 0)
    points = read_pool(file, names)
    found = _answers(oracle, points)
    kept = [k for k, value in enumerate(found) if value is not None]
    truths = np.array([found[k] for k in kept], dtype=float)
    if len(kept) < LEAST_POINTS:
        raise UserError(f"{file}: {len(kept)} settings with a value of {objective.property}; {LEAST_POINTS} are needed")
    if np.ptp(truths) == 0:
        raise UserError(f"{file}: all settings have the same {objective.property}; there is nothing to look for")
    chosen = tuple(points[k] for k in kept)
    return MeasuredPool(file, objective, names, chosen, truths, len(points) - len(kept), replicates)


def _oracle(file: Path, objective: Objective, replicates: Replicates, seed: int) -> TableOracle:
    properties = {objective.property: objective.unit}
    return TableOracle(TableSettings(file=file, properties=properties, replicates=replicates, seed=seed))


def _answers(oracle: TableOracle, points: Sequence[Point]) -> list[float | None]:
    outcomes = (oracle.evaluate(Candidate(content=p, provenance=Provenance(tool="backtest"))) for p in points)
    return [outcome.measurements[0].value if outcome.measurements else None for outcome in outcomes]


def _header(file: Path) -> list[str]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            return [name.strip() for name in next(csv.reader(stream), []) if name.strip()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{file}: cannot be read as UTF-8 text: {error}") from error
