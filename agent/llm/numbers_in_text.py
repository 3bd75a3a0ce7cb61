"""Numbers in prose: where they stand, what they say, and whether they claim a value of a property.

Knows units, and the names of properties. Must not know where a number may come from.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ...memory.index.element_names import NAMES, NOT_FORMULAS
from .units import DEVIATION, UNIT, canonical, dimensions_of, kind_of, per_atom, property_names

EXEMPT = frozenset({"duration", "count"})
_IDS = (
    "trial batch batche candidate seed step run campaign round row column fig figure table section sec eq equation ref "
    "chapter page version python no number question rank generation iteration sg"
)
_NO_UNIT = r"(?![.,]\d|\s?(?:[GMk]?Pa|m?eV|%|per ?cent|g ?/|kg ?/|Å|K\b|°|nm|[µu]))"
_LIST = rf"(?:\s*(?:,|and|or|to|–|-|&|, and)\s*#?\d+\b{_NO_UNIT})*"
_SKIP = re.compile(
    r"https?://\S+|www\.\S+|\bdoi:\S+|\b10\.\d{4,9}/\S+|\barXiv:\S+"
    r"|\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?|\b\d\d?:\d\d(?::\d\d)?\b"
    r"|\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b|\bm[pv]?[pc]?-\d+\b"
    r"|#\s?\d+|\[\d+(?:\s?[,–-]\s?\d+)*\]"
    rf"|\b(?:{'|'.join(_IDS.split())})\.?\s*\(?#?\d+(?:\.\d+)*\b{_NO_UNIT}"
    rf"|\b(?:{'|'.join(_IDS.split())}|hypothese|space group)s\.?\s*\(?#?\d+\b{_NO_UNIT}{_LIST}"
    r"|\bspace[ -]?group(?: number| no\.?)?:? #?\d+"
    r"|(?-i:\b[PIFRABC][-\d/mabcnde_]{1,9})\s?[(,]\s?\d{1,3}\)"
    r"|\bAM ?1\.5G?|\bv?\d+\.\d+\.\d+(?:\.\d+)*\b|\b[xyz] ?= ?\d*\.?\d+",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z][a-z]?(?:\d+(?:\.\d+)?)?|[()](?:\d+)?){2,24}(?![A-Za-z])")
_PART = re.compile(r"([A-Z][a-z]?)(?:\d+(?:\.\d+)?)?|[()]\d*")
_SIGNS = str.maketrans("−﹣－‐‑．，％＋μ\u212b₀₁₂₃₄₅₆₇₈₉", "-----.,%+µÅ0123456789")

_NUMBER = re.compile(
    r"(?<![\w.^])(?P<sign>(?<![\w)%°\]¤])[-+](?=[\d.]))?(?P<digits>\d{1,3}(?:[,\u2009\u202f]\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?P<power>[eE][-+]?\d{1,3}(?!\w)|(?:\s?(?:[x×·*]|\\times|\\cdot)\s?)10(?:\s?\^\s?\{?\s?[-+]?\d{1,3}\}?|[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))?"
)
_GLUED = re.compile(r"(?<![A-Za-z\d_])[a-z]{2,}(?P<number>\d+(?:\.\d+)?)(?=\s?(?:[GM]Pa|m?eV|g/cm|Å|%|K\b))")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_PLUS_MINUS = re.compile(r"[\s*_`$]*(?:±|\+/-|\+-|\\pm)[\s*_`$]*\Z")
_JOIN = re.compile(r"[ \t*_`$]*(?:-|–|—|to|and|or|,|, and|, or|±|\+/-|\\pm|/)[ \t*_`$]*\Z")
_ABOUT = re.compile(
    r"(?:\babout|\baround|\broughly|\bapproximately|\bapprox\.?|\bnearly|\balmost|\bsome|\bca\.?|"
    r"\bclose to|\bnear|[~≈∼≃])\s*\Z",
    re.IGNORECASE,
)
_AT_LEAST = re.compile(
    r"(?:\babove|\bover|\bmore than|\bgreater than|\blarger than|\bhigher than|\bat least|"
    r"\bexceed(?:s|ed|ing)?|\bpass(?:es)?|>=?|≥|≫)(?: gaps of)?\s*\Z",
    re.IGNORECASE,
)
_AT_MOST = re.compile(
    r"(?:\bbelow|\bunder|\bless than|\bsmaller than|\blower than|\bat most|\bup to|\bwithin|<=?|≤|≪)\s*\Z",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"\s(?:\w+ )?(?:trials?|candidates?|compounds?|\w+ides?|materials?|elements?|atoms?|evaluations?|phases?|crystals?|"
    r"structures?|samples?|films?|runs?|batch(?:es)?|hits?|times|steps?|hypotheses|of \d+|of the|out of)\b"
)
_AFTER = re.compile(
    r"[ *_`]*(?:(?:wide|direct|indirect|predicted|simulated|measured|in|of|for|as|above|below|from|to|off|over|"
    r"the|convex)\s+)*"
)
_FRAME = " \t\u00a0\u2009\u202f*_`$~|-\\,;:{}"
_OTHER_UNIT = re.compile(r"[ \u00a0\u2009\u202f-]?(?!and/or)[A-Za-zµΩÅ°]{1,5}[\d²³]?(?:[/·][A-Za-zÅ°µΩ\d²³()]+)+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^a-z\d])|\n|;\s")
_BINDING = re.compile(
    r"(?:[\s:=(|\"'{\[,*_`≈~<>≥≤¤]|\b(?:of|is|was|are|were|be|at|to|from|about|around|roughly|reach(?:es|ed)?|the|a|an|"
    r"predicted|simulated|measured|expected|value|mean|and|between|in|only|just|near|limit|[GM]?Pa|eV|Å|[A-Z][A-Za-z]*\d*)\b)*"
)


@dataclass(frozen=True)
class NumberInText:
    """A number with what is said around it.

    Attributes:
        start: Where it begins in the text, its sign included.
        end: Where it ends, without its unit.
        after: Where its unit ends; the same as `end` without one.
        value: As written, in the written unit.
        place: Of its last written digit: 0.1 for `221.4`; 10 for a bare `220`, coarser still for `about 1200`.
        unit: As written, that of the next number in `1.2 to 1.5 eV`; empty where there is none.
        dimension: Of its unit, `pressure` for GPa; empty without one.
        factor: From the written unit to the first of its dimension.
        offset: To be added afterwards; not zero for °C alone.
        property: Which property it is bound to by words, `bulk modulus`; empty where the text does not say.
        bound: `>=` or `<=` where the text says that something lies beyond it.
        is_value: Whether it claims a value of a property.
    """

    start: int
    end: int
    after: int
    value: float
    place: float
    unit: str = ""
    dimension: str = ""
    factor: float = 1.0
    offset: float = 0.0
    property: str = ""
    bound: str = ""
    is_value: bool = False

    def in_base(self) -> float:
        """The value in the first unit of its dimension."""
        return self.value * self.factor + self.offset


def plain_digits(text: str) -> str:
    """The text with every decimal digit, minus and sign in its plain form; as many characters as before."""
    if text.isascii():
        return text
    wide = {c for c in set(text) if c > "\x7f" and c.isdecimal()}
    return text.translate(_SIGNS | {ord(c): str(unicodedata.decimal(c)) for c in wide})


def formulas_in(text: str) -> Iterator[re.Match[str]]:
    """Chemical formulas of two elements or more, or with numbers."""
    for match in _FORMULA.finditer(text):
        parts = _PART.findall(match[0])
        elements = {part for part in parts if part}
        if (
            match[0] not in NOT_FORMULAS
            and elements <= NAMES.keys()
            and (len(elements) > 1 or any(c.isdigit() for c in match[0]))
        ):
            yield match


def numbers_in(text: str, properties: Iterable[str] = ()) -> tuple[NumberInText, ...]:
    """All free-standing numbers of a text, in order.

    A number claims a value of a property (`is_value`) if it has a unit (per cent and `times as` among them), if words
    bind it to the name of a property, or if it has a decimal point: counts have none. What has none of these is a
    count and claims nothing, nor do durations, money and tokens. Digits in formulas, ids, references, dates, versions,
    addresses and space groups are no numbers here. Numbers in words (`twenty`) and decimal commas are not read.

    Args:
        text: Any text; digits may be of any script.
        properties: Names of properties beside the usual ones, `temperature` or `flow_rate`.
    """
    plain = plain_digits(text)
    masked = _masked(plain)
    found = list(_lexed(masked))
    _spread_units(masked, found)
    named = property_names(frozenset(properties))
    mentions = [(m.start(), m.end(), canonical(m)) for m in named.finditer(masked)]
    breaks = [m.end() for m in _SENTENCE.finditer(masked)]
    return tuple(_bound(masked, found, mentions, breaks))


def _masked(text: str) -> str:
    """The text without what holds digits and is no number; everything else stays at its place."""

    def hidden(match: re.Match[str]) -> str:
        return "¤" * len(match[0])

    text = _SKIP.sub(hidden, text)
    for match in list(formulas_in(text)):
        if any(c.isdigit() for c in match[0]):
            text = text[: match.start()] + hidden(match) + text[match.end() :]
    return text


def _lexed(text: str) -> Iterator[NumberInText]:
    glued = {m.start("number"): m for m in _GLUED.finditer(text)}
    spans = [(m.start(), m) for m in _NUMBER.finditer(text)]
    for start, match in sorted([*spans, *glued.items()], key=lambda one: one[0]):
        digits, power = (match["number"], "") if start in glued else (match["digits"], match["power"] or "")
        end = start + len(digits) if start in glued else match.end()
        value, place = _read(digits, power)
        sign = -1.0 if start not in glued and match["sign"] == "-" else 1.0
        unit = UNIT.match(text, end)
        hyphened = text[start - 1 : start] == "-" and text[start - 2 : start - 1].isalpha()
        if unit is None and (hyphened or text[end : end + 1].isalpha() or text[end : end + 1] == "_"):
            continue
        kind = kind_of(unit) if unit else ("", 1.0, 0.0)
        if unit is None:
            unit = _OTHER_UNIT.match(text, end)
            kind = (unit[0].strip(_FRAME), 1.0, 0.0) if unit else kind
        if not kind[0] and text[max(0, start - 10) : start].lower() == "factor of ":
            kind = ("ratio", 1.0, 0.0)
        spelling = unit[0].strip(_FRAME) if unit else ""
        yield NumberInText(start, end, unit.end() if unit else end, sign * value, place, spelling, *kind)


def _read(digits: str, power: str) -> tuple[float, float]:
    """Value and place of the last digit."""
    bare = re.sub("[,\u2009\u202f]", "", digits)
    decimals = len(bare.partition(".")[2])
    exponent = re.sub(r"^(?:[eE]|.*10)[\s^{]*", "", power.translate(_RAISED)).rstrip("} ") if power else ""
    tens = int(exponent or 0)
    return float(f"{bare}e{tens}"), 10.0 ** (tens - decimals)


def _spread_units(text: str, found: list[NumberInText]) -> None:
    """Give the unit of `1.2 to 1.5 eV` to both numbers, and that of `221 GPa ± 3` too."""
    for k in range(len(found) - 2, -1, -1):
        one, other = found[k], found[k + 1]
        between = text[one.after : other.start]
        is_year = one.place == 1 and 1900 <= one.value <= 2100
        if not one.dimension and other.dimension and _JOIN.fullmatch(between) and not is_year:
            found[k] = _with_unit(one, other)
    for k in range(1, len(found)):
        one, other = found[k - 1], found[k]
        if not other.dimension and one.dimension and _PLUS_MINUS.fullmatch(text[one.after : other.start]):
            found[k] = _with_unit(other, one)


def _with_unit(number: NumberInText, of: NumberInText) -> NumberInText:
    return replace(number, unit=of.unit, dimension=of.dimension, factor=of.factor, offset=of.offset)


def _bound(
    text: str, found: list[NumberInText], mentions: list[tuple[int, int, str]], breaks: list[int]
) -> Iterator[NumberInText]:
    starts = [start for start, *_ in mentions]
    for one in found:
        begin = breaks[k - 1] if (k := bisect_right(breaks, one.start)) else 0
        before = text[max(begin, one.start - 24) : one.start]
        if _PLUS_MINUS.search(before):
            name = DEVIATION
        else:
            filler = _AFTER.match(text, one.after)
            k = bisect_left(starts, one.after)
            follows = filler is not None and k < len(starts) and starts[k] <= filler.end()
            last = bisect_left(starts, one.start)
            earlier = [m for m in mentions[max(0, last - 6) : last] if m[0] >= begin]
            name = mentions[k][2] if follows and _fits(one, mentions[k][2]) else _named_before(text, one, earlier)
        is_exact = "." in text[one.start : one.end] or one.place != 1
        is_value = one.dimension not in EXEMPT and bool(one.dimension or name or is_exact)
        place = one.place
        if text[one.start : one.end].isdecimal() and one.value >= 100 and one.value % 10 == 0:
            place = 10.0
        if _ABOUT.search(before) and one.value:
            coarse = 10.0 ** (math.floor(math.log10(abs(one.value))) - 1)
            place = coarse if coarse > place and abs(one.value / coarse - round(one.value / coarse)) < 1e-9 else place
        yield replace(
            one,
            place=place,
            dimension=per_atom(name, one.dimension),
            property=name if is_value else "",
            bound=">=" if _AT_LEAST.search(before) else "<=" if _AT_MOST.search(before) else "",
            is_value=is_value,
        )


def _fits(one: NumberInText, name: str) -> bool:
    allowed = dimensions_of(name)
    return not one.dimension or not allowed or "*" in allowed or one.dimension in allowed


def _named_before(text: str, one: NumberInText, mentions: list[tuple[int, int, str]]) -> str:
    """The property that the words before a number bind it to; the nearest whose units fit."""
    for k in range(len(mentions) - 1, -1, -1):
        _, end, name = mentions[k]
        between = text[end : one.start]
        if len(between) > 90:
            return ""
        is_near = len(between) <= 45 and not re.search(r"[\d,]|above|below|than", between)
        if name == DEVIATION and not is_near:
            continue
        if one.dimension:
            if not _fits(one, name):
                continue
        elif one.place == 1 and (_COUNTED.match(text, one.after) or not _BINDING.fullmatch(between)):
            return ""
        owner = mentions[k - 1] if k else None
        if (
            owner
            and owner[2] == DEVIATION
            and re.fullmatch(r" (?:of|in) (?:\S+ ){0,2}", text[owner[1] : mentions[k][0]])
        ):
            return DEVIATION
        return name
    return ""
