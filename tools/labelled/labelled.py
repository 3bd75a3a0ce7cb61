"""Crystals with labels: what a network or a predictor on features is taught.

Knows crystals as flat arrays, and targets. Knows no files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...memory.errors import UserError
from ...models.graphs.batch import GraphStore
from ...models.target import Target
from .crystals import Crystals, Numbers
from .duplicates import same_as
from .notes import Note, grouped, noted

Array = NDArray[np.float64]

LEAST = 20
"""Labels that a property needs."""
AGREEMENT = 0.05
"""Labels of one crystal agree if they differ by no more than this share of the property's standard deviation."""


@dataclass(frozen=True)
class Labelled:
    """Crystals with labels.

    Attributes:
        crystals: The crystals.
        labels: In the targets' units `(n_crystals, n_targets)`; NaN where missing.
        targets: What the columns of the labels are.
        names: What each crystal is called in its file, `n_crystals` of them.
        notes: What was left out or changed on the way.
    """

    crystals: Crystals
    labels: Array = field(repr=False)
    targets: tuple[Target, ...]
    names: tuple[str, ...] = field(repr=False)
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.crystals)

    @property
    def graphs(self) -> GraphStore:
        """Graphs of the crystals."""
        return self.crystals.graphs

    def counts(self) -> tuple[int, ...]:
        """How many labels there are of each target."""
        return tuple(int(n) for n in np.isfinite(self.labels).sum(0))

    def take(self, chosen: Numbers) -> Labelled:
        """Some of the crystals, `(n_chosen,)` by number, in that order; the notes stay with the whole."""
        names = tuple(self.names[k] for k in chosen)
        return Labelled(self.crystals.take(chosen), self.labels[chosen], self.targets, names)


def check_enough(labelled: Labelled, place: str) -> None:
    """See that there are labels to learn from.

    Raises:
        UserError: A property has fewer than 20.
    """
    for target, count in zip(labelled.targets, labelled.counts(), strict=True):
        if count < LEAST:
            why = "".join(f"\n  {note}" for note in labelled.notes)
            raise UserError(f"{place}: {count} labels of {target.name}; {LEAST} or more are needed{why}")


def without_doubles(labelled: Labelled) -> Labelled:
    """Keep each crystal once, with the mean of labels that agree, and only if it has a label left."""
    once = merged_doubles(labelled)
    return replace(once.take(np.flatnonzero(np.isfinite(once.labels).any(1))), notes=once.notes)


def merged_doubles(labelled: Labelled) -> Labelled:
    """Keep each crystal once, with the mean of labels that agree and without labels that do not."""
    first = same_as(labelled.crystals)
    labels, happened = labelled.labels.copy(), []
    spread = np.array([_deviation(column) for column in labels.T])
    for crystal in np.unique(first[first != np.arange(len(first))]):
        doubles = np.flatnonzero(first == crystal)
        called = " and ".join(labelled.names[k] for k in doubles[:3])
        happened.append(("crystals stand more than once and were kept once", called))
        for k, target in enumerate(labelled.targets):
            values = labels[doubles, k][np.isfinite(labels[doubles, k])]
            if not len(values) or np.ptp(values) == 0:
                labels[crystal, k] = values[0] if len(values) else math.nan
                continue
            agree = np.ptp(values) <= AGREEMENT * spread[k]
            labels[crystal, k] = values.mean() if agree else math.nan
            told = f"{called}: {values.min():.4g} to {values.max():.4g} {target.unit}"
            what = "labels of one crystal agree and were averaged" if agree else "labels of one crystal contradict"
            happened.append((f"{target.name} {what}{'' if agree else ' each other and were left out'}", told))
    kept = np.flatnonzero(first == np.arange(len(first)))
    notes = (*labelled.notes, *grouped(happened))
    return replace(replace(labelled, labels=labels).take(kept), notes=notes)


def apart(training: Labelled, validation: Labelled) -> Labelled:
    """Training crystals that are not among the validation crystals."""
    both = validation.crystals.joined(training.crystals)
    first = same_as(both)[len(validation) :]
    held_out = np.flatnonzero(first < len(validation))
    found = noted(
        "crystals stand in the validation set too and were not learned from", [training.names[k] for k in held_out]
    )
    kept = training.take(np.setdiff1d(np.arange(len(training)), held_out))
    return replace(kept, notes=(*training.notes, *found))


def _deviation(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.std()) if len(known) else 0.0
