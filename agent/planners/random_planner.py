"""The baseline: valid candidates at random, from the same generators and screens as every other planner.

Knows the supply of candidates. Must not know surrogates or hypotheses, nor learn from results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...memory.records import Goal
from ..labels import counted
from ..planner import Pick, Proposal, Reflection
from .reflect import answers
from .supply import Supply

if TYPE_CHECKING:
    from ...memory.state import State
    from ...tools.space import Space

POOL = 40


class RandomPlanner:
    """Proposes candidates drawn at random, without replacement."""

    name = "random"

    def __init__(self, goal: Goal, space: Space, seed: int) -> None:
        """Build a planner for a campaign.

        Args:
            goal: Is not looked at; all planners are built alike.
            space: What may vary.
            seed: The campaign's seed.

        Raises:
            UserError: A file that the space names cannot be used.
        """
        self.seed = seed
        self._supply = Supply(goal, space, seed, POOL)

    def propose(self, state: State, n: int) -> Proposal:
        """Draw up to `n` untried candidates."""
        offered = self._supply.offer(state, kept_batches=0, is_informed=False)
        pool = offered.candidates
        random = np.random.default_rng([self.seed, state.batches + 1])
        drawn = random.choice(len(pool), size=min(n, len(pool)), replace=False)
        reason = f"drawn at random from {counted(len(pool), 'valid candidate')} not tried before"
        return Proposal(tuple(Pick(pool[int(at)], reason) for at in drawn), generators=offered.generators)

    def reflect(self, state: State, batch: int) -> Reflection:
        """Count what came back; nothing is concluded."""
        return Reflection(f"{answers(state, batch)} Whatever comes back, the next candidates are drawn at random.")
