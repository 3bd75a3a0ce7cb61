"""Shares of generators follow what came of their candidates, and from nothing else."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest

from athanor.memory.records import (
    Budget,
    Candidate,
    Constraint,
    Failure,
    Goal,
    Measurement,
    Objective,
    Origin,
    Outcome,
    Point,
    Provenance,
)
from athanor.memory.state import Trial
from athanor.tools.generators.bandit import FLOOR, Tally, shares, tallies
from athanor.tools.generators.generate import Wish, generate
from athanor.tools.space import PoolSpace

NAMES = ("substitute", "decorate", "vae")
GOAL = Goal(
    statement="strong and light",
    objectives=(
        Objective(property="strength", direction="maximise", unit="MPa"),
        Objective(property="mass", direction="minimise", unit="g"),
    ),
    constraints=(Constraint(property="cost", comparison="<=", value=1.0, unit="EUR"),),
    budget=Budget(evaluations=100),
)


def trial(
    number: int, tool: str, strength: float | None = 1.0, mass: float = 1.0, cost: float = 0.0, batch: int = 1
) -> Trial:
    """A trial of a generator's candidate; one without strength has failed."""
    candidate = Candidate(content=Point(values={"x": float(number)}), provenance=Provenance(tool=tool))
    if strength is None:
        outcome = Outcome(failure=Failure(kind="unconverged", message="made to fail"))
    else:
        values = {"strength": (strength, "MPa"), "mass": (mass, "g"), "cost": (cost, "EUR")}
        outcome = Outcome(
            measurements=tuple(
                Measurement(property=name, value=value, unit=unit, method="measured", source="test")
                for name, (value, unit) in values.items()
            )
        )
    status = "failed" if strength is None else "completed"
    reused = None if batch else Origin(campaign="earlier", trial=number)
    return Trial(number, batch, "table", candidate, None, "", {}, status, outcome, reused=reused)


def test_hits_and_improvements_are_counted_in_order_of_proposal() -> None:
    trials = [
        trial(1, "generate/vae", 5.0, 5.0),  # the first hit beats all there is
        trial(2, "generate/substitute", 4.0, 6.0),  # a hit, but 1 is better in both
        trial(3, "generate/vae", 4.0, 4.0),  # lighter than 1
        trial(4, "generate/substitute", 9.0, 1.0, cost=2.0),  # breaks the bound
        trial(5, "generate/substitute", None),
        trial(6, "generate/decorate", 5.0, 5.0),  # as good as 1, no better
        trial(7, "confirm", 99.0, 0.0),
        trial(8, "generate/vae", 6.0, 1.0),  # beaten by what 7 was confirmed to be
    ]
    expected = {"substitute": Tally(3, 1, 0), "decorate": Tally(1, 1, 0), "vae": Tally(3, 3, 2)}
    assert tallies(GOAL, trials, NAMES) == expected
    assert tallies(GOAL, trials[::-1], NAMES) == expected


def test_what_other_campaigns_evaluated_must_be_beaten_but_counts_for_no_generator() -> None:
    trials = [trial(1, "generate/vae", 9.0, 1.0, batch=0), trial(2, "generate/vae", 5.0, 5.0)]
    assert tallies(GOAL, trials, NAMES)["vae"] == Tally(1, 1, 0)


def test_pending_trials_do_not_count() -> None:
    pending = Trial(2, 1, "table", trial(2, "generate/vae").candidate, None, "", {})
    assert tallies(GOAL, [trial(1, "generate/vae"), pending], NAMES)["vae"].evaluated == 1


def test_without_evidence_all_have_the_same_share() -> None:
    assert shares(dict.fromkeys(NAMES, Tally())) == pytest.approx(dict.fromkeys(NAMES, 1 / 3))
    assert shares({"pool": Tally()}) == {"pool": 1.0}


def test_no_yield_leads_to_the_floor_and_a_high_one_to_the_most() -> None:
    given = shares({"substitute": Tally(20, 8, 2), "decorate": Tally(20, 0, 0), "vae": Tally(20, 18, 8)})
    assert sum(given.values()) == pytest.approx(1.0)
    assert FLOOR <= given["decorate"] < FLOOR + 0.01
    assert given["vae"] > 0.75
    assert FLOOR < given["substitute"] < given["vae"]


