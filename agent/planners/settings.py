"""What planners choose from in a space of process parameters: samples of it, and what the acquisition finds.

Knows the space's sampling and search, guidance and state. Must not know hypotheses or chat models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...memory.records import Candidate, Goal, Point, Provenance
from ...tools.parameters.parameter_space import ParameterSpace
from ..guidance import guidance

if TYPE_CHECKING:
    from ...memory.state import State, Trial
    from ...tools.acquisition.acquire import Acquired

SAMPLED = 300
"""Points that claims are tried on, and that chance draws from."""


@dataclass(frozen=True)
class Lessons:
    """How a search over settings learns, and from what besides its own results.

    Attributes:
        robust: Whether single results may be outliers.
        earlier: Trials of earlier campaigns, by name.
    """

    robust: bool = False
    earlier: Mapping[str, Sequence[Trial]] = field(default_factory=dict)


PLAIN = Lessons()


def sampled(space: ParameterSpace, state: State, seed: int, n: int = SAMPLED) -> tuple[Candidate, ...]:
    """Up to `n` allowed points that no trial holds, without what people have ruled out."""
    from ...tools.parameters.sample import sample
    from ...tools.parameters.suggest import is_like

    told = guidance(state, state.batches + 1)
    tried, unwanted = {trial.candidate.id for trial in state.trials.values()}, rejected(state)
    points = sample(space, n, seed, tried, dict(told.fixed))
    return tuple(_candidate(point, "sample", seed) for point in points if not is_like(space, point, unwanted))


def acquired(
    goal: Goal,
    space: ParameterSpace,
    state: State,
    n: int,
    seed: int,
    taken: Sequence[Trial] = (),
    among: Sequence[Candidate] | None = None,
    lessons: Lessons = PLAIN,
) -> Acquired:
    """Up to `n` points that the acquisition wants most.

    Args:
        taken: What the batch holds already; pending for the rest of it.
        among: Candidates to choose from; None for all of the space.
        lessons: How to learn.
    """
    from ...tools.acquisition.acquire import Acquired, Choice
    from ...tools.parameters.propose import propose

    # What an instrument failed at is tried again by the campaign, which counts the tries; the search must leave it.
    known = [replace(t, outcome=None, status="abandoned") if t.is_fault else t for t in state.trials.values()]
    points = None if among is None else [c.content for c in among if isinstance(c.content, Point)]
    told = guidance(state, state.batches + 1)
    # A result that was taken over is this campaign's own, and must not teach twice.
    own_results = {(t.reused.campaign, t.reused.trial) for t in known if t.reused}
    earlier = {
        name: [t for t in trials if (name, t.number) not in own_results] for name, trials in lessons.earlier.items()
    }
    fixed, unwanted = dict(told.fixed), rejected(state)
    found = propose(space, goal, [*known, *taken], n, seed, fixed, unwanted, lessons.robust, points, earlier)
    own = {candidate.id: candidate for candidate in among or ()}
    candidates = [_candidate(pick.point, "search", seed) for pick in found.picks]
    picks = tuple(
        Choice(at, own.get(candidate.id, candidate), pick.acquisition, pick.predicted, pick.keeps, pick.made)
        for at, (pick, candidate) in enumerate(zip(found.picks, candidates, strict=True))
    )
    return Acquired(picks, found.notes, found.gain)


def rejected(state: State) -> tuple[Point, ...]:
    """Points that people took back."""
    taken_back = (trial.candidate.content for trial in state.trials.values() if trial.abandoned)
    return tuple(content for content in taken_back if isinstance(content, Point))


def _candidate(point: Point, how: str, seed: int) -> Candidate:
    return Candidate(content=point, provenance=Provenance(tool=f"parameters/{how}", seed=seed))
