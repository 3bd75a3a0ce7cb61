"""A campaign's memory: what it takes over from earlier ones, what it is reminded of, and what it leaves to later ones.

Knows the ledger, the index and the campaign file. It gives events and never writes the ledger: the campaign does. An
index that fails is given up for the run, and said so once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...memory.events import Evaluated, Event, Recalled, RecallLost
from ...memory.ledger import HOME, Ledger
from ...memory.recall import Neighbour, Passage, Recall, RecallError, Where
from ...memory.records import Origin
from ...memory.state import State, Trial, fold
from ..campaign_file import CampaignFile
from ..labels import better, crystal_of, wording
from ..planners.reflect import open_hypotheses
from ..standing import standing_of
from .earlier import Earlier, earlier_trials, taken_over
from .remember import Embed, catch_up, embeddings, entries_behind, everything, index

if TYPE_CHECKING:
    from ...memory.events import Entry
    from ...memory.records import Candidate

CLAIMS = 6
"""Hypotheses of other campaigns that a planner is reminded of."""
NOTES = 6
"""Other passages."""
MATERIALS = 8
"""Evaluated materials of other campaigns, near to the best of this one."""
MOST_BEHIND = 5000
"""Entries that an index may lack when a campaign begins; to take so many up costs seconds."""


@dataclass(frozen=True)
class Sources:
    """Where a campaign's memory lies.

    Attributes:
        recall: The index; None where there is none.
        embed: Crystal to its embedding.
        fingerprints: Name of each of the campaign's oracles to what decides its answers.
    """

    ledger: Ledger
    recall: Recall | None
    embed: Embed
    fingerprints: Mapping[str, str]


class Recollection:
    """Memory, as a campaign asks for it."""

    def __init__(self, file: CampaignFile, sources: Sources) -> None:
        """Look at nothing yet.

        Args:
            file: The campaign file; without its `memory` nothing is taken over or recalled, but all is still indexed.
            sources: Where memory lies.
        """
        self.file, self._sources = file, sources
        self._recall = sources.recall
        self._is_behind = True
        self._earlier: Earlier | None = None
        self._states: dict[str, State] = {}

    @property
    def fingerprints(self) -> dict[str, str]:
        """Name of each of the campaign's oracles to what decides its answers."""
        return dict(self._sources.fingerprints)

    def taken_over(self, oracle: str) -> tuple[Event, ...]:
        """Earlier results that hold for this campaign, as trials that cost nothing."""
        if not self.file.memory:
            return ()
        return tuple(taken_over(self._known(), self._sources.fingerprints[oracle], oracle, self.file.space))

    def evaluated(self, oracle: str, candidate: Candidate) -> tuple[Origin, Trial] | None:
        """The trial in which another campaign got this candidate's answer from the same oracle."""
        if not self.file.memory:
            return None
        return self._known().at(self._sources.fingerprints[oracle], candidate)

    def before(self, state: State) -> tuple[Event, ...]:
        """What bears on the next batch of a campaign; nothing where that is the same as for the last."""
        if not self._recall or not self.file.memory:
            return ()
        try:
            self._catch_up(self._recall)
            passages = self._passages(self._recall, state)
            materials = tuple(self._looked_up(self._neighbours(self._recall, state)))
        except RecallError as error:
            return self._lost(error)
        found = Recalled(batch=state.batches + 1, passages=passages, materials=materials)
        last = state.reminded(found.batch) or Recalled(batch=0)
        is_news = (passages, materials) != (last.passages, last.materials)
        return (found,) if is_news else ()

    def ask(self, text: str) -> tuple[Passage, ...]:
        """What other campaigns and people have said about something; nothing where memory is not used.

        Raises:
            RecallError: The index cannot be used.
        """
        return self._found(self._recall, text) if self._recall and self.file.memory else ()

    def embeddings(self, state: State, before_batch: int | None = None) -> tuple[Event, ...]:
        """Crystals of finished trials as numbers, those not embedded yet; for the index, and kept in the ledger."""
        return embeddings(state, self._sources.embed, before_batch) if self._recall else ()

    def leave(self, entries: Sequence[Entry], state: State) -> tuple[Event, ...]:
        """Index what the campaign has written, for later campaigns and for people."""
        if not self._recall:
            return ()
        try:
            if self._is_behind:
                self._catch_up(self._recall)
            index(self._recall, self.file.name, entries, state)
        except RecallError as error:
            return self._lost(error)
        return ()

    def _lost(self, error: RecallError) -> tuple[Event, ...]:
        self._recall = None
        return (RecallLost(message=str(error)),)

    def _catch_up(self, recall: Recall) -> None:
        """At first index all that other runs have left undone; from then on only look for new notes of people."""
        ledger = self._sources.ledger
        names = everything(ledger) if self._is_behind else (HOME,)
        if self._is_behind and entries_behind(ledger, recall, names, MOST_BEHIND) == MOST_BEHIND:
            raise RecallError(
                f"recall: the index lacks {MOST_BEHIND} entries of the ledger or more, too many to take up before a "
                "campaign; make it anew by `athanor recall --rebuild`"
            )
        catch_up(ledger, recall, names)
        self._is_behind = False

    def _known(self) -> Earlier:
        if self._earlier is None:
            fingerprints = frozenset(self._sources.fingerprints.values())
            self._earlier = earlier_trials(self._sources.ledger, self.file.name, fingerprints)
        return self._earlier

    def _passages(self, recall: Recall, state: State) -> tuple[Passage, ...]:
        """What bears on what this campaign wants and asks itself."""
        goal = self.file.goal
        wishes = [*map(better, goal.objectives), *(wording(c.property) for c in goal.constraints)]
        claims = [state.hypotheses[name].statement for name in open_hypotheses(state)]
        return self._found(recall, " ".join([goal.statement, *wishes, *claims]))

    def _found(self, recall: Recall, text: str) -> tuple[Passage, ...]:
        """What others have claimed, and what they have noted, about something.

        Its own documents are left out: it knows them from its state, and when they reach the index is chance.
        """
        others = Where(without=(self.file.name,), kinds=("hypothesis",))
        rest = others.model_copy(update={"kinds": ("note", "summary", "reflection", "failure")})
        return (*recall.search(text, CLAIMS, others), *recall.search(text, NOTES, rest))

    def _neighbours(self, recall: Recall, state: State) -> tuple[Neighbour, ...]:
        """Materials of other campaigns, nearest to the best of this one that is embedded.

        Those whose answers were taken over are trials of this campaign already.
        """
        shared = {trial.reused.campaign for trial in state.trials.values() if trial.reused}
        best = next((t.number for t in standing_of(state).hits if t.number in state.embeddings), None)
        if best is None:
            return ()
        seen = state.embeddings[best]
        others = Where(without=(self.file.name, *sorted(shared)), model=seen.model)
        return recall.like(seen.embedding, MATERIALS, others)

    def _looked_up(self, neighbours: Sequence[Neighbour]) -> Iterator[Evaluated]:
        """What the ledger knows of materials that the index has found."""
        for neighbour in neighbours:
            found = neighbour.material
            state = self._states.get(found.campaign)
            if state is None or found.trial not in state.trials:
                state = self._states[found.campaign] = fold(self._sources.ledger.entries(found.campaign))
            trial = state.trials.get(found.trial)
            crystal = crystal_of(trial.candidate, trial.outcome) if trial else None
            if trial is None or trial.outcome is None or crystal is None:
                continue
            yield Evaluated(
                origin=Origin(campaign=found.campaign, trial=found.trial),
                oracle=trial.oracle,
                crystal=crystal,
                measurements=trial.outcome.measurements,
                similarity=neighbour.similarity,
            )
