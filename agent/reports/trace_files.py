"""What a report keeps of raw traces: files to infer from again, and pictures of the best.

Knows where a campaign stands and how traces are solved. Must not know ledgers.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ...memory.errors import AthanorError
from ...memory.state import State, Trial
from ...tools.oracles.traces import problem_of, solved_trace, ways_of
from ...tools.solving.read_problem import with_known
from ...tools.solving.trace import write_trace

if TYPE_CHECKING:
    from ...memory.records import Trace
    from ...tools.oracles.oracle import TraceSettings
    from ..standing import Standing

FOLDER = "traces"
_STILLS = ("field", "left", "residual", "losses")
_DRAWN = 2


@dataclass(frozen=True)
class Traced:
    """A property of a trial that came as a trace.

    Attributes:
        files: Its readings and its problem, relative to the report.
        pictures: Drawn of it, relative to the report; the page last.
    """

    trial: Trial
    name: str
    trace: Trace
    files: tuple[str, ...]
    pictures: tuple[str, ...] = ()


def write_traces(state: State, standing: Standing, folder: Path) -> tuple[Traced, ...]:
    """Write each trace with its problem, `traces/012_diffusivity.csv` and `.yaml`, and pictures of the best trials.

    Pictures that are there are kept: they follow from the trace, whose hash their folder's name holds.

    Returns:
        The traces, the best trials' first and with pictures, then in order of proposal.
    """
    ways, own = ways_of(state.spec.get("oracle")), folder / FOLDER
    if not ways:
        shutil.rmtree(own, ignore_errors=True)
        return ()
    best = [trial for trial in standing.hits if trial.outcome and trial.outcome.traces][:_DRAWN]
    drawn = {trial.number for trial in best}
    others = [t for t in state.trials.values() if t.outcome and t.outcome.traces and t.number not in drawn]
    own.mkdir(exist_ok=True)
    found = []
    for trial in (*best, *others):
        assert trial.outcome is not None  # noqa: S101 - it has traces
        for name, trace in trial.outcome.traces.items():
            files = _files(trial, name, trace, ways, own)
            pictures = _pictures(trial, name, trace, ways, own) if trial.number in drawn else ()
            found.append(Traced(trial, name, trace, files, pictures))
    kept = {Path(picture).parent.name for one in found for picture in one.pictures}
    for path in own.iterdir():
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)
    return tuple(found)


def _files(
    trial: Trial, name: str, trace: Trace, ways: Mapping[str, tuple[str, TraceSettings]], folder: Path
) -> tuple[str, ...]:
    readings = folder / f"{trial.number:03d}_{name}.csv"
    write_trace(trace, readings)
    unit, settings = ways[name]
    try:
        problem = with_known(problem_of(name, unit, settings), trace.known, f"trace {trace.id}")
    except AthanorError:
        # A known value that fits nothing, or a problem file that is gone: the readings are kept all the same.
        return (f"{FOLDER}/{readings.name}",)
    content = problem.model_copy(update={"name": _title(trial, name)}).model_dump(mode="json", exclude_none=True)
    path = readings.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return (f"{FOLDER}/{readings.name}", f"{FOLDER}/{path.name}")


def _pictures(
    trial: Trial, name: str, trace: Trace, ways: Mapping[str, tuple[str, TraceSettings]], folder: Path
) -> tuple[str, ...]:
    own = folder / f"{trial.number:03d}_{name}_{trace.id}"
    if not list(own.glob("*.html")):
        from ..pictures.solved import solved_pictures

        unit, settings = ways[name]
        try:
            solved = solved_trace(name, unit, settings, trace, for_pictures=True)
        except AthanorError:
            return ()
        solved_pictures(replace(solved, problem=solved.problem.model_copy(update={"name": _title(trial, name)})), own)
    wanted = [*(f"{one}.png" for one in _STILLS), f"profile-{ways[name][1].infer or name}.png"]
    stills = [own / one for one in wanted if (own / one).is_file()]
    return tuple(f"{FOLDER}/{own.name}/{path.name}" for path in (*stills, *own.glob("*.html")))


def _title(trial: Trial, name: str) -> str:
    return f"{name}-of-trial-{trial.number}"
