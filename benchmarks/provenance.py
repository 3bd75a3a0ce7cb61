"""How many invented numbers of a chat model are blocked, and how many true ones wrongly, on labelled sentences.

usage: python benchmarks/provenance.py [--development [--show]]

The halves were drawn before anything was tuned; `--development` prints the half that may be looked at and writes
nothing. Without it both halves are measured and written.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from record import write_result

from athanor.agent.llm.known_values import Known
from athanor.agent.llm.provenance import check
from athanor.tools.evaluation.rates import wilson

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "loop"))
from provenance_cases import SEED, TOOL_RESULTS, Case, Half, cases, knowns_of

DRAWS = 200
HALVES: tuple[Half, ...] = ("development", "held out")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--development", action="store_true", help="measure this half alone, and write nothing")
    parser.add_argument("--show", action="store_true", help="print what is judged wrongly in the development half")
    asked = parser.parse_args()
    knowns = {scenario: knowns_of(scenario) for scenario in TOOL_RESULTS}
    figures: dict[str, Any] = {"seed of the halves": SEED}
    for half in HALVES[: 1 if asked.development else 2]:
        figures[half] = measure(cases(half), knowns, show=asked.show and half == "development")
        print(half, figures[half])
    if not asked.development:
        figures["chance"] = {f"{n} trials known": chance(n) for n in (10, 100, 1_000)}
        figures["speed"] = speed(knowns)
        print(write_result("provenance", figures))


def measure(some: tuple[Case, ...], knowns: dict[str, tuple[Known, ...]], *, show: bool) -> dict[str, Any]:
    """Shares blocked, in all and by kind, with their 95 % intervals."""
    blocked: dict[tuple[bool, str], list[bool]] = defaultdict(list)
    traps = []
    for case in some:
        found = {one.number.start: one for one in check(case.text, knowns[case.scenario]).unsourced}
        labelled: set[int] = set()
        for label in case.labels:
            # The sign of a number may stand before its label.
            hits = {start for start in found if label.start - 1 <= start < label.end}
            labelled |= hits
            blocked[label.is_invented, label.kind].append(bool(hits))
            if show and bool(hits) != label.is_invented:
                print("wrong:", label.kind, repr(case.text[label.start : label.end]), "in", case.text)
        others = set(found) - labelled
        traps.append(bool(others))
        if show and others:
            print("no value:", [case.text[start : start + 8] for start in others], "in", case.text)
    return {
        "sentences": len(some),
        "invented numbers blocked": _share([hit for (bad, _), hits in blocked.items() if bad for hit in hits]),
        "true numbers wrongly blocked": _share([hit for (bad, _), hits in blocked.items() if not bad for hit in hits]),
        "sentences with a number marked that is no property value": _share(traps),
        "invented, by kind": {kind: _share(hits) for (bad, kind), hits in sorted(blocked.items()) if bad},
        "true, by kind": {kind: _share(hits) for (bad, kind), hits in sorted(blocked.items()) if not bad},
    }


def chance(n: int) -> dict[str, Any]:
    """How often a number drawn at random is blocked, where `n` trials with such numbers are known.

    Bulk moduli are drawn evenly from 100 to 400 GPa, distances from the hull from 0 to 0.2 eV/atom.
    """
    draw = random.Random(n)
    known = [
        known
        for k in range(1, n + 1)
        for known in (
            Known(draw.uniform(100, 400), "GPa", "bulk_modulus", f"trial {k}, simulated"),
            Known(draw.uniform(0, 0.2), "eV/atom", "energy_above_hull", f"trial {k}, simulated"),
        )
    ]
    claims = {
        "of a named trial, 4 digits": lambda: f"#{draw.randint(1, n)} reached {draw.uniform(100, 400):.1f} GPa.",
        "of a named trial, 3 digits": lambda: f"#{draw.randint(1, n)} reached {draw.uniform(100, 400):.0f} GPa.",
        "of a named trial, 2 decimals": lambda: f"#{draw.randint(1, n)} lies {draw.uniform(0, 0.2):.2f} eV/atom high.",
        "of no trial, 4 digits": lambda: f"It reached {draw.uniform(100, 400):.1f} GPa.",
        "of no trial, 3 digits": lambda: f"It reached {draw.uniform(100, 400):.0f} GPa.",
        "of two named trials, a difference": lambda: (
            f"#{draw.randint(1, n)} is {draw.uniform(1, 99):.0f} GPa stiffer than #{draw.randint(1, n)}."
        ),
    }
    return {
        name: _share([bool(check(claim(), known).unsourced) for _ in range(DRAWS)]) for name, claim in claims.items()
    }


def speed(knowns: dict[str, tuple[Known, ...]]) -> dict[str, Any]:
    """Processor time for 10 kB of text with 1,000 known values, the best of five."""
    text = "\n".join(case.text for case in cases("development"))
    text = (text * (10_000 // len(text) + 1))[:10_000]
    every = [known for some in knowns.values() for known in some]
    many = [
        Known(known.value * (1 + k / 977), *_rest(known)) for k in range(1_000 // len(every) + 1) for known in every
    ]
    taken = []
    for _ in range(5):
        start = time.process_time()
        check(text, many[:1_000])
        taken.append(time.process_time() - start)
    return {"characters": len(text), "known values": 1_000, "CPU seconds": round(min(taken), 4)}


def _rest(known: Known) -> tuple[Any, ...]:
    return known.unit, known.property, known.source, known.names, known.method


def _share(hits: list[bool]) -> dict[str, Any]:
    lower, upper = wilson(sum(hits), len(hits))
    return {
        "count": sum(hits),
        "of": len(hits),
        "share": round(sum(hits) / len(hits), 4),
        "95 %": [round(lower, 4), round(upper, 4)],
    }


if __name__ == "__main__":
    main()
