"""Results of earlier campaigns that hold for this one too: same material, same oracle, same settings.

Knows ledgers, spaces and fingerprints of oracles. They are found in the ledger, not by the index: what was paid
for once must not be paid for again because an index was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...memory.events import CampaignOpened, Event, TrialFinished, TrialProposed
from ...memory.records import Crystal, FailureKind, Origin, Point, content_hash
from ...memory.state import Trial, fold
from ...tools.parameters.parameter_space import ParameterSpace
from ...tools.space import PoolSpace, Space

if TYPE_CHECKING:
    from ...memory.ledger import Ledger
    from ...memory.records import Candidate

MOST = 10_000
"""Trials that a campaign takes over at most, the latest; so many are planned with at the usual speed."""
_OF_THE_MOMENT: frozenset[FailureKind] = frozenset({"crash", "timeout", "missing"})
"""Failures that may not come again."""


@dataclass(frozen=True)
class Earlier:
    """Finished trials of other campaigns, by the fingerprint of the oracle and the id of the candidate."""

    trials: Mapping[str, Mapping[str, tuple[Origin, Trial]]]

    def at(self, oracle: str, candidate: Candidate) -> tuple[Origin, Trial] | None:
        """The earlier trial of a candidate at the oracle of this fingerprint."""
        return self.trials.get(oracle, {}).get(candidate.id)


def earlier_trials(ledger: Ledger, campaign: str, fingerprints: frozenset[str]) -> Earlier:
    """Read what other campaigns got from oracles of these fingerprints.

    Where several have tried a candidate at one oracle, the first that gave values stands, else the first.
    """
    trials: dict[str, dict[str, tuple[Origin, Trial]]] = {name: {} for name in fingerprints if name}
    for name in ledger.campaigns():
        opened = next(ledger.entries(name), None)
        if name == campaign or opened is None or not isinstance(opened.event, CampaignOpened):
            continue
        oracles = {oracle: known for oracle, known in opened.event.fingerprints.items() if known in trials}
        if not oracles:
            continue
        for trial in fold(ledger.entries(name)).trials.values():
            if trial.oracle in oracles and _lasts(trial):
                at_oracle = trials[oracles[trial.oracle]]
                known = at_oracle.get(trial.candidate.id)
                if known is None or (known[1].status == "failed" and trial.status == "completed"):
                    at_oracle[trial.candidate.id] = Origin(campaign=name, trial=trial.number), trial
    return Earlier(trials)


def _lasts(trial: Trial) -> bool:
    """Whether a trial's answer is its own and would come again."""
    failure = trial.outcome.failure if trial.outcome else None
    return trial.is_finished and trial.reused is None and not (failure and failure.kind in _OF_THE_MOMENT)


def taken_over(earlier: Earlier, fingerprint: str, oracle: str, space: Space) -> Iterator[Event]:
    """Tell the earlier trials that lie in a space as trials of a new campaign, in batch 0.

    Args:
        earlier: Results of other campaigns.
        fingerprint: Of the new campaign's oracle.
        oracle: Its name.
        space: What may vary in the new campaign.
    """
    lies_in = _membership(space)
    at_hand = [found for found in earlier.trials.get(fingerprint, {}).values() if lies_in(found[1].candidate)]
    for number, (origin, trial) in enumerate(at_hand[-MOST:], start=1):
        yield TrialProposed(
            trial=number,
            batch=0,
            oracle=oracle,
            candidate=trial.candidate,
            reason=f"evaluated before, trial {origin.trial} of campaign {origin.campaign}",
            reused=origin,
        )
        yield reused_answer(number, trial)


def reused_answer(number: int, earlier: Trial) -> TrialFinished:
    """The answer to an earlier trial as the answer to one of this campaign, which costs it nothing.

    Raises:
        ValueError: The earlier trial has no answer.
    """
    if earlier.outcome is None:
        raise ValueError(f"trial {earlier.number} has no answer to take over")
    return TrialFinished(trial=number, outcome=earlier.outcome.model_copy(update={"cpu_seconds": 0.0}))


def _membership(space: Space) -> Callable[[Candidate], bool]:
    """A test of whether a candidate lies in a space."""
    if isinstance(space, ParameterSpace):
        from ...tools.parameters.repair import check

        return lambda candidate: isinstance(candidate.content, Point) and not check(space, candidate.content)
    if isinstance(space, PoolSpace):
        from ...tools.generators.pool import read_pool

        ids = {content_hash(point) for point in read_pool(space.file, tuple(space.variables))}
        return lambda candidate: candidate.id in ids
    from ...tools.generators.screen import broken_rule

    return lambda candidate: isinstance(candidate.content, Crystal) and broken_rule(candidate.content, space) is None
