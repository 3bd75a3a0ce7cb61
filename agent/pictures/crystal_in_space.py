"""A crystal that a browser turns: balls coloured by what each atom contributes, beside the sums by element.

Knows scenes and plotly. Knows no models: numbers are handed in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from ase.data import chemical_symbols
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from ..labels import wording
from .contributions import Contributions, axis_label, by_size, largest
from .scene import Array, Scene
from .style import DIVERGING, NAME, amount, colour_scale, dress, in_html, signed

LIGHT = {"ambient": 0.75, "diffuse": 0.45, "specular": 0.15, "roughness": 0.6}
CAMERA: dict[str, Any] = {"eye": {"x": 0.95, "y": 0.41, "z": 0.32}, "projection": {"type": "orthographic"}}


def in_space(scene: Scene, numbers: NDArray[np.int64], shown: Contributions) -> go.Figure:
    """Draw a crystal that can be turned, and the bars; `numbers` are atomic numbers, `(n_atoms,)`."""
    figure = make_subplots(
        rows=1, cols=2, column_widths=[0.66, 0.34], specs=[[{"type": "scene"}, {"type": "xy"}]], horizontal_spacing=0.12
    )
    unit = in_html(shown.unit)
    for trace in (
        lines_in_space(scene.edges, "rgb(60,60,60)", 2),
        lines_in_space(scene.places[scene.bonds], "rgb(150,150,150)", 6),
    ):
        figure.add_trace(trace, row=1, col=1)
    figure.add_trace(_spheres(scene, numbers, shown), row=1, col=1)
    letters = go.Scatter3d(
        x=scene.places[:, 0],
        y=scene.places[:, 1],
        z=scene.places[:, 2] + scene.radii,
        mode="text",
        text=[chemical_symbols[n] for n in numbers[scene.atoms]],
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_trace(letters, row=1, col=1)
    rows = by_size(shown)[::-1]
    names = [f"{chemical_symbols[n]} ×{int((numbers == n).sum())}" for n in rows]
    values = [shown.elements[n] for n in rows]
    end = max(map(abs, values), default=1.0) or 1.0
    bars = go.Bar(
        x=values,
        y=names,
        orientation="h",
        marker={
            "color": values,
            "colorscale": colour_scale(DIVERGING),
            "cmin": -end,
            "cmax": end,
            "line": {"color": "#555", "width": 1},
        },
        width=0.55,
        showlegend=False,
        hovertemplate=f"%{{y}}: %{{x:+.4f}} {unit}<extra></extra>",
    )
    figure.add_trace(bars, row=1, col=2)
    diamonds = go.Scatter(
        x=[shown.occlusion[n] for n in rows],
        y=names,
        mode="markers",
        marker={"symbol": "diamond-open", "color": "black", "size": 9},
        name="by occlusion",
        hovertemplate=f"%{{y}} without: %{{x:+.4f}} {unit}<extra></extra>",
    )
    figure.add_trace(diamonds, row=1, col=2)
    value, reference = amount(shown.prediction, unit), amount(shown.reference, unit)
    heading = f"{in_html(shown.crystal, NAME)}: {in_html(wording(shown.property))} {value}, predicted"
    below = f"{in_html(shown.predictor, NAME)}; reference {reference}: mean atoms on the same places"
    dress(figure, f"{heading}<br><sup>{below}</sup>", width=1060, height=600)
    axis = {"visible": False}
    figure.update_layout(
        scene={"xaxis": axis, "yaxis": axis, "zaxis": axis, "aspectmode": "data", "camera": CAMERA},
        legend={"orientation": "h", "x": 1.0, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
    )
    figure.update_xaxes(title_text=axis_label("sum over an element's atoms", shown), row=1, col=2)
    return figure


def lines_in_space(ends: Array, colour: str, width: int) -> go.Scatter3d:
    """Many separate lines `(n, 2, 3)` in one trace."""
    gap = np.full((len(ends), 1, 3), np.nan)
    x, y, z = np.concatenate([ends, gap], axis=1).reshape(-1, 3).T
    style = {"color": colour, "width": width}
    return go.Scatter3d(x=x, y=y, z=z, mode="lines", line=style, hoverinfo="skip", showlegend=False)


def _spheres(scene: Scene, numbers: NDArray[np.int64], shown: Contributions) -> go.Mesh3d:
    """All atoms in one mesh, coloured by contribution."""
    mesh = balls(scene)
    corners = len(mesh["x"]) // len(scene.atoms)
    unit = in_html(shown.unit)
    said = [
        f"{chemical_symbols[numbers[atom]]}, atom {atom + 1}: {signed(shown.atoms[atom], unit)}" for atom in scene.atoms
    ]
    end = largest(shown)
    return go.Mesh3d(
        **mesh,
        intensity=np.repeat(shown.atoms[scene.atoms], corners),
        colorscale=colour_scale(DIVERGING),
        cmin=-end,
        cmax=end,
        colorbar={
            "title": {"text": axis_label("contribution of one atom", shown), "side": "top"},
            "orientation": "h",
            "x": 0.29,
            "y": -0.12,
            "len": 0.5,
            "thickness": 14,
        },
        hovertext=np.repeat(said, corners),
        hoverinfo="text",
        lighting=LIGHT,
    )


def balls(scene: Scene) -> dict[str, NDArray[Any]]:
    """All atoms as one mesh, as plotly names its parts; each atom has equally many corners, in the scene's order."""
    points, faces = _ball()
    places = (scene.places[:, None] + scene.radii[:, None, None] * points).reshape(-1, 3)
    corners = (faces + len(points) * np.arange(len(scene.places))[:, None, None]).reshape(-1, 3)
    return dict(zip("xyzijk", (*places.T, *corners.T), strict=True))


def _ball(rings: int = 9, spokes: int = 14) -> tuple[Array, NDArray[np.int64]]:
    """Corners `(n, 3)` and triangles `(m, 3)` of a ball of radius one."""
    polar, around = np.linspace(0, np.pi, rings), np.linspace(0, 2 * np.pi, spokes, endpoint=False)
    theta, phi = (grid.ravel() for grid in np.meshgrid(polar, around, indexing="ij"))
    points = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)
    ring, spoke = (grid.ravel() for grid in np.meshgrid(np.arange(rings - 1), np.arange(spokes), indexing="ij"))
    here, beside = ring * spokes + spoke, ring * spokes + (spoke + 1) % spokes
    squares = np.stack([here, beside, here + spokes, beside, beside + spokes, here + spokes], axis=1)
    return points, squares.reshape(-1, 3)
