"""How far a training is and what came of it, on a terminal: a bar for each network, or plain lines in a file.

Knows Rich, and what training tells of itself. Must not know how networks are trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from ...memory.foreign import clean
from ..labels import counted, figure, unit_of, wording
from .bars import BarsView
from .tables import plain_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ...models.target import Target
    from ...models.training import settings
    from ...models.training.quality import Quality

_READING, _EMBEDDING = "reading crystals", "computing features"


class TrainingView(BarsView):
    """Shows reading and training.

    On a terminal bars are redrawn in place; elsewhere one line is written for each pass over the data.
    """

    def __init__(self, console: Console | None, targets: Sequence[Target]) -> None:
        """Choose where to write, None for nowhere, and name the properties that are learned."""
        super().__init__(console)
        self._targets = targets

    def read(self, done: int, total: int) -> None:
        """Show how many of how many crystals are parsed."""
        self.show(_READING, done, total)

    def embedded(self, done: int, total: int) -> None:
        """Show how many of how many crystals have features."""
        self.show(_EMBEDDING, done, total)

    def learned(self, progress: settings.Progress) -> None:
        """Show a pass of a network over the data."""
        told = f"validation error {_errors(self._targets, progress.errors)}"
        name = f"network {progress.member}"
        early = progress.finished and progress.epoch < progress.epochs
        total = progress.epoch if early else progress.epochs
        stopped = ", stopped early" if early else ""
        if not self.show(name, progress.epoch, total, told + stopped):
            self.say(f"{name}, pass {progress.epoch} of {progress.epochs}: {told}{stopped}")


def figures_table(targets: Sequence[Target], figures: dict[str, Quality]) -> Table:
    """One row a property: its error and what its deviations are worth on held-out crystals."""
    table = plain_table()
    for head in ("property", "labels", "mean\nabs. error", "in 90 %\ninterval", "miscalibr.\narea", "rank\ncorrel."):
        table.add_column(head, justify="left" if head == "property" else "right", no_wrap=True, vertical="bottom")
    for target in targets:
        one = figures.get(target.name)
        if one is None:
            table.add_row(Text(wording(target.name)), "too few", *["–"] * 4)
            continue
        unit = unit_of(target.unit)
        shares = [f"{v:.3f}" for v in (one.coverage, one.miscalibration_area, one.rank_correlation)]
        error = f"{figure(one.mean_absolute_error)} {unit}".strip()
        table.add_row(Text(wording(target.name)), str(one.n), Text(error), *shares)
    return table


def amounts(targets: Sequence[Target], counts: Sequence[int]) -> str:
    """How many labels there are of each property: `8406 labels of formation energy, 300 of band gap`."""
    first, *rest = zip(targets, counts, strict=True)
    begin = f"{counted(first[1], 'label')} of {wording(first[0].name)}"
    return ", ".join([begin, *(f"{count} of {wording(target.name)}" for target, count in rest)])


def _errors(targets: Sequence[Target], errors: Sequence[float]) -> str:
    named = zip(targets, errors, strict=True)
    return ", ".join(f"{clean(wording(t.name), 24)} {figure(e)} {unit_of(t.unit)}".strip() for t, e in named)
