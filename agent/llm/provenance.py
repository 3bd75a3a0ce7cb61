"""Numbers that a chat model tells without a source: found by code, and marked or withheld.

Knows numbers in text and known values. Must not know chat models, and asks none.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, permutations
from statistics import fmean
from typing import Literal

from .known_values import Context, Known, contexts_of, names_in
from .numbers_in_text import NumberInText, numbers_in, plain_digits
from .units import DEVIATION, canonical, dimensions_of, per_atom, property_name, property_names, unit_kind

MARK = " [no source]"
WITHHELD = "[withheld: no source]"
MOST_OPERANDS = 16
"""Known values between which a difference, ratio or mean is looked for; among more, some pair fits any number."""

Verdict = Literal["sourced", "derived", "unsourced"]

_EXPECTED = re.compile(r"\b(?:surrogate|prediction|rank|acqui|estimat|expect|predict\b)", re.IGNORECASE)
_DONE = re.compile(r"\b(measured|simulated|predicted)\b", re.IGNORECASE)
_DOWN = re.compile(
    r"\b(?:below|under|negative|minus|exothermic|releas|drop|f[ae]ll|lower|decreas|los[st])", re.IGNORECASE
)
_APART = re.compile(
    r"\s*\w*\s*(?:\w+ly )?(?:above|below|more|less|higher|lower|larger|smaller|stiffer|softer|harder|denser|"
    r"lighter|wider|narrower|better|worse|apart|off|percentage points|too|deeper|greater|short|under|over|beyond)\b"
    r"(?! the (?:convex )?hull)",
    re.IGNORECASE,
)
_BY = re.compile(
    r"\b(?:by|off by|difference|gain|rise|drop|error|spread|apart|improve\w*|increase\w*|decrease\w*|widens?|costs?|"
    r"differs?|gains?|loses?|lost|beats?\b.*)(?: (?:of|by|about|roughly|only|some|is|was|nearly|almost))*\s*[~≈]?\s*"
    r"(?:[\d.]+ \S+,? (?:or |i\.e\.,? |that is,? |\())?\Z",
    re.IGNORECASE,
)
_LIMIT = re.compile(r"\b(?:limit|goal|target|bound|threshold|constraint|window)", re.IGNORECASE)
_MEAN = re.compile(r"\b(?:mean|average|averages|averaged)\b[^.;]{0,60}\Z", re.IGNORECASE)
_ACCEPTED = {
    "": frozenset({"", "measured", "simulated", "predicted", "expected"}),
    "measured": frozenset({"", "measured"}),
    "simulated": frozenset({"", "simulated"}),
    "expected": frozenset({"", "predicted", "expected"}),
    "result": frozenset({"", "measured", "simulated", "predicted"}),
}


@dataclass(frozen=True)
class Finding:
    """A property value in a text, and where it comes from.

    Attributes:
        source: Of the known value, or of both that it was derived from; empty where it has none.
    """

    number: NumberInText
    verdict: Verdict
    source: str


@dataclass(frozen=True)
class Checked:
    """A text with a finding for each property value that it tells."""

    text: str
    findings: tuple[Finding, ...]

    @property
    def unsourced(self) -> tuple[Finding, ...]:
        """The values that came from no tool."""
        return tuple(one for one in self.findings if one.verdict == "unsourced")


@dataclass(frozen=True, eq=False)
class _Value:
    """A known value made ready for comparison; `base` is in the first unit of its dimension."""

    base: float
    written: float
    dimension: str
    factor: float
    property: str
    names: frozenset[str]
    method: str
    source: str


def check(text: str, knowns: Iterable[Known]) -> Checked:
    """Say of each property value in a text whether it has a source.

    `sourced`: an honest rounding of a known value with a unit of the same dimension, of the same property where both
    say one, of the same trial or material where both name some, and not of a weaker method than the text claims.
    `derived`: a difference, ratio, percentage or mean of values that the sentence names or tells, where its words say
    that it is one. All else is `unsourced`. Numbers that claim no property value have no finding.
    """
    values = _ready(knowns)
    spoken = {value.property for value in values if value.property and not dimensions_of(value.property)}
    numbers = [one for one in numbers_in(text, spoken) if one.is_value]
    if not numbers:
        return Checked(text, ())
    shelf = _Shelf.of(values)
    plain = plain_digits(text)
    contexts = contexts_of(text, numbers)
    sources = [_source(plain, one, context, shelf) for one, context in zip(numbers, contexts, strict=True)]
    findings = []
    for one, context, known in zip(numbers, contexts, sources, strict=True):
        if known:
            findings.append(Finding(one, "sourced", known.source))
            continue
        told = [
            other
            for other, where in zip(sources, contexts, strict=True)
            if other and where.sentence == context.sentence
        ]
        source = _derivation(plain, one, context, told, shelf)
        findings.append(Finding(one, "derived" if source else "unsourced", source))
    return Checked(text, tuple(findings))


def marked(text: str, knowns: Iterable[Known]) -> str:
    """The text with `[no source]` behind each property value without one; earlier marks are judged anew."""
    bare = text
    while MARK in bare:
        bare = bare.replace(MARK, "")
    places = sorted({one.number.after for one in check(bare, knowns).unsourced}, reverse=True)
    for place in places:
        bare = bare[:place] + MARK + bare[place:]
    return bare


def withheld(text: str, knowns: Iterable[Known]) -> str:
    """The text with `[withheld: no source]` in place of each property value without one."""
    knowns = tuple(knowns)
    # What stands beside a withheld number may lose its unit or its property with it, and is looked at again.
    while found := check(text, knowns).unsourced:
        for one in reversed(found):
            text = text[: one.number.start] + WITHHELD + text[one.number.end :]
    return text


def _ready(knowns: Iterable[Known]) -> list[_Value]:
    found = []
    for known in knowns:
        spoken, factor, offset = unit_kind(known.unit)
        name = property_name(known.property) if known.property else ""
        dimension = per_atom(name, spoken)
        names = known.names or names_in(known.source)
        method = known.method or _method(known.source)
        base = known.value * factor + offset
        found.append(_Value(base, known.value, dimension, factor, name, names, method, known.source))
    return _with_units(found)


@lru_cache(maxsize=4096)
def _method(source: str) -> str:
    done = _DONE.search(source)
    return "expected" if _EXPECTED.search(source) else done[1].lower() if done else ""


def _with_units(values: list[_Value]) -> list[_Value]:
    """Give values without a unit the one that the others of their property have, and shares up to one theirs."""
    units: dict[str, set[tuple[str, float]]] = {}
    for value in values:
        if value.dimension and value.property not in ("", DEVIATION):
            units.setdefault(value.property, set()).add((value.dimension, value.factor))
    found = []
    for value in values:
        if not value.dimension and abs(value.written) <= 1 and dimensions_of(value.property) == {"share"}:
            value = replace(value, dimension="share")
        elif not value.dimension and len(units.get(value.property, ())) == 1:
            dimension, factor = next(iter(units[value.property]))
            if dimension != "temperature":
                value = replace(value, dimension=dimension, factor=factor, base=value.written * factor)
        found.append(value)
    return found


@dataclass(frozen=True)
class _Shelf:
    """Known values in order of size, for each dimension; those without a unit under the empty one.

    Attributes:
        few: All of them, where they are few; else none.
        by_name: Those about a trial or a material; under the empty name those about none.
        also: What else a trial or a formula is called.
    """

    by_base: dict[str, list[_Value]]
    by_written: list[_Value]
    few: Sequence[_Value]
    by_name: dict[str, list[_Value]]
    also: dict[str, frozenset[str]]

    @staticmethod
    def of(values: Sequence[_Value]) -> _Shelf:
        by_base: dict[str, list[_Value]] = {}
        by_name: dict[str, list[_Value]] = {}
        also: dict[str, frozenset[str]] = {}
        for value in values:
            by_base.setdefault(value.dimension, []).append(value)
            for name in value.names or ("",):
                by_name.setdefault(name, []).append(value)
            if len(value.names) == 2 and sum(name.startswith("#") for name in value.names) == 1:
                also |= {name: also.get(name, frozenset()) | value.names for name in value.names}
        for shelf in by_base.values():
            shelf.sort(key=lambda value: value.base)
        few = values if len(values) <= 16 * MOST_OPERANDS else ()
        return _Shelf(by_base, sorted(values, key=lambda value: value.written), few, by_name, also)

    def within(self, one: NumberInText, low: float, high: float) -> Iterator[_Value]:
        """Values from `low` to `high`, both in the unit of the number, whose unit and property can be meant."""
        if one.dimension:
            ends = low * one.factor + one.offset, high * one.factor + one.offset
            yield from _between(self.by_base.get(one.dimension, []), *ends, lambda value: value.base)
            for value in _between(self.by_base.get("", []), low, high, lambda value: value.written):
                if one.dimension in dimensions_of(value.property) or _same(one.property, value.property):
                    yield value
        else:
            if 0 < one.value <= 1 and not one.property:
                yield from _between(self.by_base.get("share", []), low, high, lambda value: value.base)
            is_telling = bool(one.property) or _digits(one) > 1
            for value in _between(self.by_written, low, high, lambda value: value.written):
                if not value.dimension or (is_telling and one.property in ("", value.property)):
                    yield value

    def called(self, names: frozenset[str]) -> frozenset[str]:
        """The names with all others of the same trials and materials."""
        return names.union(*(self.also.get(name, frozenset()) for name in names))


def _between(values: list[_Value], low: float, high: float, key: Callable[[_Value], float]) -> list[_Value]:
    slack = 1e-9 * max(abs(low), abs(high))
    return values[bisect_left(values, low - slack, key=key) : bisect_right(values, high + slack, key=key)]


def _same(one: str, other: str) -> bool:
    return bool(one) and one == other


def _source(text: str, one: NumberInText, context: Context, shelf: _Shelf) -> _Value | None:
    """The known value that a number is an honest rounding of."""
    half = one.place / 2
    spans = [(one.value - half, one.value + half)]
    if one.bound:
        coarse = _last_place(one)
        spans.append((one.value, one.value + coarse) if one.bound == ">=" else (one.value - coarse, one.value))
    if one.value > 0 and _DOWN.search(text[max(context.sentence[0], one.start - 30) : one.after + 20]):
        spans.append((-one.value - half, -one.value + half))
    names = shelf.called(context.names)
    for low, high in spans:
        for value in shelf.within(one, low, high):
            if _can_be(one, context.method, names, value, shelf):
                return value
    return None


def _last_place(one: NumberInText) -> float:
    """Place of the last digit that is no closing zero: 10 for 250, 0.1 for 1.50."""
    place = one.place
    while one.value and abs(one.value / place / 10 - round(one.value / place / 10)) < 1e-9:
        place *= 10
    return place


def _digits(one: NumberInText) -> int:
    """How many significant digits are written."""
    return len(f"{abs(one.value) / one.place:.0f}")


def _can_be(one: NumberInText, method: str, names: frozenset[str], value: _Value, shelf: _Shelf) -> bool:
    """Whether property, method and names of a known value are those that the text tells of."""
    if one.property and value.property and one.property != value.property:
        return False
    if method == "result" and value.property == DEVIATION:
        return False
    return value.method in _ACCEPTED[method] and _about_same(names, shelf.called(value.names))


def _about_same(names: frozenset[str], others: frozenset[str]) -> bool:
    """Whether two sets of names share one; sets that say nothing of the same kind (trials, formulas) may."""
    if names & others:
        return True
    return not any(
        any(map(is_kind, names)) and any(map(is_kind, others)) for is_kind in (_is_trial, _is_formula, _is_id)
    )


def _is_trial(name: str) -> bool:
    return name.startswith("#")


def _is_formula(name: str) -> bool:
    return ":" in name or "(" in name


def _is_id(name: str) -> bool:
    return not (_is_trial(name) or _is_formula(name))


def _derivation(text: str, one: NumberInText, context: Context, told: Sequence[_Value], shelf: _Shelf) -> str:
    """Of which known values a number is the difference, ratio, percentage or mean; empty where of none."""
    before, after = text[max(context.sentence[0], one.start - 80) : one.start], text[one.after : one.after + 40]
    is_difference = bool(_APART.match(after) or _BY.search(before))
    is_mean = bool(_MEAN.search(before))
    is_ratio = one.dimension == "ratio"
    is_percentage = one.dimension == "share"
    if not (is_difference or is_mean or is_ratio or is_percentage) or one.property == DEVIATION:
        return ""
    operands = _operands(text, one, context, told, shelf)
    spoken = {canonical(match) for match in property_names(frozenset()).finditer(text, *context.sentence)} - {DEVIATION}
    if spoken and (is_ratio or is_percentage):
        operands = [value for value in operands if value.property in spoken or not value.property]
    if is_mean and not is_percentage:
        for group in _alike(operands, one.dimension):
            for some in [*combinations(group, 2), tuple(group)]:
                if len(some) > 1 and _agrees(one, fmean(value.base for value in some) - one.offset):
                    return _words("mean", some)
    for a, b in permutations(operands, 2):
        if a.property != b.property or a.dimension != b.dimension:
            continue
        if one.dimension == a.dimension and is_difference and _agrees(one, a.base - b.base):
            return _words("difference", (a, b))
        if not b.base or a.dimension == "temperature":
            continue
        ratio = a.base / b.base
        if is_ratio and _agrees(one, ratio):
            return _words("ratio", (a, b))
        if is_percentage and _agrees(one, abs(ratio - 1) if is_difference else ratio):
            return _words("percentage", (a, b))
    return ""


def _operands(text: str, one: NumberInText, context: Context, told: Sequence[_Value], shelf: _Shelf) -> list[_Value]:
    """The values that a sentence names or tells; all of them, where it names none and they are few."""
    names = shelf.called(context.around)
    is_any = one.dimension in ("ratio", "share")
    chosen = [*told, *(value for name in sorted(names) for value in shelf.by_name.get(name, ()))]
    if _LIMIT.search(text, *context.sentence):
        chosen += shelf.by_name.get("", ())

    def is_fit(value: _Value) -> bool:
        is_kind = is_any or (value.dimension == one.dimension and one.property in ("", value.property))
        return is_kind and value.property != DEVIATION and (bool(value.property) or value in told)

    kept = {(value.base, value.property): value for value in chosen if is_fit(value)}
    if not names and not kept:
        kept = {(value.base, value.property): value for value in shelf.few if is_fit(value)}
    return list(kept.values()) if len(kept) <= MOST_OPERANDS else []


def _alike(values: Sequence[_Value], dimension: str) -> list[list[_Value]]:
    groups: dict[tuple[str, str], list[_Value]] = {}
    for value in values:
        if value.dimension == dimension:
            groups.setdefault((value.property, value.method), []).append(value)
    return list(groups.values())


def _agrees(one: NumberInText, base: float) -> bool:
    """Whether a difference or ratio, in the first unit of its dimension, is an honest reading of the number."""
    value = base / one.factor
    return abs(value - one.value) <= one.place / 2 + 1e-9 * abs(value)


def _words(what: str, values: Sequence[_Value]) -> str:
    return f"{what} of {' and '.join(f'{value.written:g} ({value.source})' for value in values)}"
