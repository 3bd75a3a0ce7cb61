"""Figures of back-tests against closed forms and against random choice that is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from athanor.memory.errors import TerminalError
from athanor.memory.records import Objective
from athanor.tools.backtest.backtest import Backtest, document
from athanor.tools.backtest.figures import acceleration, curves, figures, random_best, random_figures
from athanor.tools.backtest.measured_pool import MeasuredPool, read_measured_pool
from athanor.tools.backtest.search import Choose, Known, Search, builtin, search


@pytest.fixture
def pool(tmp_path: Path) -> MeasuredPool:
    """A hundred points, the last five of which are the best."""
    path = tmp_path / "pool.csv"
    path.write_text("x,y\n" + "".join(f"{k},{k + (k >= 95) * 10}\n" for k in range(100)))
    return read_measured_pool(path, Objective(property="y", direction="maximise", unit="1"))


def test_a_search_that_goes_straight_to_the_best_has_the_figures_of_the_closed_form(pool: MeasuredPool) -> None:
    straight = [Search((99, 98, 97, 96, 95), 1.0)] * 4
    found = figures(pool, straight, 50)
    # Four of five after four points, where random choice needs 80: and all five after five, where it needs 100.
    assert found["AF"]["0.8"]["of_the_mean_curve"]["value"] == pytest.approx(20.0)
    assert found["AF"]["1.0"]["median_of_the_searches"] == {"value": pytest.approx(20.0), "95": [20.0, 20.0]}
    assert found["EFmax"]["value"] == pytest.approx(10.0)  # all found after ten points
    assert found["EFmax"]["at"] == 10
    assert found["lowest_EF_from_5d_on"] == pytest.approx(2.0)  # all found, and half of the pool looked at
    assert found["simple_regret"]["1"]["value"] == 0.0
    assert found["best_over_maximum"]["1"]["value"] == 1.0


def test_random_choice_is_exact(pool: MeasuredPool) -> None:
    mean, band = random_best(pool, 60)
    random = np.random.default_rng(0)
    drawn = np.array([np.maximum.accumulate(pool.gains[random.permutation(100)][:60]) for _ in range(4000)])
    error = drawn.std(axis=0) / np.sqrt(4000)
    assert (np.abs(drawn.mean(axis=0) - mean) < 4.5 * error + 1e-9).all()
    for share, value in zip((0.05, 0.95), band, strict=True):
        assert ((drawn < value).mean(axis=0) < share + 0.02).all()
        assert ((drawn <= value).mean(axis=0) > share - 0.02).all()
    assert mean[0] == pytest.approx(pool.gains.mean())
    assert random_best(pool, 100)[0][-1] == pytest.approx(pool.gains.max())


def test_random_searches_have_an_acceleration_of_one(pool: MeasuredPool) -> None:
    random = np.random.default_rng(1)
    drawn = [Search(tuple(random.permutation(100).tolist()), 0.0) for _ in range(600)]
    found = figures(pool, drawn, 100)
    low, high = found["AF"]["0.5"]["of_the_mean_curve"]["95"]
    assert low < 1.0 < high
    assert found["simple_regret"]["10"]["value"] == pytest.approx(
        random_figures(pool, 100)["simple_regret"]["10"]["value"], rel=0.15
    )


def test_a_share_that_is_never_reached_has_no_acceleration() -> None:
    assert acceleration(np.array([0.0, 0.2, 0.4]), 0.8, 100) == 0.0
    assert acceleration(np.array([0.0, 0.2, 0.4]), 0.3, 100) == pytest.approx(30 / 2.5)


def test_a_wasted_look_counts_and_finds_nothing(pool: MeasuredPool) -> None:
    found = curves(pool, [Search((None, 99, None, 98), 0.0)], 4)
    assert found.shares.tolist() == [[0.0, 0.2, 0.2, 0.4]]
    assert found.best.tolist() == [[0.0, 109.0, 109.0, 109.0]]
    assert figures(pool, [Search((None, 99, None, 98), 0.0)], 4)["wasted_looks"] == 2


def test_minimising_is_maximising_the_opposite(tmp_path: Path) -> None:
    path = tmp_path / "low.csv"
    path.write_text("x,y\n" + "".join(f"{k},{-k}\n" for k in range(40)))
    pool = read_measured_pool(path, Objective(property="y", direction="minimise", unit="K"))
    assert pool.best == {39, 38}
    found = document(Backtest(1, 2, 5), pool, {"made up": [Search((3, 39, 38), 0.0)]})
    assert found["table"]["best_value"] == -39.0
    assert found["methods"]["made up"]["best_so_far"] == [-3.0, -39.0, -39.0, -39.0, -39.0]
    assert found["methods"]["made up"]["simple_regret"]["1"]["value"] == 36.0
    assert found["methods"]["made up"]["best_over_maximum"] is None


def test_searches_of_one_seed_begin_alike_and_end_when_all_is_found(pool: MeasuredPool) -> None:
    def falling(pool: MeasuredPool, seed: int) -> Choose:
        def choose(known: Known) -> int:
            return max(set(range(100)) - {place for place, _ in known})

        return choose

    one = search(pool, falling, 3, 2, 50)
    other = search(pool, builtin, 3, 2, 4)
    assert one.order[:2] == other.order[:2]
    assert one.order[2:] == (99, 98, 97, 96, 95)
    assert len(other.order) == 4

    with pytest.raises(TerminalError, match="chose point 7"):
        search(pool, lambda pool, seed: lambda known: 7, 3, 2, 50)


def test_drawn_replicates_are_told_and_their_mean_is_what_counts(tmp_path: Path) -> None:
    path = tmp_path / "noisy.csv"
    path.write_text("x,y\n" + "".join(f"{k},{k + e}\n" for k in range(30) for e in (-3, 0, 3)) + "40,\n")
    objective = Objective(property="y", direction="maximise", unit="1")
    pool = read_measured_pool(path, objective, replicates="drawn")
    assert pool.truths.tolist() == list(range(30))
    assert pool.left_out == 1
    first, again, other = pool.answers(1), pool.answers(1), pool.answers(2)
    assert (first == again).all()
    assert (first != other).any()
    assert set((first - pool.truths).tolist()) == {-3.0, 0.0, 3.0}
    assert (read_measured_pool(path, objective).answers(1) == pool.truths).all()
