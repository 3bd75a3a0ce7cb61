"""A crystal on paper: atoms as discs with letters, bonds and the cell's edges, what is near before what is far.

Knows scenes and matplotlib. Must not know what the colours mean.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from ase.data import chemical_symbols
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from numpy.typing import NDArray

from .scene import Array, Scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TURN, _TILT = np.radians(24.0), np.radians(16.0)
"""From where the still looks: about the third axis, and from above."""
_LETTERS = 90
"""Drawn atoms beyond which letters would hide them."""
_PIECES, _FEWER_PIECES = 40, 10
"""Of an edge of the cell, each drawn at its own depth."""


def draw_crystal(
    axes: Axes,
    scene: Scene,
    numbers: NDArray[np.int64],
    colours: Array,
    height: float = 230.0,
    is_small: bool = False,
) -> None:
    """Draw everything at its own depth, what is far away first.

    Args:
        axes: A panel of its own.
        scene: What is drawn.
        numbers: Atomic numbers, `(n_atoms,)`.
        colours: Of the atoms, `(n_atoms, 3 or 4)`.
        height: Of the panel, in points, for the size of letters.
        is_small: Whether it is one of many: without the letters a, b and c, and with coarser edges.
    """
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
    _edges(axes, scene, view, is_small)
    for first, second in scene.bonds:
        apart = flat[second] - flat[first]
        length = float(np.linalg.norm(apart))
        # From rim to rim of the discs, so that no bond crosses a letter of its own atoms.
        if length > scene.radii[first] + scene.radii[second]:
            ends = flat[[first, second]] + np.outer(scene.radii[[first, second]] / length * (1, -1), apart)
            axes.add_line(Line2D(*ends.T, color="0.55", lw=2.2, zorder=depth[[first, second]].mean()))
    # A letter takes about half its atom.
    points_per_length = height / (highest - lowest + 2 * margin).max()
    for place, far, radius, atom in zip(flat, depth, scene.radii, scene.atoms, strict=True):
        axes.add_patch(Circle(place, radius, fc=colours[atom], ec="0.15", lw=0.8, zorder=far))
        if len(flat) <= _LETTERS:
            size = float(np.clip(0.95 * radius * points_per_length, 4.0, 12.0))
            red, green, blue = colours[atom][:3]
            ink = "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.5 else "black"
            symbol = chemical_symbols[numbers[atom]]
            axes.text(place[0], place[1], symbol, ha="center", va="center", fontsize=size, color=ink, zorder=far + 1e-4)


def _edges(axes: Axes, scene: Scene, view: Array, is_small: bool) -> None:
    """The cell's edges in pieces, for an atom may hide a part of one; a, b, c stand beside the outermost."""
    pieces = _FEWER_PIECES if is_small else _PIECES
    share = np.linspace(0, 1, pieces + 1)[:, None]
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
    if is_small:
        return
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
