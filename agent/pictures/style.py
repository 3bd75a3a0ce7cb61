"""What all pictures share: a still and a moving figure of the same numbers, their colours, and how they are written.

Knows matplotlib and plotly. Must not know what is shown.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ...memory.foreign import clean
from ..labels import figure as number
from ..labels import plain, unit_of

# Okabe and Ito's colours, which stay apart for colour-blind eyes.
BLUE, SKY, VERMILION, ORANGE, GREEN, PURPLE, GREY = (
    "#0072B2",
    "#56B4E9",
    "#D55E00",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#8C8C8C",
)
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
DIVERGING = LinearSegmentedColormap.from_list("diverging", [BLUE, "#9CC9E5", "#F7F7F7", "#F2B48C", VERMILION])
"""From below zero over zero to above, as bright at either end."""
RISING = LinearSegmentedColormap.from_list("rising", ["#E3EFF8", "#9CC9E5", BLUE, "#00304D"])
"""From nothing to much; every step is darker than the last."""
PALE = LinearSegmentedColormap.from_list("pale", ["#E3EFF8", "#9CC9E5", "#4C9CD0"])
"""The same, no darker than black letters can bear."""
NAME, _LONGEST = 50, 160
"""Characters of a name, and of a line of text, that are shown."""


@dataclass(frozen=True)
class Picture:
    """One picture in both forms.

    Attributes:
        name: Of its file, without ending.
        still: For paper.
        moving: For a browser: turns, zooms and names what the pointer is on.
    """

    name: str
    still: Figure
    moving: go.Figure


def write_pictures(pictures: Sequence[Picture], folder: Path, name: str, heading: str) -> tuple[Path, ...]:
    """Write each picture as `FOLDER/name.png`, and all of them on one page, `FOLDER/NAME.html`, that needs no network.

    Returns:
        The files, the page last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for picture in pictures:
        written.append(folder / f"{picture.name}.png")
        picture.still.savefig(written[-1])
    parts = [
        picture.moving.to_html(full_html=False, include_plotlyjs=first == 0, config={"displaylogo": False})
        for first, picture in enumerate(pictures)
    ]
    title = in_html(heading)
    page = folder / f"{name}.html"
    head = (
        f'<meta charset="utf-8"><title>{title}</title><style>body {{ font-family: sans-serif; margin: 1.5em }}</style>'
    )
    page.write_text(
        f"<!doctype html><html><head>{head}</head><body><h1>{title}</h1>{''.join(parts)}</body></html>",
        encoding="utf-8",
    )
    return (*written, page)


def panels(rows: int = 1, columns: int = 1, *, width: float = 7.2, height: float = 4.4) -> tuple[Figure, list[Axes]]:
    """A still figure, inches, with panels in reading order."""
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    all_axes = list(np.ravel(figure.subplots(rows, columns)))
    for axes in all_axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.9", lw=0.7)
        axes.set_axisbelow(True)
    return figure, all_axes


def agreement(axes: Axes, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> None:
    """Give both axes the same range, which holds all numbers, and draw the line on which they agree."""
    low, high = min(xs.min(), ys.min()), max(xs.max(), ys.max())
    pad = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    ends = (low - pad, high + pad)
    axes.plot(ends, ends, color="0.35", lw=1, ls="--", zorder=1)
    axes.set_xlim(ends)
    axes.set_ylim(ends)
    axes.set_box_aspect(1)


def dress(figure: go.Figure, title: str, *, width: int = 820, height: int = 540) -> go.Figure:
    """Give a moving figure its title, already fit for HTML, its size in pixels and quiet axes."""
    figure.update_layout(
        template="simple_white",
        title={"text": title, "x": 0.01, "font": {"size": 16}},
        font={"family": "DejaVu Sans, Arial, sans-serif", "size": 13},
        width=width,
        height=height,
        margin={"t": 70, "b": 60, "l": 70, "r": 30},
    )
    return figure


def in_html(text: str, limit: int = _LONGEST) -> str:
    """Foreign text in a browser: one line, and no part of it is markup."""
    return html.escape(clean(text, limit))


def in_still(text: str, limit: int = _LONGEST) -> str:
    """Foreign text in a still figure: one line, and no part of it is mathematics."""
    return plain(clean(text, limit))


def signed(value: float, unit: str) -> str:
    """A contribution: with its sign, a true minus, three decimals, and its unit."""
    return f"{value:+.3f} {unit_of(unit)}".replace("-", "−").strip()


def amount(value: float, unit: str) -> str:
    """A number with its unit, a true minus before it."""
    return f"{number(value)} {unit_of(unit)}".replace("-", "−").strip()


def ticks(low: float, high: float) -> list[float]:
    """Round numbers for a logarithmic axis from `low` to `high`, both above zero."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    steps = (1.0, 2.0, 5.0) if high / low < 100 else (1.0,)
    return [float(f"{step * 10.0**n:.1g}") for n in decades for step in steps if low <= step * 10.0**n <= high]


def colour_scale(colours: LinearSegmentedColormap) -> list[tuple[float, str]]:
    """The same colours for a moving figure."""
    return [
        (float(x), "rgb({:.0f},{:.0f},{:.0f})".format(*(255 * np.array(colours(x)[:3])))) for x in np.linspace(0, 1, 33)
    ]
