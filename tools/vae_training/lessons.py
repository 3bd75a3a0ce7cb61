"""From labelled crystals to what a VAE is taught: crystals it can write, held-out ones apart, tokens and labels.

Knows labelled crystals, their descriptions and the VAE's task. Must not know files or how networks are trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from pymatgen.core import Element

from ...memory.errors import UserError
from ...models.target import Target
from ...models.vae.learn import VaeTask
from ...models.vae.samples import Samples, scales_of
from ...models.vae.settings import VaeSettings
from ...models.vae.tokens import tokens
from ...models.vae.vae import CrystalVae
from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal
from ..labelled.labelled import Labelled
from ..labelled.notes import Note, grouped
from ..labelled.parse import Refusal
from .descriptions import Description

LEAST = 20
"""Crystals to learn from, at least."""
STEPS = 40
"""Steps that a pass shall have; batches of few crystals are small, down to 16."""
_SMALLEST_BATCH = 16
TUNING_RATE = 0.2
"""Of the learning rate, where a VAE that was trained before learns on."""


@dataclass(frozen=True)
class Lesson:
    """Crystals as a VAE can be taught them.

    Attributes:
        crystals: Occupied Wyckoff positions.
        labelled: The same crystals as atoms, with labels, and notes of what was left out.
    """

    crystals: tuple[WyckoffCrystal, ...]
    labelled: Labelled

    def __len__(self) -> int:
        return len(self.crystals)


def lesson(labelled: Labelled, descriptions: Sequence[Description]) -> Lesson:
    """Keep the crystals that have a description a VAE can learn from.

    Args:
        labelled: Crystals.
        descriptions: One for each of them.
    """
    happened = [
        (f"crystals left out: {found.reason}", f"{labelled.names[k]}: {found.detail}")
        for k, found in enumerate(descriptions)
        if isinstance(found, Refusal)
    ]
    return _kept(labelled, descriptions, grouped(happened))


def with_elements(given: Lesson, elements: Sequence[str], why: str) -> Lesson:
    """Keep the crystals of some elements.

    Args:
        given: Crystals.
        elements: Chemical symbols.
        why: Of the note on those that are left out, in words.
    """
    allowed, happened = set(elements), []
    found: list[Description] = []
    for name, crystal in zip(given.labelled.names, given.crystals, strict=True):
        unknown = ", ".join(sorted(crystal.elements - allowed))
        found.append(Refusal(why, unknown) if unknown else crystal)
        happened += [(f"crystals left out: {why}", f"{name}: {unknown}")] if unknown else []
    return _kept(given.labelled, found, grouped(happened))


def elements_of(crystals: Sequence[WyckoffCrystal]) -> tuple[str, ...]:
    """Chemical symbols by Mendeleev number, the order in which the orbits of a position stand."""
    found = {symbol for crystal in crystals for symbol in crystal.elements}
    return tuple(sorted(found, key=lambda symbol: Element(symbol).mendeleev_no))


def task_of(training: Lesson, validation: Lesson, start: CrystalVae | None = None) -> VaeTask:
    """What a VAE learns.

    Args:
        training: Crystals to learn from.
        validation: Crystals that decide which pass is kept; their elements all occur in training.
        start: A VAE to begin with, whose elements, targets and scales are kept.

    Raises:
        UserError: There are too few crystals, or the VAE to begin with tells a property that is not taught here.
    """
    check_enough(training, validation)
    targets = start.targets if start else training.labelled.targets
    unknown = [target.name for target in targets if target not in training.labelled.targets]
    if unknown:
        known = ", ".join(target.name for target in training.labelled.targets)
        raise UserError(f"--from: that VAE tells {', '.join(unknown)} too, which is not taught; allowed are {known}")
    elements = start.elements if start else elements_of(training.crystals)
    learned, held_out = (_samples(one, elements, targets) for one in (training, validation))
    scales = start.scales if start else scales_of(_labels(training, targets), targets)
    weights = dict(start.network.state_dict()) if start else {}
    return VaeTask(learned, held_out, elements, targets, scales, weights)


def settings_for(n: int, asked: VaeSettings, start: CrystalVae | None = None) -> VaeSettings:
    """Settings that fit a number of crystals, and a VAE to begin with.

    Args:
        n: Crystals to learn from.
        asked: Settings as they are for many crystals and random weights.
        start: Keeps its shape and learns on in small steps; the KL term has its weight from the first one on.
    """
    batch = max(asked.processes, min(asked.batch, max(_SMALLEST_BATCH, n // STEPS)))
    if start is None:
        return replace(asked, batch=batch)
    return replace(
        asked,
        batch=batch,
        shape=start.network.shape,
        learning_rate=TUNING_RATE * asked.learning_rate,
        warm_up=1e-6,
    )


def check_enough(training: Lesson, validation: Lesson) -> None:
    """See that there are crystals to learn from and to hold out.

    Raises:
        UserError: Fewer than 20, or none is held out.
    """
    for place, given, least in (("to learn from", training, LEAST), ("to hold out", validation, 1)):
        if len(given) < least:
            why = "".join(f"\n  {note}" for note in given.labelled.notes)
            raise UserError(f"{len(given)} crystals {place}; {least} or more are needed{why}")


def _kept(labelled: Labelled, found: Sequence[Description], notes: tuple[Note, ...]) -> Lesson:
    chosen = np.array([k for k, one in enumerate(found) if isinstance(one, WyckoffCrystal)], dtype=np.int64)
    kept = replace(labelled.take(chosen), notes=(*labelled.notes, *notes))
    return Lesson(tuple(one for one in found if isinstance(one, WyckoffCrystal)), kept)


def _labels(given: Lesson, targets: Sequence[Target]) -> np.ndarray:
    return given.labelled.labels[:, [given.labelled.targets.index(target) for target in targets]]


def _samples(given: Lesson, elements: Sequence[str], targets: Sequence[Target]) -> Samples:
    return Samples(tokens(given.crystals, elements), torch.from_numpy(_labels(given, targets)).float())
