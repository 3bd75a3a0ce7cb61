"""What a found note or material must be, read from the words of a command line.

Knows recall's conditions. Must not know an index.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import cast, get_args

from ...memory.errors import UserError
from ...memory.foreign import clean
from ...memory.index.element_names import NAMES
from ...memory.recall import DocumentKind, Range, Where
from ...memory.records import Verdict

_BOUND = re.compile(r"\s*([A-Za-z]\w*)\s*(<=|>=)\s*([^\s<>=]+)\s*")


def where(
    campaigns: Sequence[str],
    elements: Sequence[str],
    kinds: Sequence[str],
    verdict: str,
    properties: Sequence[str],
    since: str,
    until: str,
) -> Where:
    """Conditions from options; an empty one asks nothing.

    Raises:
        UserError: One cannot be understood; names the option, the value and what is allowed.
    """
    for symbol in elements:
        if symbol not in NAMES:
            raise UserError(f"--element {_shown(symbol)}: not a chemical symbol; H to Og are allowed, as in Mn")
    for kind in kinds:
        _check_choice("--kind", kind, get_args(DocumentKind))
    if verdict:
        _check_choice("--verdict", verdict, get_args(Verdict))
    return Where(
        campaigns=tuple(campaigns),
        elements=tuple(elements),
        kinds=cast(tuple[DocumentKind, ...], tuple(kinds)),
        verdict=cast(Verdict, verdict) if verdict else None,
        properties=tuple(map(_range, properties)),
        since=_moment("--since", since, time.min) if since else None,
        until=_moment("--until", until, time.max) if until else None,
    )


def _check_choice(option: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise UserError(f"{option} {_shown(value)}: not one of {', '.join(allowed)}")


def _range(text: str) -> Range:
    found = _BOUND.fullmatch(text)
    bound = _number(found.group(3)) if found else math.nan
    if found is None or not math.isfinite(bound):
        raise UserError(f"--property {_shown(text)}: a property, <= or >=, and a number are needed: bulk_modulus>=200")
    is_low = found.group(2) == ">="
    return Range(property=found.group(1), low=bound if is_low else None, high=None if is_low else bound)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _moment(option: str, text: str, of_day: time) -> datetime:
    """A date or a time in UTC; a date alone means that moment of its day."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UserError(f"{option} {_shown(text)}: not an ISO date, as in 2026-05-31 or 2026-05-31T08:00") from error
    has_time = "T" in text or ":" in text
    return (moment if has_time else datetime.combine(moment, of_day)).replace(tzinfo=UTC)


def _shown(text: str) -> str:
    return repr(clean(text, 60))
