"""What a property of a crystal shall be: an aim, how it is written, and by how much a value misses it.

Knows targets of a latent model. Must not know latent space or crystals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...memory.errors import UserError
from ...memory.foreign import clean
from ...models.target import Target

Array = NDArray[np.float64]
Kind = Literal["about", "at_most", "at_least", "highest", "lowest"]

TOLERANCE = 0.1
"""Of an aim that names a value and no tolerance, in the property's unit."""
_FORM = re.compile(r"\s*(\w+)\s*(=|<=|>=)\s*(.+?)\s*")
_ABOUT = re.compile(r"(.+?)\s*(?:±|\+/-|\+-)\s*(.+)")
ALLOWED = "PROPERTY=VALUE±TOLERANCE, PROPERTY<=VALUE, PROPERTY>=VALUE, PROPERTY=highest, PROPERTY=lowest"


@dataclass(frozen=True)
class Aim:
    """A wish for one property.

    Attributes:
        target: The property, with its unit.
        kind: Whether its value shall lie about, below or above `value`, or as high or low as can be.
        value: In the property's unit; 0 for `highest` and `lowest`, which name none.
        tolerance: Half the width of what counts as `about`, in the property's unit; 0 for all others.
    """

    target: Target
    kind: Kind
    value: float = 0.0
    tolerance: float = 0.0

    def shortfall(self, values: Array) -> Array:
        """By how much values miss the aim, in its unit; 0 where it is met, and for `highest` and `lowest`, `(n,)`."""
        if self.kind == "about":
            return np.asarray(np.maximum(np.abs(values - self.value) - self.tolerance, 0.0))
        if self.kind == "at_most":
            return np.asarray(np.maximum(values - self.value, 0.0))
        if self.kind == "at_least":
            return np.asarray(np.maximum(self.value - values, 0.0))
        return np.zeros(len(values))

    def __str__(self) -> str:
        """As a person writes it, with the unit."""
        name, unit = self.target.name, self.target.unit
        if self.kind == "about":
            return f"{name} = {self.value:g} ± {self.tolerance:g} {unit}"
        if self.kind in ("highest", "lowest"):
            return f"{name} as {self.kind.removesuffix('est')} as possible"
        return f"{name} {'<=' if self.kind == 'at_most' else '>='} {self.value:g} {unit}"


def parse_aim(text: str, targets: Sequence[Target]) -> Aim:
    """Read an aim as a person writes it: `band_gap=1.4±0.1`, `band_gap>=1`, `formation_energy=lowest`.

    Args:
        text: `+-` and `+/-` stand for `±`; without a tolerance it is 0.1 of the property's unit.
        targets: Properties that can be asked for.

    Raises:
        UserError: It cannot be read, or names a property that is not known.
    """
    shown = clean(text, 60)
    form = _FORM.fullmatch(text)
    if form is None:
        raise UserError(f"target {shown!r}: cannot be read; allowed: {ALLOWED}")
    name, sign, rest = form.groups()
    known = {target.name: target for target in targets}
    if name not in known:
        raise UserError(f"target {shown!r}: the model does not know {clean(name, 40)}; it knows {', '.join(known)}")
    target = known[name]
    if sign == "=" and rest in ("highest", "lowest"):
        return Aim(target, "highest" if rest == "highest" else "lowest")
    if sign != "=":
        return Aim(target, "at_most" if sign == "<=" else "at_least", _number(rest, shown))
    about = _ABOUT.fullmatch(rest)
    value, tolerance = about.groups() if about else (rest, str(TOLERANCE))
    found = Aim(target, "about", _number(value, shown), _number(tolerance, shown))
    if found.tolerance <= 0:
        raise UserError(f"target {shown!r}: a tolerance of {found.tolerance:g}; more than 0 is allowed")
    if target.kind == "gap" and found.value + found.tolerance < 0:
        raise UserError(f"target {shown!r}: {name} is never negative; 0 or more is allowed")
    return found


def check_aims(aims: Sequence[Aim]) -> None:
    """See to it that several aims can be met at once.

    Raises:
        UserError: Two of them exclude each other.
    """
    for name in dict.fromkeys(aim.target.name for aim in aims):
        own = [aim for aim in aims if aim.target.name == name]
        if len(own) > 1 and any(aim.kind in ("highest", "lowest") for aim in own):
            told = "; ".join(map(str, own))
            raise UserError(f"targets contradict each other: {told}; as high or low as possible stands alone")
        lows = [(_span(aim)[0], aim) for aim in own]
        highs = [(_span(aim)[1], aim) for aim in own]
        low, high = max(lows, key=lambda pair: pair[0]), min(highs, key=lambda pair: pair[0])
        if low[0] > high[0]:
            raise UserError(f"targets contradict each other: {low[1]}; {high[1]}; no value of {name} keeps both")


def met(aims: Sequence[Aim], values: Mapping[str, Array], n: int) -> NDArray[np.bool_]:
    """Which of n crystals meet all aims, `(n,)`; a value that is not known meets none."""
    kept = np.ones(n, dtype=bool)
    for aim in aims:
        kept &= aim.shortfall(values[aim.target.name]) <= 0.0
    return kept


def score(aims: Sequence[Aim], values: Mapping[str, Array], scales: Mapping[str, float], n: int) -> Array:
    """How well n crystals meet all aims, `(n,)`: without highest and lowest aims 0 where all are met, else less.

    Args:
        aims: What is wanted.
        values: Property to its values, `(n,)`.
        scales: Property to what counts as one step of it.
        n: Number of crystals.
    """
    total = np.zeros(n)
    for aim in aims:
        own = values[aim.target.name] / scales[aim.target.name]
        if aim.kind in ("highest", "lowest"):
            total += own if aim.kind == "highest" else -own
        total -= aim.shortfall(values[aim.target.name]) / scales[aim.target.name]
    return total


def properties_of(aims: Sequence[Aim]) -> list[str]:
    """Names of the properties that aims are about, each once."""
    return list(dict.fromkeys(aim.target.name for aim in aims))


def worth_of(aims: Sequence[Aim], scales: Mapping[str, float]) -> Callable[[Array], Array]:
    """What makes scores `(n,)` of the values `(n, n_properties)` of the aims' properties."""
    names = properties_of(aims)
    return lambda values: score(aims, dict(zip(names, values.T, strict=True)), scales, len(values))


def _span(aim: Aim) -> tuple[float, float]:
    if aim.kind == "about":
        return aim.value - aim.tolerance, aim.value + aim.tolerance
    return (aim.value if aim.kind == "at_least" else -np.inf), (aim.value if aim.kind == "at_most" else np.inf)


def _number(text: str, shown: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise UserError(f"target {shown!r}: {clean(text, 40)!r} is no number; allowed: {ALLOWED}") from None
    if not np.isfinite(number):
        raise UserError(f"target {shown!r}: {clean(text, 40)!r} is not finite; allowed: {ALLOWED}")
    return number
