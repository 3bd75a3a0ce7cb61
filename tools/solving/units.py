"""Units as people write them, taken to the coherent units of the SI.

Knows symbols and exponents. Must not know problems.

Source: The International System of Units, 9th edition, BIPM (2019), tables 2, 4, 7 and 8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...memory.errors import UserError

Dimension = tuple[int, int, int, int, int, int]
"""Exponents of metre, kilogram, second, kelvin, ampere and mole."""
BASE = ("m", "kg", "s", "K", "A", "mol")

_ELEMENTARY_CHARGE = 1.602176634e-19


@dataclass(frozen=True)
class Unit:
    """A unit: how many coherent SI units it is, and of which dimension."""

    factor: float
    dimension: Dimension

    def __mul__(self, other: Unit) -> Unit:
        """The product."""
        return Unit(self.factor * other.factor, _sum(self.dimension, other.dimension, 1))

    def __pow__(self, exponent: int) -> Unit:
        """A whole power."""
        return Unit(self.factor**exponent, _sum((0, 0, 0, 0, 0, 0), self.dimension, exponent))


def _sum(one: Dimension, other: Dimension, times: int) -> Dimension:
    a, b, c, d, e, f = (x + times * y for x, y in zip(one, other, strict=True))
    return (a, b, c, d, e, f)


ONE = Unit(1.0, (0, 0, 0, 0, 0, 0))
_SYMBOLS = {
    "1": ONE,
    "%": Unit(0.01, ONE.dimension),
    "rad": ONE,
    "m": Unit(1.0, (1, 0, 0, 0, 0, 0)),
    "g": Unit(1e-3, (0, 1, 0, 0, 0, 0)),
    "s": Unit(1.0, (0, 0, 1, 0, 0, 0)),
    "min": Unit(60.0, (0, 0, 1, 0, 0, 0)),
    "h": Unit(3600.0, (0, 0, 1, 0, 0, 0)),
    "d": Unit(86400.0, (0, 0, 1, 0, 0, 0)),
    "K": Unit(1.0, (0, 0, 0, 1, 0, 0)),
    "A": Unit(1.0, (0, 0, 0, 0, 1, 0)),
    "mol": Unit(1.0, (0, 0, 0, 0, 0, 1)),
    "Hz": Unit(1.0, (0, 0, -1, 0, 0, 0)),
    "N": Unit(1.0, (1, 1, -2, 0, 0, 0)),
    "Pa": Unit(1.0, (-1, 1, -2, 0, 0, 0)),
    "J": Unit(1.0, (2, 1, -2, 0, 0, 0)),
    "W": Unit(1.0, (2, 1, -3, 0, 0, 0)),
    "C": Unit(1.0, (0, 0, 1, 0, 1, 0)),
    "V": Unit(1.0, (2, 1, -3, 0, -1, 0)),
    "F": Unit(1.0, (-2, -1, 4, 0, 2, 0)),
    "S": Unit(1.0, (-2, -1, 3, 0, 2, 0)),
    "eV": Unit(_ELEMENTARY_CHARGE, (2, 1, -2, 0, 0, 0)),
    "Å": Unit(1e-10, (1, 0, 0, 0, 0, 0)),
    "L": Unit(1e-3, (3, 0, 0, 0, 0, 0)),
    "m_e": Unit(9.1093837139e-31, (0, 1, 0, 0, 0, 0)),
}
_PREFIXES = {
    "f": 1e-15,
    "p": 1e-12,
    "n": 1e-9,
    "u": 1e-6,
    "µ": 1e-6,
    "m": 1e-3,
    "c": 1e-2,
    "d": 1e-1,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
}
_WITHOUT_PREFIX = {"1", "%", "rad", "min", "h", "d", "Å", "m_e"}
_FACTOR = re.compile(r"(?P<name>m_e|%|1|[A-Za-zµÅ]+)(?:\^?(?P<exponent>[+-]?\d+))?")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def parse_unit(text: str) -> Unit:
    """Read a unit such as `mm2/s`, `W/(m K)`, `J kg^-1 K^-1`, `1`.

    Raises:
        UserError: No unit; says what is allowed.
    """
    plain = text.translate(_SUPERSCRIPTS).replace("·", " ").replace("*", " ").replace("μ", "µ").strip()
    above, *below = plain.split("/")
    try:
        found = _product(above)
        for part in below:
            found *= _product(part) ** -1
    except KeyError as error:
        raise UserError(
            f"unit {text!r}: {error.args[0]!r} is no unit; m, g, s, min, h, K, A, mol, Hz, N, Pa, J, W, C, V, F, eV, "
            "Å, L, %, 1 with prefixes f to G, powers as in m2 or m^-1, and / are allowed"
        ) from error
    return found


def _product(text: str) -> Unit:
    text = text.strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    found = ONE
    if not text.split():
        raise KeyError(text)
    for word in text.split():
        match = _FACTOR.fullmatch(word)
        if match is None:
            raise KeyError(word)
        found *= _symbol(match["name"]) ** int(match["exponent"] or 1)
    return found


def _symbol(name: str) -> Unit:
    if name in _SYMBOLS:
        return _SYMBOLS[name]
    prefix, rest = name[0], name[1:]
    if prefix in _PREFIXES and rest in _SYMBOLS and rest not in _WITHOUT_PREFIX:
        unit = _SYMBOLS[rest]
        return Unit(_PREFIXES[prefix] * unit.factor, unit.dimension)
    raise KeyError(name)


def written(dimension: Dimension) -> str:
    """A dimension in base units, `m2 s-1` for example."""
    parts = [name + ("" if n == 1 else str(n)) for name, n in zip(BASE, dimension, strict=True) if n]
    return " ".join(parts) or "1"


_QUANTITY = re.compile(r"\s*(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>.*?)\s*")


def parse_quantity(text: str, where: str) -> tuple[float, str]:
    """Read `0.4 mm2/s` as a number and its unit; a bare number has the unit 1.

    Raises:
        UserError: Not a number with a unit.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise UserError(f"{where}: {text!r} is no quantity; a number with a unit is allowed, as in 0.4 mm2/s")
    unit = match["unit"] or "1"
    parse_unit(unit)
    return float(match["number"]), unit
