"""Spaces and settings in words: how a variable is described to people, and how the settings they write are read.

Knows variables, spaces and units as text. Must not know commands, files or who writes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from ...memory.errors import UserError
from ...memory.foreign import clean
from ...memory.records import Point
from .constraints import TOLERANCE
from .leaves import Leaf, Value
from .parameter_space import ParameterSpace
from .repair import check
from .variables import Categorical, Composition, Continuous, Integer, Ordinal

ROUNDED = 0.005
"""Share of a composition's total that the parts of a point as people write it may lack or exceed."""
_NUMBER = re.compile(r"^\s*([-+−]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+−]?\d+)?)\s*(\D.*)?$")


def variable_words(variable: Continuous | Integer | Ordinal | Categorical | Composition) -> str:
    """A variable in one line: `anneal from 600 to 1400 K`."""
    unit = "" if variable.unit == "1" else f" {variable.unit}"
    match variable:
        case Continuous():
            scale = " (log scale)" if variable.scale == "log" else ""
            text = f"{variable.name} from {variable.low:g} to {variable.high:g}{unit}{scale}"
        case Integer():
            text = f"{variable.name}, a whole number from {variable.low} to {variable.high}{unit}"
        case Ordinal():
            text = f"{variable.name}, one of {', '.join(f'{value:g}' for value in variable.values)}{unit}"
        case Categorical():
            text = f"{variable.name}, one of {', '.join(variable.labels)}"
        case Composition():
            least = f", each at least {variable.minimum:g}{unit} where it is there" if variable.minimum else ""
            most = f", at most {variable.at_most} of them" if variable.at_most else ""
            text = f"{', '.join(variable.parts)}, which sum to {variable.total:g}{unit}{least}{most}"
    return f"{text}; only for some values of {variable.when.variable}" if variable.when else text


def read_values(space: ParameterSpace, told: Mapping[str, str]) -> dict[str, Value]:
    """Read values of some variables: `{"anneal": "900 K", "quench": "oil"}`.

    Raises:
        UserError: There is no such variable, its unit is another one, or the value is none of its values.
    """
    known = {leaf.name: leaf for leaf in space.leaves}
    strange = [clean(name, 40) for name in told if name not in known]
    if strange:
        raise UserError(f"{', '.join(strange)}: no such variable; there are {', '.join(known)}")
    return {name: _value(known[name], text) for name, text in told.items()}


def read_point(space: ParameterSpace, told: Mapping[str, str]) -> tuple[Point, str]:
    """Read a whole setting; one that is not there because of its condition is left out or empty.

    Returns:
        The point, and what was mended in words; empty for nothing. Parts of a composition that miss their sum by no
        more than `ROUNDED` of the total are scaled to it: people round.

    Raises:
        UserError: Something is wrong with it, and what is allowed.
    """
    values = read_values(space, {name: text for name, text in told.items() if text.strip()})
    mended = [_scaled(v, values) for v in space.variables if isinstance(v, Composition)]
    point = Point(values={leaf.name: values[leaf.name] for leaf in space.leaves if leaf.name in values})
    faults = check(space, point)
    if faults:
        raise UserError(f"not a setting of this space: {'; '.join(faults)}")
    return point, "; ".join(filter(None, mended))


def _scaled(composition: Composition, values: dict[str, Value]) -> str:
    if not set(composition.parts) <= values.keys():
        return ""
    amounts = [float(values[name]) for name in composition.parts]
    total, wanted = math.fsum(amounts), composition.total
    if not TOLERANCE * wanted < abs(total - wanted) <= ROUNDED * wanted:
        return ""
    values.update({name: amount * wanted / total for name, amount in zip(composition.parts, amounts, strict=True)})
    return f"{composition.name} summed to {total:g} and was scaled to {wanted:g}"


def _value(leaf: Leaf, text: str) -> Value:
    source, text = leaf.source, text.strip()
    if isinstance(source, Categorical):
        if text not in source.labels:
            raise UserError(f"{leaf.name}: {clean(text, 40)!r} is none of {', '.join(source.labels)}")
        return text
    match = _NUMBER.match(text)
    if match is None or not math.isfinite(float(match[1].replace("−", "-"))):
        raise UserError(f"{leaf.name}: {clean(text, 40)!r} is not a finite number")
    unit = (match[2] or "").strip()
    if unit and unit != source.unit:
        raise UserError(f"{leaf.name} is set in {source.unit!r} and told in {clean(unit, 20)!r}; convert it")
    number = float(match[1].replace("−", "-"))
    slack = TOLERANCE * (leaf.high - leaf.low)
    if not leaf.low - slack <= number <= leaf.high + slack:
        raise UserError(f"{leaf.name}: {number:g} is outside {leaf.low:g} to {leaf.high:g} {source.unit}")
    if isinstance(source, Ordinal):
        near = min(source.values, key=lambda value: abs(value - number))
        if not math.isclose(near, number, rel_tol=TOLERANCE):
            raise UserError(f"{leaf.name}: {number:g} is none of {', '.join(f'{v:g}' for v in source.values)}")
        return near
    if isinstance(source, Integer) and not number.is_integer():
        raise UserError(f"{leaf.name}: {number:g} is no whole number")
    return number
