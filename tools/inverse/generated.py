"""The records of inverse design: the crystals that were made, and what it took to make them.

Knows candidates, Wyckoff crystals and aims. Must not know how anything is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...memory.records import Candidate, Crystal
from ...models.target import Target
from ...models.wyckoff.wyckoff_crystal import WyckoffCrystal

Array = NDArray[np.float64]
Way = Literal["sample", "between", "around", "optimise"]

FAR = 0.05
"""Drift from which on a crystal is called drifted.

It is a share of samples, and so holds for any weights. Measured on those of 21,416 crystals: none of 297 validation
crystals that were encoded, decoded and encoded again is beyond it, 2.4 % of 286 samples are, and so are 84 and 93 % if
each is held against the point of another one. The distance itself does not separate: from 5 to 99 % of the samples
are found 0.5 to 0.8 typical distances of two crystals from where they were, and the points of others lie at 0.8 to 1.1.
"""


@dataclass(frozen=True)
class Made:
    """A crystal that was decoded and has passed every screen.

    Attributes:
        candidate: Its primitive cell, with where it comes from.
        crystal: Its occupied Wyckoff positions, as its symmetry was found anew, whatever the decoder declared.
        aimed: The latent point it was decoded from, `(n_latent,)`.
        point: Where the model finds it when it is encoded again, `(n_latent,)`; all values belong to this point.
        drift: Share of the model's samples that lie nearer to `point` than `aimed` does: 0 for a crystal that is found
            where it was aimed at, a half for one found anywhere.
        values: What the latent model expects of each property at `point`, in the property's unit.
        is_balanced: Whether a neutral choice of oxidation states exists, or none is called for.
        share: Share of the way from the first crystal to the second; None where there is no way.
        judged: What a judge said of the properties that were aimed at, in their units.
    """

    candidate: Candidate
    crystal: WyckoffCrystal
    aimed: Array
    point: Array
    drift: float
    values: Mapping[str, float]
    is_balanced: bool
    share: float | None = None
    judged: Mapping[str, float] = field(default_factory=dict)

    @property
    def cell(self) -> Crystal:
        """The primitive cell.

        Raises:
            TypeError: The candidate is no crystal, which none is that was decoded.
        """
        if not isinstance(self.candidate.content, Crystal):
            raise TypeError("no crystal")
        return self.candidate.content

    @property
    def spacegroup(self) -> int:
        """International number."""
        return self.crystal.spacegroup

    @property
    def has_drifted(self) -> bool:
        """Whether the model finds it far from where it was aimed at."""
        return self.drift > FAR


@dataclass(frozen=True)
class Step:
    """A place on the way between two crystals.

    Attributes:
        share: Of the way, 0 to 1.
        number: Index among the crystals made; several steps may lead to one crystal. None where none was made.
        fault: Why none was made; empty where one was.
    """

    share: float
    number: int | None
    fault: str = ""


@dataclass(frozen=True)
class Between:
    """The way from one crystal to another.

    Attributes:
        ends: Both, by name.
        steps: Through latent space, from end to end.
        recovered: Whether the ends themselves, encoded and decoded, came back.
        straight: The crystals on the straight way of lattice and coordinates, for comparison, each with its share of
            the way and what is wrong with it (empty for nothing); None where the two share no template.
    """

    ends: tuple[str, str]
    steps: tuple[Step, ...]
    recovered: tuple[bool, bool]
    straight: tuple[tuple[float, WyckoffCrystal, str], ...] | None


@dataclass(frozen=True)
class Generated:
    """What came out of inverse design.

    Attributes:
        way: How latent points were chosen.
        asked: What was asked for, in words.
        n: Crystals that were wanted.
        made: Those that were found, at most as many as wanted.
        tried: Latent points that were decoded, each once.
        valid: Those whose first decode is a crystal with sound distances and volume.
        faults: Why the others were thrown away, with how many each; what is no fault of validity among them, such as
            `duplicate` or `target`.
        model: Name of the latent model.
        targets: The properties in the crystals' values.
        seed: Of the random numbers.
        between: The way, for `between`.
        judged: All crystals that were judged, for `optimise`, in that order.
        best: Best score so far after each of them; 0 is a met target.
        judge: Who judged; empty where only the latent model did.
        notes: What else is to be known, in words.
    """

    way: Way
    asked: str
    n: int
    made: tuple[Made, ...]
    tried: int
    valid: int
    faults: Mapping[str, int]
    model: str
    targets: tuple[Target, ...]
    seed: int
    between: Between | None = None
    judged: tuple[Made, ...] = ()
    best: tuple[float, ...] = ()
    judge: str = ""
    notes: tuple[str, ...] = ()

    @property
    def validity(self) -> float:
        """Raw validity: share of first decodes that are crystals with sound distances and volume; 0 without any."""
        return self.valid / self.tried if self.tried else 0.0
