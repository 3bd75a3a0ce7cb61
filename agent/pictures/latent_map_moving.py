"""The latent map for a browser: the colouring is chosen, and every crystal is named by the pointer.

Knows plotly, and what stands on a map. Knows no models: places on the map are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from ...models.target import Target
from ..labels import unit_of, wording
from .mapped import CHEMISTRY, PALE_GREY, SYSTEMS, UNKNOWN, VALUES, Array, Mapped, classes, said_of, value_range
from .style import colour_scale, dress, in_html

if TYPE_CHECKING:
    from .latent_map import MapText

_RIM = {"color": "black", "width": 1.2}


def moving_map(
    below: Array,
    above: Array,
    known: Mapped,
    shown: Mapped,
    targets: Sequence[Target],
    text: MapText,
    axis_titles: Sequence[str],
) -> go.Figure:
    """Draw the map.

    Args:
        below: Places of the known crystals, `(n_known, 2)`.
        above: Places of those that were made or tried, `(n_shown, 2)`.
        known: The first ones.
        shown: The second ones.
        targets: Properties that can be coloured by, the one that is shown first in front.
        text: What is written on the map.
        axis_titles: Of both axes.
    """
    figure = go.Figure()
    told = said_of(known, targets), said_of(shown, targets)
    if text.is_path:
        told = told[0], [f"{text.station(n)}: {line}" for n, line in enumerate(told[1])]
        line = {"color": "rgba(0,0,0,0.6)", "width": 1}
        figure.add_scatter(x=above[:, 0], y=above[:, 1], mode="lines", line=line, name="in order", hoverinfo="skip")
    always = len(figure.data)
    sides = ((below, known, told[0], text.known), (above, shown, told[1], text.shown))
    owners: list[int] = []
    choices = [*(in_html(wording(target.name)) for target in targets), "chemistry", "crystal system"]
    for choice, target in enumerate(targets):
        limits = value_range(known, [shown], target.name)
        for side, (places, crystals, said, name) in enumerate(sides):
            traces = _by_value(places, crystals, said, in_html(name), target, limits, bool(side))
            figure.add_traces(traces)
            owners += [choice] * len(traces)
    for choice, scheme in enumerate((CHEMISTRY, SYSTEMS), start=len(targets)):
        for side, (places, crystals, said, name) in enumerate(sides):
            traces = _by_class(places, crystals, said, in_html(name), scheme, bool(side))
            figure.add_traces(traces)
            owners += [choice] * len(traces)
    for trace, owner in zip(figure.data[always:], owners, strict=True):
        trace.visible = owner == 0
    last = _marks(above, text)
    figure.add_traces(last)
    buttons = [
        {
            "label": label,
            "method": "update",
            "args": [{"visible": [True] * always + [owner == choice for owner in owners] + [True] * len(last)}],
        }
        for choice, label in enumerate(choices)
    ]
    dress(figure, in_html(text.title), width=980, height=720)
    menu = {"type": "buttons", "direction": "right", "buttons": buttons, "x": 0, "xanchor": "left", "y": 1.01}
    figure.update_layout(
        updatemenus=[{**menu, "yanchor": "bottom", "showactive": True}],
        legend={"x": 1.02, "y": 1.0, "itemsizing": "constant"},
        margin={"t": 110, "r": 200},
    )
    figure.update_xaxes(title_text=axis_titles[0])
    figure.update_yaxes(title_text=axis_titles[1])
    return figure


def _by_value(
    places: Array,
    shown: Mapped,
    said: Sequence[str],
    name: str,
    target: Target,
    limits: tuple[float, float],
    is_large: bool,
) -> list[go.Scatter]:
    values = np.asarray(shown.values.get(target.name, np.full(len(places), np.nan)), dtype=float)
    scale: dict[str, Any] = {
        "colorscale": colour_scale(VALUES),
        "cmin": limits[0],
        "cmax": limits[1],
        "showscale": not is_large,
        "colorbar": {"title": {"text": in_html(unit_of(target.unit))}, "len": 0.6, "y": 0.0, "yanchor": "bottom"},
    }
    is_known = np.isfinite(values)
    traces = []
    for rows, heading, marker in (
        (np.flatnonzero(is_known), name, {"color": values[is_known], **scale}),
        (np.flatnonzero(~is_known), f"{name}, {UNKNOWN}", {"color": PALE_GREY}),
    ):
        if len(rows):
            own = [said[n] for n in rows.tolist()]
            traces.append(_trace(places[rows], own, f"{heading} ({len(rows)})", marker, is_large))
    return traces


def _by_class(
    places: Array, shown: Mapped, said: Sequence[str], name: str, scheme: Mapping[str, str], is_large: bool
) -> list[go.Scatter]:
    own = np.array(classes(shown, scheme), dtype=object)
    traces = []
    for label, colour in {**scheme, UNKNOWN: PALE_GREY}.items():
        rows = np.flatnonzero(own == label)
        if len(rows):
            heading = f"{label}, {name} ({len(rows)})" if is_large else f"{label} ({len(rows)})"
            traces.append(_trace(places[rows], [said[n] for n in rows.tolist()], heading, {"color": colour}, is_large))
    return traces


def _trace(places: Array, said: Sequence[str], name: str, marker: dict[str, Any], is_large: bool) -> go.Scatter:
    look = {"size": 10, "symbol": "diamond", "line": _RIM} if is_large else {"size": 5, "opacity": 0.75}
    return go.Scatter(
        x=places[:, 0], y=places[:, 1], mode="markers", hovertext=said, hoverinfo="text", name=name,
        marker={**marker, **look},
    )  # fmt: skip


def _marks(above: Array, text: MapText) -> list[go.Scatter]:
    """Numbers of a path, and the best."""
    traces = []
    if text.is_path:
        numbers = [text.station(n) for n in range(len(above))]
        # Numbers keep clear of a marker of their own trace alone, so that they have one that is not seen.
        traces.append(
            go.Scatter(
                x=above[:, 0], y=above[:, 1], mode="markers+text", text=numbers, textposition="top right",
                hoverinfo="skip", marker={"size": 12, "color": "rgba(0,0,0,0)"}, name="numbers",
                textfont={"size": 12, "color": "black", "weight": "bold", "shadow": "auto"},
            )
        )  # fmt: skip
    if text.best is not None:
        ring = {"symbol": "star-open", "size": 24, "color": "black", "line": {"width": 2}}
        x, y = above[text.best]
        traces.append(go.Scatter(x=[x], y=[y], mode="markers", marker=ring, hoverinfo="skip", name="best"))
    return traces
