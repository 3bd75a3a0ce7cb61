"""The campaign's promises: fixed order, budgets, nothing twice, faults contained."""

from __future__ import annotations

import itertools
import os
import random
import signal
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from straight_line import answer

from athanor.agent.campaign import Campaign
from athanor.agent.campaign_file import CampaignFile, read_campaign_file
from athanor.agent.executors import InlineExecutor
from athanor.agent.planner import Planner, Proposal
from athanor.memory.errors import UserError
from athanor.memory.events import TrialFinished, TrialStaged
from athanor.memory.records import Candidate, Failure, Outcome
from athanor.memory.state import State
from athanor.memory.volatile import VolatileLedger

Campaigns = Callable[..., Campaign]


def refuse(candidate: Candidate) -> Outcome:
    return Outcome(failure=Failure(kind="missing", message="never there"))


def test_it_ends_when_the_evaluations_are_used(campaign: Campaigns, file: CampaignFile) -> None:
    state = campaign(file).run("me", {})
    assert len(state.completed) == 20
    assert state.ended is not None
    assert state.ended.reason == "evaluations"
    assert len(state.reflections) == 5


def test_a_batch_is_planned_from_all_batches_but_the_one_still_running(
    campaign: Campaigns, line_planner: type[Planner], file: CampaignFile
) -> None:
    planner = line_planner()
    campaign(file, planner=planner).run("me", {})
    assert planner.seen[0] == (1, (), ())
    assert planner.seen[1] == (2, (), (1, 2, 3, 4))
    assert planner.seen[2] == (3, (1, 2, 3, 4), (5, 6, 7, 8))
    assert planner.seen[4] == (5, tuple(range(1, 13)), (13, 14, 15, 16))


