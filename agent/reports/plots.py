"""The pictures of a report, drawn off screen: each function gives a figure, or None where there is nothing to draw.

Knows matplotlib and where a campaign stands. Must not know files or reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ...memory.records import Objective
from ...memory.state import Trial
from ...tools.acquisition import merit
from ...tools.properties.disagreement import disagreements
from ..labels import counted, plain, with_unit
from ..pictures.style import agreement
from ..standing import HULL, Standing, compared
from .plot_labels import place_labels, short_name
from .timeline import working_bars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which stay apart for colour-blind eyes.
BLUE, SKY, VERMILION, GREY = "#0072B2", "#56B4E9", "#D55E00", "#8C8C8C"
_WIDTH, _HEIGHT = 7.2, 4.4
_MOST_NAMES = 14
_STEPS = [1, 2, 5, 10]


def best_so_far(standing: Standing) -> Figure | None:
    """The best value (one objective) or the hypervolume (several) against the number of evaluations."""
    goal = standing.goal
    series = merit.best_so_far(goal, (*standing.reused, *standing.trials))
    # What was taken over was there before the first evaluation.
    place = {number: max(0, index) for index, (number, _) in enumerate(series, start=1 - len(standing.reused))}
    known = [(place[number], best) for number, best in series if best is not None]
    if not standing.answered or not known:
        return None
    figure, (axes,) = _figure()
    last = max(place.values()) + 0.5
    axes.step(
        [*(x for x, _ in known), last], [*(y for _, y in known), known[-1][1]], where="post", color=BLUE, lw=2, zorder=3
    )
    axes.lines[-1].set_label("best so far")
    objective = goal.objectives[0]
    if len(goal.objectives) == 1:
        hits, others = _split(standing, [objective])
        for trials, style in ((others, _OTHER), (hits, _HIT)):
            xs = [place[t.number] for t in trials]
            ys = [objective.amount(t.values[objective.property]) for t in trials]
            _dots(axes, xs, ys, style, len(standing.trials))
        axes.set_ylabel(_axis(standing, objective))
    else:
        units = " · ".join(o.unit for o in goal.objectives if o.unit != "1")
        partly = ", partly predicted" if any(o.property in standing.predicted for o in goal.objectives) else ""
        axes.set_ylabel(plain(f"hypervolume ({units}){partly}" if units else f"hypervolume{partly}"))
        axes.set_ylim(0, 1.05 * known[-1][1] or 1.0)
    failed = [place[t.number] for t in standing.failed]
    if failed:
        axes.plot(failed, [0.02] * len(failed), "x", color=VERMILION, ms=5, transform=axes.get_xaxis_transform())
        axes.lines[-1].set_label("failed")
    _title(axes, "Best so far" if len(goal.objectives) == 1 else "Hypervolume of the Pareto set so far")
    axes.set_xlabel("evaluations, in order of proposal")
    axes.set_xlim(-0.5 if standing.reused else 0.5, last)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1, steps=_STEPS))
    _legend(axes)
    return figure


def objective_space(standing: Standing) -> Figure | None:
    """All trials by their objectives, two at a time, with the Pareto set named; None for a single objective."""
    pairs = list(combinations(standing.goal.objectives[:3], 2))
    if not pairs or not _split(standing, pairs[0])[0] + _split(standing, pairs[0])[1]:
        return None
    figure, all_axes = _figure(len(pairs))
    front = standing.front
    for axes, (first, second) in zip(all_axes, pairs, strict=True):
        hits, others = _split(standing, (first, second))
        crowd = len(hits) + len(others)
        beaten = [t for t in hits if t not in front]
        for trials, style in ((others, _OTHER), (beaten, _HIT), (front, _BEST)):
            _dots(axes, *_coordinates(trials, first, second), style, crowd)
        if len(standing.goal.objectives) == 2 and front:
            axes.plot(*_staircase(front, first, second), color=VERMILION, lw=1, alpha=0.6, zorder=3)
        axes.set_xlabel(_axis(standing, first, with_wish=True))
        axes.set_ylabel(_axis(standing, second, with_wish=True))
        axes.margins(0.08)
    _title(all_axes[0], "Objectives")
    _legend(all_axes[-1])
    named = _spread_out(front, _MOST_NAMES)
    for axes, (first, second) in zip(all_axes, pairs, strict=True):
        points = list(zip(*_coordinates(named, first, second), strict=True))
        place_labels(axes, points, [short_name(trial) for trial in named], _drawn(axes))
    return figure


def parity(standing: Standing) -> Figure | None:
    """What the surrogate had predicted against what came back, one panel for each property of the goal."""
    panels = []
    for name, unit in standing.columns:
        rows = compared(standing, name)
        if len(rows):
            panels.append((with_unit(name, unit, name in standing.predicted), rows))
    if not panels:
        return None
    figure, all_axes = _figure(min(3, len(panels)), square=True)
    for axes, (title, rows) in zip(all_axes, panels, strict=False):
        mean, deviation, seen = rows.T
        many = len(rows) > 200
        axes.errorbar(
            seen, mean, 2 * deviation, fmt="o", color=BLUE, ms=3 if many else 4.5, elinewidth=0.8, ecolor=SKY, alpha=0.8
        )
        agreement(axes, seen, mean)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=_STEPS))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=_STEPS))
        axes.set_title(plain(title), fontsize=10)
        axes.set_xlabel("came back")
    all_axes[0].set_ylabel("predicted, ± 2 standard deviations")
    return figure


def hull_histogram(standing: Standing) -> Figure | None:
    """How far above the hull the results lie, with the bound of the goal if it has one."""
    values = np.array([t.values[HULL] for t in standing.answered if HULL in t.values])
    if not len(values):
        return None
    bound = next((c.value for c in standing.goal.constraints if c.property == HULL), None)
    unit = next(m.unit for t in standing.answered if t.outcome for m in t.outcome.measurements if m.property == HULL)
    # A few absurd structures would squeeze all others into one bar.
    highest = max(float(np.percentile(values, 95)) * 1.1, 2 * (bound or 0.0), float(values.min()) + 0.02)
    lowest = min(0.0, float(values.min()))
    width = max(bound / 10 if bound else 0.0, (highest - lowest) / 40)
    edges = np.arange(np.floor(lowest / width), np.ceil(highest / width) + 1) * width
    beyond = int((values > edges[-1]).sum())
    figure, (axes,) = _figure()
    axes.hist(values[values <= edges[-1]], bins=edges.tolist(), color=BLUE, edgecolor="white", lw=0.6)
    if bound is not None:
        axes.axvline(bound, color=VERMILION, lw=1.5, ls="--", label=f"bound of the goal, {bound:g}")
        _legend(axes)
    _title(axes, f"Energy above hull of {counted(len(values), 'trial')}")
    if beyond:
        axes.text(0.99, 0.96, f"{beyond} further right →", transform=axes.transAxes, ha="right", va="top", fontsize=9)
    axes.set_xlabel(plain(with_unit(HULL, unit)))
    axes.set_ylabel("trials")
    axes.set_xlim(edges[0], edges[-1])
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=_STEPS))
    return figure


def predictor_against_oracle(standing: Standing) -> Figure | None:
    """Predicted against simulated formation energies, and how far apart they were as the campaign went on."""
    found = disagreements(standing.answered)
    if not found:
        return None
    figure, (left, right) = _figure(2)
    for is_flagged, style in ((False, _TRUSTED), (True, _FLAGGED)):
        some = [one for one in found if bool(one.flags) == is_flagged]
        if some:
            xs, ys = [one.simulated for one in some], [one.said.mean for one in some]
            errors = [2 * one.said.deviation for one in some] if len(found) <= _MOST_BARS else None
            left.errorbar(xs, ys, errors, fmt="o", ms=4, elinewidth=0.8, alpha=0.8, **style)
    low, high = (pick(pick(one.simulated, one.said.mean) for one in found) for pick in (min, max))
    pad = 0.08 * (high - low) or 0.1
    ends = (low - pad, high + pad)
    left.set_xlim(ends)
    left.set_ylim(ends)
    left.plot(ends, ends, color="0.35", lw=1, ls="--", zorder=1)
    left.set_xlabel("formation energy (eV/atom), simulated")
    left.set_ylabel("predicted, ± 2 standard deviations" if len(found) <= _MOST_BARS else "predicted")
    sizes = np.abs([one.difference for one in found])
    count = np.arange(1, len(found) + 1)
    right.plot(count, sizes, "o", color=SKY, ms=4, mew=0)
    right.plot(count, np.cumsum(sizes) / count, color=BLUE, lw=2, label="mean so far")
    right.set_xlabel("completed trials, in order")
    right.set_ylabel("|predicted − simulated| (eV/atom)")
    right.set_ylim(0, None)
    right.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1, steps=_STEPS))
    _title(left, "Predictor against oracle")
    _legend(right)
    if any(one.flags for one in found):
        # Above the axes is the title, and above the diagonal there is room.
        left.legend(loc="upper left", frameon=False, fontsize=9, handletextpad=0.4)
    return figure


def timeline(standing: Standing) -> Figure | None:
    """When each evaluation was at work, idle times cut out; None where no processor time was recorded."""
    bars, cuts = working_bars((*standing.trials, *standing.confirming))
    if not bars:
        return None
    lanes = 1 + max(bar.lane for bar in bars)
    figure, (axes,) = _figure(height=min(6.0, 1.7 + 0.32 * lanes))
    colours = {"completed": BLUE, "failed": VERMILION}
    per, unit = (60.0, "min") if bars[-1].end < 2 * 3600 else (3600.0, "h")
    rows: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for bar in bars:
        is_second = bar.trial.oracle != standing.oracle and bar.trial.status == "completed"
        colour = SKY if is_second else colours[bar.trial.status]
        rows.setdefault((bar.lane, colour), []).append((bar.start / per, (bar.end - bar.start) / per))
    for (lane, colour), spans in rows.items():
        axes.broken_barh(spans, (lane + 0.65, 0.7), facecolors=colour, edgecolors="white", lw=0.3)
    for cut in cuts:
        axes.axvline(cut / per, color="0.3", ls=":", lw=1)
    shown = {bar.trial.status for bar in bars if bar.trial.oracle == standing.oracle}
    handles = [Patch(color=colours[status], label=status) for status in ("completed", "failed") if status in shown]
    if standing.confirming:
        handles.append(Patch(color=SKY, label="second oracle"))
    _legend(axes, handles)
    _title(axes, "Evaluations at work" + (" (dotted: pauses)" if cuts else ""))
    axes.set_xlabel(f"time ({unit}); a bar is the processor time before the answer was recorded")
    axes.set_ylabel("side by side")
    axes.set_ylim(0.4, lanes + 0.6)
    axes.set_xlim(0, max(bar.end for bar in bars) / per * 1.01)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1, steps=_STEPS))
    axes.grid(False, axis="y")
    return figure


PLOTS = {
    "best_so_far": best_so_far,
    "objectives": objective_space,
    "parity": parity,
    "predictor": predictor_against_oracle,
    "energy_above_hull": hull_histogram,
    "timeline": timeline,
}
"""File name without ending to what draws it, in the order of a report."""

_MOST_BARS = 200
_TRUSTED: dict[str, Any] = {"color": BLUE, "ecolor": SKY, "label": "near the training data"}
_FLAGGED: dict[str, Any] = {"color": VERMILION, "ecolor": "0.75", "label": "flagged"}
_OTHER: dict[str, Any] = {"mfc": "none", "mec": GREY, "label": "misses a constraint", "zorder": 2, "marker": "o"}
_HIT: dict[str, Any] = {"mfc": SKY, "mec": BLUE, "label": "keeps all constraints", "zorder": 3, "marker": "o"}
_BEST: dict[str, Any] = {"mfc": VERMILION, "mec": "black", "label": "Pareto set", "zorder": 5, "marker": "D"}


def _figure(panels: int = 1, *, height: float = _HEIGHT, square: bool = False) -> tuple[Figure, list[Axes]]:
    width = _WIDTH if panels == 1 and not square else max(4.2, 3.6 * panels)
    figure = Figure(figsize=(width, 3.9 if square or panels > 1 else height), dpi=150, layout="constrained")
    all_axes = list(np.ravel(figure.subplots(1, panels)))
    for axes in all_axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.9", lw=0.7)
        axes.set_axisbelow(True)
    return figure, all_axes


def _dots(axes: Axes, xs: Sequence[float], ys: Sequence[float], style: dict[str, Any], crowd: int) -> None:
    if xs:
        size = 6.0 if crowd <= 100 else 4.0 if crowd <= 500 else 3.0
        axes.plot(xs, ys, ls="", ms=size, mew=0.8, alpha=0.9, **style)


def _title(axes: Axes, text: str) -> None:
    axes.set_title(plain(text), loc="left", fontsize=11)


def _legend(axes: Axes, handles: Sequence[Patch] | None = None) -> None:
    """Above the axes, where it hides no point."""
    entries = handles or axes.get_legend_handles_labels()[0]
    axes.legend(
        handles=list(entries),
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.2,
        ncols=max(1, len(entries)),
        frameon=False,
        fontsize=9,
        columnspacing=1.2,
        handletextpad=0.4,
    )


def _split(standing: Standing, objectives: Sequence[Objective]) -> tuple[list[Trial], list[Trial]]:
    """Trials that know these objectives: those that keep all constraints, and the others."""
    known = [t for t in standing.answered if all(o.property in t.values for o in objectives)]
    hits = {t.number for t in standing.hits}
    return [t for t in known if t.number in hits], [t for t in known if t.number not in hits]


def _coordinates(trials: Sequence[Trial], x: Objective, y: Objective) -> tuple[list[float], list[float]]:
    return [x.amount(t.values[x.property]) for t in trials], [y.amount(t.values[y.property]) for t in trials]


def _staircase(front: Sequence[Trial], x: Objective, y: Objective) -> tuple[list[float], list[float]]:
    """The border of what a Pareto set beats: between two neighbours no better is known than the one that reaches."""
    xs, ys = _coordinates(sorted(front, key=lambda t: x.amount(t.values[x.property])), x, y)
    if x.direction == "maximise":
        return [v for v in xs for _ in (0, 1)][:-1], [v for v in ys for _ in (0, 1)][1:]
    return [v for v in xs for _ in (0, 1)][1:], [v for v in ys for _ in (0, 1)][:-1]


def _spread_out(trials: Sequence[Trial], n: int) -> list[Trial]:
    """At most `n` of them, evenly along their order, both ends included."""
    if len(trials) <= n:
        return list(trials)
    return [trials[round(i)] for i in np.linspace(0, len(trials) - 1, n)]


def _drawn(axes: Axes) -> list[tuple[float, float]]:
    """All points drawn on these axes, and points along the lines between them."""
    drawn: list[tuple[float, float]] = []
    for line in axes.lines:
        xs, ys = np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)
        if line.get_linestyle() != "None":
            knots, fine = np.arange(len(xs)), np.linspace(0, len(xs) - 1, 30 * len(xs))
            xs, ys = np.interp(fine, knots, xs), np.interp(fine, knots, ys)
        drawn += zip(xs.tolist(), ys.tolist(), strict=True)
    return drawn


def _axis(standing: Standing, objective: Objective, with_wish: bool = False) -> str:
    is_predicted = objective.property in standing.predicted
    what = with_unit(objective.property, objective.unit, is_predicted)
    if objective.target is not None:
        return plain(f"distance from {objective.target:g}: {what}")
    wish = {"maximise": ", wanted high", "minimise": ", wanted low"}[objective.direction] if with_wish else ""
    return plain(what + wish)
