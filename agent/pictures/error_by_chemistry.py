"""Where a predictor errs: its error by element, on the periodic table, and by class and number of elements.

Knows the periodic table, matplotlib and plotly. Knows no models: numbers are handed in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from plotly.subplots import make_subplots
from pymatgen.core import Element

from ..labels import counted, unit_of, wording
from .style import BLUE, RISING, SKY, Picture, amount, colour_scale, dress, in_html, in_still, panels

Array = NDArray[np.float64]

CLASSES = {
    "oxide": {"O"},
    "halide": {"F", "Cl", "Br", "I"},
    "chalcogenide": {"S", "Se", "Te"},
    "pnictide": {"N", "P", "As", "Sb", "Bi"},
    "hydride": {"H"},
}
"""Compounds by their most electronegative element."""
_STEADY = 10
"""Crystals that an element needs, for its error to say something; the colour scale is made of these."""


def chemistry_of(elements: Sequence[str]) -> str:
    """Class of a compound by its most electronegative element; one of metals alone is an intermetallic."""
    found = [Element(symbol) for symbol in elements]
    if all(element.is_metal for element in found):
        return "intermetallic"
    # Noble gases have no electronegativity there; they bond to nothing.
    strongest = max((e for e in found if not e.is_noble_gas), key=lambda e: e.X, default=found[0]).symbol
    return next((name for name, members in CLASSES.items() if strongest in members), "other")


def error_by_element(name: str, what: str, unit: str, elements: Sequence[Sequence[str]], error: Array) -> Picture:
    """Draw a periodic table with the mean absolute error of the crystals that hold each element.

    Args:
        name: Of the file.
        what: Name of the property.
        unit: Of the errors.
        elements: Symbols in each crystal, `(n_crystals,)`.
        error: Truth minus prediction, `(n_crystals,)`.
    """
    sums: dict[str, list[float]] = {}
    for symbols, one in zip(elements, np.abs(error), strict=True):
        for symbol in set(symbols):
            sums.setdefault(symbol, []).append(float(one))
    means = {symbol: float(np.mean(values)) for symbol, values in sums.items()}
    steady = [means[s] for s, values in sums.items() if len(values) >= _STEADY] or list(means.values())
    top = max(steady) or 1.0
    title = f"{wording(what)}: mean absolute error ({unit_of(unit) or '1'}) of crystals that hold an element"
    figure, (axes,) = panels(width=10.4, height=5.6)
    axes.axis("off")
    axes.set_xlim(0.4, 18.6)
    axes.set_ylim(10.0, 0.4)
    axes.set_aspect("equal")
    colours = ScalarMappable(Normalize(0, top), RISING)
    places = {element.symbol: _place(element) for element in map(Element.from_Z, range(1, 104))}
    for symbol, (column, row) in places.items():
        colour = RISING(min(means[symbol] / top, 1.0)) if symbol in means else (0.95, 0.95, 0.95, 1.0)
        axes.add_patch(Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fc=colour, ec="white"))
        ink = "0.6" if symbol not in means else "white" if np.dot(colour[:3], (0.3, 0.59, 0.11)) < 0.5 else "black"
        axes.text(column, row - 0.1, symbol, ha="center", va="center", fontsize=9, color=ink)
        if symbol in means:
            axes.text(column, row + 0.27, _short(means[symbol]), ha="center", va="center", fontsize=6, color=ink)
    bar = figure.colorbar(colours, ax=axes, location="top", shrink=0.4, aspect=30, anchor=(0.28, 0), extend="max")
    bar.set_label(f"MAE ({unit_of(unit) or '1'})", fontsize=9)
    figure.suptitle(in_still(title), x=0.01, ha="left", fontsize=12)
    return Picture(name, figure, _moving_table(title, unit, places, sums, means, top))


def _short(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.3g}"


def _place(element: Element) -> tuple[float, float]:
    """Column and row; lanthanides and actinides lie below, with a gap."""
    if element.is_lanthanoid or element.is_actinoid:
        first, row = (57, 8.6) if element.is_lanthanoid else (89, 9.6)
        return 3.0 + element.Z - first, row
    return float(element.group), float(element.row)


def _moving_table(
    title: str,
    unit: str,
    places: dict[str, tuple[float, float]],
    sums: dict[str, list[float]],
    means: dict[str, float],
    top: float,
) -> go.Figure:
    known = [symbol for symbol in places if symbol in means]
    absent = [symbol for symbol in places if symbol not in means]
    figure = go.Figure()
    square = {"symbol": "square", "size": 40}
    figure.add_scatter(
        x=[places[s][0] for s in known],
        y=[places[s][1] for s in known],
        mode="markers+text",
        text=[
            f'<span style="color:{"white" if means[s] > 0.55 * top else "black"}">{s}<br>{_short(means[s])}</span>'
            for s in known
        ],
        textfont={"size": 11},
        hovertext=[
            f"{Element(s).long_name}: MAE {amount(means[s], in_html(unit))}<br>{counted(len(sums[s]), 'crystal')}"
            for s in known
        ],
        hoverinfo="text",
        marker={
            **square,
            "color": [means[s] for s in known],
            "colorscale": colour_scale(RISING),
            "cmin": 0,
            "cmax": top,
            "colorbar": {"title": {"text": f"MAE ({in_html(unit)})"}, "len": 0.8},
        },
    )
    figure.add_scatter(
        x=[places[s][0] for s in absent],
        y=[places[s][1] for s in absent],
        mode="markers+text",
        text=absent,
        textfont={"size": 11, "color": "#999"},
        hovertext=[f"{Element(s).long_name}: no crystal" for s in absent],
        hoverinfo="text",
        marker={**square, "color": "#F2F2F2"},
    )
    dress(figure, in_html(title), width=1020, height=600)
    figure.update_layout(showlegend=False)
    figure.update_xaxes(visible=False, range=[0.3, 18.7])
    figure.update_yaxes(visible=False, range=[10.2, 0.4])
    return figure


def error_by_class(name: str, what: str, unit: str, elements: Sequence[Sequence[str]], error: Array) -> Picture:
    """Draw the mean absolute error by class of compound and by number of elements; arguments as above."""
    absolute = np.abs(error)
    by_class = _grouped([chemistry_of(symbols) for symbols in elements], absolute, [*CLASSES, "intermetallic", "other"])
    numbers = [len(set(symbols)) for symbols in elements]
    names = [_arity(n) for n in range(1, 8)]
    by_number = _grouped([_arity(n) for n in numbers], absolute, names)
    axis = f"MAE ({unit_of(unit) or '1'})"
    figure, all_axes = panels(1, 2, width=9.4, height=4.2)
    moving = make_subplots(rows=1, cols=2, subplot_titles=["class of compound", "number of elements"])
    whole = float(absolute.mean())
    for column, (axes, groups) in enumerate(zip(all_axes, (by_class, by_number), strict=True), start=1):
        labels = list(groups)
        values, spread = [float(groups[g].mean()) for g in labels], [_standard_error(groups[g]) for g in labels]
        axes.bar(labels, values, yerr=spread, color=SKY, edgecolor=BLUE, ecolor="0.3", capsize=3)
        axes.axhline(whole, color="0.3", lw=1, ls="--")
        axes.set_xticks(range(len(labels)), [f"{g}\n{len(groups[g])}" for g in labels], fontsize=8, rotation=30)
        axes.set_ylabel(axis)
        axes.grid(visible=False, axis="x")
        moving.add_bar(
            x=labels,
            y=values,
            error_y={"array": spread},
            customdata=[len(groups[g]) for g in labels],
            marker={"color": SKY, "line": {"color": BLUE, "width": 1}},
            hovertemplate="%{x}: MAE %{y:.4f}<br>%{customdata} crystals<extra></extra>",
            row=1,
            col=column,
        )
        moving.add_hline(y=whole, line={"color": "#444", "dash": "dash", "width": 1}, row=1, col=column)
    all_axes[0].set_xlabel("class, by the most electronegative element; crystals")
    all_axes[1].set_xlabel("number of elements; crystals")
    title = f"{wording(what)}: mean absolute error ± its standard error; dashed: all {len(absolute)} crystals"
    figure.suptitle(in_still(title), x=0.01, ha="left", fontsize=11)
    dress(moving, in_html(title), width=1020, height=520)
    moving.update_layout(showlegend=False, margin={"t": 100})
    moving.update_yaxes(title_text=in_html(axis))
    return Picture(name, figure, moving)


def _arity(n: int) -> str:
    return ["1", "2", "3", "4", "5", "6"][n - 1] if n <= 6 else "7 or more"


def _grouped(keys: Sequence[str], absolute: Array, order: Sequence[str]) -> dict[str, Array]:
    labels = np.array(keys)
    return {key: absolute[labels == key] for key in order if (labels == key).any()}


def _standard_error(values: Array) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
