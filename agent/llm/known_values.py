"""Values that a chat model may tell of: what tools said, with where each comes from.

Knows numbers in text, and how people refer to trials and materials. Must not know what a chat model made of them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from .numbers_in_text import NumberInText, formulas_in, numbers_in, plain_digits

_KEY = re.compile(r"\b([A-Za-z]\w{2,40})[\"']?\s?[=:]\s?[\"']?[-+]?\.?\d|\b([a-z]+_[a-z_]{2,40})\W{1,4}[-+]?\.?\d")
_NO_KEY = re.compile(
    r"trial|batch|seed|steps?|count|number|total|size|index|version|mean|value|deviation|median|minimum|maximum|min|max"
)
_SHARE = re.compile(r"(?<![\w.])(\d{1,6}) (?:out )?of (?:the |all )?(\d{1,6})(?![\w.]*\d)")
_TRIALS = re.compile(
    r"#\s?(\d+)|\btrials?[\"']?:? #?(\d+(?:(?:, and |, | and | or )#?\d+\b(?!\.\d))*)|\b([0-9a-f]{16})\b"
)
_PROTOTYPE = re.compile(r"[- ](?:type|structured?|prototype)")
_COMPARED = (
    r"than|beats?|compared|against|versus|vs\.?|whereas|while|but|as in|like|to (?:that|those) of|over|come close to"
)
_CLAUSE = re.compile(rf"[,;:](?=\s)|\)(?=\s)|\b(?:{_COMPARED})(?=\s)")
_SENTENCE = re.compile(r"(?<=[.!?])[\"'»)]*\s+|\n")
_EVIDENTLY = re.compile(
    r"(?P<measured>\bmeasured|\bexperiment\w*|\bliterature|\breported)"
    r"|(?P<simulated>\bsimulated|\bcomputed|\bcalculated)"
    r"|(?P<expected>\bpredict(?:ed|s|ion)\b|(?<!I )(?<!we )(?<!We )\bexpect(?:ed|s)?\b|\bsurrogate(?:'s|’s)?)"
    r"|(?P<result>(?<!should )(?<!would )(?<!could )(?<!might )(?<!may )(?<!will )(?<!can )(?<!to )\breach(?:es|ed)?\b"
    r"|\bcame (?:back|out)|\bcomes (?:back|out)|\breturned|\bachieved|\bgave\b|\byielded|\bturned out)",
    re.IGNORECASE,
)
_AFTERWARDS = re.compile(
    r"\s*(?P<bracket>[(\[])?\s*(?P<method>predicted|expected|simulated|measured)\b(?(bracket)|(?=\s*(?:[.,;)]|vs|$)))",
    re.IGNORECASE,
)
_METHODS = {"predicted": "expected", "expected": "expected", "simulated": "simulated", "measured": "measured"}
_ENUMERATED = re.compile(r"[)'`*\s]*(?:,|,? and|,? or|,? both)?[('`*\s]*")
_INSIDE = re.compile(r"[^().;\n]{0,40}\)")
_PRONOUN = re.compile(r"\b(?:its?|they|their|both)\b", re.IGNORECASE)
_CONTRASTED = re.compile(r"\s*(?:vs\.?|against|instead of)\s", re.IGNORECASE)
_PLUS_MINUS = re.compile(r"[\s*_`$]*(?:±|\+/-|\+-|\\pm)[\s*_`$]*")


@dataclass(frozen=True)
class Known:
    """A value that a chat model may tell of.

    Attributes:
        unit: As people write it; empty or `1` where there is none, or where the source does not say.
        property: Name of the property, as in a goal or in words; may be empty.
        source: In words: `trial 12, simulated by chgnet`, `goal`, `prediction of h3`.
        names: What it is about: numbers of trials as `#12`, formulas, ids; read from `source` where empty.
        method: `measured`, `simulated`, `predicted`, or `expected` of an estimate made before the result; read from
            `source` where empty.
    """

    value: float
    unit: str = ""
    property: str = ""
    source: str = ""
    names: frozenset[str] = frozenset()
    method: str = ""


@dataclass(frozen=True)
class Context:
    """What the words around a number say that it is about.

    Attributes:
        names: The trials and materials of its clause, or the last ones named before in its sentence.
        around: All that its sentence names.
        sentence: Where the sentence begins and ends.
        method: `measured`, `simulated`, `expected` or `result` (came back from an oracle); empty where not said.
        is_marked: Whether the method stands in brackets behind the number, as in the records of trials.
    """

    names: frozenset[str]
    around: frozenset[str]
    sentence: tuple[int, int]
    method: str
    is_marked: bool


def knowns_from_text(text: str, source: str) -> tuple[Known, ...]:
    """All values that a tool's answer holds, and the shares that its counts make (`9 of 36` is 25 %, and 75 %).

    Where the answer is about one thing, so that it begins with its name, lines without a name are about that too.
    """
    keys = {match[1] or match[2] for match in _KEY.finditer(text)}
    keys = {key for key in keys if not _NO_KEY.fullmatch(key)}
    numbers = [one for one in numbers_in(text, keys) if one.is_value]
    subjects = _named(text)
    topic = subjects[0][2] if subjects and not text[: subjects[0][0]].strip('{[" \n') else frozenset[str]()
    if topic:
        line = text.find("\n") % (len(text) + 1)
        topic = frozenset().union(*(names for start, _, names in subjects if start <= min(line, 60)))
    found = []
    for number, context in zip(numbers, contexts_of(text, numbers), strict=True):
        method = "predicted" if context.is_marked and context.method == "expected" else context.method
        names = context.names or topic
        found.append(
            Known(number.value, number.unit, number.property, source, names, "" if method == "result" else method)
        )
    for match in _SHARE.finditer(plain_digits(text)):
        part, whole = int(match[1]), int(match[2])
        if whole > 0 and part <= whole:
            found += [Known(100 * one / whole, "%", "", f"{match[0]}, {source}") for one in (part, whole - part)]
    return tuple(found)


def contexts_of(text: str, numbers: Sequence[NumberInText]) -> tuple[Context, ...]:
    """What is said around each of the numbers."""
    plain = plain_digits(text)
    named = _named(text)
    sentences = [0, *(m.end() for m in _SENTENCE.finditer(plain)), len(plain)]
    lists = [(one, other) for (_, one, _), (other, _, _) in pairwise(named) if _ENUMERATED.fullmatch(plain[one:other])]
    cuts = [m.start() for m in _CLAUSE.finditer(plain)]
    clauses = sorted({*sentences, *(cut for cut in cuts if not any(a <= cut < b for a, b in lists))})
    places = [start for start, *_ in named]
    methods = [(m.start(), m.end(), m.lastgroup or "") for m in _EVIDENTLY.finditer(plain)]
    found = []
    for k, one in enumerate(numbers):
        begin, end = _around(sentences, one.start)
        left, right = _around(clauses, one.start)
        first, last = bisect_left(places, begin), bisect_left(places, end)
        within = [(start, names) for start, _, names in named[first:last]]
        own = [names for start, names in within if left <= start < right]
        if not own and (inside := _INSIDE.match(plain, one.after)):
            own = [names for start, names in within if one.after <= start < inside.end()]
        if not own:
            before = [start for start, _ in within if start < left]
            opening = _around(clauses, before[-1])[0] if before else 0
            own = [names for start, names in within if opening <= start < left]
        afterwards = _AFTERWARDS.match(plain, _behind(plain, numbers, k))
        method = (
            _METHODS[afterwards["method"].lower()] if afterwards else _method_before(plain, methods, begin, one.start)
        )
        around = [names for _, names in within]
        last_named = max((stop for start, stop, _ in named[first:last] if start < one.start), default=begin)
        if _PRONOUN.search(plain, last_named, one.start):
            previous = _around(sentences, max(0, begin - 1))[0]
            own += [names for *_, names in named[bisect_left(places, previous) : last]]
        if _CONTRASTED.match(plain, one.after):
            method = ""
        found.append(
            Context(_union(own), _union(around), (begin, end), method, bool(afterwards and afterwards["bracket"]))
        )
    return tuple(found)


@lru_cache(maxsize=4096)
def names_in(text: str) -> frozenset[str]:
    """All trials and materials that a text names: `#12`, a key of the composition, a candidate's id."""
    return _union([names for *_, names in _named(text)])


