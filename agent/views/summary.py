"""What a campaign has come to, in short: as a JSON-able dictionary, and as tables for a terminal.

Knows the state and Rich. Must not know ledgers, plots or files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from ...memory.foreign import clean
from ...memory.records import Goal, Measurement, Point, Verdict
from ...memory.state import State, Trial
from ...tools.acquisition.override import overrides_of
from ..labels import better, counted, crystal_of, duration, label_of, space_group_of, spread, unit_of, wording
from ..spending import prices_in
from ..standing import Standing, standing_of
from .generators import Part, parts_of

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_ROWS = 10

NOVELTY = {
    "known": "known",
    "new": "new, as far as the shipped table knows",
    "not looked up": "not looked up",
}


class Value(TypedDict):
    """A measurement, with where it comes from."""

    property: str
    value: float
    deviation: float | None
    unit: str
    method: str
    source: str


class Found(TypedDict):
    """A trial with its values.

    `novelty` is a key of `NOVELTY`, and speaks of the shipped table alone; `reused_from` names the campaign and the
    trial that the values were taken over from, and is empty where this campaign has paid for them. `setting` has the
    variables' values where it is no crystal.
    """

    trial: int
    id: str
    formula: str
    setting: dict[str, float | str]
    space_group: str
    known_as: str
    novelty: str
    values: list[Value]
    generator: str
    hypothesis: str | None
    in_pareto_set: bool
    reused_from: str


class Claim(TypedDict):
    """A hypothesis with its verdict."""

    id: str
    statement: str
    verdict: Verdict
    statistic: str
    passed: list[int]
    failed: list[int]


class Confirmed(TypedDict):
    """A hit and what a second oracle says of it; `values` is empty where that failed, for the reason in `failure`."""

    trial: int
    of: int | None
    formula: str
    values: list[Value]
    failure: str


class Left(TypedDict):
    """What leaving the acquisition's ranking was worth.

    `trials` were picked against it, `scored` of them can be compared with what they displaced, and `mean` is the
    chance that this would have been better, a half for no difference, with its 95 % interval; None where none is.
    """

    trials: int
    scored: int
    mean: float | None
    interval: tuple[float, float] | None


class Summary(TypedDict):
    """A campaign in short.

    Times are in seconds, `columns` are the properties that the goal names with their units, `predicted` names those
    of them whose values are predicted, not simulated or measured, `variables` are those of a space of settings with
    their units, and `cost` is what its evaluations cost so far, and of how much, in words; empty where the space states
    no costs. Not among the completed or failed, since they cost no budget, are the answers that `reused` counts,
    taken over from other campaigns, and those that `told` counts, of trials that people have made on their own.
    `recalled` counts the `passages` and `materials` that memory has given, each once, and `memory_lost` says why it
    could not be used.
    `generators` has a row for each generator, where there are several; `ranking_left` says how the chat model fared
    where it left the acquisition's ranking.
    """

    name: str
    statement: str
    objectives: list[str]
    columns: list[tuple[str, str]]
    variables: list[tuple[str, str]]
    predicted: list[str]
    oracle: str
    reason: str
    message: str
    budget: int
    cost: str
    proposed: int
    completed: int
    failed: int
    pending: int
    reused: dict[str, int]
    told: int
    recalled: dict[str, int]
    memory_lost: list[str]
    failures: dict[str, int]
    hits: list[Found]
    pareto: list[Found]
    confirmed: list[Confirmed]
    hypotheses: list[Claim]
    generators: list[Part]
    ranking_left: Left
    wall_seconds: float
    cpu_seconds: float
    evaluations_per_hour: float | None


def summarise(state: State) -> Summary:
    """Sum a campaign up; works at every stage, also after a kill.

    Raises:
        UserError: The campaign has never been opened.
    """
    standing = standing_of(state)
    front = {t.number for t in standing.front}
    finished = len(standing.completed) + len(standing.failed)
    hits = [found(t, t.number in front) for t in standing.hits]
    kinds = Counter(t.outcome.failure.kind for t in standing.failed if t.outcome and t.outcome.failure)
    return Summary(
        name=clean(str(state.spec.get("name", "")), 64),
        statement=clean(standing.goal.statement, 400),
        objectives=[better(o, o.property in standing.predicted) for o in standing.goal.objectives],
        columns=list(standing.columns),
        variables=variables_of(state.spec),
        predicted=sorted(standing.predicted),
        oracle=standing.oracle,
        reason=state.ended.reason if state.ended else "running" if state.has_run else "open",
        message=clean(state.ended.message, 400) if state.ended else _UNFINISHED if state.has_run else _OPEN,
        budget=standing.goal.budget.evaluations,
        cost=_cost(standing, state.spec),
        proposed=len(standing.trials),
        completed=len(standing.completed),
        failed=len(standing.failed),
        pending=len(standing.trials) - finished,
        reused=dict(Counter(t.reused.campaign for t in standing.reused if t.reused).most_common()),
        told=sum(t.reused is None for t in standing.reused),
        recalled=_recalled(state),
        memory_lost=[clean(message, 400) for message in state.lost],
        failures=dict(kinds.most_common()),
        hits=hits,
        pareto=[hit for hit in hits if hit["in_pareto_set"]],
        confirmed=[_confirmed(t, standing) for t in standing.confirming],
        hypotheses=[_claim(state, name) for name in state.hypotheses],
        generators=parts_of(state),
        ranking_left=_left(standing.goal, state),
        wall_seconds=state.spent,
        cpu_seconds=sum(t.outcome.cpu_seconds for t in state.trials.values() if t.outcome),
        evaluations_per_hour=3600 * finished / state.spent if state.spent > 0 else None,
    )


_OPEN = "people evaluate, and tell what came of it"
_UNFINISHED = "no end is recorded: it is still running, or was killed and can be resumed"


def variables_of(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The variables of a space of settings with their units, as the ledger has them; none of crystals."""
    space = spec.get("space") or {}
    if space.get("kind") == "pool":
        return list(space["variables"].items())
    listed = space.get("variables", []) if space.get("kind") == "parameters" else []
    return [(name, one["unit"]) for one in listed for name in one.get("parts") or [one["name"]]]


