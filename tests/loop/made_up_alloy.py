"""A made-up alloy: what a laboratory would measure of a setting, as an oracle and as a campaign file."""

from __future__ import annotations

from typing import Any

from athanor.memory.records import Candidate, Failure, Measurement, Outcome, Point

UNITS = {"hardness": "HV", "cost": "EUR/kg"}
SPACE: dict[str, Any] = {
    "kind": "parameters",
    "variables": [
        {"kind": "composition", "name": "alloy", "unit": "%", "parts": ["Fe", "Cr", "Ni"], "total": 100},
        {"kind": "continuous", "name": "anneal", "unit": "K", "low": 700, "high": 1400},
        {"kind": "categorical", "name": "quench", "unit": "1", "labels": ["oil", "water", "air"]},
        {
            "kind": "ordinal",
            "name": "age",
            "unit": "h",
            "values": [1, 2, 4, 8],
            "when": {"variable": "quench", "is": ["oil", "water"]},
        },
    ],
    "constraints": [{"terms": {"Cr": 1, "Ni": 1}, "comparison": "<=", "bound": 70}],
}


def content(name: str = "alloy", **changes: Any) -> dict[str, Any]:
    """A campaign file that people answer."""
    return {
        "name": name,
        "goal": {
            "statement": "a hard and cheap steel",
            "objectives": [{"property": "hardness", "direction": "maximise", "unit": "HV"}],
            "constraints": [{"property": "cost", "comparison": "<=", "value": 50, "unit": "EUR/kg"}],
            "budget": {"evaluations": 8},
        },
        "space": SPACE,
        "oracle": {"kind": "manual", "properties": UNITS},
        "batch": 2,
        "memory": False,
    } | changes


def measured(point: Point) -> dict[str, float]:
    """Hardness in HV and cost in EUR/kg."""
    v = point.values
    chromium, nickel, anneal = float(v["Cr"]), float(v["Ni"]), float(v["anneal"])
    gain = {"oil": 0.0, "water": 20.0, "air": -10.0}[str(v["quench"])] + 2 * float(v.get("age", 0.0))
    hardness = 300 - 0.2 * (chromium - 22) ** 2 - 0.09 * (nickel - 30) ** 2 - ((anneal - 1100) / 20) ** 2 + gain
    return {"hardness": hardness, "cost": nickel + 0.4 * chromium + 0.01 * anneal}


def answer(candidate: Candidate) -> Outcome:
    """What the oracle says: too little iron cracks."""
    if not isinstance(candidate.content, Point):
        raise TypeError("points are measured")
    if float(candidate.content.values["Fe"]) < 40:
        return Outcome(failure=Failure(kind="infeasible", message="it cracked"))
    found = measured(candidate.content)
    return Outcome(
        measurements=tuple(
            Measurement(property=name, value=value, unit=UNITS[name], method="measured", source="made up")
            for name, value in found.items()
        )
    )
