"""Generated against training crystals: volume per atom, size, number of elements, symmetry and elements.

Knows matplotlib and plotly. Knows no models: numbers are handed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from .mapped import SYSTEMS, elements_of, symbol, system
from .style import BLUE, ORANGE, SKY, VERMILION, Picture, dress, in_html, in_still, panels

Array = NDArray[np.float64]

MOST_GROUPS, MOST_ELEMENTS = 10, 18
"""Space groups and elements that are shown: those with the largest shares in both populations together."""
_COLOURS = ((SKY, BLUE), (ORANGE, VERMILION))


@dataclass(frozen=True, eq=False)
class Population:
    """Crystals that are counted together.

    Attributes:
        label: What they are called.
        formulas: `(n_crystals,)`.
        spacegroups: International numbers, `(n_crystals,)`.
        volume_per_atom: Å³, `(n_crystals,)`.
        n_atoms: In the primitive cell, `(n_crystals,)`.
    """

    label: str
    formulas: Sequence[str]
    spacegroups: Sequence[int]
    volume_per_atom: Array
    n_atoms: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Shares:
    """How two populations are spread over the same bars.

    Attributes:
        title: What is counted.
        bars: Names of the bars, `(n_bars,)`.
        shares: In per cent of each population, `(2, n_bars)`.
        errors: Standard errors of these, by the binomial distribution, `(2, n_bars)`.
        counts: `(2, n_bars)`.
        is_tilted: Whether the names of the bars are long.
    """

    title: str
    bars: tuple[str, ...]
    shares: Array
    errors: Array
    counts: NDArray[np.int64]
    is_tilted: bool = False


def generated_distributions(name: str, title: str, training: Population, generated: Population) -> Picture:
    """Draw how generated crystals and training crystals are spread.

    Raises:
        ValueError: One of the two is empty.
    """
    both = (training, generated)
    for population in both:
        if not len(population.formulas):
            raise ValueError(f"{population.label}: no crystal; at least one is needed to draw distributions")
    all_shares = (
        _volumes(both),
        _numbers("atoms in the primitive cell", [one.n_atoms.tolist() for one in both]),
        _numbers("number of elements", [[len(elements_of(formula)) for formula in one.formulas] for one in both]),
        _by_system(both),
        _most("most frequent space groups", [[[symbol(int(n))] for n in one.spacegroups] for one in both], MOST_GROUPS),
        _most(
            "elements that crystals hold", [[elements_of(formula) for formula in one.formulas] for one in both],
            MOST_ELEMENTS,
        ),
    )  # fmt: skip
    labels = [f"{one.label} (n = {len(one.formulas):,})".replace(",", "\u202f") for one in both]
    figure, all_axes = panels(2, 3, width=13.6, height=7.6)
    for axes, one in zip(all_axes, all_shares, strict=True):
        places = np.arange(len(one.bars))
        for side, (colour, rim) in enumerate(_COLOURS):
            axes.bar(
                places + 0.41 * (side - 0.5), one.shares[side], 0.4, color=colour, edgecolor=rim, lw=0.7,
                yerr=one.errors[side], error_kw={"elinewidth": 0.8, "ecolor": "0.25"}, label=in_still(labels[side]),
            )  # fmt: skip
        rotation = 55 if one.is_tilted else 0
        size = 8 if len(one.bars) <= 14 else 7
        axes.set_xticks(places, [in_still(bar) for bar in one.bars], fontsize=size, rotation=rotation)
        if one.is_tilted:
            for tick in axes.get_xticklabels():
                tick.set(ha="right", rotation_mode="anchor")
        axes.set_ylim(0, None)
        axes.grid(visible=False, axis="x")
        axes.set_title(one.title, loc="left", fontsize=10.5)
        axes.set_ylabel("share of crystals (%)", fontsize=9)
        axes.tick_params(axis="y", labelsize=8)
    handles, texts = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper right", ncols=2, frameon=False, fontsize=10)
    figure.suptitle(in_still(title), x=0.01, ha="left", fontsize=12)
    figure.supxlabel("thin lines: ± one standard error of a share", x=0.01, ha="left", fontsize=8, color="0.35")
    return Picture(name, figure, _moving(title, labels, all_shares))


def _moving(title: str, labels: Sequence[str], all_shares: Sequence[Shares]) -> go.Figure:
    figure = make_subplots(rows=2, cols=3, subplot_titles=[in_html(one.title) for one in all_shares])
    for panel, one in enumerate(all_shares):
        for side, (colour, rim) in enumerate(_COLOURS):
            figure.add_bar(
                x=[in_html(bar) for bar in one.bars],
                y=one.shares[side],
                error_y={"array": one.errors[side], "thickness": 1, "width": 2, "color": "#444"},
                customdata=one.counts[side],
                marker={"color": colour, "line": {"color": rim, "width": 1}},
                name=in_html(labels[side]),
                legendgroup=str(side),
                showlegend=panel == 0,
                hovertemplate="%{x}: %{y:.1f} %<br>%{customdata} crystals<extra>%{fullData.name}</extra>",
                row=1 + panel // 3,
                col=1 + panel % 3,
            )
    dress(figure, in_html(title), width=1320, height=820)
    figure.update_layout(
        barmode="group", margin={"t": 120}, legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.1}
    )
    figure.update_xaxes(type="category")
    for panel, one in enumerate(all_shares):
        angle = -45 if one.is_tilted else 0
        figure.update_xaxes(tickangle=angle, tickfont={"size": 10}, row=1 + panel // 3, col=1 + panel % 3)
    figure.update_yaxes(title_text="share of crystals (%)", rangemode="tozero")
    return figure


def _volumes(both: Sequence[Population]) -> Shares:
    values = [np.asarray(one.volume_per_atom, dtype=float) for one in both]
    top = float(np.percentile(np.concatenate(values), 99))
    step = next(step for step in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 50.0, np.inf) if top / step <= 15)
    edges = np.arange(np.floor(min(one.min() for one in values) / step), np.ceil(top / step) + 1) * step
    counts = [np.histogram(np.minimum(one, edges[-1] - 1e-9), edges)[0] for one in values]
    bars = [f"{low:g}–{high:g}" for low, high in pairwise(edges)]
    bars[-1] = f"≥ {edges[-2]:g}"
    return _shares("volume per atom (Å³)", bars, np.array(counts), [len(one) for one in values], is_tilted=True)


def _numbers(title: str, both: Sequence[Sequence[int]]) -> Shares:
    bars = range(min(map(min, both)), max(map(max, both)) + 1)
    counts = np.array([[one.count(bar) for bar in bars] for one in map(list, both)])
    return _shares(title, [str(bar) for bar in bars], counts, [len(one) for one in both])


def _by_system(both: Sequence[Population]) -> Shares:
    counters = [Counter(system(int(n)) for n in one.spacegroups) for one in both]
    counts = np.array([[counter[bar] for bar in SYSTEMS] for counter in counters])
    return _shares("crystal system", list(SYSTEMS), counts, [len(one.spacegroups) for one in both], is_tilted=True)


def _most(title: str, both: Sequence[Sequence[Sequence[str]]], most: int) -> Shares:
    """Bars for what crystals hold, the most frequent first; a crystal may hold several."""
    counters = [Counter(held for crystal in one for held in crystal) for one in both]
    sizes = [len(one) for one in both]
    weights = {
        bar: sum(counter[bar] / size for counter, size in zip(counters, sizes, strict=True))
        for bar in dict.fromkeys([*counters[0], *counters[1]])
    }
    bars = sorted(weights, key=lambda bar: (-weights[bar], bar))[:most]
    counts = np.array([[counter[bar] for bar in bars] for counter in counters])
    return _shares(title, bars, counts, sizes, is_tilted=any(len(bar) > 3 for bar in bars))


def _shares(title: str, bars: Sequence[str], counts: Array, sizes: Sequence[int], is_tilted: bool = False) -> Shares:
    n = np.array(sizes)[:, None]
    part = counts / n
    return Shares(title, tuple(bars), 100 * part, 100 * np.sqrt(part * (1 - part) / n), counts.astype(int), is_tilted)
