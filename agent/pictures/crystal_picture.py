"""A crystal whose atoms are coloured by what each contributes to a prediction, beside the sums by element.

Knows scenes and matplotlib. Knows no models: numbers are handed in.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from ase.data import chemical_symbols
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from numpy.typing import NDArray

from ..labels import wording
from .contributions import Contributions, axis_label, by_size, largest
from .crystal_in_space import in_space
from .scene import Array, Scene, scene_of
from .style import DIVERGING, NAME, Picture, amount, in_still, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TURN, _TILT = np.radians(24.0), np.radians(16.0)
"""From where the still looks: about the third axis, and from above."""
_LETTERS = 90
"""Drawn atoms beyond which letters would hide them."""
_PIECES = 40
"""Of an edge of the cell, each drawn at its own depth."""


def crystal_picture(
    name: str, lattice: Array, coordinates: Array, numbers: NDArray[np.int64], shown: Contributions
) -> Picture:
    """Draw a crystal and what its atoms contribute.

    Args:
        name: Of the file.
        lattice: Vectors in rows, Å, `(3, 3)`.
        coordinates: Fractional, `(n_atoms, 3)`.
        numbers: Atomic numbers, `(n_atoms,)`.
        shown: The contributions of these atoms.
    """
    scene = scene_of(lattice, coordinates, numbers)
    return Picture(name, _still(scene, numbers, shown), in_space(scene, numbers, shown))


def _still(scene: Scene, numbers: NDArray[np.int64], shown: Contributions) -> Figure:
    figure = Figure(figsize=(8.6, 4.9), dpi=150, layout="constrained")
    axes, bars = figure.subplots(1, 2, width_ratios=(1.45, 1.0))
    colours = ScalarMappable(Normalize(-largest(shown), largest(shown)), DIVERGING)
    _draw(axes, scene, numbers, colours.to_rgba(shown.atoms))
    bar = figure.colorbar(colours, ax=axes, location="bottom", shrink=0.75, aspect=30, pad=0.02)
    bar.set_label(axis_label("contribution of one atom", shown), fontsize=9)
    bar.ax.tick_params(labelsize=8)
    _bars(bars, numbers, shown)
    heading = (
        f"{in_still(shown.crystal, NAME)}: {wording(shown.property)} {amount(shown.prediction, shown.unit)}, predicted"
    )
    figure.suptitle(heading, x=0.01, ha="left", fontsize=12)
    figure.supxlabel(
        f"{in_still(shown.predictor, NAME)}. The contributions sum up to the prediction less the reference, "
        f"{amount(shown.reference, shown.unit)},\nwhich is what it says of mean atoms on the same places.",
        x=0.01,
        ha="left",
        fontsize=8,
        color="0.35",
    )
    return figure


def _draw(axes: Axes, scene: Scene, numbers: NDArray[np.int64], colours: Array) -> None:
    """Everything at its own depth, what is far away first."""
    view = _view()
    flat, depth = (scene.places @ view.T)[:, :2], (scene.places @ view.T)[:, 2]
    axes.set_aspect("equal")
    axes.axis("off")
    lowest, highest = flat.min(0) - scene.radii.max(), flat.max(0) + scene.radii.max()
    corners = scene.edges.reshape(-1, 3) @ view.T
    lowest, highest = np.minimum(lowest, corners[:, :2].min(0)), np.maximum(highest, corners[:, :2].max(0))
    margin = 0.08 * (highest - lowest).max()
    axes.set_xlim(lowest[0] - margin, highest[0] + margin)
    axes.set_ylim(lowest[1] - margin, highest[1] + margin)
    _edges(axes, scene, view)
    for first, second in scene.bonds:
        apart = flat[second] - flat[first]
        length = float(np.linalg.norm(apart))
        # From rim to rim of the discs, so that no bond crosses a letter of its own atoms.
        if length > scene.radii[first] + scene.radii[second]:
            ends = flat[[first, second]] + np.outer(scene.radii[[first, second]] / length * (1, -1), apart)
            axes.add_line(Line2D(*ends.T, color="0.55", lw=2.2, zorder=depth[[first, second]].mean()))
    # A letter takes about half its atom: 230 points are the panel's height.
    points_per_length = 230 / (highest - lowest + 2 * margin).max()
    for place, far, radius, atom in zip(flat, depth, scene.radii, scene.atoms, strict=True):
        axes.add_patch(Circle(place, radius, fc=colours[atom], ec="0.15", lw=0.8, zorder=far))
        if len(flat) <= _LETTERS:
            size = float(np.clip(0.95 * radius * points_per_length, 4.0, 12.0))
            red, green, blue = colours[atom][:3]
            ink = "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.5 else "black"
            symbol = chemical_symbols[numbers[atom]]
            axes.text(place[0], place[1], symbol, ha="center", va="center", fontsize=size, color=ink, zorder=far + 1e-4)


def _edges(axes: Axes, scene: Scene, view: Array) -> None:
    """The cell's edges in pieces, for an atom may hide a part of one; a, b, c stand beside the outermost."""
    share = np.linspace(0, 1, _PIECES + 1)[:, None]
    for first, last in scene.edges:
        line = first + share * (last - first)
        middles = (line[:-1] + line[1:]) / 2
        inside = (np.linalg.norm(middles[:, None] - scene.places, axis=2) < scene.radii).any(1)
        for (before, after), is_inside in zip(pairwise(line @ view.T), inside, strict=True):
            if is_inside:
                continue
            piece = LineCollection([[before[:2], after[:2]]], colors="0.25", linewidths=0.8)
            piece.set_zorder((before[2] + after[2]) / 2)
            axes.add_collection(piece)
    middle = (scene.lattice.sum(0) / 2 @ view.T)[:2]
    centres = scene.edges.mean(1)
    along = scene.edges[:, 1] - scene.edges[:, 0]
    for vector, letter in zip(scene.lattice, "abc", strict=True):
        places = (centres[np.isclose(along, vector).all(1)] @ view.T)[:, :2]
        away = places - middle
        outermost = int(np.argmax(np.linalg.norm(away, axis=1)))
        x, y = places[outermost] + 1.1 * away[outermost] / max(float(np.linalg.norm(away[outermost])), 1e-9)
        axes.text(x, y, letter, fontsize=10, style="italic", ha="center", va="center", color="0.25", zorder=1e6)


