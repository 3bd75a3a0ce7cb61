"""Whether a stated deviation tells large errors from small ones: errors by deviation, and sparsification.

Knows numpy, matplotlib and plotly. Knows no models: numbers are handed in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from ...models.uncertainty.metrics import rank_correlation
from ..labels import unit_of, wording
from .style import BLUE, GREEN, GREY, VERMILION, Picture, dress, in_html, in_still, panels, ticks

Array = NDArray[np.float64]

_SHARES = np.linspace(0, 0.95, 39)


def error_by_deviation(name: str, what: str, unit: str, error: Array, deviation: Array) -> Picture:
    """Draw the root mean square error of crystals of like deviation, and the error of those least in doubt.

    Args:
        name: Of the file.
        what: Name of the property.
        unit: Of all numbers.
        error: Truth minus prediction, `(n_crystals,)`.
        deviation: Stated standard deviation, `(n_crystals,)`.
    """
    stated, seen = _binned(error, deviation)
    kept = {
        "by stated deviation": _sparsified(np.abs(error), deviation),
        "by the error itself, the best there is": _sparsified(np.abs(error), np.abs(error)),
        "by chance": np.full(len(_SHARES), np.abs(error).mean()),
    }
    in_unit = unit_of(unit) or "1"
    axes_named = [
        f"stated deviation ({in_unit})",
        f"root mean square error ({in_unit})",
        f"MAE of the rest ({in_unit})",
    ]
    correlation = rank_correlation(error, deviation)
    title = f"{wording(what)}: Spearman's correlation of |error| and deviation {correlation:.2f}, {len(error)} crystals"
    figure, (left, right) = panels(1, 2, width=9.8, height=4.6)
    moving = make_subplots(rows=1, cols=2, horizontal_spacing=0.13)
    ends = (0.8 * float(min(stated.min(), seen.min())), 1.25 * float(max(stated.max(), seen.max())))
    left.plot(ends, ends, color=GREY, lw=1, ls="--", label="as large as stated")
    left.plot(stated, seen, "o-", color=BLUE, ms=5, lw=1.2, label="bins of equally many crystals")
    left.set_xscale("log")
    left.set_yscale("log")
    left.set_xlim(ends)
    left.set_ylim(ends)
    round_numbers = ticks(*ends)
    left.set_xticks(round_numbers, [f"{value:g}" for value in round_numbers])
    left.set_yticks(round_numbers, [f"{value:g}" for value in round_numbers])
    left.minorticks_off()
    left.set_box_aspect(1)
    left.set_xlabel(axes_named[0])
    left.set_ylabel(axes_named[1])
    moving.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": GREY, "dash": "dash"}, hoverinfo="skip", showlegend=False
    )
    moving.add_scatter(
        x=stated,
        y=seen,
        mode="lines+markers",
        line={"color": BLUE},
        showlegend=False,
        hovertemplate="stated %{x:.4f}<br>RMSE %{y:.4f}<extra></extra>",
    )
    for (label, values), colour in zip(kept.items(), (BLUE, GREEN, VERMILION), strict=True):
        right.plot(100 * _SHARES, values, color=colour, lw=2, label=label)
        moving.add_scatter(x=100 * _SHARES, y=values, mode="lines", line={"color": colour}, name=label, row=1, col=2)
    right.set_xlabel("crystals left out, most doubtful first (%)")
    right.set_ylabel(axes_named[2])
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.17), frameon=False, fontsize=8)
    figure.suptitle(in_still(title), x=0.01, ha="left", fontsize=11)
    dress(moving, in_html(title), width=1020, height=560)
    moving.update_xaxes(type="log", title_text=in_html(axes_named[0]), tickvals=round_numbers, row=1, col=1)
    moving.update_yaxes(type="log", title_text=in_html(axes_named[1]), tickvals=round_numbers, row=1, col=1)
    moving.update_xaxes(title_text="crystals left out, most doubtful first (%)", row=1, col=2)
    moving.update_yaxes(title_text=in_html(axes_named[2]), rangemode="tozero", row=1, col=2)
    moving.update_layout(legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"})
    return Picture(name, figure, moving)


def _binned(error: Array, deviation: Array) -> tuple[Array, Array]:
    """Root mean squares of deviation and error in up to 20 bins of equally many crystals, at least 20 in each."""
    bins = np.array_split(np.argsort(deviation), int(np.clip(len(error) // 20, 1, 20)))
    return (
        np.array([np.sqrt((deviation[rows] ** 2).mean()) for rows in bins]),
        np.array([np.sqrt((error[rows] ** 2).mean()) for rows in bins]),
    )


def _sparsified(absolute: Array, doubt: Array) -> Array:
    """Mean error of what is left when the most doubtful share is left out, for each of the shares."""
    ordered = absolute[np.argsort(doubt)]
    means = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    left = np.maximum(np.round((1 - _SHARES) * len(ordered)).astype(int), 1)
    found: Array = means[left - 1]
    return found
