"""How far an evaluation of generators is and what came of it, on a terminal.

Knows Rich and the figures. Must not know how they are computed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from ...memory.foreign import clean
from ...tools.evaluation.stability import METASTABLE, STABLE
from ..labels import duration, figure, unit_of
from .bars import BarsView
from .tables import plain_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ...tools.evaluation.evaluate import Evaluation
    from ...tools.evaluation.rates import Figure

_SECONDS_BETWEEN_LINES = 30.0
WORDS = {
    "raw_validity": "raw validity",
    "structure": "valid structure (CDVAE)",
    "composition": "valid composition (SMACT)",
    "unique": "unique",
    "novel": "novel",
    "p1": "space group P1",
    "new_template": "new template",
    "spacegroups": "space groups, divergence",
    "crystal_systems": "crystal systems, divergence",
    "density": "density, distance",
    "volume_per_atom": "volume per atom, distance",
    "n_elements": "elements, distance",
    "formation_energy": "predicted formation energy, distance",
    "reconstruction_match": "reconstructed",
    "reconstruction_rmse": "reconstruction error",
    "relaxed": "relaxed by CHGNet",
    "stable": f"stable at {STABLE:g} eV/atom",
    "sun": f"S.U.N. at {STABLE:g} eV/atom",
    "ssun": f"S.S.U.N. at {STABLE:g} eV/atom",
    "msun": f"M.S.U.N. at {METASTABLE:g} eV/atom",
    "energy_above_hull": "median energy above hull",
}
"""What each figure is called, in the order of the table."""
LEGEND = (
    "Shares with their 95 % interval, of so many samples; failed samples count. Raw validity: a crystal whose volume "
    "and distances the simulation would take, nothing screened or tried again. Divergences (Jensen-Shannon) and "
    "distances (Wasserstein) are to the training crystals, and larger for few samples. S.U.N.: stable, unique and "
    "novel after relaxing; S.S.U.N.: and of another space group than P1; M.S.U.N.: the same as S.U.N. at the wider "
    "limit. Stable means CHGNet's energy above the hull of the known phases, not density functional theory's."
)


class BenchmarkView(BarsView):
    """Shows what is being done.

    On a terminal bars are redrawn in place; elsewhere a line is written now and then.
    """

    def __init__(self, console: Console | None) -> None:
        """Choose where to write; None for nowhere."""
        super().__init__(console)
        self._last = time.monotonic()

    def tell(self, what: str, done: int, total: int) -> None:
        """Show how many of how many are done of something."""
        if self.show(what, done, total):
            return
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES or (done == total and total > 0):
            self._last = time.monotonic()
            self.say(f"{what}: {done} of {total}")


def benchmark_table(evaluations: Sequence[Evaluation]) -> Table:
    """One row a figure, one column a source; rows that no source has are left out."""
    table = plain_table()
    table.add_column("", min_width=16)
    for one in evaluations:
        table.add_column(clean(one.source, 24), justify="right", no_wrap=True)
    for name, words in WORDS.items():
        found = [one.figure(name) for one in evaluations]
        if any(found):
            table.add_row(Text(words), *(Text(_cell(one)) for one in found))
    return table


def remarks(evaluation: Evaluation) -> list[str]:
    """What has to be said of one source: how it made its crystals, what failed, and what it cost."""
    lines = [f"{evaluation.source}: {clean(evaluation.version, 200)}"]
    lines += [f"  {WORDS[one.name]}: {one.note}" for one in evaluation.figures if one.note]
    if evaluation.failures:
        kinds = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in evaluation.failures.items())
        lines.append(f"  not relaxed: {kinds}")
    spent = ", ".join(f"{name} {duration(seconds)}" for name, seconds in evaluation.cpu_seconds.items())
    return [*lines, f"  CPU time: {spent}"]


def _cell(one: Figure | None) -> str:
    if one is None or one.value is None:
        return "–"
    if one.lower is None or one.upper is None:
        return f"{figure(one.value)} {unit_of(one.unit)}".strip() + f"\nof {one.n}"
    return f"{100 * one.value:.1f} % of {one.n}\n{100 * one.lower:.1f} to {100 * one.upper:.1f} %"