def _view() -> Array:
    """Rotation to the page: right, up, towards the eye."""
    turn = np.array(
        [[np.cos(_TURN), np.sin(_TURN), 0.0], [-np.sin(_TURN), np.cos(_TURN), 0.0], [0.0, 0.0, 1.0]],
    )
    up, back = (np.cos(_TILT), np.sin(_TILT)), (-np.sin(_TILT), np.cos(_TILT))
    tilt = np.array([[0.0, 1.0, 0.0], [back[0], 0.0, back[1]], [up[0], 0.0, up[1]]])
    view: Array = tilt @ turn
    return view


def _bars(axes: Axes, numbers: NDArray[np.int64], shown: Contributions) -> None:
    rows = by_size(shown)
    values = [shown.elements[number] for number in rows]
    places = np.arange(len(rows))
    end = max(map(abs, values), default=1.0) or 1.0
    axes.barh(places, values, height=0.55, color=DIVERGING(0.5 + 0.5 * np.array(values) / end), ec="0.3", lw=0.6)
    axes.plot([shown.occlusion[n] for n in rows], places, "D", mfc="white", mec="black", ms=5, label="by occlusion")
    axes.axvline(0, color="0.3", lw=0.8)
    axes.set_yticks(
        places, [f"{chemical_symbols[n]} ×{int((numbers == n).sum())}\n{signed(shown.elements[n], '1')}" for n in rows]
    )
    axes.set_ylim(max(len(rows), 3) - 0.4, -0.6)
    axes.use_sticky_edges = False
    axes.margins(x=0.1)
    axes.set_xlabel(axis_label("sum over the atoms of an element", shown), fontsize=9)
    axes.tick_params(labelsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8, borderaxespad=0.2)
