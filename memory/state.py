"""The state of a campaign: a pure fold of its events.

Knows records and events. Must not know where events are kept or who acts on the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .chat_model_events import ChatExchanged, ChatGivenUp
from .events import (
    CampaignOpened,
    CrystalEmbedded,
    Entry,
    GainExpected,
    GeneratorShares,
    HypothesisJudged,
    HypothesisStated,
    RankingLeft,
    Recalled,
    RecallLost,
    Reflected,
    RunEnded,
    RunStarted,
    TrialFinished,
    TrialProposed,
    TrialStaged,
)
from .people_events import HintGiven, HintWithdrawn, TrialAbandoned, TrialApproved
from .records import Candidate, Hypothesis, Judgement, Origin, Outcome, Status


@dataclass(frozen=True)
class Trial:
    """One candidate at one oracle, as far as it has come.

    Attributes:
        finished_at: When the answer was written, UTC; when it came does not make it another trial.
        reused: Where its result was taken over from; such a trial has cost this campaign nothing.
        abandoned: Who took it back, and why; None for nobody.
    """

    number: int
    batch: int
    oracle: str
    candidate: Candidate
    hypothesis: str | None
    reason: str
    predicted: Mapping[str, tuple[float, float]]
    status: Status = "proposed"
    outcome: Outcome | None = None
    finished_at: datetime | None = field(default=None, compare=False)
    reused: Origin | None = None
    abandoned: TrialAbandoned | None = None

    @property
    def values(self) -> dict[str, float]:
        """Measured values by property; empty before completion and after a failure."""
        return {m.property: m.value for m in self.outcome.measurements} if self.outcome else {}

    @property
    def is_finished(self) -> bool:
        """Whether the oracle has answered."""
        return self.outcome is not None

    @property
    def is_fault(self) -> bool:
        """Whether the instrument failed, which says nothing of the candidate."""
        return self.outcome is not None and self.outcome.failure is not None and self.outcome.failure.kind == "fault"

    @property
    def is_paid(self) -> bool:
        """Whether it counts in the budget of evaluations: it was proposed by a planner, and nobody took it back."""
        return self.reused is None and self.batch > 0 and self.status != "abandoned"

    @property
    def is_pending(self) -> bool:
        """Whether an answer is still to come: the oracle has given none, and nobody has taken the trial back."""
        return self.outcome is None and self.status != "abandoned"


@dataclass(frozen=True)
class State:
    """Everything known about a campaign.

    Attributes:
        spec: The campaign file as validated.
        trials: By number, in order of proposal.
        judgements: The latest by hypothesis id.
        reflections: Text by batch.
        batches: Number of batches proposed.
        spent: Wall-clock seconds of all runs, each counted up to its last entry.
        ended: How the latest run ended; None while one is at work, or was killed.
        last: Number of the last entry folded in.
        versions: Packages that matter, as they were when the campaign was opened.
        embeddings: Crystals as numbers, by trial.
        recalled: What memory gave, by the batch it was given for.
        lost: Why memory could not be used, each reason once.
        shares: How the candidates of a batch were made, by batch; empty where there is one generator.
        exchanges: All questions to the chat model.
        given_up: All steps that were done without it, though it was there to be asked.
        has_run: Whether a process has ever worked on it; where people evaluate none does.
        hints: What people have told the campaign, by number.
        withdrawn: Which of it they have taken back, by number.
        gains: What was still to be gained, by the batch that was planned then.
        overrides: Where a planner left the acquisition's ranking, in order.
    """

    spec: Mapping[str, Any] = field(default_factory=dict)
    trials: Mapping[int, Trial] = field(default_factory=dict)
    hypotheses: Mapping[str, Hypothesis] = field(default_factory=dict)
    judgements: Mapping[str, Judgement] = field(default_factory=dict)
    reflections: Mapping[int, str] = field(default_factory=dict)
    batches: int = 0
    spent: float = 0.0
    ended: RunEnded | None = None
    last: int = 0
    last_time: datetime | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    embeddings: Mapping[int, CrystalEmbedded] = field(default_factory=dict)
    recalled: Mapping[int, Recalled] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    shares: Mapping[int, GeneratorShares] = field(default_factory=dict)
    exchanges: tuple[ChatExchanged, ...] = ()
    given_up: tuple[ChatGivenUp, ...] = ()
    has_run: bool = False
    hints: Mapping[int, HintGiven] = field(default_factory=dict)
    withdrawn: Mapping[int, HintWithdrawn] = field(default_factory=dict)
    overrides: tuple[RankingLeft, ...] = ()
    gains: Mapping[int, GainExpected] = field(default_factory=dict)

    @property
    def completed(self) -> tuple[Trial, ...]:
        """Trials with measurements, in order of proposal."""
        return tuple(t for t in self.trials.values() if t.status == "completed")

    @property
    def failed(self) -> tuple[Trial, ...]:
        """Trials that ended in a failure, in order of proposal."""
        return tuple(t for t in self.trials.values() if t.status == "failed")

    @property
    def pending(self) -> tuple[Trial, ...]:
        """Trials whose answer is still to come, in order of proposal."""
        return tuple(t for t in self.trials.values() if t.is_pending)

    def paid(self, oracle: str) -> tuple[Trial, ...]:
        """Trials at an oracle that count in the budget for it, in order of proposal."""
        return tuple(t for t in self.trials.values() if t.oracle == oracle and t.is_paid)

    def reminded(self, batch: int) -> Recalled | None:
        """What memory had given when a batch was planned."""
        given = max((at for at in self.recalled if at <= batch), default=None)
        return None if given is None else self.recalled[given]

    def before(self, batch: int) -> State:
        """The state as a planner of a later batch may see it: trials of `batch` and above count as pending.

        What a planner sees must not depend on how fast the results of the running batch come in,
        or a resumed campaign would differ from an uninterrupted one.
        """
        trials = {
            n: t
            if t.batch < batch or t.outcome is None
            else replace(t, status="staged", outcome=None, finished_at=None)
            for n, t in self.trials.items()
        }
        return replace(self, trials=trials)


def fold(entries: Iterable[Entry], state: State | None = None) -> State:
    """Fold entries into a state; folding in two steps gives the same as in one."""
    state = state or State()
    trials, hypotheses = dict(state.trials), dict(state.hypotheses)
    judgements, reflections = dict(state.judgements), dict(state.reflections)
    spec, batches, spent, ended = state.spec, state.batches, state.spent, state.ended
    last, last_time, versions = state.last, state.last_time, state.versions
    embeddings, recalled, lost = dict(state.embeddings), dict(state.recalled), state.lost
    shares = dict(state.shares)
    exchanges, given_up = list(state.exchanges), list(state.given_up)
    has_run, hints, withdrawn = state.has_run, dict(state.hints), dict(state.withdrawn)
    overrides, gains = list(state.overrides), dict(state.gains)
    for entry in entries:
        event = entry.event
        # People also speak while nothing runs, after a kill for example, and that is no time spent.
        is_told = isinstance(event, HintGiven | HintWithdrawn | TrialApproved | TrialAbandoned)
        is_at_work = has_run and ended is None and not isinstance(event, RunStarted) and not is_told
        if last_time is not None and is_at_work:
            spent += max(0.0, (entry.time - last_time).total_seconds())
        match event:
            case CampaignOpened():
                spec, versions = event.spec, event.versions
            case RunStarted():
                has_run, ended = True, None
            case HypothesisStated():
                hypotheses[event.hypothesis.id] = event.hypothesis
            case GeneratorShares():
                shares[event.batch] = event
            case TrialProposed():
                trials[event.trial] = Trial(
                    event.trial,
                    event.batch,
                    event.oracle,
                    event.candidate,
                    event.hypothesis,
                    event.reason,
                    event.predicted,
                    reused=event.reused,
                )
                batches = max(batches, event.batch)
            case TrialApproved():
                trials[event.trial] = replace(trials[event.trial], status="approved")
            case TrialAbandoned():
                trials[event.trial] = replace(trials[event.trial], status="abandoned", abandoned=event)
            case TrialStaged():
                trials[event.trial] = replace(trials[event.trial], status="staged")
            case TrialFinished():
                status: Status = "failed" if event.outcome.failure else "completed"
                trials[event.trial] = replace(
                    trials[event.trial], status=status, outcome=event.outcome, finished_at=entry.time
                )
            case CrystalEmbedded():
                embeddings[event.trial] = event
            case Recalled():
                recalled[event.batch] = event
            case RecallLost():
                lost = lost if event.message in lost else (*lost, event.message)
            case ChatExchanged():
                exchanges.append(event)
            case ChatGivenUp():
                given_up.append(event)
            case RankingLeft():
                overrides.append(event)
            case HintGiven():
                hints[event.number] = event
            case HintWithdrawn():
                withdrawn[event.number] = event
            case GainExpected():
                gains[event.batch] = event
            case HypothesisJudged():
                judgements[event.judgement.hypothesis] = event.judgement
            case Reflected():
                reflections[event.batch] = event.text
            case RunEnded():
                ended = event
        last, last_time = entry.number, last_time if is_told else entry.time
    return State(
        spec=spec,
        trials=trials,
        hypotheses=hypotheses,
        judgements=judgements,
        reflections=reflections,
        batches=batches,
        spent=spent,
        ended=ended,
        last=last,
        last_time=last_time,
        versions=versions,
        embeddings=embeddings,
        recalled=recalled,
        lost=lost,
        shares=shares,
        exchanges=tuple(exchanges),
        given_up=tuple(given_up),
        has_run=has_run,
        hints=hints,
        withdrawn=withdrawn,
        overrides=tuple(overrides),
        gains=gains,
    )
