"""How far earlier campaigns are believed: what ranks this one's results alike has a say, what does not has none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from athanor.tools.acquisition.noise import Results, merge
from athanor.tools.acquisition.process import Columns, Process, dimension_prior, learnt_from
from athanor.tools.acquisition.ranked import weights
from athanor.tools.parameters.parameter_space import ParameterSpace
from athanor.tools.parameters.surrogate import fit

SPACE = ParameterSpace.model_validate(
    {"variables": [{"kind": "continuous", "name": n, "unit": "1", "low": 0, "high": 1} for n in "xy"]}
)
Function = Callable[[np.ndarray], np.ndarray]


def hill(rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-4 * ((rows - 0.6) ** 2).sum(axis=1)))


def waves(rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.sin(11 * rows[:, 0]) * np.cos(9 * rows[:, 1]))


SOURCES: dict[str, Function] = {
    "alike": lambda rows: 3 * hill(rows) + 7,
    "useless": waves,
    "upside down": lambda rows: -hill(rows),
}


def results(function: Function, n: int, seed: int) -> Results:
    rows = np.random.default_rng(seed).random((n, 2))
    return Results(rows, function(rows), np.full(n, np.nan))


def process(known: Results) -> Process:
    unit = float(known.values.mean()), float(known.values.std())
    return learnt_from(merge(known), Columns(2), dimension_prior(2, (-4.0, 1.0)), unit, 200)[0]


@pytest.mark.parametrize("seed", range(3))
def test_what_ranks_alike_has_a_say_and_what_misleads_has_none(seed: int) -> None:
    own = process(results(hill, 6, seed))
    found = dict(
        zip(SOURCES, weights(own, [process(results(f, 40, 10 + seed)) for f in SOURCES.values()]), strict=True)
    )
    assert found["alike"] > 0.3
    assert found["upside down"] == 0
    assert found["useless"] < found["alike"] / 3
    assert sum(found.values()) <= 1


def test_a_helpful_campaign_foretells_where_this_one_has_not_looked() -> None:
    known, asked = results(hill, 5, 0), np.random.default_rng(5).random((200, 2))
    alone = fit(SPACE, {"y": known})
    errors = {}
    for name, function in SOURCES.items():
        helped = fit(SPACE, {"y": known}, earlier={"y": {name: results(function, 40, 3)}})
        rows = helped.frame.lift(torch.from_numpy(asked)).numpy()
        errors[name] = float(np.abs(helped.predict(rows)[0][:, 0] - hill(asked)).mean())
    without = float(np.abs(alone.predict(asked)[0][:, 0] - hill(asked)).mean())
    assert errors["alike"] < 0.6 * without
    assert errors["useless"] < 1.25 * without
    assert errors["upside down"] == pytest.approx(without)