def _cost(standing: Standing, spec: Mapping[str, Any]) -> str:
    prices = prices_in(spec)
    return prices.in_words(standing.trials, standing.goal.budget.cost) if prices else ""


def found(trial: Trial, in_pareto_set: bool) -> Found:
    """A completed trial with its names and values."""
    crystal = crystal_of(trial.candidate, trial.outcome)
    details = trial.outcome.details if trial.outcome else {}
    known_as = details.get("known_as")
    novelty = "not looked up" if "known_as" not in details else "known" if known_as else "new"
    return Found(
        trial=trial.number,
        id=trial.candidate.id,
        formula=label_of(trial.candidate),
        setting=dict(content.values) if isinstance(content := trial.candidate.content, Point) else {},
        space_group=space_group_of(crystal) if crystal else "",
        known_as=clean(str(known_as), 60) if known_as else "",
        novelty=novelty,
        values=_values(trial),
        generator=clean(trial.candidate.provenance.tool, 60),
        hypothesis=trial.hypothesis,
        in_pareto_set=in_pareto_set,
        reused_from=f"{clean(trial.reused.campaign, 64)} #{trial.reused.trial}" if trial.reused else "",
    )


def _values(trial: Trial) -> list[Value]:
    return values_of(trial.outcome.measurements if trial.outcome else ())


def values_of(measurements: Iterable[Measurement]) -> list[Value]:
    """Measurements as a dictionary each."""
    return [
        Value(
            property=m.property,
            value=m.value,
            deviation=m.deviation,
            unit=m.unit,
            method=m.method,
            source=clean(m.source, 200),
        )
        for m in measurements
    ]


def values_in_words(values: Sequence[Value]) -> str:
    """Values with unit, method and source: `density 3.200 g/cm3, bulk modulus 201 ± 3 GPa (simulated by 7net-0)`."""
    ways: dict[str, list[str]] = {}
    for v in values:
        text = f"{wording(v['property'])} {spread(v['value'], v['deviation'])} {unit_of(v['unit'])}".rstrip()
        ways.setdefault(f"{v['method']} by {v['source']}", []).append(text)
    return "; ".join(f"{', '.join(texts)} ({way})" for way, texts in ways.items())


def _left(goal: Goal, state: State) -> Left:
    found = overrides_of(goal, state)
    return Left(trials=found.trials, scored=len(found.scored), mean=found.mean, interval=found.interval)


def _recalled(state: State) -> dict[str, int]:
    given = state.recalled.values()
    passages = {passage.document.id for recalled in given for passage in recalled.passages}
    return {"passages": len(passages), "materials": len({m.origin for recalled in given for m in recalled.materials})}


def _confirmed(trial: Trial, standing: Standing) -> Confirmed:
    """A confirming trial looks at the same candidate as the hit, or at one made from it."""
    chain = {trial.candidate.id, *trial.candidate.provenance.parents}
    first = next((t.number for t in standing.hits if t.candidate.id in chain), None)
    failure = trial.outcome.failure if trial.outcome else None
    reason = f"{failure.kind}: {clean(failure.message, 200)}" if failure else ""
    return Confirmed(
        trial=trial.number,
        of=first,
        formula=label_of(trial.candidate),
        values=_values(trial),
        failure=reason if trial.outcome else "no answer yet",
    )


def _claim(state: State, name: str) -> Claim:
    judgement = state.judgements.get(name)
    return Claim(
        id=name,
        statement=clean(state.hypotheses[name].statement, 400),
        verdict=judgement.verdict if judgement else "open",
        statistic=clean(judgement.statistic, 300) if judgement else "not judged yet",
        passed=list(judgement.passed) if judgement else [],
        failed=list(judgement.failed) if judgement else [],
    )


