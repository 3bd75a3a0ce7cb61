"""Truth against prediction, a panel that must not be empty: points with deviations where they are few, else a density.

Knows numpy, matplotlib and plotly. Knows no models: numbers are handed in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..labels import counted, with_unit
from .style import BLUE, RISING, SKY, VERMILION, Picture, amount, colour_scale, dress, in_html, in_still, panels

Array = NDArray[np.float64]

FEW = 200
"""Points that are shown one by one, with deviations."""
_WORST = 100
_CELLS = 70


def parity(
    name: str,
    what: str,
    unit: str,
    truth: Array,
    predicted: Array,
    deviation: Array | None = None,
    labels: Sequence[str] = (),
) -> Picture:
    """Draw parity, with the mean absolute error on top.

    Args:
        name: Of the file.
        what: Name of the property.
        unit: Of all numbers.
        truth: `(n_crystals,)`.
        predicted: `(n_crystals,)`.
        deviation: Stated standard deviation, `(n_crystals,)`.
        labels: What the crystals are called, `(n_crystals,)`, for the page.
    """
    error = np.abs(predicted - truth)
    title = f"MAE {amount(float(error.mean()), unit)}, {counted(len(truth), 'crystal')}"
    low, high = float(min(truth.min(), predicted.min())), float(max(truth.max(), predicted.max()))
    pad = 0.04 * (high - low) or 1.0
    ends = (low - pad, high + pad)
    axis = with_unit(what, unit)
    still = _still(title, axis, ends, truth, predicted, deviation)
    return Picture(name, still, _moving(title, axis, ends, truth, predicted, deviation, labels))


def _still(
    title: str, axis: str, ends: tuple[float, float], truth: Array, predicted: Array, deviation: Array | None
) -> Figure:
    figure, (axes,) = panels(width=5.6, height=5.0)
    if len(truth) <= FEW:
        spread = None if deviation is None else deviation
        axes.errorbar(truth, predicted, spread, fmt="o", color=BLUE, ms=4, elinewidth=0.9, ecolor=SKY, alpha=0.85)
        said = "predicted" if deviation is None else "predicted, ± one standard deviation"
    else:
        density = axes.hexbin(
            truth, predicted, gridsize=_CELLS, extent=(*ends, *ends), norm=LogNorm(), cmap=RISING, mincnt=1, lw=0.1
        )
        figure.colorbar(density, ax=axes, shrink=0.8, label="crystals")
        said = "predicted"
    axes.plot(ends, ends, color=VERMILION, lw=1, ls="--", zorder=3)
    axes.set_xlim(ends)
    axes.set_ylim(ends)
    axes.set_box_aspect(1)
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(f"{in_still(axis)}, truth")
    axes.set_ylabel(f"{in_still(axis)}, {said}")
    return figure


def _moving(
    title: str,
    axis: str,
    ends: tuple[float, float],
    truth: Array,
    predicted: Array,
    deviation: Array | None,
    labels: Sequence[str],
) -> go.Figure:
    """As the still; of many crystals the worst are points of their own, which the pointer names."""
    figure = go.Figure()
    shown = np.arange(len(truth))
    if len(truth) > FEW:
        counts, edges, _ = np.histogram2d(truth, predicted, bins=2 * _CELLS, range=(ends, ends))
        middles = (edges[1:] + edges[:-1]) / 2
        ticks = [n for n in range(6) if 10**n <= counts.max()]
        figure.add_heatmap(
            x=middles,
            y=middles,
            z=np.log10(np.where(counts > 0, counts, np.nan)).T,
            customdata=counts.T,
            colorscale=colour_scale(RISING),
            colorbar={"title": {"text": "crystals"}, "tickvals": ticks, "ticktext": [str(10**n) for n in ticks]},
            hovertemplate="truth %{x:.3f}<br>predicted %{y:.3f}<br>%{customdata} crystals<extra></extra>",
        )
        shown = np.argsort(np.abs(predicted - truth))[-_WORST:]
    figure.add_scatter(
        x=truth[shown],
        y=predicted[shown],
        mode="markers",
        error_y=None if deviation is None or len(truth) > FEW else {"array": deviation, "color": SKY, "thickness": 1},
        text=[in_html(labels[int(n)]) if len(labels) else f"crystal {n + 1}" for n in shown],
        hovertemplate="%{text}<br>truth %{x:.3f}<br>predicted %{y:.3f}<extra></extra>",
        marker={"color": BLUE if len(truth) <= FEW else VERMILION, "size": 6},
        name="crystals" if len(truth) <= FEW else f"the {len(shown)} worst",
    )
    figure.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        line={"color": VERMILION, "dash": "dash", "width": 1},
        name="equal",
        hoverinfo="skip",
    )
    dress(figure, f"{in_html(axis)}: {in_html(title)}", width=760, height=660)
    figure.update_layout(legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"})
    figure.update_xaxes(title_text=f"{in_html(axis)}, truth", range=ends)
    figure.update_yaxes(title_text=f"{in_html(axis)}, predicted", range=ends, scaleanchor="x")
    return figure
