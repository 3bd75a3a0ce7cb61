"""Where the search for an unknown number starts: as given, in the middle of its range, or by what the eye sees.

Knows problems, formulas and data in SI units. Must not know equations or solvers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ...memory.errors import UserError
from ...models.pinn.posed import Observations, UnknownScalar
from .expression import parse_formula
from .problem import UnknownNumber
from .units import Unit

Array = NDArray[np.float64]
_SMOOTHED = 15
"""Readings by whose median a spike or two do not count."""
_INSIDE = 1e-3


def starting(
    name: str,
    one: UnknownNumber,
    unit: Unit,
    known: Mapping[str, float],
    observations: Observations | None,
    coordinates: tuple[str, ...],
) -> UnknownScalar:
    """An unknown number in SI units with its start.

    Args:
        name: Of the parameter.
        one: What was said of it.
        unit: Of what was said.
        known: Numbers that its start may read, in SI units.
        observations: Data that its start may read.
        coordinates: In the order of the data's columns.

    Raises:
        UserError: Its start is no formula, or reads data over time where there are none.
    """
    low, high = one.low * unit.factor, one.high * unit.factor
    if isinstance(one.start, str):
        where = f"parameters.{name}.start"
        seen = _seen(observations, coordinates)
        formula = parse_formula(one.start, {*known, *_MARKS}, where)
        if not formula.names & _MARKS <= seen.keys():
            raise UserError(f"{where}: {one.start!r} reads data over time, and there are none")
        values = {n: torch.tensor(v, dtype=torch.float64) for n, v in {**known, **seen}.items()}
        found = float(formula(values))
        # A guess by eye may lie anywhere; the search must begin within the range, off its ends.
        edge = _INSIDE * (high - low) if low <= 0 else 0.0
        start = float(np.clip(found, low + edge if low <= 0 else low * (1 + _INSIDE), high * (1 - _INSIDE)))
    elif one.start is None:
        start = float(np.sqrt(low * high)) if low > 0 else (low + high) / 2
    else:
        start = one.start * unit.factor
    return UnknownScalar(name, start, low, high)


_MARKS = {"level", "height", "half_time"}


def _seen(observations: Observations | None, coordinates: tuple[str, ...]) -> dict[str, float]:
    """Level, height and half time of data over time; empty where they are not over time."""
    if observations is None or "t" not in coordinates:
        return {}
    t = observations.points[:, coordinates.index("t")]
    order = np.argsort(t, kind="stable")
    t, values = t[order], observations.values[order]
    width = max(1, min(_SMOOTHED, len(values) // 10))
    padded = np.pad(values, width // 2, mode="edge")
    smooth: Array = np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)[: len(values)]
    level, height = float(smooth[0]), float(np.ptp(smooth))
    risen = np.abs(smooth - level) >= height / 2
    half = float(t[int(np.argmax(risen))])
    return {"level": level, "height": max(height, 1e-12), "half_time": half if half > 0 else float(t[-1]) / 2}
