"""Crystals of several sources, parsed, checked and each kept once, with the labels that stand beside them.

Knows sources and labelled crystals. Must not know Wyckoff positions or networks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...memory.errors import UserError
from ..labelled.cache import Parsed, parsed
from ..labelled.columns import Labels
from ..labelled.labelled import Labelled, merged_doubles
from ..labelled.notes import Note, grouped, noted
from ..labelled.rows import number
from ..labelled.units import outliers
from .sources import TARGETS, Source

Tell = Callable[[str, int, int], None]
"""Is told what is done, and with how many of how many crystals."""


def gather(sources: Sequence[Source], cache: Path, processes: int, tell: Tell) -> Labelled:
    """Parse the crystals of sources and keep each once; labels that are missing are NaN.

    Args:
        sources: At least one.
        cache: Folder where parsed crystals are kept, a file for each source.
        processes: To parse in.
        tell: Is told how far parsing is.

    Raises:
        UserError: A label is no number or in another unit, or no crystal can be used.
        TerminalError: A process was killed.
    """
    whole = _parsed(sources[0], cache, processes, tell)
    for source in sources[1:]:
        one = _parsed(source, cache, processes, tell)
        whole = Labelled(
            whole.crystals.joined(one.crystals),
            np.concatenate([whole.labels, one.labels]),
            TARGETS,
            (*whole.names, *one.names),
            (*whole.notes, *one.notes),
        )
    if not len(whole):
        why = "".join(f"\n  {note}" for note in whole.notes)
        raise UserError(f"{', '.join(source.name for source in sources)}: no crystal can be used{why}")
    return merged_doubles(whole)


def _parsed(source: Source, cache: Path, processes: int, tell: Tell) -> Labelled:
    known = np.full((len(source.rows), len(TARGETS)), np.nan)
    for k, target in enumerate(TARGETS):
        if target in source.columns:
            known[:, k] = [number(row, source.columns[target]) for row in source.rows]
    found = parsed(source.rows, cache, processes, lambda done, total: tell("reading crystals", done, total))
    labels, wrong = _checked(source, known[found.rows], found)
    places = (
        (f"crystals left out: {r.reason}", f"{source.rows[k].place}: {r.detail}") for k, r in found.refused.items()
    )
    names = tuple(source.rows[k].name for k in found.rows)
    return Labelled(found.crystals, labels, TARGETS, names, (*grouped(places), *wrong))


def _checked(source: Source, labels: NDArray[np.float64], found: Parsed) -> tuple[NDArray[np.float64], list[Note]]:
    """Labels without those that no crystal has."""
    notes: list[Note] = []
    places = [source.rows[k].place for k in found.rows]
    for k, target in enumerate(TARGETS):
        if target not in source.columns:
            continue
        asked = Labels(source.columns[target], target)
        n_atoms = found.crystals.n_atoms.astype(float)
        wrong = outliers(asked, labels[:, k], n_atoms, places, if_right="rename the column; no other name is read")
        told = [f"{places[i]}: {labels[i, k]:g} {target.unit}" for i in np.flatnonzero(wrong)]
        notes += noted(f"labels of {asked.column} left out: no crystal has such a value", told)
        labels[wrong, k] = np.nan
    return labels, notes
