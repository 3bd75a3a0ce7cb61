"""What a surrogate says it has learnt: the variable that matters, the noise, answers foretold from others."""

from __future__ import annotations

import numpy as np
import pytest

from athanor.memory.records import (
    Budget,
    Candidate,
    Goal,
    Measurement,
    Objective,
    Outcome,
    Point,
    Provenance,
)
from athanor.memory.state import Trial
from athanor.tools.acquisition.explain import Learnt, learnt
from athanor.tools.acquisition.surrogate import describe, fit

GOAL = Goal(
    statement="",
    objectives=(Objective(property="y", direction="maximise", unit="MPa"),),
    budget=Budget(evaluations=99),
)
NOISE = 0.5


def trials(n: int, seed: int, noise: float = NOISE) -> list[Trial]:
    """Answers that depend on `steep` and on the label `kind`, not on `idle`."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(1, n + 1):
        steep, idle = random.random(2)
        kind = str(random.choice(["a", "b"]))
        value = 10 * np.sin(5 * steep) + (3.0 if kind == "a" else 0.0) + noise * random.normal()
        content = Point(values={"steep": float(steep), "idle": float(idle), "kind": kind})
        one = Measurement(property="y", value=float(value), unit="MPa", method="measured", source="test")
        candidate = Candidate(content=content, provenance=Provenance(tool="test"))
        made.append(Trial(number, 1, "t", candidate, None, "", {}, "completed", Outcome(measurements=(one,))))
    return made


def test_the_variable_that_matters_comes_first_and_noise_is_near_the_truth() -> None:
    (found,) = learnt(GOAL, trials(60, 0), ())
    names = [name for name, _ in found.weights]
    assert names[0] == "steep"
    assert names[-1] == "idle"
    assert sum(share for _, share in found.weights) == pytest.approx(1.0)
    assert found.noise == pytest.approx(NOISE, rel=0.4)
    assert found.r2 > 0.9
    assert found.coverage == pytest.approx(0.9, abs=0.1)


def test_a_left_out_answer_is_what_a_process_without_it_foretells() -> None:
    done = trials(20, 1)
    (found,) = learnt(GOAL, done, ())
    described = describe([trial.candidate for trial in done])
    whole = fit(described, {"y": {i: trial.values["y"] for i, trial in enumerate(done)}})
    one = whole.processes[0]
    place = int(np.flatnonzero(np.isclose(one.shift + one.scale * one.targets.numpy(), done[7].values["y"]))[0])
    kept = [i for i in range(20) if i != place]
    covariance = one.columns.covariance(one.rows, one.rows, one.lengths).numpy()
    noisy = covariance[np.ix_(kept, kept)] + one.noise * np.eye(19)
    weights = np.linalg.solve(noisy, covariance[kept, place])
    mean = one.constant + weights @ (one.targets.numpy()[kept] - one.constant)
    deviation = np.sqrt(covariance[place, place] + one.noise - weights @ covariance[kept, place])
    wanted = [one.shift + one.scale * mean, one.scale * deviation, done[7].values["y"]]
    np.testing.assert_allclose(found.left_out[place], wanted)


def test_before_there_is_a_surrogate_nothing_is_learnt() -> None:
    assert learnt(GOAL, [], ()) == ()
    assert learnt(GOAL, trials(1, 0), ()) == ()


def test_predictions_worse_than_a_mean_say_so() -> None:
    rows = np.array([[1.0, 0.1, 3.0], [3.0, 0.1, 1.0]])
    assert Learnt("y", 0.0, (), rows).r2 < 0
    assert Learnt("y", 0.0, (), rows).coverage == 0.0
