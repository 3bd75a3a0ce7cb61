"""What a surrogate has learnt from a campaign's results: answers foretold from the others, slices through the best.

Knows matplotlib and what was learnt. Must not know files, campaigns or how it was learnt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ...tools.acquisition.explain import INTERVAL, Learnt
from ..labels import percent, with_unit
from .style import BLUE, GREY, SKY, VERMILION, agreement, in_still, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ...memory.records import Point
    from ...tools.parameters.explain import Slice

MOST_ROWS, ACROSS, MOST_SLICES = 8, 6, 24
"""Rows of panels, panels side by side, and variables that a picture has room for."""
_SHORT = 14
"""Characters of a label along an axis."""


def left_out(found: Sequence[Learnt], units: Mapping[str, str]) -> Figure:
    """Each answer against what the others foretell of it, with the 90 % interval; one panel for each property."""
    shown = found[:MOST_ROWS]
    figure, all_axes = panels(1, len(shown), width=max(4.2, 3.7 * len(shown)), height=4.1)
    for axes, one in zip(all_axes, shown, strict=True):
        mean, deviation, seen = one.left_out.T
        inside = np.abs(seen - mean) <= INTERVAL * deviation
        for which, colour, label in ((inside, BLUE, "inside"), (~inside, VERMILION, "outside")):
            if which.any():
                axes.errorbar(
                    seen[which], mean[which], INTERVAL * deviation[which], fmt="o", ms=4, elinewidth=0.8,
                    color=colour, alpha=0.8, label=f"{label}: {int(which.sum())}",
                )  # fmt: skip
        agreement(axes, seen, mean)
        axes.locator_params(nbins=5)
        axes.set_title(in_still(with_unit(one.name, units[one.name])), fontsize=10)
        axes.set_xlabel(f"came back (R² {one.r2:.2f}, {percent(one.coverage)} inside)")
        axes.legend(frameon=False, fontsize=8, loc="upper left")
    all_axes[0].set_ylabel("foretold from the others, 90 % interval")
    return figure


def slices(
    found: Sequence[Slice], properties: Sequence[str], units: Mapping[str, str], through: Point, name: str
) -> Figure:
    """What is expected along each variable through a point, with the 90 % band; rows of panels for each property.

    Args:
        found: One for each variable.
        properties: Names of the columns of the slices' means.
        units: Property to unit.
        through: The point.
        name: What it is called.
    """
    shown = found[:MOST_SLICES]
    across = min(ACROSS, len(shown))
    down = -(-len(shown) // across)
    rows = list(properties)[: max(1, MOST_ROWS // down)]
    figure, all_axes = panels(
        down * len(rows), across, width=max(4.2, 2.5 * across), height=max(3.0, 2.4 * down * len(rows) + 0.6)
    )
    for k, prop in enumerate(rows):
        lows = [one.means[:, k] - INTERVAL * one.deviations[:, k] for one in shown]
        highs = [one.means[:, k] + INTERVAL * one.deviations[:, k] for one in shown]
        low, high = min(x.min() for x in lows), max(x.max() for x in highs)
        pad = 0.05 * (high - low) or 1.0
        for place, axes in enumerate(all_axes[k * down * across : (k + 1) * down * across]):
            if place >= len(shown):
                axes.set_visible(False)
                continue
            _slice(axes, shown[place], k, through)
            axes.set_ylim(low - pad, high + pad)
            leaf = shown[place].leaf
            axes.set_xlabel(in_still(with_unit(leaf.name, leaf.source.unit)))
            if place % across:
                axes.tick_params(labelleft=False)
            else:
                axes.set_ylabel(in_still(with_unit(prop, units[prop])))
    left = [f"{len(found) - len(shown)} variables"] if len(found) > len(shown) else []
    left += [f"{len(properties) - len(rows)} properties"] if len(properties) > len(rows) else []
    more = f"; not shown: {', '.join(left)}" if left else ""
    figure.suptitle(in_still(f"Predicted along each variable through {name}, with the 90 % band{more}"), fontsize=10)
    return figure


def _slice(axes: Axes, one: Slice, k: int, through: Point) -> None:
    mean, band, own = one.means[:, k], INTERVAL * one.deviations[:, k], through.values[one.leaf.name]
    if one.leaf.is_continuous or len(one.values) > _SHORT:
        xs = np.array([float(value) for value in one.values])
        axes.fill_between(xs, mean - band, mean + band, color=SKY, alpha=0.35, lw=0)
        axes.plot(xs, mean, color=BLUE, lw=1.8)
        axes.axvline(float(own), color=VERMILION, lw=1, ls="--")
        if getattr(one.leaf.source, "scale", "linear") == "log":
            axes.set_xscale("log")
        else:
            axes.locator_params(axis="x", nbins=4)
        return
    places = np.arange(len(one.values))
    axes.errorbar(places, mean, band, fmt="o", color=BLUE, ecolor=SKY, elinewidth=5, ms=5, alpha=0.9)
    axes.axvline(one.values.index(own), color=VERMILION, lw=1, ls="--")
    axes.axhline(mean[one.values.index(own)], color=GREY, lw=0.7, ls=":")
    texts = [value[:_SHORT] if isinstance(value, str) else f"{value:g}" for value in one.values]
    axes.set_xticks(places, [in_still(text) for text in texts], rotation=30 if max(map(len, texts)) > 5 else 0)
    axes.set_xlim(-0.6, len(places) - 0.4)