def sentences(summary: Summary) -> tuple[str, str, str]:
    """The result in three sentences: what was done, what was found, what was learned."""
    done = (
        f"{summary['completed'] + summary['failed']} of {summary['budget']} evaluations were made in "
        f"{duration(summary['wall_seconds'])}, {summary['failed']} of them failed; "
        f"reason for the end: {summary['reason']} ({summary['message']})."
        if summary["reason"] not in ("running", "open")
        else f"{summary['completed'] + summary['failed']} of {summary['budget']} evaluations are made so far, "
        f"{summary['failed']} of them failed ({summary['message']})."
    )
    if summary["cost"]:
        done += f" They cost {summary['cost']}."
    if summary["reused"]:
        count = sum(summary["reused"].values())
        names = ", ".join(f"{clean(name, 64)} ({number})" for name, number in summary["reused"].items())
        done += f" {counted(count, 'answer')} of earlier campaigns {'was' if count == 1 else 'were'} reused: {names}."
    if summary["told"]:
        done += f" {counted(summary['told'], 'result')} that people told of their own cost no budget."
    return done, _what_was_found(summary), _what_was_learned(summary)


def _what_was_found(summary: Summary) -> str:
    hits = summary["hits"]
    if not hits:
        return "No trial keeps all constraints."
    new = sum(hit["novelty"] == "new" for hit in hits)
    looked_up = sum(hit["novelty"] != "not looked up" for hit in hits)
    novelty = f", {new} of them new as far as the shipped table of known phases knows" if looked_up else ""
    best = summary["pareto"][0]
    name = f"{best['formula']} {best['space_group']}".strip()
    values = ", ".join(
        f"{wording(v['property'])} {spread(v['value'], v['deviation'])} {unit_of(v['unit'])}".rstrip()
        + f" ({v['method']})"
        for name, _unit in summary["columns"]
        for v in best["values"]
        if v["property"] == name
    )
    unbeaten = f"{len(summary['pareto'])} of them {'is' if len(summary['pareto']) == 1 else 'are'}"
    keep = "trial keeps" if len(hits) == 1 else "trials keep"
    return (
        f"{len(hits)} {keep} all constraints{novelty}; {unbeaten} beaten by none in all objectives, "
        f"the first is {name} with {values}."
    )


def _what_was_learned(summary: Summary) -> str:
    claims = Counter(claim["verdict"] for claim in summary["hypotheses"])
    if not claims:
        return "No hypothesis was stated."
    verdicts = ", ".join(f"{number} {verdict}" for verdict, number in claims.most_common())
    return f"Of {counted(len(summary['hypotheses']), 'hypothesis', 'hypotheses')}: {verdicts}."


def render(summary: Summary, console: Console) -> None:
    """Write a summary as tables; they fit 100 columns, and less where the terminal is narrower."""
    from rich.rule import Rule
    from rich.text import Text

    from .generators import parts_table
    from .tables import origins, plain_table, results_table, verdict_text

    width = min(100, console.width)

    def say(*parts: RenderableType) -> None:
        console.print(*parts, width=width, highlight=False, markup=False)

    say(Rule(Text(f"Campaign {summary['name']}", style="bold"), align="left"))
    say(Text(summary["statement"]))
    for sentence in sentences(summary):
        say(Text(f"• {sentence}"))
    best = summary["pareto"] or summary["hits"]
    if best:
        say(Text(f"\nThe best hits ({len(best)}, beaten by none in all objectives)", style="bold"))
        say(results_table(best[:_ROWS], summary["columns"], width, with_novelty=not best[0]["setting"]))
        for one in best[:_ROWS]:
            if one["setting"]:
                values = (f"{n} {v if isinstance(v, str) else f'{v:g}'}" for n, v in one["setting"].items())
                say(Text(clean(f"{one['trial']}: {', '.join(values)}", 400)))
        if len(best) > _ROWS:
            say(Text(f"and {len(best) - _ROWS} more", style="dim"))
        say(Text("\n".join(origins(best, summary["columns"])), style="dim"))
    if summary["hypotheses"]:
        table = plain_table()
        for head in ("", "hypothesis", "verdict", "statistic"):
            table.add_column(head, overflow="fold")
        for claim in summary["hypotheses"][-_ROWS:]:
            table.add_row(
                claim["id"], Text(claim["statement"]), verdict_text(claim["verdict"]), Text(claim["statistic"])
            )
        say(Text("\nHypotheses", style="bold"), "\n", table)
    if summary["generators"]:
        say(Text("\nGenerators", style="bold"), "\n", parts_table(summary["generators"]))
    if summary["failures"]:
        kinds = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in summary["failures"].items())
        say(Text(f"\nFailures: {kinds}"))
    if summary["memory_lost"]:
        say(Text(f"\nMemory could not be used: {'; '.join(summary['memory_lost'])}", style="yellow"))
    rate = summary["evaluations_per_hour"]
    times = f"{duration(summary['wall_seconds'])} on the clock, {duration(summary['cpu_seconds'])} of processor time"
    say(Text(f"\n{times}" + (f", {rate:.0f} evaluations an hour" if rate else ""), style="dim"))
