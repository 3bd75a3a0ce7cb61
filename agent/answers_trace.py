"""An answer to a trial that comes as raw traces: read from files, and what follows from them.

Knows traces and the settings by which an oracle has properties inferred. Must not know ledgers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..memory.errors import UserError
from ..memory.foreign import clean
from ..memory.records import Measurement, Outcome
from ..tools.oracles.oracle import FunctionSettings, ManualSettings
from ..tools.oracles.traces import outcome_of
from ..tools.solving.trace import read_trace
from .answers import measured

if TYPE_CHECKING:
    from ..memory.records import Trace
    from ..tools.oracles.oracle import OracleSettings


def traced(
    files: Sequence[str], known: Sequence[str], told: Mapping[str, str], oracle: OracleSettings, author: str
) -> Outcome:
    """What follows from traces that a person hands in, with what they tell in numbers beside.

    Args:
        files: `FILE`, or `PROPERTY=FILE` where the oracle has several properties inferred.
        known: What is known of the sample: `thickness=1.02 mm`.
        told: Other properties, as `measured` reads them.
        oracle: Whose properties are inferred.
        author: Who measured.

    Raises:
        UserError: The campaign expects no traces, or a file or a known value does not fit.
    """
    if not isinstance(oracle, ManualSettings | FunctionSettings) or not oracle.traces:
        raise UserError("this campaign has no property inferred from traces; its file would say so under oracle.traces")
    properties = oracle.properties
    traces = _read(files, _pairs(known), list(oracle.traces))
    if both := sorted(set(told) & set(traces)):
        raise UserError(f"{', '.join(both)} comes as a trace and as a number; one of the two is allowed")
    numbers: tuple[Measurement, ...] = measured(told, properties, author).measurements if told else ()
    outcome = outcome_of(traces, oracle.traces, properties, "measured", f"told by {author}", numbers)
    if outcome.failure and outcome.failure.kind == "unreadable":
        # A wrong file can be mended; what a sound one does not tell is the trial's answer.
        raise UserError(outcome.failure.message)
    return outcome


def _read(files: Sequence[str], known: dict[str, str], names: Sequence[str]) -> dict[str, Trace]:
    found: dict[str, Trace] = {}
    for text in files:
        name, sign, path = text.partition("=")
        if not (sign and name in names):
            if len(names) > 1:
                raise UserError(f"--trace {clean(text, 80)}: say of what, as in {names[0]}=FILE; {', '.join(names)}")
            name, path = names[0], text
        if name in found:
            raise UserError(f"{name} has two traces; one for each property is allowed")
        found[name] = read_trace(Path(path)).model_copy(update={"known": known})
    return found


def _pairs(known: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in known]
    for name, sign, value in pairs:
        if not (name.strip() and sign and value.strip()):
            raise UserError(f"--known {clean(name, 40)!r}: write NAME=VALUE UNIT, as in 'thickness=1.02 mm'")
    return {name.strip(): value.strip() for name, _, value in pairs}