class ShufflingExecutor(Executor):
    """Finishes what was submitted in a random order, one at a time."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._waiting: list[tuple[Future[Any], Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._waiting.append((future, lambda: fn(*args, **kwargs)))
        if len(self._waiting) >= 3:
            self._finish_one()
        return future

    def _finish_one(self) -> None:
        future, call = self._waiting.pop(self._random.randrange(len(self._waiting)))
        future.set_result(call())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pass


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_results_come_does_not_change_what_is_planned(
    campaign: Campaigns, line_planner: type[Planner], file: CampaignFile, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = ShufflingExecutor(seed)
    real_wait = __import__("athanor.agent.evaluations", fromlist=["wait"]).wait

    def finish_then_wait(*args: Any, **kwargs: Any) -> Any:
        if executor._waiting:
            executor._finish_one()
        return real_wait(*args, **kwargs)

    monkeypatch.setattr("athanor.agent.evaluations.wait", finish_then_wait)
    shuffled, straight = line_planner(), line_planner()
    campaign(file, planner=shuffled, executor=lambda: executor).run("me", {})
    campaign(file, planner=straight).run("me", {})
    assert shuffled.seen == straight.seen


def test_failures_in_a_row_end_it(campaign: Campaigns, world: Callable[..., Path]) -> None:
    path = world(
        goal={
            "statement": "x",
            "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
            "budget": {"evaluations": 100, "failures_in_a_row": 6},
        }
    )
    state = campaign(read_campaign_file(path), evaluate=refuse).run("me", {})
    assert state.ended is not None
    assert state.ended.reason == "failures_in_a_row"
    assert 6 <= len(state.failed) <= 12


def test_it_ends_when_no_candidate_is_left(
    campaign: Campaigns, line_planner: type[Planner], file: CampaignFile
) -> None:
    state = campaign(file, planner=line_planner(last=10)).run("me", {})
    assert state.ended is not None
    assert state.ended.reason == "exhausted"
    assert len(state.completed) == 10


def test_hours_end_it(campaign: Campaigns, world: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = itertools.count()
    monkeypatch.setattr("athanor.agent.campaign.time.monotonic", lambda: 60.0 * next(minutes))
    path = world(
        goal={
            "statement": "x",
            "objectives": [{"property": "strength", "direction": "maximise", "unit": "MPa"}],
            "budget": {"evaluations": 100, "hours": 0.05},
        }
    )
    state = campaign(read_campaign_file(path)).run("me", {})
    assert state.ended is not None
    assert state.ended.reason == "hours"
    assert 0 < len(state.completed) < 100


def test_resuming_evaluates_only_what_has_no_result(campaign: Campaigns, file: CampaignFile) -> None:
    whole = VolatileLedger()
    campaign(file, whole).run("me", {})
    entries = list(whole.entries("table"))
    for cut in range(1, len(entries), 7):
        ledger = VolatileLedger()
        ledger.append("table", [entry.event for entry in entries[:cut]])
        asked: list[float] = []

        def count(candidate: Candidate, asked: list[float] = asked) -> Outcome:
            asked.append(candidate.content.values["x"])
            return answer(candidate)

        state = campaign(file, ledger, evaluate=count).run("me", {})
        done = sum(isinstance(entry.event, TrialFinished) for entry in entries[:cut])
        assert len(asked) == 20 - done
        assert [t.candidate.id for t in state.trials.values()] == [
            e.event.candidate.id for e in entries if e.event.kind == "trial_proposed"
        ]


def test_an_interrupted_run_is_recorded_and_goes_on(campaign: Campaigns, file: CampaignFile) -> None:
    ledger = VolatileLedger()

    def interrupt(candidate: Candidate) -> Outcome:
        if candidate.content.values["x"] == 7:
            raise KeyboardInterrupt
        return answer(candidate)

    with pytest.raises(KeyboardInterrupt):
        campaign(file, ledger, evaluate=interrupt).run("me", {})
    last = list(ledger.entries("table"))[-1].event
    assert last.kind == "run_ended"
    assert last.reason == "interrupted"
    state = campaign(file, ledger).run("me", {})
    assert len(state.completed) == 20


def _swallowed() -> None:
    with suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def _turned_into_another_error() -> None:
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt as error:
        raise ImportError("a part of a library could not be loaded") from error


@pytest.mark.parametrize("interrupted", [_swallowed, _turned_into_another_error])
def test_an_interruption_that_a_library_swallows_still_ends_the_campaign(
    campaign: Campaigns, line_planner: type[Planner], file: CampaignFile, interrupted: Callable[[], None]
) -> None:
    class Planning(line_planner):  # type: ignore[misc, valid-type]
        def propose(self, state: State, n: int) -> Proposal:
            if len(state.trials) == 8:
                interrupted()
            return super().propose(state, n)  # type: ignore[no-any-return]

    ledger = VolatileLedger()
    with pytest.raises(KeyboardInterrupt):
        campaign(file, ledger, planner=Planning()).run("me", {})
    last = list(ledger.entries("table"))[-1].event
    assert last.kind == "run_ended"
    assert last.reason == "interrupted"
    assert len(campaign(file, ledger).run("me", {}).completed) == 20


def test_an_interruption_waits_until_no_future_is_looked_at(
    campaign: Campaigns, file: CampaignFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One within `wait` could leave a future locked, and the end of the run waits for ever for its pool.
    returned = []

    def interrupted(*arguments: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        returned.append(futures.wait(*arguments, **options))
        return returned[-1]

    monkeypatch.setattr("athanor.agent.evaluations.wait", interrupted)
    ledger = VolatileLedger()
    with pytest.raises(KeyboardInterrupt):
        campaign(file, ledger).run("me", {})
    assert len(returned) == 1
    last = list(ledger.entries("table"))[-1].event
    assert last.kind == "run_ended"
    assert last.reason == "interrupted"


class DyingPool(Executor):
    """A pool that breaks, as a whole, whenever `deadly` is at work in it."""

    def __init__(self, deadly: float) -> None:
        self._deadly = deadly
        self._futures: list[Future[Any]] = []
        self._is_broken = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._futures.append(future)
        self._is_broken |= args[0].content.values["x"] == self._deadly
        if self._is_broken:
            for waiting in self._futures:
                if not waiting.done():
                    waiting.set_exception(BrokenExecutor("a worker died"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_a_trial_that_kills_its_worker_fails_alone(campaign: Campaigns, file: CampaignFile) -> None:
    state = campaign(file, executor=lambda: DyingPool(deadly=6.0)).run("me", {})
    assert [t.candidate.content.values["x"] for t in state.failed] == [6.0]
    assert state.failed[0].outcome.failure.kind == "crash"
    assert len(state.completed) == 19


class PoolThatDiesIdle(InlineExecutor):
    """Answers four times, then refuses all further work, as a pool does whose worker died between two looks."""

    def __init__(self) -> None:
        self._answered = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._answered += 1
        if self._answered > 4:
            raise BrokenExecutor("a worker died")
        return super().submit(fn, *args, **kwargs)


def test_a_worker_that_dies_between_two_looks_does_not_end_the_campaign(
    campaign: Campaigns, file: CampaignFile
) -> None:
    state = campaign(file, executor=PoolThatDiesIdle).run("me", {})
    assert len(state.completed) == 20
    assert not state.failed


def test_a_second_writer_is_refused_with_the_holders_name(campaign: Campaigns, file: CampaignFile) -> None:
    ledger = VolatileLedger()
    with ledger.writer("table", "ann@lab, process 7"), pytest.raises(UserError, match="ann@lab, process 7"):
        campaign(file, ledger).run("me", {})


def test_every_trial_is_staged_before_it_is_finished(campaign: Campaigns, file: CampaignFile) -> None:
    ledger = VolatileLedger()
    campaign(file, ledger).run("me", {})
    staged: set[int] = set()
    for entry in ledger.entries("table"):
        if isinstance(entry.event, TrialStaged):
            staged.add(entry.event.trial)
        if isinstance(entry.event, TrialFinished):
            assert entry.event.trial in staged
