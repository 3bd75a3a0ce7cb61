"""Why something is suggested: what the surrogate has learnt, and what it expects of each suggestion.

Knows state, goal and the acquire tool's explanations. Must not know where they are shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..tools.parameters.parameter_space import ParameterSpace
from .labels import counted, figure, percent, spread, unit_of, wording
from .planners.settings import Lessons, acquired
from .standing import columns_of

if TYPE_CHECKING:
    from ..memory.records import Goal
    from ..memory.state import State, Trial
    from ..tools.acquisition.acquire import Choice
    from ..tools.acquisition.explain import Learnt
    from ..tools.space import Space


@dataclass(frozen=True)
class Explanation:
    """What stands behind some suggestions.

    Attributes:
        learnt: Of each property of the goal; empty before there is a surrogate.
        choices: Suggestion and what the acquisition makes of it, the most wanted first.
        gain: What all suggestions together would be expected to bring beyond the best known, in the objective's unit.
        notes: What was wanted and learnt from, in words: the acquisition, its reference, the noise, what went wrong.
    """

    goal: Goal
    learnt: tuple[Learnt, ...]
    choices: tuple[tuple[int, Choice], ...]
    gain: float | None
    notes: tuple[str, ...] = ()


def explanation(goal: Goal, state: State, suggested: Sequence[Trial], space: Space, lessons: Lessons) -> Explanation:
    """Explain suggestions by all that is known without them, learnt from as a campaign does."""
    numbers = {trial.candidate.id: trial.number for trial in suggested}
    candidates = [trial.candidate for trial in suggested]
    if isinstance(space, ParameterSpace):
        from ..tools.parameters.believe import believe
        from ..tools.parameters.explain import learnt as learnt_of_settings

        before = {n: trial for n, trial in state.trials.items() if n not in numbers.values()}
        believed = believe(space, goal, tuple(before.values()), lessons.robust, lessons.earlier)
        if believed is None:
            return Explanation(goal, (), (), None)
        # What is measured once more is not chosen anew; its trial says what was expected of it.
        found = acquired(goal, space, replace(state, trials=before), len(candidates), 0, (), candidates, lessons)
        told = learnt_of_settings(believed)
    else:
        from ..tools.acquisition.acquire import acquire
        from ..tools.acquisition.explain import learnt

        # A candidate that is tried again would count as tried.
        known = [trial for trial in state.trials.values() if trial.candidate.id not in numbers]
        found = acquire(goal, known, candidates, len(candidates), 0)
        told = learnt(goal, known, candidates)
    choices = tuple((numbers[choice.candidate.id], choice) for choice in found.picks)
    return Explanation(goal, told, choices, found.gain, found.notes)


def lines(explained: Explanation) -> Iterator[str]:
    """An explanation in words, a line each."""
    units = dict(columns_of(explained.goal))
    if not explained.learnt:
        yield "There is no surrogate yet: too few answers have come back."
        return
    for number, choice in explained.choices:
        expected = ", ".join(
            f"{wording(name)} {spread(mean, deviation)} {unit_of(units[name])}".rstrip()
            for name, (mean, deviation) in choice.predicted.items()
        )
        is_bound = choice.keeps is not None and explained.goal.constraints
        keeps = f"; keeps the constraints: {percent(choice.keeps or 0.0)}" if is_bound else ""
        keeps += "" if choice.made is None else f"; can be made: {percent(choice.made)}"
        wanted = f"log acquisition {figure(choice.acquisition)}"
        yield f"#{number}: {expected} (predicted); {wanted}{keeps}"
    for one in explained.learnt:
        noise = f"{figure(one.noise)} {unit_of(units[one.name])}".rstrip()
        answers = counted(len(one.left_out), "answer")
        yield (
            f"{wording(one.name)}: noise {noise}; {answers}, each foretold from the others: "
            f"R² {one.r2:.2f}, {percent(one.coverage)} within their 90 % interval"
        )
        if one.weights:
            yield f"  changes fastest with: {', '.join(f'{name} {percent(share)}' for name, share in one.weights)}"
    yield from explained.notes


def as_record(explained: Explanation) -> dict[str, Any]:
    """An explanation for programs."""
    return {
        "choices": [
            {
                "trial": number,
                "predicted": {name: list(both) for name, both in choice.predicted.items()},
                "log_acquisition": choice.acquisition,
                "keeps_constraints": choice.keeps,
                "can_be_made": choice.made,
            }
            for number, choice in explained.choices
        ],
        "learnt": [
            {
                "property": one.name,
                "noise": one.noise,
                "weights": dict(one.weights),
                "left_out_r2": one.r2,
                "coverage_of_90_percent_intervals": one.coverage,
                "left_out": one.left_out.tolist(),
            }
            for one in explained.learnt
        ],
        "expected_gain": explained.gain,
        "notes": list(explained.notes),
    }
