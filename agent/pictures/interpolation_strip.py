"""The way between two crystals as a strip: what stands along it, drawn small, and how properties change.

Knows crystal records, scenes, matplotlib and plotly. Knows no models: crystals and values are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from ase.data import atomic_numbers, chemical_symbols
from ase.data.colors import jmol_colors
from matplotlib.figure import Figure
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from ...memory.records import Crystal
from ...models.target import Target
from ..labels import counted, with_unit
from .crystal_in_space import CAMERA, LIGHT, balls, lines_in_space
from .draw_crystal import draw_crystal
from .mapped import symbol
from .scene import Scene, scene_of
from .style import NAME, SERIES, VERMILION, Picture, amount, dress, in_html, in_still

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IN_ROW = 7
_TITLE, _HEAD, _CRYSTAL, _LINE, _CURVES, _CURVE = 0.35, 0.42, 1.8, 0.15, 2.6, 3.1
"""Inches: heights of the title, the words above a crystal, it, a line below it and the curves; width of a curve."""
_LONGEST_END = 26
_CAMERA = {"eye": {axis: 1.55 * part for axis, part in CAMERA["eye"].items()}}
MOST = 21
"""Crystals that a still shows; of more, an even choice with both ends."""


@dataclass(frozen=True, eq=False)
class Station:
    """A crystal on the way, at one or several steps that follow each other.

    Attributes:
        shares: Of the way, 0 to 1, of each step.
        crystal: What was decoded; None where nothing sound was.
        formula: Reduced; the fault where there is no crystal.
        spacegroup: International number; 0 where there is no crystal.
        values: Predicted, by property, in its unit.
        end: Name of the end point that this is, and whether it came back; empty in between.
    """

    shares: tuple[float, ...]
    crystal: Crystal | None
    formula: str
    spacegroup: int = 0
    values: Mapping[str, float] | None = None
    end: str = ""


def interpolation_strip(name: str, title: str, way: Sequence[Station], targets: Sequence[Target]) -> Picture:
    """Draw the way.

    Args:
        name: Of the file.
        title: Above the picture.
        way: From end to end.
        targets: Properties whose values are drawn.

    Raises:
        ValueError: No station holds a crystal.
    """
    found = [one for one in way if one.crystal is not None]
    if not found:
        raise ValueError("no step of the way gave a crystal; at least one is needed to draw it")
    scenes = [_scene(one.crystal) for one in found if one.crystal is not None]
    return Picture(name, _still(title, way, found, scenes, targets), _moving(title, way, found, scenes, targets))


def _scene(crystal: Crystal) -> tuple[Scene, NDArray[np.int64]]:
    numbers = np.array([atomic_numbers[one] for one in crystal.species])
    return scene_of(np.array(crystal.lattice), np.array(crystal.coordinates), numbers), numbers


def _still(
    title: str,
    way: Sequence[Station],
    found: Sequence[Station],
    scenes: Sequence[tuple[Scene, NDArray[np.int64]]],
    targets: Sequence[Target],
) -> Figure:
    shown = sorted({round(n) for n in np.linspace(0, len(found) - 1, min(MOST, len(found)))})
    rows, columns = -(-len(shown) // IN_ROW), min(max(len(shown), 4), IN_ROW)
    row = _HEAD + _CRYSTAL + _LINE * (2.5 + len(targets))
    wide = max(_CRYSTAL * columns, _CURVE * len(targets)) + 0.3
    high = _TITLE + rows * row + (_CURVES if targets else 0.0)
    figure = Figure(figsize=(wide, high), dpi=150)
    for place, n in enumerate(shown):
        left, top = 0.15 + _CRYSTAL * (place % columns), high - _TITLE - row * (place // columns) - _HEAD
        axes = figure.add_axes((left / wide, (top - _CRYSTAL) / high, _CRYSTAL / wide, _CRYSTAL / high))
        scene, numbers = scenes[n]
        draw_crystal(axes, scene, numbers, jmol_colors[numbers], height=72 * _CRYSTAL, is_small=True)
        _describe(figure, found[n], targets, ((left + _CRYSTAL / 2) / wide, top / high, (top - _CRYSTAL) / high), high)
    each = wide / max(len(targets), 1)
    for column, (target, colour) in enumerate(zip(targets, SERIES, strict=False)):
        box = ((each * column + 0.62) / wide, 0.5 / high, (each - 0.8) / wide, (_CURVES - 0.95) / high)
        _curve(figure.add_axes(box), way, target, colour)
    left_out = f"; {len(shown)} of them are drawn" if len(shown) < len(found) else ""
    heading = in_still(f"{title}: {_counts(way, found)}{left_out}")
    figure.text(0.1 / wide, 1 - 0.1 / high, heading, ha="left", va="top", fontsize=11)
    return figure


def _describe(
    figure: Figure, one: Station, targets: Sequence[Target], place: tuple[float, float, float], high: float
) -> None:
    """Write above a crystal where it stands, and below what it is; `place` is its middle, top and bottom."""
    middle, top, bottom = place
    figure.text(middle, top + 0.05 / high, _span(one.shares), ha="center", fontsize=8, color="0.35")
    if one.end:
        end = in_still(one.end, _LONGEST_END)
        figure.text(
            middle, top + 0.05 / high + _LINE / high, end, ha="center", fontsize=7.5, weight="bold", color=VERMILION
        )
    values = one.values or {}
    lines = [in_still(one.formula, NAME), in_still(symbol(one.spacegroup))]
    lines += [amount(values[target.name], target.unit) for target in targets if target.name in values]
    for number, line in enumerate(lines):
        weight = "bold" if number == 0 else "normal"
        height = bottom - (0.5 + number) * _LINE / high
        figure.text(middle, height, line, ha="center", va="top", fontsize=8, weight=weight)


def _span(shares: Sequence[float]) -> str:
    """Shares of the way that a station takes up, repeated ones merged."""
    return f"{shares[0]:.2f}" if len(shares) == 1 else f"{shares[0]:.2f}–{shares[-1]:.2f}"


def _counts(way: Sequence[Station], found: Sequence[Station]) -> str:
    steps, failed = (sum(len(one.shares) for one in way if keep(one)) for keep in (lambda _: True, _is_failed))
    told = f"{counted(steps, 'step')}, {counted(len(found), 'crystal')}"
    return f"{told}, {failed} without one" if failed else told


def _is_failed(one: Station) -> bool:
    return one.crystal is None


def _points(way: Sequence[Station], target: Target) -> tuple[list[float], list[float]]:
    """Share and value of every step; nan where there is no value, so that no line bridges it."""
    pairs = [(share, (one.values or {}).get(target.name, np.nan)) for one in way for share in one.shares]
    return [x for x, _ in pairs], [y for _, y in pairs]


def _curve(axes: Axes, way: Sequence[Station], target: Target, colour: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.9", lw=0.7)
    axes.plot(*_points(way, target), "o-", color=colour, ms=4, lw=1.4)
    failed = [share for one in way if _is_failed(one) for share in one.shares]
    axes.plot(failed, [0.03] * len(failed), "x", color="0.4", ms=5, transform=axes.get_xaxis_transform())
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel("share of the way" + (" (×: no crystal)" if failed else ""), fontsize=9)
    axes.set_title(in_still(with_unit(target.name, target.unit, is_predicted=True)), fontsize=9, loc="left")
    axes.tick_params(labelsize=8)


def _moving(
    title: str,
    way: Sequence[Station],
    found: Sequence[Station],
    scenes: Sequence[tuple[Scene, NDArray[np.int64]]],
    targets: Sequence[Target],
) -> go.Figure:
    """One crystal that can be turned, a slider along the way, and the curves with a mark where it stands."""
    n_curves = max(len(targets), 1)
    figure = make_subplots(
        rows=2, cols=n_curves, row_heights=[0.62, 0.38], vertical_spacing=0.08,
        specs=[[{"type": "scene", "colspan": n_curves}, *[None] * (n_curves - 1)], [{"type": "xy"}] * n_curves],
    )  # fmt: skip
    for column, (target, colour) in enumerate(zip(targets, SERIES, strict=False), start=1):
        x, y = _points(way, target)
        axis = in_html(with_unit(target.name, target.unit, is_predicted=True))
        said = [in_html(one.formula, NAME) for one in way for _ in one.shares]
        figure.add_scatter(
            x=x, y=y, mode="lines+markers", marker={"color": colour, "size": 7}, line={"color": colour}, text=said,
            hovertemplate="%{text}<br>share %{x:.2f}: %{y:.3f}<extra></extra>", row=2, col=column,
        )  # fmt: skip
        figure.update_xaxes(title_text="share of the way", range=[-0.03, 1.03], row=2, col=column)
        figure.add_annotation(
            text=axis, x=0, y=1.01, xref="x domain", yref="y domain", xanchor="left", yanchor="bottom",
            showarrow=False, row=2, col=column,
        )  # fmt: skip
    always = len(figure.data)
    owners: list[int] = []
    for n, (one, (scene, numbers)) in enumerate(zip(found, scenes, strict=True)):
        traces, places = _in_space(scene, numbers), [(1, 1)] * 4
        for column, target in enumerate(targets, start=1):
            value = (one.values or {}).get(target.name, np.nan)
            ring = {"symbol": "circle-open", "size": 15, "color": "black", "line": {"width": 2}}
            traces.append(
                go.Scatter(x=one.shares, y=[value] * len(one.shares), mode="markers", marker=ring, hoverinfo="skip")
            )
            places.append((2, column))
        figure.add_traces(traces, *map(list, zip(*places, strict=True)))
        owners += [n] * len(traces)
    for trace, owner in zip(figure.data[always:], owners, strict=True):
        trace.visible = owner == 0
    heading = in_html(f"{title}: {_counts(way, found)}")
    titles = [f"{heading}<br><sup>{_told(one, targets)}</sup>" for one in found]
    dress(figure, titles[0], width=1060, height=860)
    steps: list[dict[str, Any]] = [
        {
            "label": _span(one.shares),
            "method": "update",
            "args": [{"visible": [True] * always + [owner == n for owner in owners]}, {"title.text": titles[n]}],
        }
        for n, one in enumerate(found)
    ]
    hidden = {"visible": False}
    figure.update_layout(
        showlegend=False,
        scene={"xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "aspectmode": "data", "camera": _CAMERA},
        sliders=[{"active": 0, "steps": steps, "currentvalue": {"prefix": "share of the way "}, "y": -0.1}],
        margin={"t": 100, "b": 110},
    )
    return figure


def _told(one: Station, targets: Sequence[Target]) -> str:
    values = [
        f"{in_html(with_unit(t.name, t.unit, is_predicted=True))} {amount((one.values or {})[t.name], '1')}"
        for t in targets
        if t.name in (one.values or {})
    ]
    parts = [in_html(one.end, NAME), in_html(one.formula, NAME), in_html(symbol(one.spacegroup)), *values]
    return ", ".join(part for part in parts if part)


def _in_space(scene: Scene, numbers: NDArray[np.int64]) -> list[Any]:
    mesh = balls(scene)
    corners = len(mesh["x"]) // len(scene.atoms)
    colours = [f"rgb({','.join(f'{255 * part:.0f}' for part in jmol_colors[n])})" for n in numbers[scene.atoms]]
    symbols = [chemical_symbols[n] for n in numbers[scene.atoms]]
    letters = {"x": scene.places[:, 0], "y": scene.places[:, 1], "z": scene.places[:, 2] + scene.radii}
    return [
        lines_in_space(scene.edges, "rgb(60,60,60)", 2),
        lines_in_space(scene.places[scene.bonds], "rgb(150,150,150)", 6),
        go.Mesh3d(**mesh, vertexcolor=np.repeat(colours, corners), hoverinfo="skip", lighting=LIGHT),
        go.Scatter3d(**letters, mode="text", text=symbols, hoverinfo="skip"),
    ]
