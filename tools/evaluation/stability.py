"""How many generated crystals are stable, unique and novel after relaxing, by CHGNet and the known phases.

Knows outcomes of relaxations. Must not know how they come about.

CHGNet's hull distances are some tens of meV/atom off, so the limits are 0.08 and 0.1 eV/atom and never 0; shares found
this way are up to four times those found with density functional theory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .rates import Figure, share
from .twins import are_novel, are_unique

if TYPE_CHECKING:
    from ...memory.records import Outcome
    from .known_crystals import KnownCrystals

STABLE, METASTABLE = 0.08, 0.1
"""eV/atom above the hull of the known phases."""


@dataclass(frozen=True)
class Stability:
    """What relaxing has shown.

    Attributes:
        figures: Shares over all samples that were to be relaxed.
        failures: Kind of failure to count; `failed` for samples that were no crystal.
        cpu_seconds: Spent on the relaxations, whenever they were made.
    """

    figures: tuple[Figure, ...]
    failures: Mapping[str, int]
    cpu_seconds: float


def stability(outcomes: Sequence[Outcome | None], known: KnownCrystals | None) -> Stability:
    """Count over relaxations; None for a sample that failed before.

    A crystal is novel if it matches no reference crystal and is none of the known phases of the hull, where one that
    is known lies on or near the hull and counts as stable. Twins are judged relaxed, too.
    """
    crystals = [outcome.crystal if outcome and outcome.failure is None else None for outcome in outcomes]
    details: list[Mapping[str, Any]] = [outcome.details if outcome else {} for outcome in outcomes]
    heights = np.array([_height(outcome) for outcome in outcomes], dtype=float)
    novel = are_novel(crystals, known) if known else [crystal is not None for crystal in crystals]
    fresh = [
        is_unique and is_novel and own.get("known_as") is None
        for is_unique, is_novel, own in zip(are_unique(crystals), novel, details, strict=True)
    ]
    with np.errstate(invalid="ignore"):
        stable, metastable = heights <= STABLE, heights <= METASTABLE
    symmetric = [own.get("spacegroup", 1) != 1 for own in details]
    reached = heights[np.isfinite(heights)]
    figures = (
        share("relaxed", [crystal is not None for crystal in crystals]),
        share("stable", stable.tolist()),
        share("sun", [a and b for a, b in zip(stable.tolist(), fresh, strict=True)]),
        share("ssun", [a and b and c for a, b, c in zip(stable.tolist(), fresh, symmetric, strict=True)]),
        share("msun", [a and b for a, b in zip(metastable.tolist(), fresh, strict=True)]),
        Figure("energy_above_hull", float(np.median(reached)) if len(reached) else None, len(reached), unit="eV/atom"),
    )
    return Stability(figures, _failures(outcomes), sum(_seconds(own) for own in details))


def _height(outcome: Outcome | None) -> float:
    measurements = outcome.measurements if outcome else ()
    return next((one.value for one in measurements if one.property == "energy_above_hull"), np.nan)


def _failures(outcomes: Sequence[Outcome | None]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        if outcome is None:
            counts["failed"] += 1
        elif outcome.failure is not None:
            counts[outcome.failure.kind] += 1
    return dict(counts.most_common())


def _seconds(details: Mapping[str, Any]) -> float:
    return float(sum(details.get("cpu_seconds", {}).values()))
