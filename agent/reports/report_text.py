"""The text of a report in markdown, section by section.

Knows where a campaign stands and its summary. Must not know files beyond the names it refers to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ...memory.people_events import NoteAdded
from ...memory.records import Goal
from ...memory.state import State
from ..labels import counted, duration, figure, markdown, marked, spread, unit_of, with_unit, wording
from ..standing import HULL, Standing, compared
from ..views.summary import NOVELTY, Confirmed, Found, Summary, Value, sentences
from ..views.tables import origins, value_of
from .report_chat import chat
from .report_generators import generators, latent_map
from .report_guidance import guidance
from .report_memory import memory
from .report_predictor import limits_of_predictions, predictor_against_oracle
from .report_table import table
from .report_traces import traces
from .trace_files import Traced

_MOST_HITS = 30
_DOUBTFUL = 0.1
_CAPTIONS = {
    "best_so_far.png": "What had been reached after each evaluation.",
    "objectives.png": "All trials by their objectives. The line is the border of what the Pareto set beats.",
    "parity.png": "What the surrogate had predicted before each evaluation against what came back.",
    "left_out.png": "Each answer against what the surrogate foretells of it from all others, with 90 % intervals.",
    "slices.png": "What the surrogate expects along each variable through the best trial, with the 90 % band.",
    "predictor.png": "The predictor's formation energies against the oracle's, of the same relaxed crystals.",
    "energy_above_hull.png": "Energy above the hull of all completed trials.",
    "timeline.png": "When each evaluation was at work.",
}


def report_text(
    state: State,
    standing: Standing,
    summary: Summary,
    plots: Sequence[str],
    notes: Sequence[NoteAdded] = (),
    traced: Sequence[Traced] = (),
) -> str:
    """Write the report.

    Args:
        state: The campaign's state.
        standing: The same, read against the goal.
        summary: The same, in short.
        plots: File names of the plots there are.
        notes: What people have noted on the campaign.
        traced: Raw traces that properties were inferred from.
    """
    shown = {name: f"![{caption}]({name})\n\n*{caption}*" for name, caption in _CAPTIONS.items() if name in plots}
    sections = [
        f"# Campaign {markdown(summary['name'])}",
        _goal(standing, summary),
        "\n".join(["## Result", "", *(markdown(sentence, 1000) + "\n" for sentence in sentences(summary))]).rstrip(),
        shown.get("best_so_far.png", ""),
        _hits(summary),
        shown.get("objectives.png", ""),
        _confirmation(standing, summary),
        _hypotheses(state, summary),
        memory(state, summary, notes),
        guidance(state),
        chat(state),
        _tried(standing),
        generators(summary["generators"], str(state.spec.get("planner", ""))),
        latent_map(plots),
        shown.get("energy_above_hull.png", ""),
        _failures(summary),
        traces(traced),
        _surrogate(standing),
        shown.get("parity.png", ""),
        shown.get("left_out.png", ""),
        shown.get("slices.png", ""),
        predictor_against_oracle(standing),
        shown.get("predictor.png", ""),
        _time(standing, summary),
        shown.get("timeline.png", ""),
        _limits(standing, summary),
        _reproduce(state, summary),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _goal(standing: Standing, summary: Summary) -> str:
    goal = standing.goal
    lines = [f"- objective: {markdown(objective)}" for objective in summary["objectives"]]
    lines += [
        f"- constraint: {markdown(with_unit(c.property, '1', c.property in standing.predicted))} "
        f"{'≤' if c.comparison == '<=' else '≥'} "
        f"{f'{c.value:g} {markdown(unit_of(c.unit))}'.rstrip()}"
        for c in goal.constraints
    ]
    budget = goal.budget
    hours = f", {budget.hours:g} h" if budget.hours is not None else ""
    lines.append(
        f"- budget: {counted(budget.evaluations, 'evaluation')}{hours}, "
        f"at most {counted(budget.failures_in_a_row, 'failure')} in a row"
    )
    if summary["cost"]:
        lines.append(f"- cost of the evaluations: {markdown(summary['cost'])}")
    return "\n".join(["## Goal", "", f"Wanted: {markdown(goal.statement)}", "", *lines])


def _columns(summary: Summary) -> list[str]:
    return [markdown(with_unit(name, unit, name in summary["predicted"])) for name, unit in summary["columns"]]


def _cells(values: Sequence[Value], summary: Summary) -> list[str]:
    found = [value_of(values, name) for name, _ in summary["columns"]]
    return [_cell(v) for v in found]


def _cell(value: Value | None) -> str:
    return marked(spread(value["value"], value["deviation"]), value["method"]) if value else "–"


def _found_row(hit: Found, summary: Summary, variables: Sequence[str], with_origin: bool) -> list[str]:
    novelty = markdown(hit["known_as"]) if hit["known_as"] else hit["novelty"]
    is_crystal = not hit["setting"]
    name = [markdown(hit["formula"]), markdown(hit["space_group"]) or "–"] if is_crystal else []
    return [
        str(hit["trial"]),
        *name,
        *(_set(hit["setting"].get(name)) for name in variables),
        *_cells(hit["values"], summary),
        *([novelty] if is_crystal else []),
        *([markdown(hit["reused_from"]) or "–"] if with_origin else []),
    ]


def _set(value: float | str | None) -> str:
    """A variable's value; a setting may be without it."""
    return "–" if value is None else markdown(value if isinstance(value, str) else f"{value:.6g}")


