"""The predict tool: properties of crystals with deviations, and which crystals must not be predicted, or believed.

Knows the Protocol of a predictor and what makes a crystal sound. Must not know networks, files or terminals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..memory.foreign import readable
from ..memory.records import Crystal, Record
from ..models.prediction import Array, Distribution, Predictor
from .crystals.soundness import examine
from .crystals.structure import as_structure

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ..models.target import Target
    from .crystals.stream import Given

CHUNK = 256
"""Crystals that a stream holds at a time."""


@dataclass(frozen=True)
class Answers:
    """What is said of some crystals, in the order in which they were given.

    Attributes:
        properties: Distribution by property, arrays `(n_crystals,)` in the unit of `units`; NaN where refused.
        units: Unit by property.
        novelty: Distance to the training crystals `(n_crystals,)`, above 1 far from them; NaN where refused.
        refusals: Why a crystal was not predicted, `(n_crystals,)`; None where it was.
        flags: Why a prediction is not to be trusted, `(n_crystals,)`; empty where nothing speaks against it.
        source: Name of the predictor.
    """

    properties: Mapping[str, Distribution]
    units: Mapping[str, str]
    novelty: Array
    refusals: tuple[str | None, ...]
    flags: tuple[tuple[str, ...], ...]
    source: str


class Predicted(Record):
    """One property of one crystal, in its unit: mean, standard deviation, and the ends of the 90 % interval.

    `zero_probability` is the probability that the value is zero, for a band gap that the crystal is a metal.
    """

    mean: float
    deviation: float
    lower: float
    upper: float
    unit: str
    zero_probability: float | None = None


class Row(Record):
    """What is said of one crystal; `values` is empty, and `refusal` says why, where it cannot be predicted."""

    name: str
    formula: str
    n_atoms: int
    values: dict[str, Predicted]
    novelty: float | None
    flags: tuple[str, ...]
    refusal: str | None
    method: Literal["predicted"] = "predicted"
    source: str


def predict(structures: Sequence[Structure | Crystal], predictor: Predictor | None = None) -> Answers:
    """Predict crystals, in whatever cell they are given.

    Args:
        structures: The crystals, of up to 200 atoms.
        predictor: Without one, that which ships with the package.
    """
    asked = predictor or _shipped()
    periodic = [as_structure(one) for one in structures]
    looked = [examine(one, asked.elements) for one in periodic]
    refusals, flags = [one.refusal for one in looked], [one.doubts for one in looked]
    chosen = np.array([n for n, reason in enumerate(refusals) if reason is None], dtype=np.int64)
    properties, novelty = _asked_in_chunks(asked, periodic, chosen)
    for n in chosen:
        parts = {name: [part[n] for part in _parts(one)] for name, one in properties.items()}
        broken = [
            name for name, numbers in {**parts, "novelty": [novelty[n]]}.items() if not np.isfinite(numbers).all()
        ]
        if broken:
            refusals[n], flags[n] = f"the predictor gives no finite number for {', '.join(broken)}", ()
            for whole in (novelty, *(part for one in properties.values() for part in _parts(one))):
                whole[n] = np.nan
        elif novelty[n] > 1:
            flags[n] = (f"far from the training crystals (novelty {novelty[n]:.3g}, up to 1 is near)", *flags[n])
    units = {target.name: target.unit for target in asked.targets}
    return Answers(properties, units, novelty, tuple(refusals), tuple(flags), asked.name)


def predict_stream(named: Iterable[Given], predictor: Predictor | None = None, chunk: int = CHUNK) -> Iterator[Row]:
    """Predict any number of crystals in bounded memory: no more than a chunk of them is held at a time.

    Yields:
        A row for each, in the order in which they come; those that could not be read are refused.
    """
    asked = predictor or _shipped()
    coming = iter(named)
    while given := list(islice(coming, chunk)):
        rows = _rows(given, asked)
        given.clear()
        yield from rows


def _shipped() -> Predictor:
    from .predictor import shipped_predictor

    return shipped_predictor()


def _rows(given: Sequence[Given], predictor: Predictor) -> list[Row]:
    structures = [as_structure(one.structure) for one in given if one.structure is not None]
    answers = predict(structures, predictor)
    numbers = iter(range(len(structures)))
    rows = []
    for one in given:
        if one.structure is None:
            rows.append(_unread(one, answers.source))
        else:
            n = next(numbers)
            rows.append(_row(one.name, structures[n], answers, n))
    return rows


def _row(name: str, structure: Structure, answers: Answers, n: int) -> Row:
    refused = answers.refusals[n] is not None
    return Row(
        name=readable(name),
        formula=structure.composition.reduced_formula if len(structure) else "",
        n_atoms=len(structure),
        values={} if refused else {k: _predicted(one, n, answers.units[k]) for k, one in answers.properties.items()},
        novelty=None if refused else float(answers.novelty[n]),
        flags=answers.flags[n],
        refusal=answers.refusals[n],
        source=answers.source,
    )


def _unread(one: Given, source: str) -> Row:
    return Row(
        name=readable(one.name),
        formula="",
        n_atoms=0,
        values={},
        novelty=None,
        flags=(),
        refusal=readable(one.error),
        source=source,
    )


def _predicted(one: Distribution, n: int, unit: str) -> Predicted:
    zero = None if one.zero_probability is None else float(one.zero_probability[n])
    mean, deviation, lower, upper = (float(part[n]) for part in (one.mean, one.deviation, one.lower, one.upper))
    return Predicted(mean=mean, deviation=deviation, lower=lower, upper=upper, unit=unit, zero_probability=zero)


def _asked_in_chunks(
    predictor: Predictor, structures: Sequence[Structure], chosen: np.ndarray
) -> tuple[dict[str, Distribution], Array]:
    """Distributions and novelty of all structures, of which only the chosen `(n_chosen,)` are predicted."""
    properties = {target.name: _unknown(len(structures), target) for target in predictor.targets}
    novelty = np.full(len(structures), np.nan)
    for start in range(0, len(chosen), CHUNK):
        some = chosen[start : start + CHUNK]
        said = predictor.predict([structures[k] for k in some])
        novelty[some] = said.novelty
        for name, one in properties.items():
            for whole, part in zip(_parts(one), _parts(said.properties[name]), strict=True):
                whole[some] = part
    return properties, novelty


def _unknown(n: int, target: Target) -> Distribution:
    mean, deviation, lower, upper, zero = np.full((5, n), np.nan)
    return Distribution(mean, deviation, lower, upper, zero if target.kind == "gap" else None)


def _parts(one: Distribution) -> list[Array]:
    zero = [] if one.zero_probability is None else [one.zero_probability]
    return [one.mean, one.deviation, one.lower, one.upper, *zero]
