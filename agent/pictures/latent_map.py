"""A map of latent space: known crystals by property, chemistry and crystal system, and what was made or tried on it.

Knows matplotlib, and what stands on a map. Knows no models: latent points are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgba_array
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from ...models.target import Target
from ..labels import with_unit
from .latent_map_moving import moving_map
from .mapped import CHEMISTRY, PALE_GREY, SYSTEMS, UNKNOWN, VALUES, Array, Mapped, classes, value_range
from .projection import Projection, principal_plane
from .style import Picture, in_still, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NUMBERED = 12
"""Stations of a path whose numbers are written in a still, at most."""
_CLEAR = 15.0
"""Points between two numbers."""
_MANY = 40
"""Large marks beyond which they, and the path between them, are drawn lighter."""
_PANEL = np.array([310.0, 270.0])
"""Width and height of a panel, points; about."""
_AROUND = np.array([[np.cos(angle), np.sin(angle)] for angle in np.arange(0.25, 2.0, 0.25) * np.pi])
_HALO = withStroke(linewidth=2.2, foreground="white")


@dataclass(frozen=True, eq=False)
class MapText:
    """What is written on a map.

    Attributes:
        title: Above it.
        known: What the small dots are, as in `training crystals`.
        shown: What the large marks are, as in `generated`.
        is_path: Whether the order of the large marks is one of time, and is drawn.
        best: Number of the best of them, from 0; None for none.
        numbers: Written beside the stations of a path; empty for 1, 2, 3 …
    """

    title: str
    known: str
    shown: str
    is_path: bool = False
    best: int | None = None
    numbers: Sequence[int] = ()

    def station(self, n: int) -> str:
        """What is written beside the n-th of the large marks, from 0."""
        return str(self.numbers[n] if self.numbers else n + 1)


def latent_map(
    name: str, known: Mapped, shown: Mapped, targets: Sequence[Target], text: MapText, first: str = ""
) -> Picture:
    """Draw a map of latent space.

    The plane is that in which the known crystals vary most.

    Args:
        name: Of the file.
        known: Many crystals, small.
        shown: Those that were made or tried, large; may be none.
        targets: Properties that can be coloured by.
        text: What is written on it.
        first: The property by which the still is coloured; without, the first that has values.

    Raises:
        ValueError: There are too few known crystals for a plane, or no property has values.
    """
    plane = principal_plane(known.points)
    valued = [
        target
        for target in targets
        if any(np.isfinite(one.values.get(target.name, np.empty(0))).any() for one in (known, shown))
    ]
    if not valued:
        raise ValueError("no property has a value on the map; one is needed to colour it")
    valued.sort(key=lambda target: target.name != first)
    axis_titles = [
        f"principal axis {k + 1} ({100 * share:.1f} % of the variance)" for k, share in enumerate(plane.shares)
    ]
    still = _still(plane, known, shown, valued[0], text, axis_titles)
    moving = moving_map(plane(known.points), plane(shown.points), known, shown, valued, text, axis_titles)
    return Picture(name, still, moving)


def _still(
    plane: Projection, known: Mapped, shown: Mapped, target: Target, text: MapText, axis_titles: Sequence[str]
) -> Figure:
    figure, all_axes = panels(1, 3, width=13.6, height=5.2)
    below, above = plane(known.points), plane(shown.points)
    low, high = value_range(known, [shown], target.name)
    scale = ScalarMappable(Normalize(low, high), VALUES)
    headings = (in_still(with_unit(target.name, target.unit)), "chemistry", "crystal system")
    colours = [
        [_by_value(one, target.name, scale) for one in (known, shown)],
        *([_by_class(one, scheme) for one in (known, shown)] for scheme in (CHEMISTRY, SYSTEMS)),
    ]
    for axes, heading, (of_known, of_shown) in zip(all_axes, headings, colours, strict=True):
        axes.scatter(below[:, 0], below[:, 1], s=7, c=of_known, lw=0, alpha=0.75, rasterized=True)
        if text.is_path:
            strength = 0.55 if len(above) <= _MANY else 0.25
            axes.plot(above[:, 0], above[:, 1], color="black", lw=0.7, alpha=strength, zorder=3)
        if len(above):
            axes.scatter(
                above[:, 0],
                above[:, 1],
                s=38 if len(above) <= _MANY else 20,
                c=of_shown,
                marker="D",
                ec="black",
                lw=0.9,
                zorder=4,
            )
        if text.best is not None:
            x, y = above[text.best]
            axes.scatter([x], [y], s=210, c=of_shown[text.best][None], marker="*", ec="black", lw=1.1, zorder=5)
        if text.is_path:
            _number(axes, above, text)
        axes.set_title(heading, loc="left", fontsize=11)
        axes.set_xlabel(axis_titles[0], fontsize=9)
        axes.tick_params(labelsize=8)
    all_axes[0].set_ylabel(axis_titles[1], fontsize=9)
    place = all_axes[0].inset_axes((0.06, -0.2, 0.88, 0.035))
    bar = figure.colorbar(scale, cax=place, orientation="horizontal", extend="both")
    bar.ax.tick_params(labelsize=8)
    for axes, scheme in zip(all_axes[1:], (CHEMISTRY, SYSTEMS), strict=True):
        _legend(axes, scheme, {*classes(known, scheme), *classes(shown, scheme)})
    figure.legend(handles=_marks(known, shown, text), loc="outside upper right", ncols=4, frameon=False, fontsize=9)
    figure.suptitle(in_still(text.title), x=0.01, ha="left", fontsize=12)
    return figure


def _by_value(shown: Mapped, name: str, scale: ScalarMappable) -> Array:
    """Colours `(n, 4)`; grey where no value is known."""
    values = np.asarray(shown.values.get(name, np.full(len(shown.points), np.nan)), dtype=float)
    colours = np.array(scale.to_rgba(np.nan_to_num(values))).reshape(-1, 4)
    colours[~np.isfinite(values)] = (0.82, 0.82, 0.82, 1.0)
    return colours


def _by_class(shown: Mapped, scheme: Mapping[str, str]) -> Array:
    """Colours `(n, 4)`."""
    return np.array(to_rgba_array([scheme.get(one, PALE_GREY) for one in classes(shown, scheme)])).reshape(-1, 4)


def _number(axes: Axes, places: Array, text: MapText) -> None:
    """Write the numbers of some stations beside them, where most room is left by marks and other numbers.

    A number that would fall on another one is left out; the best, the first and the last come first.
    """
    even = {round(n) for n in np.linspace(0, len(places) - 1, min(NUMBERED, len(places)))}
    chosen = dict.fromkeys([*([] if text.best is None else [text.best]), 0, len(places) - 1, *sorted(even)])
    spans = np.array([np.diff(axes.get_xlim())[0], np.diff(axes.get_ylim())[0]])
    points = places / spans * _PANEL
    taken = list(points)
    written = np.empty((0, 2))
    for n in chosen:
        steps = (13.0 if n == text.best else 9.5) * _AROUND
        others = np.array([one for k, one in enumerate(taken) if k != n]).reshape(-1, 2)
        room = [np.linalg.norm(others - points[n] - step, axis=1).min(initial=25.0) for step in steps]
        step = steps[int(np.argmax(room))]
        if np.linalg.norm(written - points[n] - step, axis=1).min(initial=_CLEAR) < _CLEAR:
            continue
        taken.append(points[n] + step)
        written = np.vstack([written, points[n] + step])
        axes.annotate(
            text.station(n), places[n], xytext=step, textcoords="offset points", fontsize=8.5, ha="center", va="center",
            weight="bold", zorder=6, path_effects=[_HALO],
        )  # fmt: skip


def _legend(axes: Axes, scheme: Mapping[str, str], present: set[str]) -> None:
    entries = [(one, colour) for one, colour in {**scheme, UNKNOWN: PALE_GREY}.items() if one in present]
    handles = [Line2D([], [], ls="", marker="o", ms=6, mew=0, color=colour, label=one) for one, colour in entries]
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, frameon=False, fontsize=8.5,
        handletextpad=0.2, columnspacing=1.0,
    )  # fmt: skip


def _marks(known: Mapped, shown: Mapped, text: MapText) -> list[Line2D]:
    rim: dict[str, Any] = {"mec": "black", "mfc": "white", "ls": ""}
    marks = [Line2D([], [], ls="", marker="o", ms=3.5, mew=0, color="0.4", label=f"{text.known} ({len(known.points)})")]
    if len(shown.points):
        marks.append(Line2D([], [], marker="D", ms=6, **rim, label=f"{in_still(text.shown)} ({len(shown.points)})"))
    if text.is_path:
        told = "in order, some numbered" if len(shown.points) > NUMBERED else "in order"
        marks.append(Line2D([], [], color="black", lw=0.8, label=told))
    if text.best is not None:
        marks.append(Line2D([], [], marker="*", ms=13, **rim, label="best"))
    return marks
