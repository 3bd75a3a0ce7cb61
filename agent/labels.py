"""How candidates are called and how numbers, times and foreign text are written wherever people read them.

Knows records, and pymatgen for formulas. Must not know goals, states or where the text will be shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache

from ..memory.foreign import clean
from ..memory.records import Candidate, Crystal, Method, Objective, Outcome, Point

# As in tools/crystals/symmetry.py, which finds more and takes seconds to import.
_SYMPREC = 0.1

_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>|#~&!$@]|(?<=www)\.|:(?=//)")


def label_of(candidate: Candidate) -> str:
    """Reduced formula of a crystal, or the settings of a point."""
    content = candidate.content
    if isinstance(content, Crystal):
        return _formula(content.species)
    return settings_of(content, 60)


def settings_of(point: Point, limit: int = 400) -> str:
    """All values of a point: `x=0.25, quench=oil`."""
    return clean(", ".join(f"{name}={_setting(value)}" for name, value in point.values.items()), limit)


def in_full(candidate: Candidate, units: Mapping[str, str]) -> str:
    """What to make: the formula of a crystal, or every value of a point with its unit: `anneal 900 K, quench oil`.

    Args:
        units: Variable to unit.
    """
    content = candidate.content
    if isinstance(content, Crystal):
        return label_of(candidate)
    return ", ".join(
        f"{clean(name, 100)} {clean(_setting(value), 100)} {unit_of(units.get(name, '1'))}".rstrip()
        for name, value in content.values.items()
    )


def _setting(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


@lru_cache(maxsize=10_000)
def _formula(species: tuple[str, ...]) -> str:
    from pymatgen.core import Composition

    amounts = {symbol: float(species.count(symbol)) for symbol in dict.fromkeys(species)}
    return str(Composition(amounts).reduced_formula)


def crystal_of(candidate: Candidate, outcome: Outcome | None) -> Crystal | None:
    """The structure that measurements belong to: the relaxed one where there is one; None for a point."""
    if outcome is not None and outcome.crystal is not None:
        return outcome.crystal
    return candidate.content if isinstance(candidate.content, Crystal) else None


@lru_cache(maxsize=10_000)
def space_group_of(crystal: Crystal) -> str:
    """International symbol and number, as in `Fm-3m (225)`; empty where no symmetry is found."""
    import moyopy

    numbers = {symbol: number for number, symbol in enumerate(dict.fromkeys(crystal.species), start=1)}
    cell = moyopy.Cell(
        basis=[list(row) for row in crystal.lattice],
        positions=[list(row) for row in crystal.coordinates],
        numbers=[numbers[symbol] for symbol in crystal.species],
    )
    try:
        number = moyopy.MoyoDataset(cell, symprec=_SYMPREC).number
    except ValueError:
        return ""
    return f"{moyopy.SpaceGroupType(number).hm_short.replace(' ', '')} ({number})"


def wording(name: str) -> str:
    """A property's name as words: `bulk_modulus` is written `bulk modulus`."""
    return clean(name, 40).replace("_", " ")


def unit_of(unit: str) -> str:
    """A unit as it is written behind a number; nothing for 1, the unit of plain numbers."""
    return "" if unit == "1" else clean(unit, 20)


def with_unit(name: str, unit: str, is_predicted: bool = False) -> str:
    """A property's name and unit for the head of a column or an axis, and whether its values are predicted."""
    remarks = ", ".join(part for part in (unit_of(unit), "predicted" if is_predicted else "") if part)
    return f"{wording(name)} ({remarks})" if remarks else wording(name)


def figure(value: float) -> str:
    """A number to four significant digits, three below one, with an exponent where it is far from one.

    >>> figure(201.349), figure(0.05), figure(123456.0), figure(1e-7), figure(-0.0)
    ('201.3', '0.0500', '123456', '1.000e-07', '0')
    """
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        return f"{value:.3e}"
    return f"{value:.{max(0, (3 if abs(value) >= 1 else 2) - math.floor(math.log10(abs(value))))}f}"


def spread(value: float, deviation: float | None) -> str:
    """A value with its standard deviation where there is one, both to the deviation's second digit.

    >>> spread(325.13, 2.98), spread(325.13, None), spread(325.13, 0.0), spread(325.13, 41.2)
    ('325.1 ± 3.0', '325.1', '325.1 ± 0', '325 ± 41')
    """
    if deviation is None:
        return figure(value)
    if not (1e-4 <= deviation < 1e6 and abs(value) < 1e6):
        return f"{figure(value)} ± {figure(deviation)}"
    decimals = max(0, 1 - math.floor(math.log10(deviation)))
    return f"{value:.{decimals}f} ± {deviation:.{decimals}f}"


def plain(text: str) -> str:
    """Text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")


def marked(text: str, method: Method | str) -> str:
    """A value as written, with a mark if it is predicted, so that it is never taken for simulated or measured.

    >>> marked("1.31 ± 0.30", "predicted"), marked("201.3 ± 2.1", "simulated")
    ('1.31 ± 0.30 (predicted)', '201.3 ± 2.1')
    """
    return f"{text} (predicted)" if method == "predicted" else text


def better(objective: Objective, is_predicted: bool = False) -> str:
    """An objective in words: `bulk modulus (GPa) as high as possible`, `band gap (eV) within 0.1 of 1.4`."""
    if objective.target is not None and objective.tolerance is not None:
        near = f"within {figure(objective.tolerance)} of {figure(objective.target)}"
        return f"{with_unit(objective.property, objective.unit, is_predicted)} {near}"
    wish = "high" if objective.direction == "maximise" else "low"
    return f"{with_unit(objective.property, objective.unit, is_predicted)} as {wish} as possible"


def percent(share: float) -> str:
    """A share in whole per cent: `33 %`."""
    return f"{100 * share:.0f} %"


def duration(seconds: float) -> str:
    """A span of time: `42 s`, `3 min 05 s`, `2 h 07 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 trial`, `2 trials`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def markdown(text: str, limit: int = 400) -> str:
    """Foreign text that stands as it is inside a line of markdown: no markup, links, mentions or HTML."""
    return _MARKDOWN.sub(lambda match: "\\" + match.group(), clean(text, limit))


def cell(text: str) -> str:
    """Foreign text for a CSV file: spreadsheets would run a text that begins like a formula."""
    visible = clean(text, 1000)
    return "'" + visible if visible[:1] in ("=", "+", "-", "@") else visible
