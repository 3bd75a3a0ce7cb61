"""Names beside points of a plot, placed so that none hides a point or another name.

Knows matplotlib. Must not know what the points are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.transforms import Bbox

from ...memory.records import Crystal
from ..labels import label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

    from ...memory.state import Trial

_RADII = (9, 14, 20, 28, 38)
_ANGLES = (35, -35, 145, -145, 90, -90, 0, 180)


def short_name(trial: Trial) -> str:
    """A crystal's formula with subscripts, or a point's trial number."""
    if not isinstance(trial.candidate.content, Crystal):
        return f"#{trial.number}"
    from pymatgen.util.string import latexify

    return str(latexify(label_of(trial.candidate)))


def place_labels(
    axes: Axes, points: Sequence[tuple[float, float]], names: Sequence[str], drawn: Sequence[tuple[float, float]]
) -> int:
    """Write a name beside each point; a name that had to move away is joined to it by a line.

    Other names and the points of `points` are never covered, those of `drawn` only where nothing else is left;
    a name that fits nowhere is left out. The layout of the figure is frozen, as places are found in its pixels.

    Args:
        axes: Where to write.
        points: In data coordinates.
        names: One for each point.
        drawn: Further points in data coordinates.

    Returns:
        Number of names written.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("axes that belong to no figure cannot be written on")
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    names_taken = [_around(axes, point, 4) for point in points]
    drawn_taken = [_around(axes, point, 3) for point in drawn]
    written = 0
    for point, name in zip(points, names, strict=True):
        text = axes.annotate(name, point, xytext=(0, 0), textcoords="offset points", fontsize=9, zorder=6)
        others = [other for other in points if other != point]
        box = _find_place(axes, text, [*names_taken, *drawn_taken], others) or _find_place(axes, text, names_taken, [])
        if box is None:
            text.remove()
            continue
        names_taken.append(box)
        written += 1
        if math.hypot(*text.xyann) > _RADII[0] + 1:
            line = {"arrowstyle": "-", "color": "0.5", "lw": 0.7}
            axes.annotate("", point, xytext=text.xyann, textcoords="offset points", arrowprops=line, zorder=4)
    return written


def _around(axes: Axes, point: tuple[float, float], half: float) -> Bbox:
    x, y = axes.transData.transform(point)
    return Bbox.from_extents(x - half, y - half, x + half, y + half)


def _find_place(
    axes: Axes, text: Annotation, taken: Sequence[Bbox], others: Sequence[tuple[float, float]]
) -> Bbox | None:
    """Move a text around its point until it lies within the axes, on nothing taken and nearer to it than to others.

    Returns:
        The text's box in pixels, None if there is no such place.
    """
    frame = axes.get_window_extent()
    home, *rivals = [axes.transData.transform(point) for point in (text.xy, *others)]
    for radius in _RADII:
        for angle in _ANGLES:
            dx, dy = radius * math.cos(math.radians(angle)), radius * math.sin(math.radians(angle))
            text.set_position((dx, dy))
            text.set(
                ha="left" if dx > 1 else "right" if dx < -1 else "center",
                va="bottom" if dy > 1 else "top" if dy < -1 else "center",
            )
            box = text.get_window_extent().padded(1.5)
            inside = frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1
            middle = (0.5 * (box.x0 + box.x1), 0.5 * (box.y0 + box.y1))
            is_nearest = all(math.dist(middle, home) < math.dist(middle, rival) for rival in rivals)
            if inside and is_nearest and not any(box.overlaps(other) for other in taken):
                return box
    return None
