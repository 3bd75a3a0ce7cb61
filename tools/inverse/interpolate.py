"""The way between two known crystals through latent space, beside the straight way of lattice and coordinates.

Knows known crystals and the sieve. Must not know files or terminals.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...models.wyckoff.wyckoff_crystal import Orbit, WyckoffCrystal
from ..generators.duplicate import Seen, reduced_formula, same_crystal
from .generated import Between, Generated, Made, Step
from .screen_decoded import screen_crystal
from .sieve import Sieve
from .survey import survey
from .wording import asked_for

if TYPE_CHECKING:
    from ...models.vae.latent_model import LatentModel
    from ...models.vae.wish import DecodingWish
    from .known import Known

Array = NDArray[np.float64]


def spherical(first: Array, second: Array, shares: Array) -> Array:
    """Points between two, at equal angles about the origin, `(n_shares, n_latent)`.

    Straight ways pass nearer to the origin than almost all points of a normal distribution in many dimensions lie.
    Directions are turned into each other, and lengths change evenly; where a direction is not defined, or both are
    opposite, the way is straight.

    Source: Shoemake, SIGGRAPH 19, 245 (1985), doi:10.1145/325165.325242 (for points of unit length).
    """
    shares = np.asarray(shares, dtype=float)[:, None]
    lengths = np.linalg.norm(first), np.linalg.norm(second)
    straight = (1 - shares) * first + shares * second
    if min(lengths) < 1e-9:
        return np.asarray(straight)
    one, other = first / lengths[0], second / lengths[1]
    angle = float(np.arccos(np.clip(one @ other, -1.0, 1.0)))
    if min(angle, np.pi - angle) < 1e-6:
        return np.asarray(straight)
    turned = (np.sin((1 - shares) * angle) * one + np.sin(shares * angle) * other) / np.sin(angle)
    return np.asarray(((1 - shares) * lengths[0] + shares * lengths[1]) * turned)


def interpolate(
    model: LatentModel, first: Known, second: Known, wish: DecodingWish, n: int, seed: int, temperature: float = 0.0
) -> Generated:
    """Decode n latent points between two known crystals, and the two ends.

    Crystals that several points give are made once; the steps of the way say which leads to which.
    """
    shares = np.linspace(0.0, 1.0, n + 2)
    sieve = Sieve(model, survey(model, seed), wish, seed=seed)
    points = spherical(first.point, second.point, shares)
    parents = (first.candidate.id, second.candidate.id)
    notes = [f"{share:.2f} of the way from {first.name} to {second.name}" for share in shares]
    results = sieve.take(points, notes, parents, temperature, seed)
    made: list[Made] = []
    steps: list[Step] = []
    for share, one in zip(shares.tolist(), results, strict=True):
        if one.made is not None and not one.fault:
            made.append(replace(one.made, share=share))
            steps.append(Step(share, len(made) - 1))
        elif one.made is not None and one.fault == "duplicate":
            steps.append(Step(share, _number(one.made, made)))
        else:
            steps.append(Step(share, None, one.fault))
    way = Between(
        (first.name, second.name),
        tuple(steps),
        (_is(results[0].made, first), _is(results[-1].made, second)),
        straight_way(first.crystal, second.crystal, shares),
    )
    asked = f"between {first.name} and {second.name}; {asked_for(wish, ())}"
    return Generated(
        "between", asked, n, tuple(made), sieve.tried, sieve.valid, dict(sieve.faults), model.name, model.targets,
        seed, between=way,
    )  # fmt: skip


def straight_way(
    first: WyckoffCrystal, second: WyckoffCrystal, shares: Array
) -> tuple[tuple[float, WyckoffCrystal, str], ...] | None:
    """Lattice and free coordinates taken evenly from one crystal to the other, on the shorter way round the cell.

    Orbits are matched in their order, and elements are those of the nearer end.

    Returns:
        Each share with its crystal and its fault, empty for a sound one; None where the two share no template.
    """
    if first.template != second.template:
        return None
    way = []
    for share in shares.tolist():
        orbits = tuple(
            Orbit(
                one.letter,
                one.element if share < 0.5 else other.element,
                tuple(_between(a, b, share) for a, b in zip(one.free, other.free, strict=True)),
            )
            for one, other in zip(first.orbits, second.orbits, strict=True)
        )
        a, b, c, alpha, beta, gamma = (
            (1 - share) * np.array(first.lattice) + share * np.array(second.lattice)
        ).tolist()
        crystal = WyckoffCrystal(first.spacegroup, orbits, (a, b, c, alpha, beta, gamma))
        sound = screen_crystal(crystal)
        way.append((share, crystal, sound if isinstance(sound, str) else ""))
    return tuple(way)


def _between(first: float, second: float, share: float) -> float:
    gap = second - first
    return (first + share * (gap - round(gap))) % 1.0


def _number(made: Made, among: list[Made]) -> int:
    """Which of the crystals made before this one is."""
    return next(n for n, one in enumerate(among) if one.candidate.id == made.candidate.id or _same(made, one))


def _same(one: Made, other: Made) -> bool:
    return reduced_formula(one.cell) == reduced_formula(other.cell) and same_crystal(one.cell, other.cell)


def _is(made: Made | None, known: Known) -> bool:
    seen = Seen([known.candidate])
    return made is not None and seen.holds(made.candidate)
