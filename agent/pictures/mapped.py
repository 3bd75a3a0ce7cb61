"""What stands on a latent map: crystals with their latent points, and what they can be coloured by.

Knows chemistry, space groups and colours. Knows no models and no drawing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap
from moyopy import SpaceGroupType
from numpy.typing import NDArray

from ...models.target import Target
from ...models.wyckoff.tables import crystal_system
from ..labels import wording
from .error_by_chemistry import CLASSES, chemistry_of
from .style import BLUE, GREEN, GREY, NAME, ORANGE, PURPLE, SKY, VERMILION, amount, in_html

Array = NDArray[np.float64]

CHEMISTRY = dict(
    zip([*CLASSES, "intermetallic", "other"], (VERMILION, GREEN, ORANGE, PURPLE, SKY, BLUE, GREY), strict=True)
)
"""Class of a compound to its colour."""
SYSTEMS = {
    "triclinic": GREY,
    "monoclinic": SKY,
    "orthorhombic": GREEN,
    "tetragonal": ORANGE,
    "trigonal": PURPLE,
    "hexagonal": VERMILION,
    "cubic": BLUE,
}
UNKNOWN, PALE_GREY = "not known", "#D0D0D0"
VALUES = LinearSegmentedColormap.from_list("values", [colormaps["cividis"](x) for x in np.linspace(0.97, 0.0, 17)])
"""For dots on white: the lightest is still seen, and every step is darker than the last."""
_SYMBOL = re.compile(r"[A-Z][a-z]?")


@dataclass(frozen=True, eq=False)
class Mapped:
    """Crystals in latent space.

    Attributes:
        points: `(n_crystals, n_latent)`.
        formulas: `(n_crystals,)`; empty where nothing was decoded.
        spacegroups: International numbers, `(n_crystals,)`; 0 where none is known.
        values: Of properties, in their units, `(n_crystals,)`; nan where none is known.
        origins: Where each crystal comes from and how its values are known, `(n_crystals,)`.
    """

    points: Array
    formulas: Sequence[str]
    spacegroups: Sequence[int]
    values: Mapping[str, Array]
    origins: Sequence[str]


def elements_of(formula: str) -> tuple[str, ...]:
    """Chemical symbols in a formula, each once."""
    return tuple(dict.fromkeys(_SYMBOL.findall(formula)))


@lru_cache(maxsize=20_000)
def chemistry(formula: str) -> str:
    """Class of a compound by its formula; `not known` for a text that is none."""
    elements = elements_of(formula)
    try:
        return chemistry_of(elements) if elements else UNKNOWN
    except ValueError:
        return UNKNOWN


def system(spacegroup: int) -> str:
    """Crystal system of a space group; `not known` for 0."""
    return crystal_system(spacegroup) if spacegroup else UNKNOWN


@lru_cache(maxsize=256)
def symbol(spacegroup: int) -> str:
    """Symbol and number of a space group, as in `Fm-3m (225)`; empty for 0."""
    if not spacegroup:
        return ""
    return f"{SpaceGroupType(spacegroup).hm_short.replace(' ', '')} ({spacegroup})"


def classes(shown: Mapped, scheme: Mapping[str, str]) -> list[str]:
    """Name of each crystal's class in a scheme of colours."""
    if scheme is CHEMISTRY:
        return [chemistry(formula) for formula in shown.formulas]
    return [system(int(number)) for number in shown.spacegroups]


def value_range(known: Mapped, shown: Sequence[Mapped], name: str) -> tuple[float, float]:
    """Ends of a colour scale: all but the outermost two in a hundred of what is known.

    Raises:
        ValueError: No crystal has a value.
    """
    values = np.concatenate([one.values.get(name, np.empty(0)) for one in (known, *shown)])
    values = values[np.isfinite(values)]
    if not len(values):
        raise ValueError(f"{name}: no crystal on the map has a value; at least one is needed")
    low, high = np.percentile(values, (2, 98))
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)


def said_of(shown: Mapped, targets: Sequence[Target]) -> list[str]:
    """What the pointer tells of each crystal, fit for HTML."""
    told = []
    for n, formula in enumerate(shown.formulas):
        lines = [in_html(formula, NAME), in_html(symbol(int(shown.spacegroups[n])))]
        for target in targets:
            value = shown.values[target.name][n] if target.name in shown.values else np.nan
            if np.isfinite(value):
                lines.append(f"{in_html(wording(target.name))} {amount(float(value), in_html(target.unit))}")
        told.append("<br>".join(line for line in (*lines, in_html(shown.origins[n])) if line))
    return told
