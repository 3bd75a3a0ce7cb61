"""How a VAE learns: both terms of its bound, the weight of the second, and the watch against posterior collapse.

Knows what is told of each pass, matplotlib and plotly. Must not know networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from matplotlib.ticker import MaxNLocator
from plotly.subplots import make_subplots

from ...models.target import Target
from ...models.vae.settings import VaePass
from ..labels import counted, with_unit
from .style import SERIES, Picture, dress, in_html, in_still, panels, ticks

_DASHES = ("solid", "dash", "dot", "dashdot")
_STILL = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
_NOTE = "training: z drawn from q(z | x), mean over the pass while it learns; validation: z at its mean"


@dataclass(frozen=True)
class _Line:
    """A value for each pass, with what it is called."""

    label: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class _Panel:
    title: str
    axis: str
    lines: tuple[_Line, ...]
    is_logarithmic: bool = False
    from_zero: bool = False


def elbo_curve(name: str, title: str, passes: Sequence[VaePass], targets: Sequence[Target]) -> Picture:
    """Draw a training by its passes.

    Args:
        name: Of the file.
        title: Above the picture.
        passes: In order.
        targets: Properties whose errors are told, for their units.

    Raises:
        ValueError: There is no pass.
    """
    if not passes:
        raise ValueError("no pass over the data is told of; at least one is needed to draw how it went")
    epochs = [one.epoch for one in passes]
    all_panels = _panels(passes, targets)
    heading = f"{title}, {counted(len(passes), 'pass', 'passes')}"
    figure, all_axes = panels(2, 3, width=13.2, height=7.0)
    for axes, panel in zip(all_axes, all_panels, strict=True):
        for line, colour, dash in zip(panel.lines, SERIES, _DASHES, strict=False):
            marker = "o" if len(epochs) == 1 else ""
            label = in_still(line.label)
            axes.plot(epochs, line.values, color=colour, ls=_STILL[dash], lw=1.8, marker=marker, label=label)
        if panel.is_logarithmic:
            axes.set_yscale("log")
            axes.minorticks_off()
            low, high = axes.get_ylim()
            axes.set_yticks(ticks(low, high), [f"{value:g}" for value in ticks(low, high)])
        if panel.from_zero:
            axes.set_ylim(0, None)
        axes.set_title(panel.title, loc="left", fontsize=10.5)
        axes.set_ylabel(in_still(panel.axis), fontsize=9)
        axes.set_xlabel("passes over the data", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.tick_params(labelsize=8)
        if len(panel.lines) > 1:
            axes.legend(frameon=False, fontsize=8.5, handlelength=2.6)
    figure.suptitle(in_still(heading), x=0.01, ha="left", fontsize=12)
    figure.supxlabel(_NOTE, x=0.01, ha="left", fontsize=8, color="0.35")
    return Picture(name, figure, _moving(heading, epochs, all_panels))


def _moving(heading: str, epochs: Sequence[int], all_panels: Sequence[_Panel]) -> go.Figure:
    figure = make_subplots(rows=2, cols=3, subplot_titles=[_heading(panel) for panel in all_panels])
    for number, panel in enumerate(all_panels):
        row, column = 1 + number // 3, 1 + number % 3
        for line, colour, dash in zip(panel.lines, SERIES, _DASHES, strict=False):
            label = in_html(line.label)
            figure.add_scatter(
                x=list(epochs), y=list(line.values), mode="lines+markers", name=label, showlegend=False,
                line={"color": colour, "dash": dash, "width": 2}, marker={"size": 4}, row=row, col=column,
                hovertemplate=f"pass %{{x}}: %{{y:.5g}}<extra>{label}</extra>",
            )  # fmt: skip
        kind = "log" if panel.is_logarithmic else "linear"
        mode = "tozero" if panel.from_zero else "normal"
        axis = {"text": in_html(panel.axis), "font": {"size": 11}}
        figure.update_yaxes(title=axis, type=kind, rangemode=mode, row=row, col=column)
    dress(figure, f"{in_html(heading)}<br><sup>{_NOTE}</sup>", width=1280, height=780)
    figure.update_layout(margin={"t": 140, "r": 70}, hovermode="x")
    figure.update_xaxes(title_text="passes over the data")
    return figure


def _heading(panel: _Panel) -> str:
    """Title of a panel, and below it what its lines are, in their colours."""
    if len(panel.lines) == 1:
        return panel.title
    named = zip(panel.lines, SERIES, strict=False)
    keys = " · ".join(f'<span style="color:{colour}">{in_html(line.label)}</span>' for line, colour in named)
    return f"{panel.title}<br><sup>{keys}</sup>"


def _panels(passes: Sequence[VaePass], targets: Sequence[Target]) -> tuple[_Panel, ...]:
    units = {target.name: target.unit for target in targets}
    known = dict.fromkeys(name for one in passes for name in one.property_errors)
    sides = [("training", [one.training for one in passes]), ("validation", [one.validation for one in passes])]
    errors = tuple(
        _Line(
            with_unit(property_name, units.get(property_name, "1")),
            tuple(one.property_errors.get(property_name, float("nan")) for one in passes),
        )
        for property_name in known
    )
    return (
        _Panel(
            "reconstruction", "E[log p(x | z)] (nats per crystal)",
            tuple(_Line(label, tuple(one.reconstruction for one in bounds)) for label, bounds in sides),
        ),
        _Panel(
            "divergence", "KL(q(z | x) ‖ N(0, I)) (nats per crystal)",
            tuple(_Line(label, tuple(one.divergence for one in bounds)) for label, bounds in sides), from_zero=True,
        ),
        _Panel("weight of the divergence", "β", (_Line("β", tuple(one.beta for one in passes)),), from_zero=True),
        _Panel(
            "does the decoder listen to z?", "tokens right on validation crystals",
            (
                _Line("with its own z", tuple(one.accuracy for one in passes)),
                _Line("with the z of another crystal", tuple(one.shuffled_accuracy for one in passes)),
            ),
            from_zero=True,
        ),
        _Panel(
            "active units", "latent dimensions in use",
            (_Line("active units", tuple(float(one.active_units) for one in passes)),), from_zero=True,
        ),
        _Panel("properties read off z, validation crystals", "MAE (unit as named)", errors, is_logarithmic=True),
    )  # fmt: skip
