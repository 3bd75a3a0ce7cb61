"""Laws of the fold: it may stop anywhere, and the order in which a batch's results come in does not matter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from athanor.memory.events import (
    CampaignOpened,
    Entry,
    Event,
    HypothesisJudged,
    HypothesisStated,
    Reflected,
    RunEnded,
    RunStarted,
    TrialFinished,
    TrialProposed,
    TrialStaged,
)
from athanor.memory.records import (
    Candidate,
    Failure,
    Hypothesis,
    Judgement,
    Measurement,
    Outcome,
    Point,
    Prediction,
    Provenance,
)
from athanor.memory.state import State, fold

START = datetime(2026, 1, 1, tzinfo=UTC)
PREDICTION = Prediction(conditions=(), property="strength", comparison=">=", value=1.0, unit="MPa")


def outcome(value: float | None) -> Outcome:
    if value is None:
        return Outcome(failure=Failure(kind="unconverged", message="150 steps"))
    return Outcome(
        measurements=(Measurement(property="strength", value=value, unit="MPa", method="simulated", source="x"),)
    )


def proposed(trial: int, batch: int) -> TrialProposed:
    candidate = Candidate(content=Point(values={"x": float(trial)}), provenance=Provenance(tool="test"))
    return TrialProposed(trial=trial, batch=batch, oracle="table", candidate=candidate, reason=f"trial {trial}")


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """What a campaign may write: runs that end or are killed, batches whose last may be unfinished."""
    events: list[Event] = [CampaignOpened(spec={"name": "stiff"}, versions={"python": "3.11"})]
    events.append(RunStarted(holder="ada"))
    trial = 0
    sizes = draw(st.lists(st.integers(1, 4), max_size=4))
    for batch, size in enumerate(sizes, start=1):
        hypothesis = Hypothesis(id=f"h{batch}", statement="", rationale="", prediction=PREDICTION)
        events.append(HypothesisStated(hypothesis=hypothesis))
        trials = range(trial + 1, trial + size + 1)
        trial += size
        events += [proposed(number, batch) for number in trials]
        events += [TrialStaged(trial=number) for number in trials]
        if draw(st.booleans()):
            if draw(st.booleans()):
                events.append(RunEnded(reason="interrupted", message="Ctrl-C"))
            events.append(RunStarted(holder="bob"))
            events += [TrialStaged(trial=number) for number in trials]
        finished = draw(st.permutations(trials))
        if batch == len(sizes):
            finished = finished[: draw(st.integers(0, size))]
        events += [
            TrialFinished(trial=number, outcome=outcome(draw(st.none() | st.floats(-9, 9)))) for number in finished
        ]
        if len(finished) == size:
            judgement = Judgement(hypothesis=f"h{batch}", verdict="open", statistic="", passed=tuple(trials))
            events += [HypothesisJudged(judgement=judgement), Reflected(batch=batch, text=f"batch {batch}")]
    return events


def entries(events: Sequence[Event], seconds: Sequence[float] = ()) -> list[Entry]:
    gaps = [*seconds, *([1.0] * len(events))][: len(events)]
    return [
        Entry(campaign="stiff", number=number, time=START + timedelta(seconds=sum(gaps[:number])), event=event)
        for number, event in enumerate(events, start=1)
    ]


def finished_times(state: State) -> dict[int, datetime | None]:
    return {number: trial.finished_at for number, trial in state.trials.items()}


@given(histories(), st.lists(st.floats(-100, 1000)), st.data())
def test_two_steps_are_as_one(events: list[Event], seconds: list[float], data: st.DataObject) -> None:
    everything = entries(events, seconds)
    cut = data.draw(st.integers(0, len(everything)))
    whole, first = fold(everything), fold(everything[:cut])
    assert fold(everything[cut:], first) == whole
    assert finished_times(fold(everything[cut:], first)) == finished_times(whole)
    assert first == fold(everything[:cut]), "folding on leaves the earlier state as it was"


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_a_batchs_results_does_not_matter(events: list[Event], random: Random) -> None:
    batch_of = {event.trial: event.batch for event in events if isinstance(event, TrialProposed)}
    shuffled = list(events)
    for batch in set(batch_of.values()):
        places = [
            place
            for place, event in enumerate(events)
            if isinstance(event, TrialFinished) and batch_of[event.trial] == batch
        ]
        for place, source in zip(places, random.sample(places, len(places)), strict=True):
            shuffled[place] = events[source]
    one, other = fold(entries(events)), fold(entries(shuffled))
    assert one == other
    assert list(one.trials) == list(other.trials) == sorted(one.trials)
    assert [t.number for t in one.completed] == [t.number for t in other.completed]


@given(histories(), st.integers(1, 5))
def test_before_a_batch_its_results_and_later_ones_are_hidden(events: list[Event], batch: int) -> None:
    state = fold(entries(events))
    seen = state.before(batch)
    assert [t.number for t in seen.trials.values()] == list(state.trials)
    for trial in seen.trials.values():
        if trial.batch < batch:
            assert trial == state.trials[trial.number]
        else:
            assert (trial.outcome, trial.values, trial.finished_at, trial.is_finished) == (None, {}, None, False)
            assert trial in seen.pending
    assert all(trial.batch < batch for trial in (*seen.completed, *seen.failed))


@given(histories(), st.integers(1, 5), st.data())
def test_what_is_seen_before_a_batch_does_not_depend_on_what_came_in(
    events: list[Event], batch: int, data: st.DataObject
) -> None:
    batch_of = {event.trial: event.batch for event in events if isinstance(event, TrialProposed)}
    fewer = [
        event
        for event in events
        if not (isinstance(event, TrialFinished) and batch_of[event.trial] >= batch and data.draw(st.booleans()))
    ]
    assert fold(entries(fewer)).before(batch).trials == fold(entries(events)).before(batch).trials


@given(histories())
def test_every_trial_is_in_one_place(events: list[Event]) -> None:
    state = fold(entries(events))
    placed = sorted(t.number for t in (*state.completed, *state.failed, *state.pending))
    assert placed == list(state.trials) == list(range(1, len(state.trials) + 1))


def test_time_counts_within_runs_only() -> None:
    history = [
        RunStarted(holder="ada"),  # 0 s
        proposed(1, 1),  # 10 s
        RunEnded(reason="interrupted", message=""),  # 12 s
        RunStarted(holder="ada"),  # 1012 s
        TrialStaged(trial=1),  # 1015 s, then killed
        RunStarted(holder="ada"),  # 5015 s
        TrialFinished(trial=1, outcome=outcome(1.0)),  # 5016 s
    ]
    state = fold(entries(history, [0, 10, 2, 1000, 3, 4000, 1]))
    assert state.spent == 12 + 3 + 1
    assert state.ended is None
