"""New crystals on a chat model's word from a latent space: sampled as wished for, around a crystal, or between two.

Knows the bench and inverse design. Must not know chat models, nor any one network.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ...memory.errors import RetryError
from ..labels import figure, unit_of, wording
from .generation import SPARE, CrystalsAsked, Found, Make, by_rules
from .submission import NAME, Asked

if TYPE_CHECKING:
    from ...models.vae.latent_model import LatentModel
    from ...models.vae.wish import DecodingWish
    from ...tools.inverse.aims import Aim
    from ...tools.inverse.generated import Generated, Made
    from ...tools.inverse.judges import Judge
    from ...tools.inverse.known import Known
    from ...tools.space import CrystalSpace
    from .bench import Bench


TRIES = 8
"""Latent points decoded for each crystal that is made, at most: with targets ten seconds for the largest request."""


class TargetAsked(Asked):
    """A wish for a predicted property."""

    property: str = Field(description="band_gap in eV; formation_energy or energy_above_hull in eV/atom.")
    comparison: Literal["about", "<=", ">="]
    value: float = Field(description="In the property's unit.")
    tolerance: float = Field(default=0.1, gt=0, description="For about, in the property's unit.")


class LatentAsked(CrystalsAsked):
    """New crystals, also from the latent space of a generative model."""

    way: Literal["substitute", "decorate", "sample", "around", "between"] = Field(  # type: ignore[assignment]
        description="substitute: likely other elements on the sites of the crystal `of`; decorate: elements on the "
        "sites of prototypes; sample: anything from the generative model; around: variations of `of` by it; between: "
        "from `of` to `to` by it."
    )
    to: str = Field(default="", max_length=NAME, description="For between: a trial or a candidate, as in `of`.")
    targets: list[TargetAsked] = Field(
        default_factory=list, max_length=2, description="For sample and around; slow, and predicted values only."
    )


def decoding(model: LatentModel) -> Make:
    """What makes crystals, by rules or from a latent space, whichever is asked for."""

    def make(asked: CrystalsAsked, bench: Bench, space: CrystalSpace, seed: int) -> Found:
        if isinstance(asked, LatentAsked) and asked.way not in ("substitute", "decorate"):
            return _decoded(asked, bench, space, model, seed)
        return by_rules(asked, bench, space, seed)

    return make


def _decoded(asked: LatentAsked, bench: Bench, space: CrystalSpace, model: LatentModel, seed: int) -> Found:
    from ...tools.inverse.interpolate import interpolate
    from ...tools.inverse.sample import sample
    from ...tools.inverse.vary import vary

    wish, aims, n = _wish(asked, space, model, seed), _aims(asked, model), math.ceil(SPARE * asked.n)
    judge = _judge() if aims else None
    if asked.way == "between":
        if aims:
            raise RetryError("between has no targets; sample and around have")
        ends = _known(asked.of, bench, model), _known(asked.to, bench, model)
        made = interpolate(model, *ends, wish, asked.n, seed)
    elif asked.way == "around":
        made = vary(model, _known(asked.of, bench, model), wish, aims, n, seed, judge=judge)
    else:
        made = sample(model, wish, aims, n, seed, TRIES, exclude=bench.known, judge=judge)
    notes = {one.candidate.id: _values(one, made) for one in made.made}
    return Found([one.candidate for one in made.made], made.tried, Counter(made.faults), notes, " ".join(made.notes))


def _wish(asked: LatentAsked, space: CrystalSpace, model: LatentModel, seed: int) -> DecodingWish:
    from ...models.vae.wish import MAX_ATOMS
    from ...tools.inverse.wishes import wish_of

    known = [symbol for symbol in space.elements if symbol in model.elements]
    strange = sorted(set(asked.with_all) - set(known))
    if strange:
        raise RetryError(
            f"{', '.join(strange)}: the generative model knows {', '.join(known) or 'none of the elements'}"
        )
    low, high = space.n_elements
    required = sorted(set(space.required) & set(known))
    wanted = set(asked.with_all)
    if required and wanted.isdisjoint(required) and len(wanted) < high:
        # One of them is needed; the next request draws another.
        wanted.add(required[seed % len(required)])
    largest = min(space.max_atoms, MAX_ATOMS)
    return wish_of(
        known,
        only=known,
        with_all=sorted(wanted),
        spacegroups=[asked.space_group] if asked.space_group else (),
        systems=[asked.crystal_system] if asked.crystal_system else (),
        atoms=f"{min(asked.min_atoms or 1, largest)}-{largest}",
        n_elements=f"{max(low, len(wanted))}-{high}",
    )


def _aims(asked: LatentAsked, model: LatentModel) -> list[Aim]:
    from ...tools.inverse.aims import Aim, check_aims

    known = {target.name: target for target in model.targets}
    strange = [one.property for one in asked.targets if one.property not in known]
    if strange:
        told = ", ".join(f"{target.name} ({unit_of(target.unit)})" for target in known.values())
        raise RetryError(f"target {strange[0][:40]!r}: the generative model knows {told}")
    kinds: Mapping[str, Literal["about", "at_most", "at_least"]] = {
        "about": "about",
        "<=": "at_most",
        ">=": "at_least",
    }
    aims = [
        Aim(known[one.property], kinds[one.comparison], one.value, one.tolerance if one.comparison == "about" else 0.0)
        for one in asked.targets
    ]
    check_aims(aims)
    return aims


def _judge() -> Judge:
    from ...tools.inverse.judges import predictor_judge
    from ...tools.predictor import shipped_predictor

    return predictor_judge(shipped_predictor())


def _known(name: str, bench: Bench, model: LatentModel) -> Known:
    from ...tools.crystals.structure import to_structure
    from ...tools.crystals.wyckoff import to_wyckoff
    from ...tools.inverse.known import known

    crystal = bench.crystal(name)
    try:
        return known(name, to_wyckoff(to_structure(crystal)), model)
    except ValueError as error:
        raise RetryError(f"{name}: {error}") from error


def _values(made: Made, outcome: Generated) -> str:
    """What the judge says of the properties that were aimed at."""
    units = {target.name: target.unit for target in outcome.targets}
    told = ", ".join(
        f"{wording(name)} {figure(value)} {unit_of(units.get(name, '1'))}".rstrip()
        for name, value in made.judged.items()
    )
    return f"; predicted: {told}" if told else ""
