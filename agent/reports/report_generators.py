"""The section of a report on generators: what each has made, what came of it, its last share, and the latent map.

Knows the rows of the summary. Must not know states or how shares are decided.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from ..labels import markdown, percent
from ..views.generators import WORTH
from .report_table import table

if TYPE_CHECKING:
    from ..views.generators import Part


def generators(parts: Sequence[Part], planner: str) -> str:
    """Write the section; empty where there was one generator.

    Args:
        parts: A row for each generator.
        planner: The baseline at random gives all generators the same share, and the section says so.
    """
    if not parts:
        return ""
    rows = [
        [
            markdown(part["generator"]),
            *(str(part[key]) for key in ("made", "kept", "improved")),
            percent(part["share"]),
        ]
        for part in parts
    ]
    header = ["generator", "made", "kept by the screens", "improved", "share of the last batch"]
    why = "All generators have the same share." if planner == "random" else WORTH
    return f"## Generators\n\n{why}\n\n{table(header, rows)}"


def latent_map(plots: Collection[str]) -> str:
    """The latent map with the way to its interactive page; empty where none was drawn.

    Args:
        plots: File names of the plots there are.
    """
    if "latent_map.png" not in plots:
        return ""
    caption = (
        "Where the generative model finds the trials, relaxed where they were, joined in the order of proposal, among "
        "crystals that it has learnt from. A plane shows only a part of the latent space: what looks near can be far."
    )
    page = "[latent_map.html](latent_map.html) has other colourings, and names each trial."
    return f"![The latent map of the campaign.](latent_map.png)\n\n*{caption}* {page}"
