"""The events of a campaign: what the ledger keeps, and all that it keeps.

Knows the records. Must not know how events are stored or what they lead to (state.py folds them).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter

from .records import Candidate, Hypothesis, Judgement, Outcome, Record


class CampaignOpened(Record):
    """The campaign exists. `spec` is the campaign file as validated, `versions` the packages that matter."""

    kind: Literal["campaign_opened"] = "campaign_opened"
    spec: dict[str, JsonValue]
    versions: dict[str, str]


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
    """

    kind: Literal["trial_proposed"] = "trial_proposed"
    trial: int
    batch: int
    oracle: str
    candidate: Candidate
    hypothesis: str | None = None
    reason: str
    predicted: dict[str, tuple[float, float]] = {}


class TrialStaged(Record):
    """The trial was handed to the executor."""

    kind: Literal["trial_staged"] = "trial_staged"
    trial: int


class TrialFinished(Record):
    """The oracle has answered, with measurements or with a failure."""

    kind: Literal["trial_finished"] = "trial_finished"
    trial: int
    outcome: Outcome


class HypothesisJudged(Record):
    """The evidence after a batch gave this verdict."""

    kind: Literal["hypothesis_judged"] = "hypothesis_judged"
    judgement: Judgement


class Reflected(Record):
    """What the planner makes of a batch, in words."""

    kind: Literal["reflected"] = "reflected"
    batch: int
    text: str


class RunEnded(Record):
    """A process has stopped working on the campaign, for a named reason.

    Attributes:
        reason: `evaluations`, `hours`, `failures_in_a_row`, `exhausted` (no new candidate), `interrupted` or `error`.
    """

    kind: Literal["run_ended"] = "run_ended"
    reason: Literal["evaluations", "hours", "failures_in_a_row", "exhausted", "interrupted", "error"]
    message: str


Event = Annotated[
    CampaignOpened
    | RunStarted
    | HypothesisStated
    | TrialProposed
    | TrialStaged
    | TrialFinished
    | HypothesisJudged
    | Reflected
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
