"""Message passing on one crystal: kinds of atom, who hears whom, how far the gates open, and what changes by round.

Knows matplotlib and plotly. Knows no models: numbers are handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from .message_links import Array, Link, links_of, path_of, ring
from .style import BLUE, GREY, NAME, PALE, RISING, Picture, colour_scale, dress, in_html, in_still

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_WRITTEN = 14
"""Links beyond which their distances stand in the table of the page alone."""
_WIDEST = 9.0
"""Points, for a gate that is wide open."""
_RIM = {"color": "#333", "width": 1}


@dataclass(frozen=True)
class Passing:
    """What a network does on one crystal.

    Attributes:
        crystal: How a person knows it.
        predictor: Whose networks these are.
        names: Of the kinds of atom, `(n_nodes,)`: `O1 ×4` for four atoms of a kind.
        receivers: Node that hears, `(n_edges,)`.
        senders: Node that is heard, `(n_edges,)`.
        distances: Å, `(n_edges,)`.
        counts: Equal neighbours that an edge stands for, `(n_edges,)`.
        gates: From 0, shut, to 1, open, `(n_rounds, n_edges)`.
        changes: Of each node's features, relative to their length before, `(n_rounds, n_nodes)`.
    """

    crystal: str
    predictor: str
    names: tuple[str, ...]
    receivers: NDArray[np.int64]
    senders: NDArray[np.int64]
    distances: Array
    counts: NDArray[np.int64]
    gates: Array
    changes: Array


def message_picture(name: str, shown: Passing) -> Picture:
    """Draw message passing: the graph with its distances, then every round."""
    links = links_of(shown.receivers, shown.senders, shown.distances, shown.counts)
    return Picture(name, _still(shown, links), _moving(shown, links))


def _still(shown: Passing, links: list[Link]) -> Figure:
    n_rounds = len(shown.gates)
    columns = 2 + (n_rounds + 1) // 2
    figure = Figure(figsize=(2.35 * columns, 5.8), dpi=150, layout="constrained")
    grid = figure.add_gridspec(2, columns)
    colours = ScalarMappable(Normalize(0, float(shown.changes.max()) or 1.0), RISING)
    graph = figure.add_subplot(grid[:, :2])
    _graph(graph, shown, links)
    rounds = [figure.add_subplot(grid[n // (columns - 2), 2 + n % (columns - 2)]) for n in range(n_rounds)]
    for number, axes in enumerate(rounds):
        _round(axes, shown, links, number, colours.to_rgba(shown.changes[number]))
    bar = figure.colorbar(colours, ax=rounds, location="bottom", shrink=0.8, aspect=35, pad=0.02)
    bar.set_label("change of a kind's features, relative to their length before", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    widths = [Line2D([], [], color=BLUE, lw=_width(gate, links), label=f"{gate:.1f}") for gate in (0.2, 0.4, 0.6, 0.8)]
    figure.legend(
        handles=widths, title="gate, mean over features", title_fontsize=8, loc="outside upper right", ncols=4,
        frameon=False, fontsize=8,
    )  # fmt: skip
    figure.suptitle(f"{in_still(shown.crystal, NAME)}: message passing", x=0.01, ha="left", fontsize=12)
    figure.supxlabel(_note(shown, links, in_still(shown.predictor, NAME)), x=0.01, ha="left", fontsize=8, color="0.35")
    return figure


def _note(shown: Passing, links: list[Link], predictor: str) -> str:
    drawn = sum(len(link.edges) for link in links)
    return (
        f"{predictor}. Arrows point at the listener; {drawn} of {len(shown.distances)} edges are drawn: each kind's "
        "nearest neighbours."
    )


def _graph(axes: Axes, shown: Passing, links: list[Link]) -> None:
    """The kinds of atom on a ring, with distance and number of neighbours beside each link where there is room."""
    places = ring(len(shown.names))
    _frame(axes)
    axes.set_title("who hears whom, and from how far", fontsize=10, loc="left")
    for link in links:
        path = path_of(places, link)
        axes.plot(*path.T, color=GREY, lw=1.0, zorder=1)
        _arrow(axes, path, GREY, links)
    size = 9 if len(places) <= 8 else 7
    for place, name in zip(places, shown.names, strict=True):
        axes.text(
            place[0], place[1], in_still(name).replace(" ", "\n"), ha="center", va="center", fontsize=size, zorder=3,
            bbox={"boxstyle": "circle,pad=0.35", "fc": "#E8F1F8", "ec": "0.2", "lw": 0.8},
        )  # fmt: skip
    if len(links) <= _MOST_WRITTEN:
        taken = [(float(x), float(y)) for x, y in places]
        for link in links:
            x, y = _free(path_of(places, link), taken)
            taken.append((x, y))
            text = f"{_span(link, shown.distances)} Å\n×{link.count}"
            white = {"fc": "white", "ec": "none", "pad": 0.6, "alpha": 0.85}
            axes.text(x, y, text, fontsize=7.5, ha="center", va="center", zorder=2, bbox=white, linespacing=0.95)


def _free(path: Array, taken: list[tuple[float, float]]) -> tuple[float, float]:
    """The point of a path, near its middle, that is farthest from what is written already."""
    choice = path[len(path) * 3 // 10 : len(path) * 7 // 10]
    # A text is about three times as wide as it is high.
    apart = [min((abs(x - u) / 1.6) ** 2 + (y - v) ** 2 for u, v in taken) for x, y in choice]
    best = choice[int(np.argmax(apart))]
    return float(best[0]), float(best[1])


def _span(link: Link, distances: Array) -> str:
    """Distances of a link: one where they agree to a hundredth."""
    low, high = f"{distances[link.edges].min():.2f}", f"{distances[link.edges].max():.2f}"
    return low if low == high else f"{low}–{high}"


def _round(axes: Axes, shown: Passing, links: list[Link], number: int, colours: Array) -> None:
    places = ring(len(shown.names))
    _frame(axes)
    axes.set_title(f"round {number + 1}", fontsize=10, loc="left")
    for link in links:
        path = path_of(places, link)
        gate = _gate(shown, link, number)
        axes.plot(*path.T, color=BLUE, lw=_width(gate, links), alpha=0.55, zorder=1)
        _arrow(axes, path, BLUE, links)
    for place, name, colour in zip(places, shown.names, colours, strict=True):
        ink = "white" if 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] < 0.5 else "black"
        axes.text(
            place[0], place[1], in_still(name).split(" ")[0], ha="center", va="center", color=ink, zorder=3,
            fontsize=7.5 if len(places) <= 8 else 5.5,
            bbox={"boxstyle": "circle,pad=0.4", "fc": colour, "ec": "0.2", "lw": 0.8},
        )  # fmt: skip


def _width(gate: float, links: list[Link]) -> float:
    """Width of a line in points; many links are all drawn thinner."""
    return _WIDEST * gate * (1.0 if len(links) <= _MOST_WRITTEN else 0.35)


def _gate(shown: Passing, link: Link, number: int) -> float:
    """Mean gate of a link over the neighbours it stands for."""
    return float(np.average(shown.gates[number][link.edges], weights=shown.counts[link.edges]))


def _frame(axes: Axes) -> None:
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_xlim(-1.45, 1.45)
    axes.set_ylim(-1.45, 1.45)


def _arrow(axes: Axes, path: Array, colour: str, links: list[Link]) -> None:
    size = 10 if len(links) <= _MOST_WRITTEN else 6
    style = {"arrowstyle": "-|>", "color": colour, "mutation_scale": size, "lw": 0, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", path[-1], xytext=path[-3], arrowprops=style, zorder=1.5)


def _moving(shown: Passing, links: list[Link]) -> go.Figure:
    """The graph with a slider over the rounds, and every edge's gate in a table of colours."""
    n_rounds = len(shown.gates)
    titles = ["round 1", "gates of all edges", "change of features"]
    figure = make_subplots(
        rows=1, cols=3, column_widths=[0.5, 0.27, 0.23], horizontal_spacing=0.15, subplot_titles=["", *titles[1:]]
    )
    places, names = ring(len(shown.names)), [in_html(name) for name in shown.names]
    for number in range(n_rounds):
        for trace in _traces(shown, links, number, places, names):
            figure.add_trace(trace, row=1, col=1)
    each = len(figure.data) // n_rounds
    order = np.lexsort((shown.distances, shown.receivers))
    edges = [
        f"{names[shown.receivers[e]].split(' ')[0]} ← {names[shown.senders[e]].split(' ')[0]} "
        f"{shown.distances[e]:.2f} Å ×{shown.counts[e]}"
        for e in order
    ]
    steps = [f"{number + 1}" for number in range(n_rounds)]
    scale = colour_scale(RISING)
    rows = [f"{label}{' ' * n}" for n, label in enumerate(edges)] if len(set(edges)) < len(edges) else edges
    tall = max(560, 170 + 15 * len(edges))
    gates = go.Heatmap(
        z=shown.gates[:, order].T, x=steps, y=rows, colorscale=scale, zmin=0, zmax=1,
        hovertemplate="%{y}<br>round %{x}: gate %{z:.3f}<extra></extra>",
        colorbar={"title": {"text": "gate"}, "x": 0.735, "thickness": 12, "len": 300, "lenmode": "pixels"},
    )  # fmt: skip
    changes = go.Heatmap(
        z=shown.changes.T, x=steps, y=names, colorscale=scale, zmin=0,
        hovertemplate="%{y}<br>round %{x}: change %{z:.3f}<extra></extra>",
        colorbar={"title": {"text": "change"}, "x": 1.01, "thickness": 12, "len": 300, "lenmode": "pixels"},
    )  # fmt: skip
    figure.add_trace(gates, row=1, col=2)
    figure.add_trace(changes, row=1, col=3)
    for index, trace in enumerate(figure.data[: each * n_rounds]):
        trace.visible = index < each
    choice = [
        {
            "label": str(number + 1),
            "method": "update",
            "args": [{"visible": [index // each == number for index in range(each * n_rounds)] + [True, True]}],
        }
        for number in range(n_rounds)
    ]
    below = _note(shown, links, in_html(shown.predictor, NAME))
    dress(figure, f"{in_html(shown.crystal, NAME)}: message passing<br><sup>{below}</sup>", width=1240, height=tall)
    slider = {"active": 0, "currentvalue": {"prefix": "round "}, "steps": choice, "len": 0.36, "y": -0.02}
    figure.update_layout(sliders=[slider], showlegend=False, margin={"r": 80, "t": 110})
    figure.update_xaxes(visible=False, range=[-1.6, 1.6], row=1, col=1)
    figure.update_yaxes(visible=False, range=[-1.6, 1.6], scaleanchor="x", row=1, col=1)
    for column in (2, 3):
        figure.update_xaxes(title_text="round", type="category", row=1, col=column)
        figure.update_yaxes(autorange="reversed", tickfont={"size": 11}, automargin=True, row=1, col=column)
    return figure


def _traces(shown: Passing, links: list[Link], number: int, places: Array, names: list[str]) -> list[go.Scatter]:
    traces = []
    scale = {"colorscale": colour_scale(PALE), "cmin": 0, "cmax": float(shown.changes.max())}
    for link in links:
        path, gate = path_of(places, link), _gate(shown, link, number)
        hears, heard = names[link.receiver], names[link.sender]
        said = f"{hears} hears {heard}<br>{_span(link, shown.distances)} Å ×{link.count}<br>gate {gate:.3f}"
        traces.append(
            go.Scatter(
                x=path[:, 0],
                y=path[:, 1],
                mode="lines+markers",
                hoverinfo="text",
                hovertext=said,
                line={"width": _width(gate, links), "color": "rgba(0,114,178,0.55)"},
                marker={"symbol": "arrow", "angleref": "previous", "color": BLUE, "size": [0] * (len(path) - 1) + [11]},
            )
        )
    nodes = go.Scatter(
        x=places[:, 0],
        y=places[:, 1],
        mode="markers+text",
        text=[name.replace(" ", "<br>") for name in names],
        textfont={"size": 11 if len(names) <= 8 else 9},
        hovertext=[f"{name}: change {change:.3f}" for name, change in zip(names, shown.changes[number], strict=True)],
        hoverinfo="text",
        marker={"size": 44 if len(names) <= 8 else 34, "color": shown.changes[number], "line": _RIM, **scale},
    )
    return [*traces, nodes]
