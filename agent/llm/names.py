"""Names that tell nothing, in place of elements, properties, features and units: a chat model without its chemistry.

Knows text, records and the tables of names. Must not know chat models; conversation.py puts it at their border.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, Any

import numpy as np
from pymatgen.core import Element

from ...tools.crystals.feature import FEATURES
from ...tools.parameters.parameter_space import ParameterSpace
from ...tools.parameters.variables import Categorical
from ...tools.space import PoolSpace, Space, units_of
from ..labels import unit_of, wording
from ..standing import columns_of

if TYPE_CHECKING:
    from ...memory.records import Goal

_HEAVIEST = 94
"""Heavier elements are in no crystal here, and their symbols stand in those of space groups."""
_WORDS = ("As", "At", "Be", "He", "I", "In", "No")
"""Symbols that are English words where a word in small letters follows."""
_QUOTED = re.compile(r"^(Goal:|Memory,).*$", re.MULTILINE)
"""Lines that hold free text of others, which would tell what is hidden."""
_TOLD = re.compile(r"^((?:Hint|Taken back by|made by|details:)[^«\n]*)«[^»]*»", re.MULTILINE)
"""Words of people, origins and diagnostics, likewise."""
_GROUP = re.compile(r"(?<![\w/])[A-Z][\w/-]*(?= \(\d{1,3}\))")
"""Symbol of a space group before its number: its letters would look like elements and give their other names away."""
_FAILED = re.compile(r"(: failed, [^(\n]*)\(«[^»]*»\)")


@dataclass(frozen=True)
class Names:
    """A bijection between names and others that tell nothing.

    Attributes:
        elements: Symbol to a token of two letters that is none.
        others: Property, feature, variable or label to its other name; the longest first.
        units: Unit to its other name.
    """

    elements: Mapping[str, str]
    others: Mapping[str, str]
    units: Mapping[str, str]

    def hide(self, text: str) -> str:
        """A text as the chat model reads it; what others wrote in free words is left out."""
        text = _FAILED.sub(r"\1", _TOLD.sub(r"\1(left out)", _QUOTED.sub("(left out)", text)))
        text = _GROUP.sub("group", text)
        for name, other in self.others.items():
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", other, text)
        for unit, other in self.units.items():
            text = re.sub(rf"(?<=[\s(]){re.escape(unit)}(?![\w/])", other, text)
        return self._formula.sub(lambda found: self._hidden(found, text), text)

    def reveal(self, given: Any) -> Any:
        """What the chat model has written, as code and people read it; texts within lists and objects likewise."""
        if isinstance(given, Mapping):
            return {key: self.reveal(value) for key, value in given.items()}
        if isinstance(given, list | tuple):
            return [self.reveal(value) for value in given]
        if not isinstance(given, str):
            return given
        text = given
        back = {other: name for names in (self.others, self.units) for name, other in names.items()}
        if back:
            either = "|".join(re.escape(other) for other in sorted(back, key=len, reverse=True))
            text = re.sub(rf"(?<!\w)(?:{either})(?!\w)", lambda found: back[found.group()], text)
        symbols = {other: symbol for symbol, other in self.elements.items()}
        return self._other_formula.sub(
            lambda found: re.sub(r"[A-Z][a-z]", lambda one: symbols[one.group()], found.group()), text
        )

    def hide_all(self, given: Any) -> Any:
        """The texts within lists and objects as the chat model reads them."""
        if isinstance(given, Mapping):
            return {key: self.hide_all(value) for key, value in given.items()}
        if isinstance(given, list | tuple):
            return [self.hide_all(value) for value in given]
        return self.hide(given) if isinstance(given, str) else given

    @cached_property
    def _formula(self) -> re.Pattern[str]:
        return _formulas_of(self.elements)

    @cached_property
    def _other_formula(self) -> re.Pattern[str]:
        return _formulas_of(self.elements.values())

    def _hidden(self, found: re.Match[str], text: str) -> str:
        if found.group() in _WORDS and re.match(r" [a-z]", text[found.end() : found.end() + 2]):
            return found.group()
        return re.sub(r"[A-Z][a-z]?", lambda one: self.elements[one.group()], found.group())


def names_for(goal: Goal, space: Space, seed: int) -> Names:
    """Names for one campaign; the same seed gives the same."""
    random = np.random.default_rng([seed, 1])
    symbols = [Element.from_Z(number).symbol for number in range(1, _HEAVIEST + 1)]
    free = [a + b for a, b in product(ascii_uppercase, ascii_lowercase) if not Element.is_valid_symbol(a + b)]
    drawn = [free[int(at)] for at in random.permutation(len(free))[: len(symbols)]]
    properties = list(dict.fromkeys([*(name for name, _ in columns_of(goal)), *_PROPERTIES]))
    features = list(units_of(space)) or list(FEATURES)
    others: dict[str, str] = {}
    kinds = {"property": properties, "feature": features, "label": _labels_of(space)}
    for kind, all_names in kinds.items():
        names = [name for name in all_names if name not in others]
        order = random.permutation(len(names)) + 1
        for name, number in zip(names, order.tolist(), strict=True):
            others[name] = f"{kind}_{number}"
            others.setdefault(wording(name), f"{kind} {number}")
    units = {unit for _, unit in columns_of(goal)} | {f.unit for f in FEATURES.values()} | {*units_of(space).values()}
    known = sorted({unit_of(unit) for unit in units} - {""}, key=len, reverse=True)
    return Names(
        dict(zip(symbols, drawn, strict=True)),
        dict(sorted(others.items(), key=lambda one: -len(one[0]))),
        {unit: f"unit{number}" for number, unit in enumerate(known, start=1)},
    )


_PROPERTIES = (
    "bulk_modulus",
    "density",
    "energy_above_hull",
    "formation_energy",
    "volume_per_atom",
    "band_gap",
    "solar_efficiency_limit",
)


def _labels_of(space: Space) -> list[str]:
    """What categories of settings are called."""
    if isinstance(space, ParameterSpace):
        sources = [leaf.source for leaf in space.leaves]
        return sorted({label for one in sources if isinstance(one, Categorical) for label in one.labels})
    if not isinstance(space, PoolSpace):
        return []
    from ...tools.generators.pool import read_pool

    points = read_pool(space.file, tuple(space.variables))
    return sorted({value for point in points for value in point.values.values() if isinstance(value, str)})


def _formulas_of(symbols: Iterable[str]) -> re.Pattern[str]:
    """Whole words that are made of these symbols and numbers alone."""
    either = "|".join(sorted(symbols, key=len, reverse=True))
    return re.compile(rf"(?<![\w.])(?:(?:{either})(?:\d+(?:\.\d+)?)?)+(?![A-Za-z])")
