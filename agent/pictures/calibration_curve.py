"""What stated deviations are worth: observed against stated coverage, before and after calibration.

Knows the metrics, matplotlib and plotly. Knows no models: numbers are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ...models.uncertainty.metrics import LEVELS, miscalibration_area, observed_coverage
from ..labels import wording
from .style import BLUE, GREY, SERIES, VERMILION, Picture, dress, in_html, in_still, panels

Array = NDArray[np.float64]


def calibration_curve(name: str, what: str, error: Array, deviations: Mapping[str, Array]) -> Picture:
    """Draw one curve for each kind of deviation, with its miscalibration area: that between curve and diagonal.

    Args:
        name: Of the file.
        what: Name of the property.
        error: Truth minus prediction, `(n_crystals,)`.
        deviations: Stated standard deviations `(n_crystals,)` by what they are called (`before calibration`).
    """
    curves = {
        label: (observed_coverage(error, deviation), miscalibration_area(error, deviation))
        for label, deviation in deviations.items()
    }
    title = f"{wording(what)}: coverage of {len(error)} crystals"
    figure, (axes,) = panels(width=5.0, height=5.0)
    moving = go.Figure()
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--")
    moving.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": GREY, "dash": "dash", "width": 1},
        name="perfect",
        hoverinfo="skip",
    )
    colours = SERIES if len(curves) > 2 else (VERMILION, BLUE)[-len(curves) :]
    for (label, (observed, area)), colour in zip(curves.items(), colours, strict=False):
        axes.plot(LEVELS, observed, color=colour, lw=2, label=f"{in_still(label)}: miscalibration area {area:.3f}")
        axes.fill_between(LEVELS, LEVELS, observed, color=colour, alpha=0.12, lw=0)
        moving.add_scatter(
            x=LEVELS,
            y=observed,
            mode="lines",
            line={"color": colour, "width": 2.5},
            name=f"{in_html(label)}: miscalibration area {area:.4f}",
            hovertemplate="stated %{x:.2f}<br>observed %{y:.3f}<extra></extra>",
        )
    axes.set_title(in_still(title), loc="left", fontsize=11)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_box_aspect(1)
    axes.set_xlabel("stated coverage of the interval (share)")
    axes.set_ylabel("observed coverage (share)")
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.14), frameon=False, fontsize=9)
    dress(moving, in_html(title), width=700, height=680)
    moving.update_layout(legend={"orientation": "h", "y": -0.12, "x": 0})
    moving.update_xaxes(title_text="stated coverage of the interval (share)", range=[0, 1])
    moving.update_yaxes(title_text="observed coverage (share)", range=[0, 1], scaleanchor="x")
    return Picture(name, figure, moving)
