"""Pictures of a solved problem: the field against data and reference, the residual, both losses, profiles.

Knows solved problems, matplotlib and plotly. Must not know solvers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ...tools.solving.units import parse_unit
from ..labels import with_unit
from .style import (
    BLUE,
    DIVERGING,
    GREY,
    ORANGE,
    SERIES,
    VERMILION,
    Picture,
    colour_scale,
    dress,
    in_html,
    in_still,
    panels,
    write_pictures,
)

if TYPE_CHECKING:
    from ...models.pinn.profile import Profile
    from ...tools.solving.solve import Solved

Array = NDArray[np.float64]
_LINE, _MAP, _SHOWN = 301, 81, 5


def solved_pictures(solved: Solved, folder: Path) -> tuple[Path, ...]:
    """Draw all that applies, as PNG files and one page; returns the files, the page last."""
    left = [_left(solved)] if solved.posed.observations is not None else []
    pictures = [_field(solved), *left, _residual(solved), _losses(solved)]
    pictures += [_profile(one, solved) for one in solved.profiles]
    return write_pictures(pictures, folder, solved.problem.name, f"{solved.problem.name}: {solved.answer.equation}")


def _factor(solved: Solved, name: str) -> float:
    return parse_unit(solved.problem.domain[name].unit).factor


def _lines(solved: Solved) -> list[tuple[str, Array]]:
    """Points along the first coordinate for some values of the last; where data lie at one place, along their time."""
    posed = solved.posed
    names = posed.coordinates
    fixed = {name for name in names if name in solved.problem.sensor}
    running = next((k for k in range(len(names)) if names[k] not in fixed), 0)
    line = np.linspace(posed.low[running], posed.high[running], _LINE)
    others = [k for k in range(len(names)) if k != running]
    base = (posed.low + posed.high) / 2
    observed = posed.observations
    for k in others:
        if names[k] in fixed and observed is not None:
            base[k] = observed.points[0, k]
    free = [k for k in others if names[k] not in fixed]
    values = np.linspace(posed.low[free[-1]], posed.high[free[-1]], _SHOWN) if free else np.zeros(1)
    found = []
    for value in values:
        points = np.tile(base, (_LINE, 1))
        points[:, running] = line
        label = solved.problem.field.name
        if free:
            points[:, free[-1]] = value
            name = names[free[-1]]
            label = with_unit(f"{name} = {value / _factor(solved, name):.3g}", solved.problem.domain[name].unit)
        found.append((label, points))
    return found


def _field(solved: Solved) -> Picture:
    posed, problem = solved.posed, solved.problem
    unit = parse_unit(problem.field.unit).factor
    lines = _lines(solved)
    running = int(np.argmax(np.ptp(lines[0][1], axis=0) / posed.span))
    name = posed.coordinates[running]
    across = with_unit(name, problem.domain[name].unit)
    up = with_unit(problem.field.name, problem.field.unit)
    figure, (axes,) = panels(width=7.2, height=4.6)
    moving = go.Figure()
    for (label, points), colour in zip(lines, SERIES, strict=False):
        x, y = points[:, running] / _factor(solved, name), solved.solution.field(points) / unit
        axes.plot(x, y, color=colour, lw=1.8, label=in_still(label))
        moving.add_scatter(x=x, y=y, mode="lines", line={"color": colour, "width": 2}, name=in_html(label))
        if solved.reference is not None:
            told = solved.reference(points) / unit
            is_first = label == lines[0][0]
            said = "finite differences" if is_first else None
            axes.plot(x, told, color="black", lw=1, ls=":", label=said)
            moving.add_scatter(
                x=x, y=told, mode="lines", line={"color": "black", "dash": "dot", "width": 1},
                name="finite differences", showlegend=is_first,
            )  # fmt: skip
    observed = posed.observations
    if observed is not None:
        x, y = observed.points[:, running] / _factor(solved, name), observed.values / unit
        axes.plot(x, y, "o", color=GREY, ms=3, alpha=0.7, label="data", zorder=1)
        moving.add_scatter(x=x, y=y, mode="markers", marker={"color": GREY, "size": 5}, name="data")
    axes.set_xlabel(in_still(across))
    axes.set_ylabel(in_still(up))
    axes.set_title(
        in_still(f"{problem.name}: estimated error {solved.answer.error_estimate:.0e}"), loc="left", fontsize=11
    )
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    dress(moving, in_html(f"{problem.name}: field, data and finite differences"))
    moving.update_xaxes(title_text=in_html(across))
    moving.update_yaxes(title_text=in_html(up))
    return Picture("field", figure, moving)


def _left(solved: Solved) -> Picture:
    """What the solution leaves of the data, along the coordinate in which they differ most, in their deviations."""
    posed, problem = solved.posed, solved.problem
    data = posed.observations
    assert data is not None  # noqa: S101 - the caller has seen to it
    left = data.values - solved.solution.field(data.points)
    deviation = solved.solution.deviation
    # Exact data have no deviation to be told in.
    is_known = deviation is not None and bool((deviation > 0).all())
    unit = parse_unit(problem.field.unit).factor
    shown = left / (deviation if deviation is not None and is_known else unit)
    up = "data less solution (deviations)" if is_known else with_unit("data less solution", problem.field.unit)
    running = int(np.argmax(np.ptp(data.points, axis=0) / posed.span))
    name = posed.coordinates[running]
    x = data.points[:, running] / _factor(solved, name)
    across = with_unit(name, problem.domain[name].unit)
    title = f"{problem.name}: what is left of the data"
    figure, (axes,) = panels(width=6.8, height=3.6)
    moving = go.Figure()
    axes.axhline(0, color="black", lw=0.8)
    if is_known:
        axes.axhspan(-1, 1, color=GREY, alpha=0.15, lw=0)
        moving.add_hrect(y0=-1, y1=1, fillcolor=GREY, opacity=0.15, line_width=0)
    axes.plot(x, shown, "o", color=BLUE, ms=3)
    moving.add_scatter(x=x, y=shown, mode="markers", marker={"color": BLUE, "size": 5})
    axes.set_xlabel(in_still(across))
    axes.set_ylabel(in_still(up))
    axes.set_title(in_still(title), loc="left", fontsize=11)
    dress(moving, in_html(title))
    moving.update_xaxes(title_text=in_html(across))
    moving.update_yaxes(title_text=in_html(up))
    return Picture("left", figure, moving)


def _residual(solved: Solved) -> Picture:
    """The residual over the first and the last coordinate, or along the only one."""
    posed, problem = solved.posed, solved.problem
    n = len(posed.coordinates)
    first, last = 0, n - 1
    title = f"{problem.name}: residual, {solved.answer.residual_rms:.1e} in root mean square"
    figure, (axes,) = panels(width=6.8, height=4.4)
    axes.set_title(in_still(title), loc="left", fontsize=11)
    across = with_unit(posed.coordinates[first], problem.domain[posed.coordinates[first]].unit)
    axes.set_xlabel(in_still(across))
    moving = go.Figure()
    inner = (np.arange(_MAP if n > 1 else _LINE) + 0.5) / (_MAP if n > 1 else _LINE)
    if n == 1:
        points = (posed.low + posed.span * inner)[:, None]
        values = solved.solution.residual(points)
        x = points[:, 0] / _factor(solved, posed.coordinates[0])
        axes.plot(x, values, color=BLUE, lw=1.2)
        axes.set_ylabel("residual (1)")
        moving.add_scatter(x=x, y=values, mode="lines", line={"color": BLUE})
    else:
        grid = np.tile((posed.low + posed.high) / 2, (_MAP * _MAP, 1))
        grid[:, first] = np.repeat(posed.low[first] + posed.span[first] * inner, _MAP)
        grid[:, last] = np.tile(posed.low[last] + posed.span[last] * inner, _MAP)
        values = solved.solution.residual(grid).reshape(_MAP, _MAP)
        size = max(float(np.quantile(np.abs(values), 0.99)), 1e-300)
        x = grid[::_MAP, first] / _factor(solved, posed.coordinates[first])
        y = grid[:_MAP, last] / _factor(solved, posed.coordinates[last])
        up = with_unit(posed.coordinates[last], problem.domain[posed.coordinates[last]].unit)
        drawn = axes.pcolormesh(x, y, values.T, cmap=DIVERGING, vmin=-size, vmax=size, rasterized=True)
        figure.colorbar(drawn, ax=axes, label="residual (1)")
        axes.set_ylabel(in_still(up))
        moving.add_heatmap(x=x, y=y, z=values.T, colorscale=colour_scale(DIVERGING), zmin=-size, zmax=size)
        moving.update_yaxes(title_text=in_html(up))
    dress(moving, in_html(title))
    moving.update_xaxes(title_text=in_html(across))
    return Picture("residual", figure, moving)


def _losses(solved: Solved) -> Picture:
    """Both terms of the objective; a term that is nothing is left out, for the axis is logarithmic."""
    loss = solved.answer.loss
    assert loss is not None  # noqa: S101 - only stationary states have none
    weight = "λ → ∞" if loss.weight is None else f"λ = {loss.weight:.1e}"
    figure, (axes,) = panels(width=6.4, height=4.2)
    moving = go.Figure()
    for name, terms, colour in (("data MSE", loss.data, VERMILION), ("residual MSE", loss.residual, BLUE)):
        values = np.array(terms)
        if not (values > 0).any():
            continue
        steps = np.arange(1, len(values) + 1)
        axes.plot(steps, np.where(values > 0, values, np.nan), color=colour, marker="o", ms=4, label=name)
        moving.add_scatter(x=steps, y=values, mode="lines+markers", line={"color": colour}, name=name)
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    marched = "slabs" in solved.answer.solver
    axes.set_xlabel("slab" if marched else "iteration")
    axes.set_ylabel("mean square (1)")
    title = f"{solved.problem.name}: {loss.objective}, {weight}"
    axes.set_title(in_still(title), loc="left", fontsize=11)
    axes.legend(frameon=False)
    dress(moving, in_html(title))
    moving.update_yaxes(type="log", title_text="mean square (1)")
    moving.update_xaxes(title_text="slab" if marched else "iteration")
    return Picture("losses", figure, moving)


def _profile(profile: Profile, solved: Solved) -> Picture:
    """The objective of a held unknown against the parabola that its standard deviation stands for."""
    one = next(found for found in solved.answer.inferred if found.name == profile.name)
    factor = parse_unit(one.unit).factor
    x = profile.values / factor
    figure, (axes,) = panels(width=6.0, height=4.2)
    across = with_unit(one.name, one.unit)
    title = f"{one.name}: profile and stated deviation"
    moving = go.Figure()
    moving.add_scatter(x=x, y=profile.excess, mode="lines+markers", line={"color": BLUE}, name="profile")
    axes.plot(x, profile.excess, color=BLUE, marker="o", ms=4, label="profile")
    if one.deviation:
        fine = np.linspace(x.min(), x.max(), 101)
        told = ((fine - one.value) / one.deviation) ** 2
        axes.plot(fine, told, color=ORANGE, ls="--", label="stated deviation")
        moving.add_scatter(
            x=fine, y=told, mode="lines", line={"color": ORANGE, "dash": "dash"}, name="stated deviation"
        )
    axes.axhline(1.0, color=GREY, lw=0.8)
    axes.set_xlabel(in_still(across))
    axes.set_ylabel("objective above its least (1)")
    axes.set_title(in_still(title), loc="left", fontsize=11)
    axes.legend(frameon=False)
    dress(moving, in_html(title))
    moving.update_xaxes(title_text=in_html(across))
    moving.update_yaxes(title_text="objective above its least (1)")
    return Picture(f"profile-{one.name}", figure, moving)
