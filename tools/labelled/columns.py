"""Which column of a file is which property: columns known by name, and columns that a person describes.

Knows targets. Knows no files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...memory.errors import UserError
from ...memory.foreign import clean
from ...models.target import BAND_GAP, ENERGY_ABOVE_HULL, FORMATION_ENERGY, Target

_BULK = Target("bulk_modulus", "GPa")
_SHEAR = Target("shear_modulus", "GPa")

KNOWN = {
    "formation_energy_per_atom": FORMATION_ENERGY,
    "formation_energy": FORMATION_ENERGY,
    "band_gap": BAND_GAP,
    "e_above_hull": ENERGY_ABOVE_HULL,
    "energy_above_hull": ENERGY_ABOVE_HULL,
    "bulk_modulus": _BULK,
    "bulk_modulus_vrh": _BULK,
    "k_vrh": _BULK,
    "shear_modulus": _SHEAR,
    "shear_modulus_vrh": _SHEAR,
    "g_vrh": _SHEAR,
    "density": Target("density", "g/cm3"),
    "refractive_index": Target("refractive_index", "1"),
}
"""Columns that need no description, as public collections call them."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_UNITS = {target.name: target for target in KNOWN.values()}


@dataclass(frozen=True)
class Labels:
    """A column and the property it holds."""

    column: str
    target: Target


def parse_columns(texts: Iterable[str]) -> tuple[Labels, ...]:
    """Read what a person says of columns: `COLUMN` for one known by name, else `COLUMN=NAME:UNIT`, with `:gap` behind.

    Raises:
        UserError: An unknown column without a description, a bad name or unit, or a property named twice.
    """
    found = tuple(_parsed(text.strip()) for text in texts)
    if not found:
        raise UserError("--target: at least one column is needed")
    names = [labels.target.name for labels in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"--target: {', '.join(twice)} stands for more than one column; each property needs one")
    return found


def _parsed(text: str) -> Labels:
    column, given, described = text.partition("=")
    column = column.strip()
    if not given:
        if column.lower() not in KNOWN:
            raise UserError(
                f"--target {clean(text, 80)!r}: not known by name; write COLUMN=NAME:UNIT, for example "
                f"{clean(column, 40) or 'k'}=magnetisation:muB/atom, with :gap behind for values that are often "
                f"exactly zero; known are {', '.join(KNOWN)}"
            )
        return Labels(column, KNOWN[column.lower()])
    name, *rest = [part.strip() for part in described.split(":")]
    if not column or not _NAME.fullmatch(name) or not 1 <= len(rest) <= 2 or not 1 <= len(rest[0]) <= 20:
        raise UserError(
            f"--target {clean(text, 80)!r}: COLUMN=NAME:UNIT or COLUMN=NAME:UNIT:gap is needed; a name has 1 to 40 "
            "small letters, digits and underscores, a unit 1 to 20 characters, and 1 for none"
        )
    if rest[1:] not in ([], ["gap"], ["real"]):
        raise UserError(f"--target {clean(text, 80)!r}: {clean(rest[1], 20)!r} is no kind; real and gap are allowed")
    known = _UNITS.get(name)
    if known and rest[0] != known.unit:
        raise UserError(
            f"--target {clean(text, 80)!r}: {name} is in {known.unit} here; convert the column, or give another name"
        )
    kind = rest[1] if len(rest) > 1 else (known.kind if known else "real")
    return Labels(column, Target(name, rest[0], "gap" if kind == "gap" else "real"))
