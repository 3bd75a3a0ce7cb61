"""What a person tells of a trial, or of a setting of their own, in words of a command line or a chat.

Knows how answers are read. Must not know ledgers, nor who shows what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..memory.errors import UserError
from ..tools.oracles.build import properties_of
from ..tools.space import units_of
from .answers import Answer, failed, measured
from .answers_table import candidate_of
from .answers_trace import traced

if TYPE_CHECKING:
    from .campaign_file import CampaignFile

FORMS = "give a trial or a setting with PROPERTY=VALUE or --trace FILE, or with --failed KIND"


@dataclass(frozen=True)
class Beside:
    """What may be told beside values.

    Attributes:
        failed: Kind of failure, in place of values; None for none.
        why: What happened.
        traces: Files of raw traces that properties are inferred from.
        known: What is known of the sample, as NAME=VALUE, with traces.
    """

    failed: str | None = None
    why: str = ""
    traces: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


def answer_told(words: Sequence[str], beside: Beside, file: CampaignFile, author: str) -> Answer:
    """Read an answer.

    Args:
        words: The trial's number or the setting as NAME=VALUE, then PROPERTY=VALUE for each result.
        beside: What else is told.
        file: Of the campaign.
        author: Who tells it.

    Raises:
        UserError: It is incomplete, or does not fit the campaign.
    """
    number = words[0].strip().removeprefix("#") if words else ""
    is_trial = number.isdecimal()
    pairs = pairs_of(words[1:] if is_trial else words)
    units = {} if is_trial else units_of(file.space)
    setting = {name: text for name, text in pairs.items() if name in units}
    results = {name: text for name, text in pairs.items() if name not in units}
    has_values = bool(results or beside.traces)
    if not (is_trial or setting) or has_values != (beside.failed is None) or (beside.known and not beside.traces):
        raise UserError(FORMS)
    about = int(number) if is_trial else candidate_of(setting, file.space, author)
    if beside.traces:
        return Answer(about, traced(beside.traces, beside.known, results, file.oracle, author), author)
    if beside.failed:
        return Answer(about, failed(beside.failed, beside.why), author)
    return Answer(about, measured(results, properties_of(file.oracle), author), author)


def pairs_of(words: Sequence[str]) -> dict[str, str]:
    """Names and values as NAME=VALUE.

    Raises:
        UserError: One has no name or no value, or a name stands twice.
    """
    pairs = [text.partition("=") for text in words]
    for name, sign, _ in pairs:
        if not sign or not name:
            raise UserError(f"{name!r}: write PROPERTY=VALUE, as in strength=12.3±0.4")
    names = [name.strip() for name, _, _ in pairs]
    if len(set(names)) < len(names):
        raise UserError(f"a name is told twice: {', '.join(names)}")
    return {name.strip(): value for name, _, value in pairs}
