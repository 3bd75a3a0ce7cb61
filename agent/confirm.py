"""Which hits a second, better potential should look at when the search has ended.

Knows goals and finished trials. Must not know oracles or budgets.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..memory.records import Candidate, Goal, Provenance
from ..memory.state import Trial
from ..tools.acquisition.merit import feasible, hypervolume, pareto, reference_point


def candidates_to_confirm(goal: Goal, trials: Iterable[Trial], n: int) -> tuple[Candidate, ...]:
    """Choose the hits that together cover most of the Pareto front, as relaxed by the first potential.

    Greedy by hypervolume: each next one adds most to those already chosen.

    Args:
        goal: What is wanted.
        trials: Completed trials.
        n: How many at most.

    Returns:
        Fewer than `n` where there are fewer non-dominated hits.
    """
    front = list(pareto(goal, trials))
    reference = reference_point(goal, feasible(goal, trials))
    if reference is None:
        return ()
    chosen: list[Trial] = []
    while front and len(chosen) < n:
        best = max(front, key=lambda trial: (hypervolume(goal, [*chosen, trial], reference), -trial.number))
        chosen.append(best)
        front.remove(best)
    return tuple(_as_relaxed(trial) for trial in chosen)


def _as_relaxed(trial: Trial) -> Candidate:
    relaxed = trial.outcome.crystal if trial.outcome else None
    return Candidate(
        content=relaxed or trial.candidate.content,
        provenance=Provenance(
            tool="confirm", parents=(trial.candidate.id,), note=f"confirms trial {trial.number} with another potential"
        ),
    )
