"""How searches of a measured pool went: share of the best found, EF, and best so far, against the number of points.

Knows the document of a backtest and matplotlib. Must not know searches or files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ...tools.backtest.backtest import RANDOM
from ...tools.backtest.figures import SETTLED
from ..labels import unit_of, wording
from .style import GREY, SERIES, in_still, panels


def backtest_curves(found: Mapping[str, Any]) -> Figure:
    """Draw three panels; every method has one colour in all of them, and random choice is grey and dashed.

    Args:
        found: The document of `tools/backtest/backtest.py`.
    """
    table, methods = found["table"], found["methods"]
    figure, (share, enhancement, best) = panels(1, 3, width=13.0, height=4.6)
    others = [name for name in methods if name != RANDOM]
    colours = {RANDOM: GREY} | {name: SERIES[k % len(SERIES)] for k, name in enumerate(others)}
    for name, one in methods.items():
        looks = np.arange(1, len(one["Top%"]) + 1)
        style = {"color": colours[name], "lw": 1.4 if name == RANDOM else 2.0, "ls": "--" if name == RANDOM else "-"}
        share.plot(looks, 100 * np.array(one["Top%"]), label=in_still(name), **style)
        if name == RANDOM:
            enhancement.axhline(1.0, **style)
        else:
            enhancement.plot(looks[SETTLED - 1 :], one["EF"][SETTLED - 1 :], **style)
        best.plot(looks, one["best_so_far"], **style)
        best.fill_between(looks, *one["best_so_far_5_to_95"], color=colours[name], alpha=0.13, lw=0)
    best.axhline(table["best_value"], color="black", lw=0.8, ls=":")
    unit = unit_of(table["unit"])
    share.set_ylabel(f"share of the best {table['best_points']} found (%)")
    share.set_ylim(0, 102)
    enhancement.set_ylabel("EF, times random choice")
    enhancement.set_ylim(bottom=0)
    best.set_ylabel(in_still(f"best {wording(table['objective'])} so far" + (f" ({unit})" if unit else "")))
    for axes in (share, enhancement, best):
        axes.set_xlabel("points looked at")
        axes.set_xlim(left=0)
    share.set_title(in_still(f"{table['file']}, {table['points']} points"), loc="left", fontsize=11)
    enhancement.set_title(f"from point {SETTLED} on", loc="left", fontsize=11)
    best.set_title("mean; band: 5 to 95 % of searches", loc="left", fontsize=11)
    share.legend(loc="lower right", frameon=False, fontsize=9)
    return figure
