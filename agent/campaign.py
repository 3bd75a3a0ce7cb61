"""The campaign: the one object with state, and the only one that spends.

Knows planner, oracle settings, executor and ledger by their contracts. Must not know files, terminals
or which implementations it was given (assemble.py chooses them).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ..memory.errors import UserError
from ..memory.events import (
    CampaignOpened,
    Entry,
    Event,
    GeneratorShares,
    HypothesisJudged,
    HypothesisStated,
    Reflected,
    RunEnded,
    RunStarted,
    TrialFinished,
    TrialStaged,
)
from ..memory.ledger import Ledger
from ..memory.people_events import HintGiven
from ..memory.state import State, Trial, fold
from .answers import Answer, answered, proposed, repeats, trials_again
from .campaign_file import CampaignFile
from .confirm import candidates_to_confirm
from .evaluations import Evaluate, Evaluations
from .executors import ExecutorFactory
from .guidance import Told, guidance, heard
from .interrupt import Interruptions, held_back, remembered
from .judge import judge
from .planner import Pick, Planner
from .recollection.earlier import reused_answer
from .recollection.recollect import Recollection
from .spending import prices_of
from .stop import Stop, stop_reason

Watcher = Callable[[State, Sequence[int]], None]

_MOMENT = 0.5
"""Seconds to wait for results before looking whether anything else has happened; an interruption waits as long."""


class Campaign:
    """A goal, a space, an oracle, a planner, a budget and a ledger, at work.

    Two batches are under way at a time, so that no worker waits for the last trial of a batch. The order is
    fixed: propose 1, propose 2, settle 1, propose 3, settle 2, and so on. Batch b + 1 is planned from the
    results of batches up to b - 1, whatever has come in of batch b: what is proposed depends on seed and
    results alone, never on timing, and a resumed campaign goes on as an uninterrupted one would have.

    Attributes:
        needs_approval: Whether a trial waits until a person has approved it; may be set while the campaign runs.
    """

    def __init__(
        self,
        file: CampaignFile,
        ledger: Ledger,
        planner: Planner,
        oracles: Mapping[str, Evaluate],
        make_executor: ExecutorFactory,
        memory: Recollection,
    ) -> None:
        """Wire a campaign.

        Args:
            file: The validated campaign file.
            ledger: Where events go; what it holds of this campaign is taken up.
            planner: Decides what to try.
            oracles: Name to picklable function of a candidate; the first is the one the budget is for, a
                second one confirms hits.
            make_executor: Makes the executor that evaluations run in.
            memory: What other campaigns have left, and where this one leaves what it learns.
        """
        self.file = file
        self.state = State()
        self._ledger = ledger
        self._planner = planner
        self._oracles = oracles
        self._oracle, *confirming = oracles
        self._confirming = confirming[0] if confirming else None
        self._make_executor = make_executor
        self._memory = memory
        self._prices = prices_of(file.space)
        self._unindexed: list[Entry] = []
        self._dry_at: int | None = None
        self.needs_approval = False
        self._told: deque[Told] = deque()
        self._telling = threading.RLock()
        self._paused_by = ""

    def tell(self, *told: Told) -> None:
        """Take in what a person says; from any thread, while the campaign runs. It counts from the next batch on.

        Raises:
            UserError: It cannot be followed: no such trial or hint, a trial that is at work already, strange elements.
        """
        with self._telling:
            heard([*self._told, *told], self.state, self.file.space)
            self._told.extend(told)

    def pause(self, author: str) -> None:
        """Let the run end softly, from any thread: what is at work is waited for and recorded, nothing new begins."""
        self._paused_by = author

    def run(self, holder: str, versions: Mapping[str, str], watch: Watcher = lambda state, running: None) -> State:
        """Work until a stop rule holds, then confirm the best hits.

        Args:
            holder: Who runs this, as shown to a second process that tries to.
            versions: Package to version, kept with the campaign.
            watch: Called after every change with the state and the numbers of the trials at work.

        Returns:
            The state at the end; `state.ended` says why.

        Raises:
            UserError: Another process is at work on this campaign.
            KeyboardInterrupt: After the interruption was recorded.
        """
        with self._opened(holder, versions):
            self._append(RunStarted(holder=holder))
            self._paused_by, self._dry_at = "", None
            evaluations = Evaluations(self._oracles, self._make_executor)
            try:
                with remembered() as interruptions:
                    self._work_to_the_end(evaluations, watch, interruptions)
            except KeyboardInterrupt:
                self._append(RunEnded(reason="interrupted", message="interrupted by the user"))
                raise
            except Exception as error:
                self._append(RunEnded(reason="error", message=f"{type(error).__name__}: {error}"[:500]))
                raise
            finally:
                evaluations.close()
            watch(self.state, ())
        return self.state

    def suggest(
        self, n: int, holder: str, versions: Mapping[str, str], wish: HintGiven | None = None, again: int | None = None
    ) -> tuple[Trial, ...]:
        """Propose up to `n` trials to whoever evaluates them, with all results that have come so far in mind.

        Args:
            wish: What a person wants of these trials alone.
            again: Number of a trial whose candidate is proposed `n` times more, so that its noise is seen; None to have
                the planner choose.

        Returns:
            The new trials; fewer than asked for where the budget or the space ends.

        Raises:
            UserError: A process is at work on this campaign, all evaluations of its budget are proposed, or the wish
                cannot be followed.
        """
        with self._opened(holder, versions):
            self._settle_finished()
            stop = self._stop(self.state, 0.0, may_settle=False)
            if stop:
                raise UserError(f"nothing more is suggested: {stop.message}")
            known = set(self.state.trials)
            if again is None:
                told = [wish.model_copy(update={"until": self.state.batches + 1})] if wish else []
                self._propose(self.state, self._batches() + 1, n, heard(told, self.state, self.file.space))
            else:
                picks = self._affordable(self.state, repeats(self.state, again, min(n, self._left(self.state))))
                first, batch = max(self.state.trials) + 1, self._batches() + 1
                self._append(*(proposed(pick, first + i, batch, self._oracle) for i, pick in enumerate(picks)))
            return tuple(trial for number, trial in self.state.trials.items() if number not in known)

    def observe(self, answers: Sequence[Answer], holder: str, versions: Mapping[str, str]) -> State:
        """Take in what came of trials, in any order, or of candidates that nobody had proposed.

        Raises:
            UserError: A process is at work on this campaign, or an answer's trial is unknown or answered already.
        """
        with self._opened(holder, versions):
            self._append(*answered(answers, self.state, self._oracle))
            self._settle_finished()
            return self.state

    @contextmanager
    def _opened(self, holder: str, versions: Mapping[str, str]) -> Iterator[None]:
        """Hold the campaign in the ledger, written there if it is new."""
        with self._ledger.writer(self.file.name, holder):
            self.state = fold(self._ledger.entries(self.file.name))
            if not self.state.last:
                spec = self.file.model_dump(mode="json")
                opened = CampaignOpened(spec=spec, versions=dict(versions), fingerprints=self._memory.fingerprints)
                self._append(opened, *self._memory.taken_over(self._oracle))
            yield

    def _settle_finished(self) -> None:
        """Judge and reflect on all batches that are whole and were not looked at yet."""
        for batch in range(len(self.state.reflections) + 1, self._batches() + 1):
            if not self._is_finished(batch):
                return
            self._settle(batch)

    def _work_to_the_end(self, evaluations: Evaluations, watch: Watcher, interruptions: Interruptions) -> None:
        try:
            stop = self._work(evaluations, watch, interruptions)
            self._append(*self._memory.embeddings(self.state))
            interruptions.check()
        except Exception:
            # What is interrupted within a library can come out of it as an error of another kind.
            interruptions.check()
            raise
        self._append(RunEnded(reason=stop.reason, message=stop.message))
        self._remember()

    def _work(self, evaluations: Evaluations, watch: Watcher, interruptions: Interruptions) -> Stop:
        started, spent = time.monotonic(), self.state.spent
        while True:
            interruptions.check()
            self._hear()
            stop = self._plan(spent + time.monotonic() - started)
            self._stage(evaluations, stop)
            watch(self.state, evaluations.numbers)
            if evaluations.numbers:
                finished = evaluations.collect(_MOMENT)
                self._append(*(TrialFinished(trial=number, outcome=outcome) for number, outcome in finished.items()))
            elif self._waits_for_approval(stop):
                time.sleep(_MOMENT)
            elif stop and (stop.reason == "paused" or not self._propose_confirmation()):
                return stop

    def _plan(self, seconds: float) -> Stop | None:
        """Settle and propose in the fixed order, as far as the results allow."""
        while True:
            proposed, settled = self._batches(), len(self.state.reflections)
            view = self.state.before(settled + 1)
            stop = self._stop(view, seconds, self.file.stop_when_settled)
            if self._paused_by:
                stop = Stop("paused", f"paused by {self._paused_by}")
            if not stop and self._dry_at == settled:
                stop = Stop("exhausted", "no candidate is left that has not been tried")
            if not stop and proposed - settled < 2:
                if not self._propose(view, proposed + 1):
                    self._dry_at = settled
            elif settled < proposed and self._is_finished(settled + 1):
                self._settle(settled + 1)
            else:
                return stop

    def _hear(self) -> None:
        """Write down what people have said since the last look."""
        with self._telling:
            told, self._told = list(self._told), deque()
            self._append(*heard(told, self.state, self.file.space))

    def _waits_for_approval(self, stop: Stop | None) -> bool:
        is_over = stop is not None and stop.reason in ("hours", "paused")
        return self.needs_approval and not is_over and any(trial.status == "proposed" for trial in self.state.pending)

    def _propose(self, view: State, batch: int, n: int | None = None, wishes: Sequence[Event] = ()) -> bool:
        """Ask the planner for a batch and record it, with what people wish of it; False when it has none."""
        self._append(*self._memory.before(view))
        hints = {hint.number: hint for hint in wishes if isinstance(hint, HintGiven)}
        view = replace(view, recalled=self.state.recalled, hints={**view.hints, **hints})
        n = min(n or self.file.batch, self._left(view))
        told = guidance(view, batch)
        again = [pick for pick in trials_again(view, n) if told.allows(pick.candidate)]
        proposal = self._planner.propose(view, n - len(again))
        events: list[Event] = [*wishes, *proposal.events]
        if proposal.hypothesis:
            events.append(HypothesisStated(hypothesis=proposal.hypothesis))
        if proposal.generators:
            events.append(GeneratorShares(batch=batch, generators=proposal.generators))
        tried = {trial.candidate.id for trial in view.trials.values()}
        picks = {pick.candidate.id: pick for pick in again}
        for pick in proposal.picks:
            # Whatever a planner was talked into: what people have ruled out goes no further.
            if pick.candidate.id not in tried and told.allows(pick.candidate):
                picks.setdefault(pick.candidate.id, pick)
        for number, pick in enumerate(self._affordable(view, picks.values()), start=len(view.trials) + 1):
            events += self._trial(number, batch, self._oracle, pick)
        # What was asked of a chat model has cost something, even if nothing came of it.
        self._append(*(events if picks else proposal.events))
        return bool(picks)

    def _trial(self, number: int, batch: int, oracle: str, pick: Pick) -> tuple[Event, ...]:
        """A new trial; one that another campaign has paid for has its answer at once."""
        known = self._memory.evaluated(oracle, pick.candidate)
        if known is None:
            return (proposed(pick, number, batch, oracle),)
        return proposed(pick, number, batch, oracle, known[0]), reused_answer(number, known[1])

    def _propose_confirmation(self) -> bool:
        """Record the best hits as trials at the confirming oracle, once; False when there is nothing to confirm."""
        confirmation = self.file.confirmation
        if not self._confirming or not confirmation:
            return False
        if any(trial.oracle == self._confirming for trial in self.state.trials.values()):
            return False
        hits = candidates_to_confirm(self.file.goal, self.state.completed, confirmation.hits)
        batch, first = self.state.batches + 1, len(self.state.trials) + 1
        events: list[Event] = []
        for number, candidate in enumerate(hits, start=first):
            events += self._trial(number, batch, self._confirming, Pick(candidate, candidate.provenance.note))
        self._append(*events)
        return bool(events)

    def _settle(self, batch: int) -> None:
        """Judge the open hypotheses on the results up to a finished batch, and reflect on it."""
        view = self.state.before(batch + 1)
        events: list[Event] = []
        for name, hypothesis in view.hypotheses.items():
            previous = view.judgements.get(name)
            if previous is None or previous.verdict == "open":
                judgement = judge(hypothesis, view)
                if judgement != previous:
                    events.append(HypothesisJudged(judgement=judgement))
        judged = {e.judgement.hypothesis: e.judgement for e in events if isinstance(e, HypothesisJudged)}
        view = replace(view, judgements={**view.judgements, **judged})
        reflection = self._planner.reflect(view, batch)
        self._append(*events, *reflection.events, Reflected(batch=batch, text=reflection.text))
        self._append(*self._memory.embeddings(self.state, before_batch=batch + 1))
        self._remember()

    def _remember(self) -> None:
        """Hand what is new in the ledger to the index; whether that works changes nothing else."""
        entries, self._unindexed = self._unindexed, []
        self._append(*self._memory.leave(entries, self.state))

    def _stage(self, evaluations: Evaluations, stop: Stop | None) -> None:
        """Hand unfinished trials to the executor."""
        if stop and stop.reason in ("hours", "paused"):
            evaluations.cancel()
        at_work = set(evaluations.numbers)
        with self._telling:
            self._hear()
            waiting = [trial for trial in self.state.pending if self._may_begin(trial, at_work, stop)]
            begun = evaluations.beginnable(waiting)
            self._append(*(TrialStaged(trial=trial.number) for trial in begun))
        evaluations.begin(begun)

    def _may_begin(self, trial: Trial, at_work: set[int], stop: Stop | None) -> bool:
        """Whether a trial without an answer may be handed to the executor now."""
        if trial.number in at_work or (stop and stop.reason == "paused"):
            return False
        if stop and stop.reason == "hours":
            return trial.oracle == self._confirming
        return trial.status != "proposed" or not self.needs_approval or trial.oracle == self._confirming

    def _left(self, view: State) -> int:
        """Evaluations of the budget that are not proposed yet."""
        return self.file.goal.budget.evaluations - len(view.paid(self._oracle))

    def _affordable(self, view: State, picks: Iterable[Pick]) -> Iterator[Pick]:
        """The first picks, until what evaluations may cost is spent; the last one may go beyond it."""
        prices, limit = self._prices, self.file.goal.budget.cost
        if prices is None or limit is None:
            yield from picks
            return
        spent = prices.sum_of(view.paid(self._oracle))
        for pick in picks:
            if spent >= limit:
                return
            spent += prices.of(pick.candidate)
            yield pick

    def _stop(self, view: State, seconds: float, may_settle: bool) -> Stop | None:
        return stop_reason(view, self.file.goal.budget, self._oracle, seconds, may_settle, self._prices)

    def _batches(self) -> int:
        """Number of batches proposed for the search; a batch that confirms hits does not count."""
        return max((t.batch for t in self.state.trials.values() if t.oracle == self._oracle), default=0)

    def _is_finished(self, batch: int) -> bool:
        return not any(trial.is_pending for trial in self.state.trials.values() if trial.batch == batch)

    def _append(self, *events: Event) -> None:
        if events:
            with held_back():
                entries = self._ledger.append(self.file.name, events)
                self.state = fold(entries, self.state)
            self._unindexed += entries
