"""The section of a report on raw traces: what was inferred, what must be known beside it, pictures.

Knows traces that were written and what stands in the trials. Must not know solvers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...tools.oracles.traces import DETAILS
from ..labels import counted, figure, label_of, markdown, spread, unit_of
from ..standing import measurement
from .report_table import table

if TYPE_CHECKING:
    from .trace_files import Traced

_ROWS = 30
_CAPTIONS = {
    "field": "The solution at the sensor against the readings, finite differences beside.",
    "left": "What the solution leaves of the readings; noise has no pattern.",
    "residual": "Residual of the equation.",
    "losses": "Both terms of the objective.",
    "profile": "How much worse the readings are met when the property is held off its best value.",
}


def traces(found: Sequence[Traced]) -> str:
    """Write the section; empty where no property came as a trace."""
    if not found:
        return ""
    told = [one for one in found if measurement(one.trial, one.name) is not None]
    failed = [one for one in found if one.trial.outcome and one.trial.outcome.failure]
    doubted = [one for one in told if _said(one).get("warnings")]
    names = ", ".join(sorted({one.name for one in found}))
    kept = "`athanor solve traces/NUMBER_PROPERTY.yaml --data traces/NUMBER_PROPERTY.csv` infers one again"
    head = ["trial", "material", "inferred", "misfit", "others", "warnings or failure", "trace"]
    said = (
        f"{markdown(names)} came as {counted(len(found), 'raw trace')}, from which `solve` inferred it: "
        f"{counted(len(told), 'value')} with a standard deviation, {counted(len(failed), 'failure')}, "
        f"{counted(len(doubted), 'value')} with a warning. Readings and problems lie in [traces](traces/); {kept}. "
        "The misfit is the mean square of what is left of the readings, in squared deviations; near 1 by construction "
        "where they state none."
    )
    parts = ["## Traces", said, table(head, map(_row, found[:_ROWS]))]
    if len(found) > _ROWS:
        parts.append(f"The first {_ROWS} of {len(found)}; all lie in the folder.")
    for one in found:
        parts += _shown(one)
    return "\n\n".join(parts)


def _said(one: Traced) -> dict[str, Any]:
    details = one.trial.outcome.details.get(DETAILS) if one.trial.outcome else None
    said = details.get(one.name) if isinstance(details, dict) else None
    return said if isinstance(said, dict) else {}


def _row(one: Traced) -> list[str]:
    said, found = _said(one), measurement(one.trial, one.name)
    failure = one.trial.outcome.failure if one.trial.outcome else None
    others = [
        f"{markdown(name)} {_with_deviation(value)}"
        for name, value in (said.get("inferred") or {}).items()
        if found is None or name != one.name
    ]
    remarks = [f"{failure.kind}: {failure.message}"] if failure else [str(line) for line in said.get("warnings", ())]
    misfit = said.get("misfit")
    return [
        str(one.trial.number),
        markdown(label_of(one.trial.candidate), 60),
        f"{spread(found.value, found.deviation)} {unit_of(found.unit)}".rstrip() if found else "–",
        figure(misfit) if isinstance(misfit, float) else "–",
        "; ".join(others) or "–",
        markdown("; ".join(remarks), 300) or "–",
        f"[{one.trace.id}]({one.files[0]})",
    ]


def _with_deviation(value: Any) -> str:
    number, deviation, unit = value
    told = spread(number, deviation) if deviation is not None else f"{figure(number)} (not identified)"
    return f"{told} {markdown(unit_of(unit))}".rstrip()


def _shown(one: Traced) -> list[str]:
    if not one.pictures:
        return []
    *stills, page = one.pictures
    lines = [f"### {markdown(one.name)} of trial {one.trial.number}\n\n[Interactive]({page})"]
    for still in stills:
        kind = still.rsplit("/", 1)[1].removesuffix(".png").split("-")[0]
        caption = _CAPTIONS[kind]
        lines.append(f"![{caption}]({still})\n\n*{caption}*")
    return lines
