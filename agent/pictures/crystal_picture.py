"""A crystal whose atoms are coloured by what each contributes to a prediction, beside the sums by element.

Knows scenes and matplotlib. Knows no models: numbers are handed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.data import chemical_symbols
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..labels import wording
from .contributions import Contributions, axis_label, by_size, largest
from .crystal_in_space import in_space
from .draw_crystal import draw_crystal
from .scene import Array, Scene, scene_of
from .style import DIVERGING, NAME, Picture, amount, in_still, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    draw_crystal(axes, scene, numbers, colours.to_rgba(shown.atoms))
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