def composition(formula: str) -> str:
    """A key that equal compositions share, `C:1 Zr:1`; the formula itself where it has brackets."""
    if "(" in formula:
        return formula
    amounts: dict[str, float] = {}
    for element, amount in re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", formula):
        amounts[element] = amounts.get(element, 0.0) + float(amount or 1)
    least = min(amounts.values()) or 1.0
    return " ".join(f"{element}:{amount / least:.3g}" for element, amount in sorted(amounts.items()))


def _named(text: str) -> list[tuple[int, int, frozenset[str]]]:
    """Where a text names a trial or a material, from where to where, and how."""
    plain = plain_digits(text)
    found = []
    for match in _TRIALS.finditer(plain):
        numbers = [match[1]] if match[1] else re.findall(r"\d+", match[2] or "")
        names = [match[3]] if match[3] else [f"#{number}" for number in numbers]
        found.append((match.start(), match.end(), frozenset(names)))
    for match in formulas_in(plain):
        is_acronym = len(match[0]) > 2 and match[0].isalpha() and match[0].isupper()
        is_pure = len(set(re.findall(r"[A-Z][a-z]?", match[0]))) < 2
        if not (is_acronym or is_pure or _PROTOTYPE.match(plain, match.end())):
            found.append((match.start(), match.end(), frozenset({composition(match[0])})))
    return sorted(found, key=lambda one: one[0])


def _union(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)


def _around(breaks: Sequence[int], place: int) -> tuple[int, int]:
    k = bisect_right(breaks, place)
    return breaks[k - 1], breaks[k] if k < len(breaks) else breaks[-1] + 1


def _behind(text: str, numbers: Sequence[NumberInText], k: int) -> int:
    """Where a number ends with its unit, and with its deviation if one follows."""
    if k + 1 < len(numbers) and _PLUS_MINUS.fullmatch(text[numbers[k].after : numbers[k + 1].start]):
        return numbers[k + 1].after
    return numbers[k].after


def _method_before(text: str, methods: Sequence[tuple[int, int, str]], begin: int, place: int) -> str:
    for start, end, name in reversed(methods[: bisect_right(methods, (place, 0, ""))]):
        if start < begin:
            return ""
        if end <= place:
            between = text[end:place]
            if re.match(r"[\w ]{0,24}:[^;]*\Z", between):
                return name
            return name if len(between) <= 60 and not re.search(r"[,;)]", between) else ""
    return ""
