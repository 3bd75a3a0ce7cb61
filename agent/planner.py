"""The planner's contract: what decides what to try next, and why.

Knows records, state and the tools' protocols. Must not spend anything: only the campaign does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..memory.events import Event, GeneratorShare
from ..memory.records import Candidate, Hypothesis
from ..memory.state import State


@dataclass(frozen=True)
class Pick:
    """A candidate chosen for evaluation.

    Attributes:
        reason: Why this one, in words.
        hypothesis: Id of the hypothesis it tests, if any.
        predicted: What the surrogate expects: property to (mean, standard deviation).
    """

    candidate: Candidate
    reason: str
    hypothesis: str | None = None
    predicted: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """A batch, and the hypothesis stated with it if there is a new one.

    Attributes:
        picks: At most as many as asked for; none when no new candidate can be found.
        notes: What the tools reported on the way, in words, for the reflection.
        generators: How the candidates were made that the picks were chosen from; empty where there is one generator.
        events: What else is to be recorded with the batch: what was said to and by a chat model, and what it cost.
    """

    picks: tuple[Pick, ...]
    hypothesis: Hypothesis | None = None
    notes: tuple[str, ...] = ()
    generators: tuple[GeneratorShare, ...] = ()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Reflection:
    """What a finished batch has taught, in a few sentences.

    Attributes:
        events: What is to be recorded with it, as in `Proposal`.
    """

    text: str
    events: tuple[Event, ...] = ()


class Planner(Protocol):
    """Decides what to try next.

    Both methods change nothing and spend nothing but what a chat model costs. Without a chat model they are pure: the
    same state gives the same answer, so that a resumed campaign goes on as an uninterrupted one would have. What a chat
    model answers is recorded together with what follows from it, and never asked for again.
    """

    name: str

    def propose(self, state: State, n: int) -> Proposal:
        """Choose up to `n` candidates for batch `state.batches + 1`; unfinished trials are pending."""
        ...

    def reflect(self, state: State, batch: int) -> Reflection:
        """Say in a few sentences what a finished batch has taught."""
        ...