def _found_table(hits: Sequence[Found], summary: Summary) -> str:
    with_origin = any(hit["reused_from"] for hit in hits)
    units = dict(summary["variables"])
    variables = list(dict.fromkeys(name for hit in hits for name in hit["setting"]))
    head, known = ([], []) if variables else (["material", "space group"], ["known as"])
    header = [
        "trial",
        *head,
        *(markdown(with_unit(name, units.get(name, "1"))) for name in variables),
        *_columns(summary),
        *known,
    ]
    header += ["reused from"] if with_origin else []
    return table(header, (_found_row(hit, summary, variables, with_origin) for hit in hits))


def _hits(summary: Summary) -> str:
    """The Pareto set, and apart from it the other hits."""
    hits, front = summary["hits"], summary["pareto"]
    if not hits:
        return "## Hits\n\nNo trial keeps all constraints."
    keep = "trial keeps" if len(hits) == 1 else "trials keep"
    sources = "\n".join(f"- {markdown(line)}" for line in origins(hits, summary["columns"]))
    parts = [
        f"## Hits\n\n{len(hits)} {keep} all constraints. Their values:\n\n{sources}",
        f"### Pareto set\n\nHits that no other hit beats in all objectives at once: {len(front)}.",
        _found_table(front, summary),
    ]
    others = hits[len(front) :]
    if others:
        more = f", the first {_MOST_HITS} of {len(others)}" if len(others) > _MOST_HITS else ""
        parts += [f"### Other hits{more}", _found_table(others[:_MOST_HITS], summary)]
    if any(hit["novelty"] == "new" for hit in hits):
        parts.append(f"*New* means: {NOVELTY['new'].removeprefix('new, ')}.")
    below = [hit for hit in hits if (v := value_of(hit["values"], HULL)) and v["value"] < -_DOUBTFUL]
    if below:
        lie = "hit lies" if len(below) == 1 else "hits lie"
        parts.append(
            f"**{len(below)} {lie} more than {_DOUBTFUL} eV/atom below the hull of the known phases**: more often a "
            "phase that the table lacks, or an error of the potential, than a discovery."
        )
    if any(hit["space_group"] for hit in hits):
        parts.append("The relaxed structures are in `hits/`, one CIF file each.")
    return "\n\n".join(parts)


