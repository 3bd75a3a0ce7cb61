"""An oracle that gives a point's x back as its strength, at no cost."""

from __future__ import annotations

from athanor.memory.records import Candidate, Measurement, Outcome


def answer(candidate: Candidate) -> Outcome:
    x = candidate.content.values["x"]
    return Outcome(
        measurements=(
            Measurement(property="strength", value=x, unit="MPa", method="simulated", source="test"),
            Measurement(property="cost", value=1.0, unit="EUR", method="simulated", source="test"),
        )
    )
