"""Which crystals are held out where a person names none: by composition, so that no compound is on both sides.

Knows labelled crystals. Knows no files.
"""

from __future__ import annotations

import math
from dataclasses import replace
from hashlib import sha256

import numpy as np

from ...memory.errors import UserError
from .labelled import Labelled

SHARE = 0.1
"""Of the crystals that is held out."""


def split(labelled: Labelled) -> tuple[Labelled, Labelled]:
    """Split crystals for training and validation.

    Compositions are held out in the order of a hash, which depends on nothing else, until a tenth of the crystals is
    reached: one that would go beyond it is passed over. Polymorphs of a compound thus stand on one side.

    Returns:
        Crystals to learn from, with the notes of all, and crystals to be held out.

    Raises:
        UserError: All crystals have one composition.
    """
    members: dict[str, list[int]] = {}
    for crystal, composition in enumerate(labelled.crystals.compositions()):
        members.setdefault(composition, []).append(crystal)
    if len(members) < 2:
        raise UserError("all crystals have one composition; name crystals to be held out by --validation FILE")
    order = sorted(members, key=lambda composition: sha256(composition.encode()).hexdigest())
    wanted = math.ceil(SHARE * len(labelled))
    held_out: list[int] = []
    for composition in order:
        if len(held_out) + len(members[composition]) <= wanted:
            held_out += members[composition]
    held_out = sorted(held_out or members[min(order, key=lambda composition: len(members[composition]))])
    rest = np.setdiff1d(np.arange(len(labelled)), held_out)
    training = replace(labelled.take(rest), notes=labelled.notes)
    return training, labelled.take(np.array(held_out, dtype=np.int64))