def _confirmation(standing: Standing, summary: Summary) -> str:
    if not summary["confirmed"]:
        return ""
    by_trial = {hit["trial"]: hit for hit in summary["hits"]}
    rows: list[list[str]] = []
    for seen in summary["confirmed"]:
        first = by_trial.get(seen["of"]) if seen["of"] else None
        head = [str(seen["trial"]), str(seen["of"] or "–"), markdown(seen["formula"])]
        if seen["values"]:
            rows += [[*head, *_comparison(seen, first, name, unit)] for name, unit in summary["columns"]]
        else:
            rows.append([*head, markdown(seen["failure"]), "–", "–", "–"])
    names = ", ".join(dict.fromkeys(markdown(t.oracle) for t in standing.confirming))
    header = ["trial", "confirms", "material", "property", markdown(standing.oracle), names, "difference"]
    kept = sum(_keeps(seen, standing.goal) for seen in summary["confirmed"])
    looked = f"{counted(len(summary['confirmed']), 'hit')} looked at again by {names}: {kept} of them"
    keep = "keeps" if kept == 1 else "keep"
    return f"## Confirmation\n\n{looked} {keep} all constraints there too.\n\n{table(header, rows)}"


def _keeps(seen: Confirmed, goal: Goal) -> bool:
    values = {value["property"]: value["value"] for value in seen["values"]}
    is_near = all(o.is_met(values[o.property]) for o in goal.objectives if o.property in values)
    is_kept = all(c.property in values and c.holds(values[c.property]) for c in goal.constraints)
    return bool(values) and is_near and is_kept


def _comparison(seen: Confirmed, first: Found | None, name: str, unit: str) -> list[str]:
    a = value_of(first["values"], name) if first else None
    b = value_of(seen["values"], name)
    difference = "–"
    if a and b:
        change = b["value"] - a["value"]
        share = f" ({100 * change / abs(a['value']):+.1f} %)" if a["value"] else ""
        difference = f"{'+' if change > 0 else ''}{figure(change)}{share}"
    return [markdown(with_unit(name, unit)), _cell(a), _cell(b), difference]


def _hypotheses(state: State, summary: Summary) -> str:
    if not summary["hypotheses"]:
        return "## Hypotheses\n\nNone was stated."
    parts = ["## Hypotheses"]
    for claim in summary["hypotheses"]:
        hypothesis = state.hypotheses[claim["id"]]
        uncounted = ", not counted when it is judged" if hypothesis.evidence else ""
        parts.append(
            f"**{markdown(claim['id'])}, {claim['verdict']}**: {markdown(claim['statement'])}\n\n"
            f"- why it was stated: {markdown(hypothesis.rationale)}\n"
            f"- suggested by {_numbers(hypothesis.evidence)}{uncounted}\n"
            f"- pass: {_numbers(claim['passed'])}; fail: {_numbers(claim['failed'])}\n"
            f"- statistic: {markdown(claim['statistic'])}"
        )
    return "\n\n".join(parts)


def _numbers(trials: Sequence[int]) -> str:
    shown = ", ".join(map(str, trials[:40])) + (f" and {len(trials) - 40} more" if len(trials) > 40 else "")
    return f"{'trial' if len(trials) == 1 else 'trials'} {shown}" if trials else "no trial"


def _tried(standing: Standing) -> str:
    if not standing.trials:
        return "## What was tried\n\nNothing yet."
    hits, front = ({t.number for t in trials} for trials in (standing.hits, standing.front))
    rows = []
    tools = Counter(t.candidate.provenance.tool for t in standing.trials)
    for tool, tried in tools.most_common():
        made = [t for t in standing.trials if t.candidate.provenance.tool == tool]
        completed, failed = (sum(t.status == status for t in made) for status in ("completed", "failed"))
        kept = sum(t.number in hits for t in made)
        share = f"{100 * kept / completed:.0f} %" if completed else "–"
        best = sum(t.number in front for t in made)
        rows.append([markdown(tool, 60), *map(str, (tried, completed, failed, kept)), share, str(best)])
    header = ["generator", "tried", "completed", "failed", "hits", "hits among completed", "in the Pareto set"]
    return (
        f"## What was tried\n\n{table(header, rows)}\n\nAll trials, with reasons and values: [trials.csv](trials.csv)."
    )


def _failures(summary: Summary) -> str:
    if not summary["failures"]:
        return ""
    rows = [[kind.replace("_", " "), str(number)] for kind, number in summary["failures"].items()]
    return f"## Failures\n\n{table(['kind', 'trials'], rows)}"


