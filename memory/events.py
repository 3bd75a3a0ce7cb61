"""The events of a campaign: what the ledger keeps, and all that it keeps.

Knows the records. Must not know how events are stored or what they lead to (state.py folds them).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter

from .chat_model_events import ChatExchanged, ChatGivenUp
from .people_events import ChatTurn, HintGiven, HintWithdrawn, NoteAdded, TrialAbandoned, TrialApproved
from .recall import Passage
from .records import Candidate, Crystal, Hypothesis, Judgement, Measurement, Origin, Outcome, Record


class CampaignOpened(Record):
    """The campaign exists.

    Attributes:
        spec: The campaign file as validated.
        versions: Packages that matter.
        fingerprints: Name of an oracle to what decides its answers; empty where that cannot be told.
    """

    kind: Literal["campaign_opened"] = "campaign_opened"
    spec: dict[str, JsonValue]
    versions: dict[str, str]
    fingerprints: dict[str, str] = {}


class RunStarted(Record):
    """A process has begun to work on the campaign."""

    kind: Literal["run_started"] = "run_started"
    holder: str


class HypothesisStated(Record):
    """A planner claims something."""

    kind: Literal["hypothesis_stated"] = "hypothesis_stated"
    hypothesis: Hypothesis


class TrialProposed(Record):
    """A candidate is to be evaluated at an oracle.

    Attributes:
        trial: Number of the trial in its campaign, from 1.
        batch: Number of the batch it was proposed in, from 1.
        oracle: Name of the oracle.
        hypothesis: Id of the hypothesis it tests, if any.
        reason: Why this one, in words.
        predicted: What the surrogate expected: property to (mean, standard deviation).
        reused: Where the same material was evaluated before at the same oracle; its result is taken over, nothing
            is spent, and `batch` is 0.
    """

    kind: Literal["trial_proposed"] = "trial_proposed"
    trial: int
    batch: int
    oracle: str
    candidate: Candidate
    hypothesis: str | None = None
    reason: str
    predicted: dict[str, tuple[float, float]] = {}
    reused: Origin | None = None


class GeneratorShare(Record):
    """One generator's part in what was on offer for a batch, and what that part followed from.

    Attributes:
        share: Of the raw candidates; the shares of a batch sum to one.
        made: Raw candidates made for this batch.
        kept: Those of them that passed the screens.
        evaluated: Trials of its candidates with an answer when the batch was planned.
        hits: Those that keep all constraints.
        improved: Hits that no earlier trial had beaten in all objectives.
    """

    generator: str
    share: float
    made: int = 0
    kept: int = 0
    evaluated: int = 0
    hits: int = 0
    improved: int = 0


class GeneratorShares(Record):
    """How the candidates were made that a batch was chosen from, where there are several generators."""

    kind: Literal["generator_shares"] = "generator_shares"
    batch: int
    generators: tuple[GeneratorShare, ...]


class TrialStaged(Record):
    """The trial was handed to the executor."""

    kind: Literal["trial_staged"] = "trial_staged"
    trial: int


class TrialFinished(Record):
    """The oracle has answered, with measurements or with a failure."""

    kind: Literal["trial_finished"] = "trial_finished"
    trial: int
    outcome: Outcome


class CrystalEmbedded(Record):
    """The crystal of a trial as numbers, kept because a network was asked for them.

    Attributes:
        model: Name and version of the network.
        embedding: `(n_features,)`, without unit, of the relaxed crystal where there is one.
    """

    kind: Literal["crystal_embedded"] = "crystal_embedded"
    trial: int
    model: str
    embedding: tuple[float, ...]


class Evaluated(Record):
    """A material that another campaign has evaluated, as the ledger knows it.

    Attributes:
        crystal: As relaxed, where the oracle relaxes.
        similarity: Cosine to what was asked, from -1 to 1.
    """

    origin: Origin
    oracle: str
    crystal: Crystal
    measurements: tuple[Measurement, ...]
    similarity: float


class Recalled(Record):
    """What other campaigns and people have left that bears on the next batch; planners see it in the state.

    Attributes:
        batch: The batch that is about to be proposed.
        passages: Notes, the most relevant first.
        materials: The nearest to the best of this campaign, the nearest first.
    """

    kind: Literal["recalled"] = "recalled"
    batch: int
    passages: tuple[Passage, ...] = ()
    materials: tuple[Evaluated, ...] = ()


class RecallLost(Record):
    """The index could not be used, and the campaign goes on without it."""

    kind: Literal["recall_lost"] = "recall_lost"
    message: str


class HypothesisJudged(Record):
    """The evidence after a batch gave this verdict."""

    kind: Literal["hypothesis_judged"] = "hypothesis_judged"
    judgement: Judgement


class Reflected(Record):
    """What the planner makes of a batch, in words."""

    kind: Literal["reflected"] = "reflected"
    batch: int
    text: str


class GainExpected(Record):
    """What a search with one objective may still gain, as far as the surrogate knows, beside what can be told apart.

    Attributes:
        batch: The batch that was planned when this was found out.
        gain: Expected gain of the best candidate on offer over the best known, in the objective's unit.
        noise: Median standard deviation of the measured values, in the same unit.
    """

    kind: Literal["gain_expected"] = "gain_expected"
    batch: int
    property: str
    unit: str
    gain: float
    noise: float


class PassedOver(Record):
    """A candidate that the acquisition would have taken, had its ranking been followed.

    Attributes:
        candidate: Its id.
        name: As people call it: formula and space group, or the settings of a point.
        predicted: What the surrogate expected: property to (mean, standard deviation); empty before there was one.
    """

    candidate: str
    name: str
    predicted: dict[str, tuple[float, float]] = {}


class RankingLeft(Record):
    """A planner has picked candidates that the acquisition did not rank among the best.

    Attributes:
        batch: The batch they were picked for.
        picked: Ids of the candidates that were picked against the ranking.
        displaced: What would have had their places, at most one for each.
        why_not: What the ranking cannot know, in the planner's words.
    """

    kind: Literal["ranking_left"] = "ranking_left"
    batch: int
    picked: tuple[str, ...]
    displaced: tuple[PassedOver, ...]
    why_not: str


class RunEnded(Record):
    """A process has stopped working on the campaign, for a named reason.

    Attributes:
        reason: `evaluations`, `cost`, `hours`, `failures_in_a_row`, `exhausted` (no new candidate), `settled` (less to
            gain than the noise), `paused` (by a person), `interrupted` or `error`.
    """

    kind: Literal["run_ended"] = "run_ended"
    reason: Literal[
        "evaluations", "cost", "hours", "failures_in_a_row", "exhausted", "settled", "paused", "interrupted", "error"
    ]
    message: str


Event = Annotated[
    CampaignOpened
    | RunStarted
    | HypothesisStated
    | GeneratorShares
    | TrialProposed
    | TrialStaged
    | TrialFinished
    | CrystalEmbedded
    | Recalled
    | RecallLost
    | NoteAdded
    | HintGiven
    | HintWithdrawn
    | TrialApproved
    | TrialAbandoned
    | ChatTurn
    | HypothesisJudged
    | Reflected
    | ChatExchanged
    | ChatGivenUp
    | RankingLeft
    | GainExpected
    | RunEnded,
    Field(discriminator="kind"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class Entry(Record):
    """An event in the ledger.

    Attributes:
        number: Position in its campaign's ledger, from 1, without gaps.
        time: When it was written, UTC.
    """

    campaign: str
    number: int
    time: datetime
    event: Event