def test_improvements_count_more_than_other_hits() -> None:
    given = shares({"substitute": Tally(20, 10, 0), "vae": Tally(20, 10, 10)})
    assert given["vae"] > 0.8


def test_shares_are_those_of_thompson_sampling() -> None:
    known = {"substitute": Tally(9, 4, 1), "decorate": Tally(5, 1, 0), "vae": Tally(3, 2, 2)}
    rng = np.random.default_rng(0)
    drawn = np.array([rng.beta(1 + t.earned, 1 + t.evaluated - t.earned, size=200_000) for t in known.values()])
    best = np.bincount(drawn.argmax(axis=0), minlength=3) / drawn.shape[1]
    assert list(shares(known).values()) == pytest.approx(FLOOR + (1 - 3 * FLOOR) * best, abs=0.004)


def test_ten_thousand_evaluations_leave_shares_that_sum_to_one() -> None:
    given = shares({"substitute": Tally(10_000, 5_000, 100), "vae": Tally(10_000, 5_400, 100)})
    assert given["vae"] == pytest.approx(0.9, abs=0.001)
    assert sum(given.values()) == pytest.approx(1.0)


class Numbers:
    """A source of points, endless or with an end."""

    def __init__(self, name: str, first: int, last: int) -> None:
        self.name, self._range = name, range(first, last)

    def generate(self, wish: Wish) -> Iterator[Candidate]:
        for number in self._range:
            yield Candidate(content=Point(values={"x": float(number)}), provenance=Provenance(tool=self.name))


@pytest.fixture
def space(tmp_path) -> PoolSpace:
    (tmp_path / "pool.csv").write_text("x\n1\n")
    return PoolSpace(file=tmp_path / "pool.csv", variables={"x": "1"})


def sources(last: int = 10_000) -> Sequence[Numbers]:
    return [Numbers(name, 10_000 * k, 10_000 * k + last) for k, name in enumerate(NAMES)]


def test_generate_draws_the_next_source_by_its_share(space: PoolSpace) -> None:
    wished = {"substitute": 0.1, "decorate": 0.2, "vae": 0.7}
    result = generate(Wish(1000, 4, shares=wished), sources(), space)
    for name, share in wished.items():
        assert result.kept[name] == pytest.approx(1000 * share, abs=50)
    again = generate(Wish(1000, 4, shares=wished), sources(), space)
    assert [c.id for c in again.candidates] == [c.id for c in result.candidates]
    shorter = generate(Wish(100, 4, shares=wished), sources(), space)
    assert [c.id for c in shorter.candidates] == [c.id for c in result.candidates][:100]


def test_without_shares_sources_are_taken_in_turn(space: PoolSpace) -> None:
    assert generate(Wish(30, 4), sources(), space).kept == dict.fromkeys(NAMES, 10)


def test_when_the_best_source_is_exhausted_the_others_go_on(space: PoolSpace) -> None:
    wished = {"substitute": 0.1, "decorate": 0.1, "vae": 0.8}
    result = generate(Wish(1000, 4, shares=wished), [*sources()[:2], Numbers("vae", 50_000, 50_020)], space)
    assert result.kept["vae"] == 20
    assert len(result.candidates) == 1000
    assert len(generate(Wish(1000, 4, shares=wished), sources(5), space).candidates) == 15


def test_a_simulated_campaign_finds_the_generator_with_the_best_yield() -> None:
    """Each batch of eight is drawn by the shares; one generator gives no hits, one few, one many."""
    yields: Mapping[str, float] = {"substitute": 0.3, "decorate": 0.0, "vae": 0.8}
    dice = random.Random(0)
    trials: list[Trial] = []
    for batch in range(1, 16):
        given = shares(tallies(GOAL, trials, NAMES))
        for name in dice.choices(NAMES, [given[name] for name in NAMES], k=8):
            cost = 0.0 if dice.random() < yields[name] else 2.0
            number = len(trials) + 1
            trials.append(trial(number, f"generate/{name}", dice.random(), dice.random(), cost, batch))
    given = shares(tallies(GOAL, trials, NAMES))
    assert given["decorate"] < 0.12
    assert given["vae"] > 0.7
    made = Counter(t.candidate.provenance.tool for t in trials)
    assert made["generate/vae"] > made["generate/substitute"] > made["generate/decorate"] >= 3
