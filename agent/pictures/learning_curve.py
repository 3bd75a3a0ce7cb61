"""How a predictor's error falls with the number of crystals it learns from.

Knows matplotlib and plotly. Knows no models: numbers are handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ..labels import unit_of, wording
from .style import SERIES, Picture, dress, in_html, in_still, panels, ticks

Array = NDArray[np.float64]
_MARKS = ("o", "s", "D", "^", "v", "P")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")


@dataclass(frozen=True)
class Curve:
    """One way to learn.

    Attributes:
        label: What it is called.
        sizes: Training crystals, `(n_sizes,)`.
        errors: Mean absolute error on held-out crystals, `(n_sizes,)`: mean over seeds.
        spreads: Standard deviation over seeds, `(n_sizes,)`; zero where there is one.
    """

    label: str
    sizes: Array
    errors: Array
    spreads: Array


def learning_curve(name: str, what: str, unit: str, curves: Sequence[Curve]) -> Picture:
    """Draw error against number of training crystals, both logarithmic."""
    axis = f"MAE ({unit_of(unit) or '1'})"
    title = f"{wording(what)}: error by number of training crystals"
    figure, (axes,) = panels(width=6.4, height=5.0)
    moving = go.Figure()
    for curve, colour, mark, symbol in zip(curves, SERIES, _MARKS, _SYMBOLS, strict=False):
        # A bar that reaches zero has no place on a logarithmic axis.
        below = np.minimum(curve.spreads, 0.9 * curve.errors)
        axes.errorbar(
            curve.sizes, curve.errors, (below, curve.spreads), color=colour, marker=mark, ms=6, lw=1.8, capsize=3,
            label=in_still(curve.label),
        )  # fmt: skip
        moving.add_scatter(
            x=curve.sizes,
            y=curve.errors,
            mode="lines+markers",
            error_y={"array": curve.spreads, "arrayminus": below, "symmetric": False},
            line={"color": colour, "width": 2},
            marker={"symbol": symbol, "size": 8},
            name=in_html(curve.label),
            customdata=curve.spreads,
            hovertemplate="%{x} crystals<br>MAE %{y:.4f} ± %{customdata:.4f}<extra>%{fullData.name}</extra>",
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    sizes = sorted({int(size) for curve in curves for size in curve.sizes})
    axes.set_xticks(sizes, [f"{size:,}".replace(",", "\u202f") for size in sizes], fontsize=8, rotation=30)
    axes.minorticks_off()
    low, high = axes.get_ylim()
    axes.set_yticks(ticks(low, high), [f"{value:g}" for value in ticks(low, high)])
    axes.set_xlabel("training crystals")
    axes.set_ylabel(axis)
    axes.set_title(in_still(title), loc="left", fontsize=11)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.2), ncols=2, frameon=False, fontsize=9)
    dress(moving, in_html(title), width=860, height=580)
    moving.update_xaxes(type="log", title_text="training crystals", tickvals=sizes)
    moving.update_yaxes(type="log", title_text=in_html(axis), tickvals=ticks(low, high))
    return Picture(name, figure, moving)
