"""Pictures of a well: its potential, its levels with the wave functions on them, and measured levels beside.

Knows solved wells, matplotlib and plotly. Must not know solvers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from ...tools.solving.units import parse_unit
from ..labels import figure as number
from ..labels import with_unit
from .style import GREY, SERIES, Picture, dress, in_html, in_still, panels, write_pictures

if TYPE_CHECKING:
    from ...tools.solving.levels import Levels

_HEIGHT = 0.35
"""Of a wave function, in mean distances between levels."""
_ROOM = 0.35


def level_pictures(levels: Levels, folder: Path) -> tuple[Path, ...]:
    """Draw a well as a PNG file and a page; returns the files, the page last."""
    name = levels.problem.name
    return write_pictures([_well(levels)], folder, name, f"{name}: {levels.answer.equation}")


def _well(levels: Levels) -> Picture:
    problem, states = levels.problem, levels.states
    unit, length = parse_unit(problem.field.unit).factor, parse_unit(problem.domain["x"].unit).factor
    x, energies = states.places / length, states.energies / unit
    # Quadrature points lie within pieces; in order of place they make a line.
    order = np.argsort(x)
    span = float(np.ptp(energies)) or abs(float(energies[0])) or 1.0
    top, low = float(energies.max()) + _ROOM * span, min(0.0, float(levels.potential.min() / unit))
    height = _HEIGHT * span / max(len(energies) - 1, 1) / float(np.abs(states.waves).max())
    figure, (axes,) = panels(width=6.6, height=4.8)
    moving = go.Figure()
    potential = np.where(levels.potential[order] / unit <= top, levels.potential[order] / unit, np.nan)
    axes.plot(x[order], potential, color="black", lw=1.5, label="potential")
    moving.add_scatter(x=x[order], y=potential, mode="lines", line={"color": "black"}, name="potential")
    for k, energy in enumerate(energies):
        colour = SERIES[k % len(SERIES)]
        wave = energy + height * states.waves[k][order]
        label = f"level {k + 1}: {number(float(energy))} {problem.field.unit}"
        axes.axhline(energy, color=colour, lw=0.7, alpha=0.6)
        axes.plot(x[order], wave, color=colour, lw=1.6, label=in_still(label))
        moving.add_scatter(x=x[order], y=wave, mode="lines", line={"color": colour}, name=in_html(label))
    for n, (_, energy) in enumerate(levels.measured):
        axes.axhline(energy / unit, color=GREY, lw=1.2, ls="--", label="measured" if n == 0 else None)
        moving.add_hline(y=energy / unit, line={"color": GREY, "dash": "dash"})
    across, up = with_unit("x", problem.domain["x"].unit), with_unit("energy", problem.field.unit)
    title = f"{problem.name}: levels and wave functions"
    axes.set_ylim(low - 0.05 * (top - low), top)
    axes.set_xlabel(in_still(across))
    axes.set_ylabel(in_still(up))
    axes.set_title(in_still(title), loc="left", fontsize=11)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    dress(moving, in_html(title))
    moving.update_xaxes(title_text=in_html(across))
    moving.update_yaxes(title_text=in_html(up), range=[low - 0.05 * (top - low), top])
    return Picture("levels", figure, moving)