def _surrogate(standing: Standing) -> str:
    rows = []
    for name, unit in standing.columns:
        both = compared(standing, name)
        if not len(both):
            continue
        mean, deviation, seen = both.T
        error = float(np.abs(mean - seen).mean())
        inside = float((np.abs(mean - seen) <= 2 * deviation).mean())
        always_mean = float(np.abs(seen - seen.mean()).mean())
        rows.append(
            [
                markdown(with_unit(name, unit, name in standing.predicted)),
                str(len(both)),
                figure(error),
                figure(always_mean),
                f"{100 * inside:.0f} %",
            ]
        )
    if not rows:
        return ""
    header = ["property", "trials", "mean absolute error", "the same if always guessing the mean", "within ± 2 sd"]
    text = "Predicted before each evaluation and compared with what came back; 95 % within ± 2 sd would be calibrated."
    if standing.predicted:
        text += " Where it says predicted, what came back is predicted too, of the relaxed crystal."
    return f"## How the surrogate did\n\n{text}\n\n{table(header, rows)}"


def _time(standing: Standing, summary: Summary) -> str:
    finished = summary["completed"] + summary["failed"]
    rate = summary["evaluations_per_hour"]
    lines = [
        f"{duration(summary['wall_seconds'])} on the clock, {duration(summary['cpu_seconds'])} of processor time"
        + (f", {rate:.0f} evaluations an hour." if rate else ".")
    ]
    seconds = np.array([t.outcome.cpu_seconds for t in standing.trials if t.outcome])
    if finished and seconds.any():
        lines.append(
            f"Processor time for one evaluation: median {figure(float(np.median(seconds)))} s, "
            f"longest {figure(float(seconds.max()))} s."
        )
    stages: Counter[str] = Counter()
    for trial in standing.trials:
        spent = trial.outcome.details.get("cpu_seconds") if trial.outcome else None
        if isinstance(spent, dict):
            stages.update({k: float(v) for k, v in spent.items() if isinstance(v, int | float)})
    if stages:
        total = sum(stages.values())
        rows = [[markdown(wording(k)), figure(v), f"{100 * v / total:.0f} %"] for k, v in stages.most_common() if total]
        lines.append("\n" + table(["stage of the evaluations", "processor time (s)", "share"], rows))
    return "## Time\n\n" + "\n".join(lines)


def _limits(standing: Standing, summary: Summary) -> str:
    sources = dict.fromkeys(
        f"{m.method} by {m.source}" for t in standing.answered if t.outcome for m in t.outcome.measurements
    )
    lines = [f"- Values are {markdown(source)}." for source in list(sources)[:10]]
    if any(name == HULL for name, _ in summary["columns"]):
        lines.append(
            "- Energies above the hull are against the phases of the table shipped with this package; "
            "if that lacks a phase, the true distance is larger. They say nothing of temperature or kinetics."
        )
    if any(hit["novelty"] != "not looked up" for hit in summary["hits"]):
        lines.append("- Whether a phase is new is answered from the same table, and is no search of the literature.")
    lines += limits_of_predictions(standing)
    lines.append("- A standard deviation beside a value is that of its fit or source; it holds no error of the method.")
    return "\n".join(["## Limits and sources", "", *lines])


def _reproduce(state: State, summary: Summary) -> str:
    spec = state.spec
    settings = [
        f"{key} {markdown(str(spec[key]), 60)}" for key in ("planner", "seed", "batch", "workers") if key in spec
    ]
    versions = [f"{markdown(name, 60)} {markdown(version, 60)}" for name, version in state.versions.items()]
    lines = [f"- settings: {', '.join(settings)}"] if settings else []
    lines += [f"- versions: {', '.join(versions)}"] if versions else []
    lines += [
        f"- state: entry {state.last} of the ledger"
        + (f", {state.last_time:%Y-%m-%d %H:%M} UTC" if state.last_time else ""),
        "- the same campaign file with the same seed and versions proposes the same candidates in the same order",
    ]
    return "\n".join(["## How to reproduce", "", f"The campaign {markdown(summary['name'])}:", "", *lines])
