"""Searches of a space of parameters by Athanor, Ax and BayBE behind one call, for benchmarks that compare them.

Ax and BayBE suggest by their defaults. BayBE has no constraints on outcomes.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec

from athanor.memory.records import Candidate, Goal, Measurement, Outcome, Point, Provenance
from athanor.memory.state import Trial
from athanor.tools.parameters.parameter_space import ParameterSpace
from athanor.tools.parameters.propose import propose
from athanor.tools.parameters.variables import Continuous, Integer

Known = Sequence[tuple[Point, Mapping[str, float]]]
"""Points that were evaluated, in order, with their values."""
Suggest = Callable[[Known, int], list[Point]]
"""From all that is known, which only grows from call to call, to the next points."""


def athanor(space: ParameterSpace, goal: Goal, seed: int) -> Suggest:
    """The proposals of a campaign."""

    def trial(number: int, point: Point, values: Mapping[str, float]) -> Trial:
        found = tuple(
            Measurement(property=name, value=value, unit="1", method="simulated", source="closed form")
            for name, value in values.items()
        )
        candidate = Candidate(content=point, provenance=Provenance(tool="benchmark"))
        return Trial(number, number, "function", candidate, None, "", {}, "completed", Outcome(measurements=found))

    def suggest(known: Known, q: int) -> list[Point]:
        trials = [trial(number, *one) for number, one in enumerate(known, start=1)]
        return [pick.point for pick in propose(space, goal, trials, q, seed + len(known)).picks]

    return suggest


def ax(space: ParameterSpace, goal: Goal, seed: int) -> Suggest:
    """Ax's default strategy after its initial phase."""
    from ax.api.client import Client
    from ax.api.configs import RangeParameterConfig

    logging.disable(logging.WARNING)
    client = Client(random_seed=seed)
    kinds = {Continuous: "float", Integer: "int"}
    client.configure_experiment(
        parameters=[
            RangeParameterConfig(name=v.name, parameter_type=kinds[type(v)], bounds=(v.low, v.high))
            for v in space.variables
        ]
    )
    wanted = [f"{'-' if o.direction == 'minimise' else ''}{o.property}" for o in goal.objectives]
    kept = [f"{c.property} {c.comparison} {c.value}" for c in goal.constraints]
    client.configure_optimization(objective=", ".join(wanted), outcome_constraints=kept or None)
    client.configure_generation_strategy(initialization_budget=0, initialization_random_seed=seed)
    told = 0

    def typed(point: Point) -> dict[str, float | int]:
        return {v.name: (int if isinstance(v, Integer) else float)(point.values[v.name]) for v in space.variables}

    def suggest(known: Known, q: int) -> list[Point]:
        nonlocal told
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for point, values in known[told:]:
                index = client.attach_trial(typed(point))
                client.complete_trial(index, dict(values))
            told = len(known)
            new = client.get_next_trials(max_trials=q)
            for index in new:
                client.mark_trial_abandoned(index)
        return [Point(values={n: float(x) for n, x in one.items()}) for one in new.values()]

    return suggest


def baybe(space: ParameterSpace, goal: Goal, seed: int) -> Suggest:
    """BayBE's default campaign."""
    import pandas as pd
    from baybe import Campaign
    from baybe.objectives import ParetoObjective, SingleTargetObjective
    from baybe.parameters import NumericalContinuousParameter, NumericalDiscreteParameter
    from baybe.searchspace import SearchSpace
    from baybe.settings import Settings
    from baybe.targets import NumericalTarget

    Settings(random_seed=seed).activate()
    parameters = [
        NumericalContinuousParameter(v.name, (v.low, v.high))
        if isinstance(v, Continuous)
        else NumericalDiscreteParameter(v.name, range(v.low, v.high + 1))
        for v in space.variables
    ]
    targets = [NumericalTarget(name=o.property, minimize=o.direction == "minimise") for o in goal.objectives]
    objective = SingleTargetObjective(targets[0]) if len(targets) == 1 else ParetoObjective(targets)
    campaign = Campaign(SearchSpace.from_product(parameters), objective)
    told = 0

    def suggest(known: Known, q: int) -> list[Point]:
        nonlocal told
        rows = pd.DataFrame([{**point.values, **values} for point, values in known[told:]])
        told = len(known)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if len(rows):
                campaign.add_measurements(rows[[*(v.name for v in space.variables), *(t.name for t in targets)]])
            found = campaign.recommend(q)
        return [Point(values={v.name: float(row[v.name]) for v in space.variables}) for _, row in found.iterrows()]

    return suggest


SUGGESTERS: dict[str, Callable[[ParameterSpace, Goal, int], Suggest]] = {"athanor": athanor, "ax": ax, "baybe": baybe}


def installed() -> list[str]:
    """Names of those that can be run here."""
    return [name for name in SUGGESTERS if name == "athanor" or find_spec(name) is not None]
