"""From sources to crystals that a VAE learns from and crystals that are held out.

Puts the parts of this folder in order. Knows no networks but the VAE to begin with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...models.vae.vae import CrystalVae
from ..labelled.labelled import Labelled, apart
from ..labelled.notes import Note
from ..labelled.split import split
from .descriptions import described, keys_of
from .gather import Tell, gather
from .lessons import Lesson, check_enough, elements_of, lesson, with_elements
from .sources import Source


@dataclass(frozen=True)
class Prepared:
    """What a VAE is taught and judged on.

    Attributes:
        training: Crystals to learn from.
        validation: Crystals held out.
        n_read: Usable crystals that the sources hold, the validation files not counted.
        notes: What was left out of the crystals to learn from.
        held_out_notes: What was left out of the crystals held out.
    """

    training: Lesson
    validation: Lesson
    n_read: int
    notes: tuple[Note, ...]
    held_out_notes: tuple[Note, ...]


def prepare(
    sources: Sequence[Source],
    validation: Sequence[Source],
    cache: Path,
    processes: int,
    start: CrystalVae | None,
    tell: Tell,
) -> Prepared:
    """Read, describe and divide crystals.

    Args:
        sources: Crystals to learn from.
        validation: Crystals to hold out; without any, a tenth of the others, by composition.
        cache: Folder where parsed and described crystals are kept.
        processes: To work in.
        start: A VAE to begin with, beyond whose elements nothing can be learnt.
        tell: Is told what is done, and how far it is.

    Raises:
        UserError: Something cannot be read, or too few crystals are left.
        TerminalError: A process was killed.
    """
    whole = _usable(gather(sources, cache, processes, tell), cache, processes, tell)
    if start:
        whole = with_elements(whole, start.elements, "an element that the VAE to begin with never saw")
    check_enough(whole, whole)
    if validation:
        held_out = _usable(gather(validation, cache, processes, tell), cache, processes, tell)
        training = _among(whole, apart(whole.labelled, held_out.labelled))
    else:
        learned, others = split(whole.labelled)
        training, held_out = _among(whole, learned), _among(whole, others)
    held_out = with_elements(held_out, elements_of(training.crystals), "an element that no crystal to learn from holds")
    check_enough(training, held_out)
    return Prepared(training, held_out, len(whole), training.labelled.notes, held_out.labelled.notes)


def _usable(labelled: Labelled, cache: Path, processes: int, tell: Tell) -> Lesson:
    found = described(labelled.crystals, cache, processes, lambda done, total: tell("describing crystals", done, total))
    return lesson(labelled, found)


def _among(whole: Lesson, chosen: Labelled) -> Lesson:
    """Some crystals of a lesson."""
    known = dict(zip(keys_of(whole.labelled.crystals), whole.crystals, strict=True))
    return lesson(chosen, [known[key] for key in keys_of(chosen.crystals)])
