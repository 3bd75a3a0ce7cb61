"""Answers about a campaign, from its state alone, with the numbers of the trials they rest on.

Knows the state read against its goal. Must not know chat models, terminals or ledgers; changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from ...memory.errors import UserError
from ...memory.foreign import clean, quoted
from ...memory.records import Crystal
from ..guidance import guidance, guidance_lines
from ..judge import ENOUGH, LEVEL, PATIENCE, capital, judge
from ..labels import better, counted, duration, figure, unit_of, wording
from ..llm.words import name_of, trial_line, trial_text
from ..planners.hypothesise import statement
from ..planners.reflect import number
from ..spending import prices_in
from ..standing import Standing, best_first, columns_of, measurement, standing_of

if TYPE_CHECKING:
    from ...memory.records import Hypothesis
    from ...memory.state import State, Trial

BEST, MOST = 5, 20
"""Trials that a standing and a list name at most."""
Kind = Literal["all", "hits", "completed", "failed", "pending"]


def standing_text(state: State) -> str:
    """What is wanted, what is spent, the best so far, what is claimed, and what is under way."""
    standing = standing_of(state)
    goal, finished = standing.goal, len(standing.completed) + len(standing.failed)
    end = f"{state.ended.reason}: {clean(state.ended.message, 200)}" if state.ended else "no end is recorded"
    hours = f" of {goal.budget.hours:g} h" if goal.budget.hours is not None else ""
    prices = prices_in(state.spec)
    cost = [f"They cost {prices.in_words(standing.trials, goal.budget.cost)}."] if prices else []
    lines = [
        f"Campaign {clean(str(state.spec.get('name', '')), 64)}: {quoted(goal.statement, 300)}",
        *_wishes(standing),
        f"Budget: {finished} of {goal.budget.evaluations} evaluations made, {len(standing.failed)} of them failed.",
        *cost,
        f"Time: {duration(state.spent)}{hours} on the clock. {end[0].upper()}{end[1:]}.",
        f"Hits (trials that keep all bounds): {len(standing.hits)}.",
        f"Trials that wait or are at work: {_numbers(state.pending)}.",
        *_best(state, standing),
        *_verdict_counts(state),
        *guidance_lines(state, state.batches + 1),
    ]
    return "\n".join(lines)


def trials_text(
    state: State, kind: Kind = "all", sort_by: str = "", elements: Sequence[str] = (), n: int = MOST
) -> str:
    """A bounded list of trials.

    Args:
        state: The campaign.
        kind: Which of them.
        sort_by: A property, the largest value first; empty for the latest first.
        elements: Only crystals that hold all of these.
        n: At most so many.

    Raises:
        UserError: No trial has a value of the property.
    """
    standing = standing_of(state)
    chosen = {
        "all": tuple(state.trials.values()),
        "hits": standing.hits,
        "completed": state.completed,
        "failed": state.failed,
        "pending": state.pending,
    }[kind]
    if elements:
        chosen = tuple(trial for trial in chosen if _holds(trial, elements))
    if sort_by:
        known = sorted({name for trial in state.completed for name in trial.values})
        if sort_by not in known:
            raise UserError(f"no trial has a value of {clean(sort_by, 40)!r}; there are: {', '.join(known) or 'none'}")
        chosen = tuple(sorted((t for t in chosen if sort_by in t.values), key=lambda t: -t.values[sort_by]))
    elif kind != "hits":
        chosen = tuple(reversed(chosen))
    order = f", {wording(sort_by)} from high to low" if sort_by else ", the best first" if kind == "hits" else ""
    head = f"{counted(len(chosen), 'trial')} of {len(state.trials)} ({kind}{order})"
    more = f", the first {n} of them" if len(chosen) > n else ""
    return "\n".join([f"{head}{more}:" if chosen else f"{head}.", *(f"  {_line(trial)}" for trial in chosen[:n])])


def trial_of(state: State, wanted: int) -> Trial:
    """The trial of a number.

    Raises:
        UserError: There is none.
    """
    if wanted not in state.trials:
        raise UserError(f"there is no trial #{wanted}; the last one is #{max(state.trials, default=0)}")
    return state.trials[wanted]


def look_text(state: State, wanted: int) -> str:
    """All that is known of a trial.

    Raises:
        UserError: There is none of that number.
    """
    trial = trial_of(state, wanted)
    about = f"status: {trial.status}; at {clean(trial.oracle, 60)}"
    taken = [_abandoned(trial)] if trial.abandoned else []
    return "\n".join([trial_text(trial), about, *taken])


def why_text(state: State, wanted: int) -> str:
    """Why a trial was proposed: reason, claim, expectation, origin, and what people had said by then.

    Raises:
        UserError: There is none of that number.
    """
    trial = trial_of(state, wanted)
    origin = trial.candidate.provenance
    lines = [
        f"#{wanted} {name_of(trial.candidate)} was proposed in batch {trial.batch}: {quoted(trial.reason, 400)}",
        f"It was made by {clean(origin.tool, 60)}" + (f": {quoted(origin.note, 200)}." if origin.note else "."),
    ]
    if trial.reused:
        lines.append(f"Its answer is taken over from {clean(trial.reused.campaign, 64)} #{trial.reused.trial}.")
    claim = state.hypotheses.get(trial.hypothesis or "")
    if claim:
        lines.append(f"It tests {claim.id}: {clean(claim.statement, 300)} {quoted(claim.rationale, 300)}")
    lines += _expectation(state, trial)
    lines += guidance_lines(state, trial.batch) if guidance(state, trial.batch).hints else ()
    if trial.abandoned:
        lines.append(_abandoned(trial))
    return "\n".join(lines)


def hypotheses_text(state: State) -> str:
    """All claims with their verdicts, statistics and evidence."""
    if not state.hypotheses:
        return "No hypothesis is stated yet."
    lines = []
    for name, claim in state.hypotheses.items():
        told = state.judgements.get(name)
        lines.append(f"{name} ({told.verdict if told else 'open'}): {clean(claim.statement, 300)}")
        lines.append(f"  because {quoted(claim.rationale, 300)}")
        if told:
            lines.append(f"  {clean(told.statistic, 300)}")
            lines.append(f"  passed: {_listed(told.passed)}; did not pass: {_listed(told.failed)}")
        if claim.evidence:
            lines.append(f"  suggested by {_listed(claim.evidence)}, which do not count")
    return "\n".join(lines)


def falsify_text(state: State, name: str) -> str:
    """What would refute a claim, by its typed prediction and the judge's own numbers.

    Raises:
        UserError: There is no such claim.
    """
    claim = state.hypotheses.get(name)
    if claim is None:
        raise UserError(
            f"there is no hypothesis {clean(name, 20)!r}; there are: {', '.join(state.hypotheses) or 'none'}"
        )
    told, bound = judge(claim, state), claim.prediction
    passed, failed = len(told.passed), len(told.failed)
    fails = "below" if bound.comparison == ">=" else "above"
    limit = f"{bound.value:g} {unit_of(bound.unit)}".rstrip()
    lines = [
        f"{name} claims: {_said(claim, state)}",
        f"A trial counts where it was proposed from #{claim.since} on and meets the conditions as proposed.",
        f"It speaks against the claim where its {wording(bound.property)} comes out {fails} {limit}.",
        f"So far {_listed(told.passed)} passed and {_listed(told.failed)} did not; the verdict is {told.verdict}.",
    ]
    if told.verdict == "open":
        against, towards, left = _more(failed, passed), _more(passed, failed), ENOUGH - passed - failed
        lines.append(
            f"{counted(against, 'more trial')} in a row that {'does' if against == 1 else 'do'} not pass would refute "
            f"it, {towards} in a row that pass would support it (betting on one side must turn 1 into {LEVEL:g})."
        )
        if against > left:
            lines.append("That is more than may still count, so that it can end supported or inconclusive only.")
        lines.append(
            f"It ends inconclusive once {ENOUGH} trials count ({passed + failed} do) or {PATIENCE} trials of any kind "
            "have come in since."
        )
        testing = [t.number for t in state.pending if t.hypothesis == name]
        lines.append(f"Under way to test it: {_listed(testing)}.")
    return "\n".join(lines)


def compare_text(state: State, first: int, second: int) -> str:
    """Two trials side by side, with the differences.

    Raises:
        UserError: There is none of a number.
    """
    one, other = trial_of(state, first), trial_of(state, second)
    lines = [_line(one), _line(other)]
    for name, unit in _all_columns(state, one, other):
        a, b = measurement(one, name), measurement(other, name)
        if a and b and a.unit == b.unit:
            words = f"{wording(name)}: #{first} {number(a.value, a.deviation, a.unit)} ({a.method}), "
            words += f"#{second} {number(b.value, b.deviation, b.unit)} ({b.method}), "
            lines.append(f"{words}difference of {figure(abs(a.value - b.value))} {unit_of(unit)}".rstrip())
    lines += [f"#{trial.number} was proposed because {quoted(trial.reason, 200)}" for trial in (one, other)]
    return "\n".join(lines)


def hints_text(state: State) -> str:
    """What people have told the campaign and not taken back."""
    lines = guidance_lines(state, state.batches + 1)
    return "\n".join(lines) or "Nobody has given a hint or taken a trial back."


def _wishes(standing: Standing) -> Iterator[str]:
    for objective in standing.goal.objectives:
        yield f"Wanted: {better(objective, objective.property in standing.predicted)}"
    for bound in standing.goal.constraints:
        limit = f"{bound.comparison} {figure(bound.value)} {unit_of(bound.unit)}".rstrip()
        yield f"Bound: {wording(bound.property)} {limit}"


def _best(state: State, standing: Standing) -> Iterator[str]:
    best = standing.front or standing.hits
    if best:
        yield f"Best hits, beaten by none in all objectives ({len(best)}):"
    elif state.completed:
        best = best_first(standing.goal, state.completed)
        yield "No trial keeps all bounds yet; the best in the first objective without them:"
    yield from (f"  {_line(trial)}" for trial in best[:BEST])


def _verdict_counts(state: State) -> Iterator[str]:
    if state.hypotheses:
        told = Counter(state.judgements[n].verdict if n in state.judgements else "open" for n in state.hypotheses)
        counts = ", ".join(f"{count} {verdict}" for verdict, count in told.most_common())
        yield f"Hypotheses: {counts} ({', '.join(state.hypotheses)})."


def _line(trial: Trial) -> str:
    told = trial_line(trial)
    return f"{told}, {trial.status}" if trial.outcome is None else told


def _expectation(state: State, trial: Trial) -> Iterator[str]:
    units = dict(columns_of(standing_of(state).goal))
    for name, (mean, deviation) in trial.predicted.items():
        came = measurement(trial, name)
        words = f"The surrogate expected {wording(name)} {number(mean, deviation, units.get(name, '1'))}"
        back = f"; it came back as {number(came.value, came.deviation, came.unit)} ({came.method})" if came else ""
        yield f"{words}{back}."
    if not trial.predicted:
        yield "No surrogate had said anything about it."


def _abandoned(trial: Trial) -> str:
    told = trial.abandoned
    if told is None:
        return ""
    return f"Taken back by {clean(told.author, 64)}" + (f": {quoted(told.reason, 300)}" if told.reason else ".")


def _said(claim: Hypothesis, state: State) -> str:
    is_crystal = state.spec.get("space", {}).get("kind") == "crystal"
    return statement(claim.prediction, is_crystal=is_crystal, units=state.spec.get("space", {}).get("variables") or {})


def _more(wins: int, losses: int) -> int:
    """How many wins in a row the gambler on one side still needs."""
    more = 0
    while capital(wins + more, losses) < LEVEL:
        more += 1
    return more


def _all_columns(state: State, *trials: Trial) -> list[tuple[str, str]]:
    wanted = columns_of(standing_of(state).goal)
    own = [(m.property, m.unit) for trial in trials if trial.outcome for m in trial.outcome.measurements]
    return list(dict.fromkeys([*wanted, *own]))


def _holds(trial: Trial, elements: Sequence[str]) -> bool:
    content = trial.candidate.content
    return isinstance(content, Crystal) and set(elements) <= set(content.species)


def _numbers(trials: Sequence[Trial]) -> str:
    return _listed([trial.number for trial in trials])


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(f"#{one}" for one in numbers[:40])
    return (shown or "none") + (f" and {len(numbers) - 40} more" if len(numbers) > 40 else "")
