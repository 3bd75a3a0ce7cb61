"""The noise that a gain is compared with: what results state, or what replicates of settings show."""

from __future__ import annotations

import pytest

from athanor.agent.planners.still_to_gain import still_to_gain
from athanor.memory.events import GainExpected
from athanor.memory.records import Budget, Candidate, Goal, Measurement, Objective, Outcome, Point, Provenance
from athanor.memory.state import State, Trial

GOAL = Goal(
    statement="",
    objectives=(Objective(property="y", direction="maximise", unit="MPa"),),
    budget=Budget(evaluations=50),
)


def told(values: list[tuple[float, float]], deviation: float | None = None, method: str = "measured") -> list[float]:
    """Noise of the event for settings and values."""
    trials = {}
    for number, (x, y) in enumerate(values, start=1):
        one = Measurement(property="y", value=y, deviation=deviation, unit="MPa", method=method, source="test")  # type: ignore[arg-type]
        candidate = Candidate(content=Point(values={"x": x}), provenance=Provenance(tool="test"))
        outcome = Outcome(measurements=(one,))
        trials[number] = Trial(number, 1, "lab", candidate, None, "", {}, "completed", outcome)
    events = still_to_gain(GOAL, State(trials=trials), 0.3)
    return [event.noise for event in events if isinstance(event, GainExpected)]


def test_stated_deviations_come_first_and_replicates_stand_in() -> None:
    twice = [(float(x), float(x) + d) for x in range(6) for d in (-1.0, 1.0)]
    assert told(twice, deviation=0.7) == [0.7]
    assert told(twice) == [pytest.approx(2**0.5)]


def test_too_few_repeats_or_simulations_say_nothing_of_noise() -> None:
    assert told([(float(x), 1.0) for x in range(12)]) == []
    assert told([(float(x), 1.0) for x in range(12)] + [(0.0, 2.0)]) == []
    assert told([(float(x), 1.0) for x in range(12)], deviation=0.5, method="simulated") == []
